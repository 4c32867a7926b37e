"""What the worker does with a consultation: claim it, run the line, store the answer, or say why there is none."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cdss.audit.services import record
from cdss.consultations.basis import basis_store
from cdss.consultations.digests import answer_sha256, case_sha256
from cdss.consultations.evidence import Scope
from cdss.consultations.held_pictures import STEP, WAITED_FOR, failed_on, picture_screen, screening_timed
from cdss.consultations.models import Answer, Basis, Consultation, HeldPicture, Status
from cdss.consultations.pipeline import CancelledError, Outcome, consult
from cdss.consultations.reads import quarantined
from cdss.consultations.recording import Recorder, diagnoses_store
from cdss.consultations.shown import answer_shown
from cdss.consultations.tasks import answer_consultation, mask_picture, write_with_model
from cdss.consultations.understanding import corrections_from
from cdss.library.intake_errors import IntakeError
from cdss.locks.models import Mode
from cdss.locks.modes import LockedError, is_locked
from cdss.reasoning.composer import WRITER
from cdss.reasoning.models import shown_name
from cdss.reasoning.types import CaseInput
from retrieval.errors import IndexUnusableError, RetrievalError, UnreadableError
from retrieval.types import Pixels

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
LOST_AFTER = timedelta(seconds=60)
QUEUED = (Status.QUEUED,)
UNEXPECTED = "Something went wrong while this case was worked on. Nothing was lost; try again."
NO_INDEX = (
    "The index of the library cannot be read, so nothing was searched. Tell an administrator: "
    "manage.py build_index --rebuild makes it again. Then try again."
)


def answer(consultation_id: int) -> None:
    if _waits_for_pictures(consultation_id):
        mask_picture.enqueue(consultation_id)
        return
    consultation = _claim(consultation_id)
    if consultation is None:
        return
    try:
        _finish(consultation, _outcome(consultation))
    except QuarantinedMeanwhileError:
        # What was found first is thrown away: the search that follows does not see the source.
        _requeue(consultation)
    except CancelledError:
        _close(consultation, Status.CANCELLED)
    except IndexUnusableError:
        # Its own message names files of the server, and is in the log.
        _close(consultation, Status.FAILED, error=NO_INDEX)
    except (RetrievalError, LockedError) as error:
        _close(consultation, Status.FAILED, error=str(error))
    except Exception:
        # The text of an unknown error may quote the case: its kind is logged, the case is not.
        logger.error("consultation %s failed", consultation_id, exc_info=settings.DEBUG)
        _close(consultation, Status.FAILED, error=UNEXPECTED)


def mask_next(consultation_id: int) -> None:
    """Looks for burnt-in text in one picture of a case, and leaves the next one to another task: cases take turns."""
    held = HeldPicture.objects.filter(consultation=consultation_id, consultation__status__in=WAITED_FOR).first()
    if held is None:
        return
    consultation, since = held.consultation, time.perf_counter()
    try:
        picture_screen(held)
    except LockedError:
        # What the mode leaves of the case is searched; its pictures wait for another mode.
        answer_consultation.enqueue(consultation_id)
        return
    except (IntakeError, UnreadableError) as error:
        _not_masked(consultation, failed_on(held, error))
        return
    except Exception:
        logger.error("consultation %s: a picture was not looked at", consultation_id, exc_info=settings.DEBUG)
        _not_masked(consultation, UNEXPECTED)
        return
    screening_timed(consultation, since=since)
    follows = mask_picture if _waits_for_pictures(consultation_id, *WAITED_FOR) else answer_consultation
    follows.enqueue(consultation_id)


def _not_masked(consultation: Consultation, error: str) -> None:
    """A draft waits for its user, and is tried once more when it is sent; what was sent ends here."""
    consultation.refresh_from_db()
    if consultation.status == Status.QUEUED:
        _close(consultation, Status.FAILED, error=error)


def _waits_for_pictures(consultation_id: int, *states: str) -> bool:
    waiting = HeldPicture.objects.filter(consultation=consultation_id, consultation__status__in=states or QUEUED)
    return waiting.exists() and not is_locked(Mode.TEXT_ONLY)


class QuarantinedMeanwhileError(Exception):
    """A source of the answer was put into quarantine between the search and the end."""


def _outcome(consultation: Consultation) -> Outcome:
    return consult(
        case=case_of(consultation),
        load_pixels=lambda: pixels_of(consultation),
        scope=scope_of(consultation),
        watch=Recorder(consultation),
    )


def _requeue(consultation: Consultation) -> None:
    Consultation.objects.filter(pk=consultation.pk, status=Status.RUNNING).update(status=Status.QUEUED)
    transaction.on_commit(lambda: answer_consultation.enqueue(consultation.pk))


def scope_of(consultation: Consultation) -> Scope:
    started_from = consultation.library_case
    return Scope(user=consultation.user, excluded_source_id=started_from.source_id if started_from else "")


def case_of(consultation: Consultation) -> CaseInput:
    return CaseInput(
        age=consultation.age,
        sex=consultation.sex,
        history=consultation.history,
        exam=consultation.exam,
        findings=consultation.findings,
        corrections=corrections_from(consultation.corrections),
    )


def _claim(consultation_id: int) -> Consultation | None:
    """The consultation with a clean slate, or None when it is finished or another worker has it."""
    now = timezone.now()
    free = Q(status=Status.QUEUED) | Q(status=Status.RUNNING, heartbeat__lt=now - LOST_AFTER)
    with transaction.atomic():
        row = Consultation.objects.select_for_update().filter(free, pk=consultation_id).first()
        if row is None:
            return None
        row.status, row.started, row.heartbeat = Status.RUNNING, now, now
        row.attempts += 1
        row.hypotheses = {}
        row.save(update_fields=["status", "started", "heartbeat", "attempts", "hypotheses"])
        row.steps.exclude(name=STEP).delete()
        row.answers.all().delete()
        row.evidence.all().delete()
        Basis.objects.filter(consultation=row).delete()
    return row


def pixels_of(consultation: Consultation) -> Sequence[Pixels]:
    from cdss.library.intake import stored_pixels

    if is_locked(Mode.TEXT_ONLY):
        if not case_of(consultation).has_words:
            raise LockedError(Mode.TEXT_ONLY)
        return []
    return [frame for image in consultation.images.all() for frame in stored_pixels(image)]


def _finish(consultation: Consultation, outcome: Outcome) -> None:
    with transaction.atomic():
        Recorder(consultation).versions(outcome.retrieved)
        basis_store(consultation=consultation, outcome=outcome)
        if outcome.abstention:
            consultation.abstention = outcome.abstention
            if settings.LLM_HYPOTHESES and _asks_the_model(consultation):
                consultation.hypotheses = {"state": "waiting"}
                transaction.on_commit(lambda: write_with_model.enqueue(consultation.pk))
            _close(consultation, Status.ABSTAINED)
            return
        if quarantined(consultation):
            raise QuarantinedMeanwhileError
        answer = Answer.objects.create(consultation=consultation, writer=WRITER)
        diagnoses_store(answer=answer, drafts=outcome.diagnoses)
        consultation.gamuts = [each.as_json() for each in outcome.gamuts]
        _close(consultation, Status.DONE)
        if _asks_the_model(consultation):
            Answer.objects.create(consultation=consultation, writer=shown_name(settings.LLM), state="waiting")
            transaction.on_commit(lambda: write_with_model.enqueue(consultation.pk))


def _asks_the_model(consultation: Consultation) -> bool:
    # Without a word of text there is nothing a language model could tell from the evidence.
    return bool(settings.LLM and consultation.use_llm and case_of(consultation).has_words)


def _close(consultation: Consultation, status: Status, *, error: str = "") -> None:
    with transaction.atomic():
        consultation.status, consultation.error, consultation.finished = status, error[:300], timezone.now()
        consultation.save(update_fields=["status", "error", "finished", "abstention", "gamuts", "hypotheses"])
        details: dict[str, object] = {"status": str(status), "attempts": consultation.attempts}
        if status in (Status.DONE, Status.ABSTAINED):
            details |= told_of(consultation)
        record(action="consultation.finished", obj=consultation, details=details)
        # It may have been committed while this worked.
        consultation.refresh_from_db(fields=["committed"])
        if not consultation.is_withheld:
            answer_shown(consultation)


def told_of(consultation: Consultation) -> dict[str, object]:
    """Hashes of what was asked and answered: a row that is changed later is told by them."""
    consultation.refresh_from_db(fields=["index_version"])
    writer, pieces = {"writer": WRITER} if consultation.status == Status.DONE else {}, consultation.evidence.count()
    return {
        **writer,
        "index_version": consultation.index_version,
        "evidence": pieces,
        "case_sha256": case_sha256(consultation),
        "answer_sha256": answer_sha256(consultation, WRITER, pieces=pieces),
    }


def sweep() -> int:
    """Hands consultations whose worker died to another, or gives them up. Returns how many it touched."""
    old = timezone.now() - LOST_AFTER
    lost = Consultation.objects.filter(
        Q(status=Status.RUNNING, heartbeat__lt=old)
        | Q(status=Status.QUEUED, created__lt=old, heartbeat__isnull=True)
        | Q(status=Status.QUEUED, heartbeat__lt=old)
    )
    touched = 0
    for consultation in lost:
        touched += 1
        if consultation.attempts >= MAX_ATTEMPTS:
            _close(
                consultation,
                Status.FAILED,
                error=f"Given up after {MAX_ATTEMPTS} tries. Try again, or tell an administrator.",
            )
            continue
        # The beat keeps the next sweep from handing it out a second time.
        Consultation.objects.filter(pk=consultation.pk).update(status=Status.QUEUED, heartbeat=timezone.now())
        answer_consultation.enqueue(consultation.pk)
    return touched
