"""Running a consultation again, in the worker, and keeping what came of it."""

import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.consultations.models import FINISHED, Consultation, Replay
from cdss.consultations.replay import replayed
from cdss.consultations.tasks import replay_consultation

logger = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong while it was run again. The consultation itself is as it was."


class ReplayError(ValueError):
    """A consultation that cannot be run again; the message says why."""


@transaction.atomic
def replay_request(*, consultation: Consultation, by: User) -> Replay:
    """Queues it. Raises ReplayError while there is no answer yet."""
    if consultation.status not in FINISHED:
        raise ReplayError("It has not been answered yet.")
    replay = Replay.objects.create(consultation=consultation, by=by)
    record(action="consultation.replay_asked", by=by, obj=consultation, details={"replay": replay.pk})
    transaction.on_commit(lambda: replay_consultation.enqueue(replay.pk))
    return replay


def replay_run(replay_id: int) -> None:
    replay = Replay.objects.select_related("consultation__user", "by").filter(pk=replay_id, finished=None).first()
    if replay is None:
        return
    try:
        replay.result = replayed(replay.consultation)
    except ValueError as error:
        replay.error = str(error)[:300]
    except Exception:
        # The text of an unknown error may quote the case.
        logger.error("replay %s failed", replay_id, exc_info=settings.DEBUG)
        replay.error = UNEXPECTED
    replay_store(replay=replay)


@transaction.atomic
def replay_store(*, replay: Replay) -> None:
    replay.finished = timezone.now()
    replay.save()
    result = replay.result
    details: dict[str, object] = {"replay": replay.pk, "status": "failed" if replay.error else "done"}
    if result:
        details |= {
            "byte_equal": result["byte_equal"],
            "untouched": result["untouched"],
            "index_version": result["now"]["index_version"],
            "differs_today": bool(result["differences"] and result["differences"]["any"]),
        }
    record(action="consultation.replayed", by=replay.by, obj=replay.consultation, details=details)
