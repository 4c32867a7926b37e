"""Past consultations under proposed weights and under those that answer, on the present index: what would change."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.consultations.models import Consultation, Status
from cdss.consultations.pipeline import Outcome, Unwatched, consult
from cdss.consultations.simulated import of_people
from cdss.consultations.working import case_of, scope_of
from cdss.consultations.working import pixels_of as stored_pixels_of
from cdss.evaluation.workbench import Progress
from cdss.indexing.engine import engine_versions
from cdss.learning.models import ShadowChange, ShadowRun
from cdss.learning.said import Confirmed, confirmed_diagnoses
from cdss.locks.models import Mode
from cdss.locks.modes import LockedError, refuse_in
from cdss.ranking.models import RankingWeights
from cdss.ranking.serving import active_weights, weights_of
from cdss.ranking.weights import WeightSet
from cdss.reasoning.naming import same_as_any
from retrieval.errors import ImageError, IndexUnusableError, RetrievalError

logger = logging.getLogger(__name__)
MOST = 200
SHOWN = 5
FAR = 3
FIRST, ENTERED, LEFT, MOVED, WORD = "first", "entered_five", "left_five", "moved", "word"
CONFIRMED_UP, CONFIRMED_DOWN = "confirmed_up", "confirmed_down"
ABSTAINS, ANSWERS = "abstains", "answers"
KINDS: Mapping[str, str] = {
    FIRST: "another first diagnosis",
    ENTERED: "a diagnosis comes into the first five",
    LEFT: "a diagnosis leaves the first five",
    MOVED: "a diagnosis moves by three places or more",
    WORD: "another word of likelihood",
    CONFIRMED_UP: "the confirmed diagnosis rises",
    CONFIRMED_DOWN: "the confirmed diagnosis falls",
    ABSTAINS: "it would not be answered any more",
    ANSWERS: "it would be answered now",
}
Listed = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Change:
    consultation: Consultation
    kinds: Sequence[str]
    before: Listed
    after: Listed
    confirmed_before: int | None = None
    confirmed_after: int | None = None


def shadow_run(
    *,
    weights: RankingWeights,
    limit: int = MOST,
    by: User | None = None,
    progress: Progress = lambda step, done, total: None,
) -> ShadowRun:
    """Replays the newest consultations that were answered. Raises WeightsError and RetrievalError."""
    refuse_in(Mode.READ_ONLY)
    proposed, serving, started = weights_of(weights.version, weights.sha256), active_weights(), timezone.now()
    versions = engine_versions()
    rows = list(_past(limit))
    confirmed = confirmed_diagnoses(row.pk for row in rows)
    changes: list[Change] = []
    failed = 0
    progress("consultations", 0, len(rows))
    for done, row in enumerate(rows, start=1):
        try:
            before, after = _asked(row, serving), _asked(row, proposed)
        except IndexUnusableError:
            raise
        except (ImageError, RetrievalError, LockedError, OSError) as error:
            logger.warning("consultation %s cannot be run again: %s", row.pk, type(error).__name__)
            failed += 1
        else:
            if change := change_of(row, before, after, confirmed.get(row.pk)):
                changes.append(change)
        progress("consultations", done, len(rows))
    if engine_versions() != versions or active_weights().sha256 != serving.sha256:
        raise RetrievalError("The index or the weights that answer changed meanwhile. Run the shadow run again.")
    return _stored(weights, serving, versions.index, by, started, len(rows) - failed, failed, changes)


def _past(limit: int) -> Iterator[Consultation]:
    rows = Consultation.objects.filter(status__in=(Status.DONE, Status.ABSTAINED)).order_by("-created", "-pk")
    yield from of_people(rows, "user").select_related("user").prefetch_related("images")[:limit]


def _asked(row: Consultation, weights: WeightSet) -> Listed:
    outcome = consult(
        case=case_of(row),
        load_pixels=lambda: stored_pixels_of(row),
        scope=scope_of(row),
        watch=Unwatched(),
        weights=weights,
    )
    return _listed(outcome)


def _listed(outcome: Outcome) -> Listed:
    return [
        {
            "name": draft.name,
            "concept": draft.concept,
            "likelihood": draft.likelihood,
            "probability": draft.probability,
        }
        for draft in outcome.diagnoses
    ]


def change_of(row: Consultation, before: Listed, after: Listed, confirmed: Confirmed | None) -> Change | None:
    found = list(changed(before, after))
    places = (_place(before, confirmed), _place(after, confirmed))
    if places[0] != places[1]:
        # One that is not in a list stands below all that are.
        found.append(CONFIRMED_UP if _lowest(places[1]) < _lowest(places[0]) else CONFIRMED_DOWN)
    return Change(row, found, before, after, *places) if found else None


def changed(before: Listed, after: Listed) -> Iterator[str]:
    """How two lists of diagnoses differ, by the concepts in them."""
    if not before or not after:
        if before:
            yield ABSTAINS
        if after:
            yield ANSWERS
        return
    old = {row["concept"]: place for place, row in enumerate(before, 1)}
    new = {row["concept"]: place for place, row in enumerate(after, 1)}
    if before[0]["concept"] != after[0]["concept"]:
        yield FIRST
    if any(place <= SHOWN < old.get(concept, SHOWN + 1) for concept, place in new.items()):
        yield ENTERED
    if any(place <= SHOWN < new.get(concept, SHOWN + 1) for concept, place in old.items()):
        yield LEFT
    if any(abs(new[concept] - place) >= FAR for concept, place in old.items() if concept in new):
        yield MOVED
    words = {row["concept"]: row["likelihood"] for row in before}
    if any(words.get(row["concept"], row["likelihood"]) != row["likelihood"] for row in after):
        yield WORD


def _place(rows: Listed, confirmed: Confirmed | None) -> int | None:
    if confirmed is None:
        return None
    return next((place for place, row in enumerate(rows, 1) if same_as_any(row["name"], (confirmed.name,))), None)


def _lowest(place: int | None) -> int:
    return place or 10**6


def _stored(
    weights: RankingWeights,
    serving: WeightSet,
    index: str,
    by: User | None,
    started: datetime,
    replayed: int,
    failed: int,
    changes: Sequence[Change],
) -> ShadowRun:
    counts = Counter(kind for change in changes for kind in change.kinds)
    with transaction.atomic():
        run = ShadowRun.objects.create(
            weights=weights,
            against=serving.version,
            index_version=index,
            by=by,
            started=started,
            finished=timezone.now(),
            replayed=replayed,
            failed=failed,
            counts={kind: counts[kind] for kind in KINDS if counts[kind]},
        )
        ShadowChange.objects.bulk_create(
            ShadowChange(
                run=run,
                consultation=change.consultation,
                kinds=list(change.kinds),
                before=list(change.before),
                after=list(change.after),
                confirmed_before=change.confirmed_before,
                confirmed_after=change.confirmed_after,
            )
            for change in changes
        )
        details = {
            "version": weights.version,
            "against": serving.version,
            "index": index,
            "replayed": replayed,
            "failed": failed,
            "changed": len(changes),
        }
        record(action="ranking.shadow_run", by=by, obj=run, details=details)
    return run
