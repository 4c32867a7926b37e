"""The search for what a language model thought of, as part of a stored consultation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cdss.audit.services import record
from cdss.consultations.demographics import completed
from cdss.consultations.hypotheses import Expansion, Standing, expand
from cdss.consultations.models import Consultation, Evidence, Status
from cdss.consultations.recording import evidence_rows
from cdss.consultations.working import case_of, scope_of
from cdss.reasoning.errors import WriterError
from cdss.reasoning.models import shown_name

logger = logging.getLogger(__name__)

# Longer than a model takes to load and to start reading, when nothing polls yet.
LOST_AFTER = timedelta(minutes=5)
LOST = {"state": "failed", "trouble": "lost", "guesses": []}


def consultation_expand(*, consultation: Consultation, cancelled: Callable[[], bool]) -> None:
    """Adds what the model's guesses find to the evidence. Raises WriterError (cancelled) and nothing else.

    The evidence that is there stays as it is, with its labels: an answer that was shown is not touched.
    """
    if not settings.LLM_HYPOTHESES:
        return
    try:
        expansion = _expansion(consultation, cancelled)
    except WriterError:
        _store(consultation, Expansion(trouble="cancelled"))
        raise
    except Exception:
        # The text of an unknown error may quote the case.
        logger.error("hypotheses of consultation %s failed", consultation.pk, exc_info=settings.DEBUG)
        expansion = Expansion(trouble="unexpected")
    _store(consultation, expansion)


def abstained_expand(*, consultation_id: int, cancelled: Callable[[], bool]) -> None:
    """Of a case without an answer: what is found is there to be read, and no answer is written of it."""
    with transaction.atomic():
        waiting = Consultation.objects.select_for_update().filter(status=Status.ABSTAINED, hypotheses__state="waiting")
        consultation = waiting.filter(pk=consultation_id).first()
        if consultation is None:
            return
        _state(consultation, {"state": "searching"})
    try:
        consultation_expand(consultation=consultation, cancelled=cancelled)
    except WriterError:
        logger.info("hypotheses of consultation %s were cancelled", consultation_id)


def _expansion(consultation: Consultation, cancelled: Callable[[], bool]) -> Expansion:
    return expand(
        spec=settings.LLM,
        case=completed(case_of(consultation)),
        standing=Standing.of(consultation.evidence.values_list("item", "label", "scores")),
        scope=scope_of(consultation),
        seconds=consultation.llm_timeout_seconds,
        cancelled=cancelled,
    )


def _store(consultation: Consultation, expansion: Expansion) -> None:
    names = "\n".join(each.name for each in expansion.guesses)
    texts = "\n".join(draft.text_sha256 for draft in expansion.evidence)
    details: dict[str, object] = {
        "writer": shown_name(settings.LLM),
        "guesses": len(expansion.guesses),
        "refused": expansion.refused,
        "added": len(expansion.evidence),
        "milliseconds": sum(expansion.milliseconds.values()),
    }
    if expansion.trouble:
        details["trouble"] = expansion.trouble
    else:
        details |= {"guesses_sha256": _hash(names), "evidence_sha256": _hash(texts)}
    with transaction.atomic():
        first = consultation.evidence.count() + 1
        Evidence.objects.bulk_create(evidence_rows(consultation, expansion.evidence, first=first))
        _state(consultation, expansion.as_json())
        record(action="consultation.hypotheses", obj=consultation, details=details)


def _state(consultation: Consultation, state: dict[str, object]) -> None:
    consultation.hypotheses = state
    consultation.heartbeat = timezone.now()
    consultation.save(update_fields=["hypotheses", "heartbeat"])


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def sweep_expansions() -> int:
    """Gives up those whose worker died; a model's answer says so by itself. Returns how many."""
    old = timezone.now() - LOST_AFTER
    lost = Consultation.objects.filter(status=Status.ABSTAINED, hypotheses__state="searching", heartbeat__lt=old)
    return lost.update(hypotheses=LOST)
