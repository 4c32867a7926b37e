"""The language model's answer: it follows the composer's, and each statement is shown once it has passed the gate."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cdss.audit.services import record
from cdss.consultations.demographics import completed
from cdss.consultations.digests import answer_sha256
from cdss.consultations.expanding import LOST_AFTER, abstained_expand, consultation_expand
from cdss.consultations.hypotheses import in_the_models_order
from cdss.consultations.models import Answer, Consultation, Statement
from cdss.consultations.pipeline import check, check_one
from cdss.consultations.reads import quarantined
from cdss.consultations.recording import diagnoses_store, statements_store
from cdss.consultations.stored import stored_diagnoses, stored_evidence
from cdss.consultations.working import UNEXPECTED, case_of
from cdss.reasoning.breaker import BREAKER
from cdss.reasoning.composer import WRITER
from cdss.reasoning.conflicts import with_conflicts
from cdss.reasoning.errors import WriterError
from cdss.reasoning.merging import merged
from cdss.reasoning.models import answer_tokens, chat_model, context_tokens, shown_name
from cdss.reasoning.placement import listed, placed
from cdss.reasoning.types import CaseInput, DiagnosisDraft, EvidenceText, StatementDraft
from cdss.reasoning.understanding import read_case
from cdss.reasoning.voting import site_vote
from cdss.reasoning.writer import WriterResult, Written, write_differential

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
LOST = "The language model's worker stopped while it wrote. Asking again may help."


def ask_model(
    *,
    spec: str,
    case: CaseInput,
    evidence: Sequence[EvidenceText],
    composed: Sequence[DiagnosisDraft],
    seconds: float,
    cancelled: Callable[[], bool] = lambda: False,
    on_statement: Callable[[Written], None] = lambda written: None,
) -> tuple[list[DiagnosisDraft], WriterResult]:
    """The model's checked differential laid over the composer's. Raises WriterError: the composer's text stands."""
    context, case = context_tokens(spec), completed(case)
    told = read_case(case).case
    with BREAKER.guarded(spec):
        result = write_differential(
            model=chat_model(spec, timeout=seconds),
            case=told,
            evidence=in_the_models_order(evidence),
            candidates=composed,
            deadline=time.monotonic() + seconds,
            cancelled=cancelled,
            on_statement=on_statement,
            context=context,
            answer=answer_tokens(context),
            retries=settings.LLM_RETRIES,
        )
    written = check(result.diagnoses, evidence, told, beside=composed, vote=site_vote())
    return with_conflicts(merged(written=written, composed=composed), evidence, case), result


def write(consultation_id: int) -> None:
    answer = _claim(consultation_id)
    if answer is None:
        abstained_expand(consultation_id=consultation_id, cancelled=_Cancelled(consultation_id))
        return
    try:
        diagnoses, result = _asked(answer)
        _refuse_quarantined(answer.consultation)
    except WriterError as error:
        _give_up(answer, error.kind, str(error.trouble.message))
    except Exception:
        logger.error("model answer of consultation %s failed", consultation_id, exc_info=settings.DEBUG)
        _give_up(answer, "unexpected", UNEXPECTED)
    else:
        _complete(answer, diagnoses, result)


def _asked(answer: Answer) -> tuple[list[DiagnosisDraft], WriterResult]:
    consultation, case = answer.consultation, completed(case_of(answer.consultation))
    _refuse_quarantined(consultation)
    spec, cancelled = _spec_of(answer), _Cancelled(consultation.pk)
    if BREAKER.is_open(spec):
        raise WriterError("paused")
    consultation_expand(consultation=consultation, cancelled=cancelled)
    evidence, composed = stored_evidence(consultation), stored_diagnoses(consultation.answers.get(writer=WRITER))
    by_label = {text.label: text for text in evidence}
    told = read_case(case).case
    among = listed(composed, evidence, told)

    def show(written: Written) -> None:
        judged = check_one(written.statement, by_label, told)
        _show(answer, written, placed(judged, diagnosis=written.diagnosis.name, among=among, chosen_by_model=True))

    return ask_model(
        spec=spec,
        case=case,
        evidence=evidence,
        composed=composed,
        seconds=consultation.llm_timeout_seconds,
        cancelled=cancelled,
        on_statement=show,
    )


def _refuse_quarantined(consultation: Consultation) -> None:
    if quarantined(consultation):
        raise WriterError("quarantined")


def _spec_of(answer: Answer) -> str:
    if shown_name(settings.LLM) != answer.writer:
        raise WriterError("configuration", "Another model has been configured since.")
    return str(settings.LLM)


def _claim(consultation_id: int) -> Answer | None:
    with transaction.atomic():
        waiting = Answer.objects.select_for_update().filter(consultation=consultation_id, state="waiting")
        answer = waiting.select_related("consultation").first()
        if answer is None:
            return None
        if answer.consultation.cancel_requested:
            answer.state = "cancelled"
        else:
            answer.state = "writing"
        answer.save(update_fields=["state"])
        Consultation.objects.filter(pk=consultation_id).update(heartbeat=timezone.now())
    return answer if answer.state == "writing" else None


def sweep_answers() -> int:
    """Gives up the answers whose worker died while it wrote; the composer's stand. Returns how many."""
    old = timezone.now() - LOST_AFTER
    lost = Answer.objects.filter(state="writing", consultation__heartbeat__lt=old).select_related("consultation")
    for answer in lost:
        _give_up(answer, "lost", LOST)
    return len(lost)


class _Cancelled:
    """Asks the database at most once a second, and says there that the worker lives."""

    def __init__(self, consultation_id: int) -> None:
        self._rows = Consultation.objects.filter(pk=consultation_id)
        self._asked = 0.0
        self._yes = False

    def __call__(self) -> bool:
        if time.monotonic() - self._asked > POLL_SECONDS:
            self._asked = time.monotonic()
            self._rows.update(heartbeat=timezone.now())
            self._yes = self._rows.filter(cancel_requested=True).exists()
        return self._yes


def _show(answer: Answer, written: Written, statement: StatementDraft) -> None:
    with transaction.atomic():
        diagnosis = answer.diagnoses.filter(rank=written.rank).first()
        if diagnosis is None:
            draft = replace(written.diagnosis, statements=[statement])
            diagnoses_store(answer=answer, drafts=[draft], first_rank=written.rank)
        else:
            placed = [(diagnosis, diagnosis.statements.count(), statement)]
            statements_store(consultation=answer.consultation, placed=placed)


def _complete(answer: Answer, diagnoses: Sequence[DiagnosisDraft], result: WriterResult) -> None:
    with transaction.atomic():
        answer.diagnoses.all().delete()
        diagnoses_store(answer=answer, drafts=diagnoses)
        answer.state, answer.note, answer.prompt_sha256 = "complete", result.note[:300], result.prompt_sha256
        answer.save(update_fields=["state", "note", "prompt_sha256"])
        pieces = answer.consultation.evidence.count()
        refused = Statement.objects.filter(diagnosis__answer=answer, support="unsupported").count()
        details = {
            "writer": answer.writer,
            "refused": refused,
            "milliseconds": result.timings["total"],
            "prompt_sha256": result.prompt_sha256,
            "evidence": pieces,
            "answer_sha256": answer_sha256(answer.consultation, answer.writer, pieces=pieces),
        }
        record(action="consultation.model_answered", obj=answer.consultation, details=details)


def _give_up(answer: Answer, kind: str, message: str) -> None:
    with transaction.atomic():
        answer.diagnoses.all().delete()
        answer.state, answer.note = ("cancelled" if kind == "cancelled" else "failed"), message[:300]
        answer.save(update_fields=["state", "note"])
        details = {"writer": answer.writer, "trouble": kind}
        record(action="consultation.model_failed", obj=answer.consultation, details=details)
