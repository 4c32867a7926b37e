"""The line of one consultation: from a case to a checked, ranked differential diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Protocol

from django.conf import settings

from cdss.consultations.demographics import completed
from cdss.consultations.evidence import Retrieved, Scope, patient_of, retrieve
from cdss.consultations.freezing import EvidenceDraft, freeze, sources_of
from cdss.consultations.gamuts import Beside, gamuts_of
from cdss.consultations.understanding import understood_rows
from cdss.ranking.weights import WeightSet
from cdss.reasoning.composer import Sources, compose
from cdss.reasoning.conflicts import with_conflicts
from cdss.reasoning.gate import Likelihood, check_statement
from cdss.reasoning.image_composer import compose_from_images, with_resemblance
from cdss.reasoning.placement import listed, placed
from cdss.reasoning.types import Candidate, CaseInput, DiagnosisDraft, EvidenceText, StatementDraft
from cdss.reasoning.understanding import read_case
from retrieval.types import Pixels

FLOORS = ("RELEVANCE_FLOOR", "IMAGE_RELEVANCE_FLOOR", "PROBABILITY_FLOOR")


class Watch(Protocol):
    """Told what happens while it happens. Leaving a step may raise CancelledError."""

    def step(self, name: str) -> AbstractContextManager[None]: ...
    def understood(self, findings: Sequence[dict[str, object]]) -> None: ...
    def evidence(self, retrieved: Retrieved, drafts: Sequence[EvidenceDraft]) -> None: ...


class Unwatched:
    """A watch nobody looks at."""

    def step(self, name: str) -> nullcontext[None]:
        return nullcontext()

    def understood(self, findings: Sequence[dict[str, object]]) -> None: ...

    def evidence(self, retrieved: Retrieved, drafts: Sequence[EvidenceDraft]) -> None: ...


class CancelledError(Exception):
    """Its user cancelled the consultation."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, or the reasons for giving none."""

    retrieved: Retrieved
    evidence: Sequence[EvidenceDraft] = ()
    diagnoses: Sequence[DiagnosisDraft] = ()
    # Beside the answer, no part of it.
    gamuts: Sequence[Beside] = ()
    abstention: dict[str, object] = field(default_factory=dict)


def consult(
    *,
    case: CaseInput,
    load_pixels: Callable[[], Sequence[Pixels]],
    scope: Scope,
    watch: Watch,
    weights: WeightSet | None = None,
) -> Outcome:
    """`weights` take the place of the active ones: to run a consultation again as it was, or as it would be."""
    case = completed(case)
    with watch.step("understand"):
        reading = read_case(case)
        watch.understood(understood_rows(reading))
        pixels = without_overlays(load_pixels())
    # Words that nothing is known of find whatever shares them: then its images alone are searched for.
    searched = reading.searched if reading.is_understood or not pixels else without_words(reading.searched)
    with watch.step("search"):
        retrieved = retrieve(case=searched, told=case, pixels=pixels, scope=scope, weights=weights)
    if reason := too_little(retrieved, is_understood=reading.is_understood):
        return Outcome(retrieved, abstention=_abstention(reason, case, pixels, retrieved))
    with watch.step("rank"):
        evidence = freeze(retrieved)
        watch.evidence(retrieved, evidence)
    with watch.step("write"):
        sources, by_images = sources_of(retrieved, evidence), retrieved.by_images
        drafts = composed(case=case, candidates=retrieved.candidates, sources=sources, by_images=by_images)
    with watch.step("check"):
        diagnoses = judged(
            drafts, [draft.text for draft in evidence], case=case, told=reading.case, by_images=by_images
        )
    if not diagnoses:
        return Outcome(retrieved, evidence, abstention=_abstention("no_candidate", case, pixels, retrieved))
    return Outcome(retrieved, evidence, diagnoses, gamuts_of(case))


def composed(
    *, case: CaseInput, candidates: Sequence[Candidate], sources: Sources, by_images: bool
) -> list[DiagnosisDraft]:
    if by_images:
        return compose_from_images(candidates=candidates, sources=sources)
    return compose(case=case, candidates=candidates, sources=sources, patient=patient_of(case))


def judged(
    drafts: Sequence[DiagnosisDraft],
    evidence: Sequence[EvidenceText],
    *,
    case: CaseInput,
    told: CaseInput,
    by_images: bool,
) -> list[DiagnosisDraft]:
    """`told` is the case with what was corrected of it."""
    diagnoses = with_conflicts(check(drafts, evidence, told), evidence, case)
    return with_resemblance(diagnoses) if by_images else diagnoses


def without_words(case: CaseInput) -> CaseInput:
    return replace(case, history="", exam="", findings="")


def without_overlays(pixels: Sequence[Pixels]) -> list[Pixels]:
    """Burnt-in marks of a site or a viewer would find images of the same site, not of the same disease."""
    from retrieval.imaging import mask_overlays

    return [mask_overlays(frame) for frame in pixels]


class Grounds(Protocol):
    """What tells whether an answer can be given."""

    @property
    def found(self) -> Sized: ...
    @property
    def candidates(self) -> Sequence[Candidate]: ...
    @property
    def by_images(self) -> bool: ...
    @property
    def best_image(self) -> float: ...
    @property
    def best_dense(self) -> float: ...
    @property
    def shares_words(self) -> bool: ...


def too_little(retrieved: Grounds, floors: Mapping[str, float] | None = None, *, is_understood: bool = True) -> str:
    """Why the evidence does not carry an answer; empty when it does. `floors` are those of another time."""
    least = floors or floors_of_site()
    if not is_understood and not retrieved.by_images:
        return "nothing_understood"
    if not retrieved.found:
        return "nothing_found"
    if retrieved.by_images and retrieved.best_image < least["IMAGE_RELEVANCE_FLOOR"]:
        return "images_below_floor"
    if not retrieved.by_images and (retrieved.best_dense < least["RELEVANCE_FLOOR"] or not retrieved.shares_words):
        return "below_floor"
    if not retrieved.candidates:
        return "no_candidate"
    best = retrieved.candidates[0].probability
    return "unsure" if best is not None and best < least["PROBABILITY_FLOOR"] else ""


def floors_of_site() -> dict[str, float]:
    return {name: getattr(settings, name) for name in FLOORS}


def check(
    drafts: Sequence[DiagnosisDraft],
    evidence: Sequence[EvidenceText],
    case: CaseInput,
    beside: Sequence[DiagnosisDraft] = (),
    vote: Likelihood | None = None,
) -> list[DiagnosisDraft]:
    """`beside` are diagnoses that another writer named: what speaks of one of them speaks for none of these."""
    by_label = {text.label: text for text in evidence}
    among = listed([*drafts, *beside], evidence, case)

    def judged(draft: DiagnosisDraft, statement: StatementDraft) -> StatementDraft:
        return placed(check_one(statement, by_label, case, vote), diagnosis=draft.name, among=among)

    return [replace(draft, statements=[judged(draft, each) for each in draft.statements]) for draft in drafts]


def check_one(
    statement: StatementDraft, by_label: Mapping[str, EvidenceText], case: CaseInput, vote: Likelihood | None = None
) -> StatementDraft:
    """The statement as the gate judged it, with the citations alone that lead somewhere."""
    judged = check_statement(statement=statement, evidence=by_label, case=case, vote=vote)
    standing = [
        citation
        for citation in judged.citations
        if (source := by_label.get(citation.evidence))
        and citation.quote
        and source.text[citation.start : citation.end] == citation.quote
    ]
    return replace(judged, citations=standing)


def _abstention(reason: str, case: CaseInput, pixels: Sequence[Pixels], retrieved: Retrieved) -> dict[str, object]:
    missing = [name for name in ("history", "exam", "findings") if not getattr(case, name)]
    return {
        "reason": reason,
        "searched": {
            "index_version": retrieved.index_version,
            "items_found": len(retrieved.found),
            "best_similarity": round(retrieved.best_image if retrieved.by_images else retrieved.best_dense, 3),
            "floor": settings.IMAGE_RELEVANCE_FLOOR if retrieved.by_images else settings.RELEVANCE_FLOOR,
            "images": len(pixels),
        },
        "missing": missing if pixels else [*missing, "images"],
    }
