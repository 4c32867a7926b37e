"""A text encoder of the site's own: taught on its cases, and taken only when it finds unseen ones better."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from cdss.audit.services import record
from cdss.indexing.encoding.embedding import Progress, embed_passages
from cdss.indexing.encoding.encoders import (
    PLAIN,
    encoders_of,
    forget,
    image_encoder,
    plain_text_encoder,
    taught_folder,
    taught_text_encoder,
    text_encoder,
)
from cdss.indexing.engine import forget_engine
from cdss.indexing.services import index_make, index_snapshot, only_builder
from cdss.indexing.taught.alignment import text_align
from cdss.indexing.taught.comparing import DENSE, GENERAL, SEARCHED, WHOLE, figures_of
from cdss.indexing.taught.lessons import Curriculum, Held, curriculum_of, source_key
from cdss.indexing.versions.pruning import leftovers_prune
from cdss.library.models import Case
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from retrieval.errors import AdaptationError

if TYPE_CHECKING:
    from retrieval.adaptation.compare import Figure
    from retrieval.adaptation.store import Serving, Taught
    from retrieval.adaptation.train import Settings, Trained
    from retrieval.types import TextEncoder

# With fewer, chance decides.
FEWEST_MEASURED, FEWEST_STOPPING = 20, 8
# The whole search must gain; it may not be worse than this with any likelihood. Nor may other texts be found worse.
TOLERATED = 0.02
HELD_OUT = 0.2
TRAINING = "training"
NONE_SERVES = "No taught text encoder serves, so there is none to take back."


@dataclass(frozen=True, slots=True)
class Sizes:
    """What there is to teach and to measure with."""

    cases: int
    documents: int
    pairs: int
    stopping: int
    measured: int


@dataclass(frozen=True, slots=True)
class Adapted:
    """What `adapt_encoder` found.

    Args:
        sizes: what taught and measured.
        serving: version of the encoder that served when it began.
        version: of the taught one; empty when nothing was taught.
        trained: the training.
        figures: of both encoders on cases neither has seen.
        promoted: whether the taught one serves from now on.
        alignment: recall of the map of its text into the space of the images; None where there is none.
        index: name of the index made with it.
    """

    sizes: Sizes
    serving: str
    version: str = ""
    trained: Trained | None = None
    figures: tuple[Figure, ...] = ()
    promoted: bool = False
    alignment: float | None = None
    index: str = ""


def encoder_adapt(
    *,
    epochs: int | None = None,
    seed: int | None = None,
    held_out: float = HELD_OUT,
    restart: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Adapted:
    """Teaches the text encoder of the settings, measures it beside the one that serves, and takes it if it is better.

    A training that was cut short goes on where it was, to the same weights. Raises AdaptationError when there is too
    little to teach or to measure with, the encoder has no weights that could be taught, or another run is teaching it;
    LockedError while nothing may be changed.
    """
    from retrieval.adaptation import store
    from retrieval.adaptation.train import Settings

    report = progress or (lambda step, done, total: None)
    if not dry_run:
        refuse_in(Mode.READ_ONLY)
    chosen = Settings()
    chosen = replace(
        chosen,
        epochs=chosen.epochs if epochs is None else epochs,
        seed=chosen.seed if seed is None else seed,
    )
    if settings.TEXT_ENCODER == "hashing":
        raise AdaptationError("The text encoder 'hashing' has no weights to teach. Set CDSS_TEXT_ENCODER=minilm.")
    plain, serving = plain_text_encoder(), text_encoder()
    curriculum = curriculum_of(encoder=plain, share=held_out, seed=chosen.seed)
    held = _unseen_by(serving, curriculum.measured)
    sizes = _sizes(curriculum, held, chosen.seed)
    if dry_run:
        return Adapted(sizes, serving.version)
    _require(sizes)
    with store.only_teacher(taught_folder()):
        taught, trained = _teach(plain, curriculum, chosen, restart, report)
        candidate = taught_text_encoder(taught.name)
        with only_builder():
            figures = _compare(serving, candidate, held, curriculum, chosen.seed, report)
            adapted = Adapted(sizes, serving.version, taught.version, trained, tuple(figures))
            if candidate.version != serving.version and is_better(figures):
                return _promote(taught, candidate, adapted, report)
            return _keep_out(taught, adapted)


def encoder_rollback(*, progress: Progress | None = None) -> str:
    """The encoder that served before serves again; returns its version. Raises AdaptationError when there is none."""
    from retrieval.adaptation import store

    refuse_in(Mode.READ_ONLY)
    report = progress or (lambda step, done, total: None)
    if store.serving(taught_folder()) is None:
        raise AdaptationError(NONE_SERVES)
    with store.only_teacher(taught_folder()), only_builder():
        current = store.serving(taught_folder())
        if current is None or (current.before is None and not current.name):
            raise AdaptationError(NONE_SERVES)
        name = current.before or PLAIN
        earlier = taught_text_encoder(name) if name else plain_text_encoder()
        text_align(texts=earlier, progress=report)
        _serve(earlier, replace(current, name=name, before=None), "encoder.rolled_back", {"from": current.name}, report)
        return earlier.version


def cases_that_taught(items: Sequence[int]) -> int:
    """How many of these cases of the library the serving encoder was taught on, or stopped by."""
    if not taught_folder().is_dir():
        return 0
    known, wanted = _known_to(text_encoder()), set(items)
    rows = Case.objects.published().values_list("pk", "source_name", "source_id")
    return sum(pk in wanted and hashed(source_key(name, source)) in known for pk, name, source in rows)


def is_better(figures: Sequence[Figure]) -> bool:
    """Whether unseen cases are found better by meaning, surely, and by the whole search; and nothing else is lost."""
    by_name = {figure.name: figure for figure in figures}
    general = by_name.get(GENERAL)
    return (
        by_name[DENSE].low > 0.0
        and by_name[WHOLE].gain > 0.0
        and by_name[WHOLE].low >= -TOLERATED
        and (general is None or general.gain >= -TOLERATED)
    )


def _sizes(curriculum: Curriculum, held: Sequence[Held], seed: int) -> Sizes:
    lessons = curriculum.lessons
    return Sizes(
        cases=len(lessons.studies),
        documents=len(lessons.papers),
        pairs=len(lessons.pairs(0, seed)),
        stopping=len(curriculum.unseen.questions),
        measured=len(held),
    )


def _require(sizes: Sizes) -> None:
    if sizes.measured < FEWEST_MEASURED or sizes.stopping < FEWEST_STOPPING:
        raise AdaptationError(
            f"{sizes.measured} cases measure and {sizes.stopping} questions tell when to stop; {FEWEST_MEASURED} and "
            f"{FEWEST_STOPPING} are needed. They are real cases with a text about their topic in the library, which "
            "the serving encoder was not taught on: import and publish more, raise --fraction, use the --seed of the "
            "last time, or take the taught encoder back with --rollback first."
        )


def _unseen_by(serving: TextEncoder, measured: Sequence[Held]) -> list[Held]:
    """Without the cases that taught the encoder it is compared with."""
    known = _known_to(serving)
    return [case for case in measured if hashed(case.source) not in known]


def _known_to(encoder: TextEncoder) -> set[str]:
    from retrieval.adaptation import store

    of_site = [taught for taught in store.taught_encoders(taught_folder()) if taught.version == encoder.version]
    return {source for taught in of_site for source in taught.about.get("taught", ())}


def _teach(
    plain: TextEncoder, curriculum: Curriculum, chosen: Settings, restart: bool, report: Progress
) -> tuple[Taught, Trained]:
    from retrieval.adaptation import store
    from retrieval.adaptation.checkpoint import Checkpoint
    from retrieval.adaptation.tower import Tower
    from retrieval.adaptation.train import begun_with, train
    from retrieval.encoders.registry import text_folder

    folder, _ = text_folder(settings.TEXT_ENCODER, models_root=Path(settings.MODELS_ROOT))
    begun = begun_with(plain.version, curriculum.lessons, curriculum.unseen, chosen)
    checkpoint = Checkpoint(taught_folder() / TRAINING, begun)
    if restart:
        checkpoint.clear()
    tower = Tower(folder, tokens=chosen.tokens, frozen=chosen.frozen, threads=settings.MODEL_THREADS)
    trained = train(tower, curriculum.lessons, curriculum.unseen, chosen, checkpoint, report)
    about = {
        "settings": asdict(chosen),
        "trained": asdict(trained),
        # Hashes: which cases taught it is needed to compare it fairly, what they are is not.
        "taught": sorted(hashed(source) for source in curriculum.taught),
    }
    return store.publish(taught_folder(), tower.save, base=plain.version, about=about), trained


def _compare(
    serving: TextEncoder,
    candidate: TextEncoder,
    held: Sequence[Held],
    curriculum: Curriculum,
    seed: int,
    report: Progress,
) -> list[Figure]:
    images = image_encoder()
    # A comparison that was cut short has left vectors; they are not made again.
    version = index_make(texts=serving, images=images, keep=(candidate.version,), progress=report)
    embed_passages(encoder=candidate, progress=report, kinds=SEARCHED)
    return figures_of(
        held,
        encoders=(serving, candidate),
        images=images,
        snapshot=index_snapshot(version, serving, images),
        taught=curriculum.papers,
        seed=seed,
    )


def _promote(taught: Taught, candidate: TextEncoder, adapted: Adapted, report: Progress) -> Adapted:
    """It is encoded, aligned and indexed before it serves; until then the index before answers."""
    from retrieval.adaptation import store

    embed_passages(encoder=candidate, progress=report)
    alignment = text_align(texts=candidate, progress=report)
    before = store.serving(taught_folder())
    served = before.name if before is not None and before.base == taught.base else PLAIN
    adapted = replace(adapted, promoted=True, alignment=alignment.report.recall if alignment else None)
    store.describe(taught_folder(), taught, {"figures": [asdict(figure) for figure in adapted.figures]})
    serving = store.Serving(taught.base, taught.name, served)
    index = _serve(candidate, serving, "encoder.adapted", _details(adapted), report)
    _tidy({taught.name, served})
    return replace(adapted, index=index)


def _keep_out(taught: Taught, adapted: Adapted) -> Adapted:
    """Its files stay, out of service; its vectors go."""
    from retrieval.adaptation import store

    store.describe(taught_folder(), taught, {"figures": [asdict(figure) for figure in adapted.figures]})
    record(action="encoder.kept_out", details=_details(adapted))
    now = store.serving(taught_folder())
    _tidy({taught.name, *((now.name, now.before or PLAIN) if now else ())})
    leftovers_prune()
    return adapted


def _serve(texts: TextEncoder, serving: Serving, action: str, details: dict[str, Any], report: Progress) -> str:
    """The index first: it says which encoder it is searched with, so it answers from the moment it is there."""
    from retrieval.adaptation import store

    version = index_make(texts=texts, images=encoders_of(texts.version)[1], progress=report)
    with transaction.atomic():
        record(action=action, details={**details, "serving": texts.version, "index": version.name})
        store.serve(taught_folder(), serving)
    forget()
    forget_engine()
    return version.name


def _details(adapted: Adapted) -> dict[str, Any]:
    kept = ("questions", "gain", "low", "high")
    return {
        "from": adapted.serving,
        "taught": adapted.version,
        "promoted": adapted.promoted,
        "sizes": asdict(adapted.sizes),
        **{
            figure.name: {
                **{name: getattr(figure, name) for name in kept},
                "before": figure.reciprocal[0],
                "after": figure.reciprocal[1],
            }
            for figure in adapted.figures
        },
    }


def _tidy(keep: set[str]) -> None:
    from retrieval.adaptation import store

    shutil.rmtree(taught_folder() / TRAINING, ignore_errors=True)
    store.discard(taught_folder(), keep=keep)


def hashed(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:16]
