"""Run as a program: gives feedback in a child that is killed between two steps, many times over, on one database.

    python kills.py DEATHS SEED

A step is a statement, before or after it reached the database, and the commit, before or after. What a child had
acknowledged when it died has to be there; and after every death there is an event for each word and none without one.
"""

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from cdss.accounts.models import Role, User  # noqa: E402
from cdss.audit.anchors import anchor_add  # noqa: E402
from cdss.audit.models import Anchor, Event  # noqa: E402
from cdss.audit.verify import verify  # noqa: E402
from cdss.consultations.models import Consultation, Status  # noqa: E402
from cdss.feedback.models import Feedback  # noqa: E402
from cdss.feedback.services import feedback_give  # noqa: E402

WORDS = 3


class Death:
    """Kills this process at the given step."""

    def __init__(self, step: int) -> None:
        self.left = step

    def pass_by(self) -> None:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around_statement(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.pass_by()
        result = execute(*arguments)
        self.pass_by()
        return result

    def around_commit(self, commit: Callable[[], None]) -> Callable[[], None]:
        def committed() -> None:
            self.pass_by()
            commit()
            self.pass_by()

        return committed


def child(step: int, acknowledged: int) -> None:
    """Gives words and an anchor, and writes down each word once it was told that it is kept."""
    death = Death(step)
    connection.ensure_connection()
    connection._commit = death.around_commit(connection._commit)  # type: ignore[method-assign]
    user, consultation = User.objects.get(), Consultation.objects.get()
    with connection.execute_wrapper(death.around_statement):
        for number in range(WORDS):
            given = feedback_give(by=user, consultation=consultation, verdict="agree", comment=f"{step} {number}")
            os.write(acknowledged, f"{given.pk}\n".encode())
        anchor_add()


def one_trial(step: int) -> tuple[list[int], bool]:
    """What the child was told is kept, and whether it died."""
    connection.close()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            child(step, writing)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        kept = [int(line) for line in told]
    _, status = os.waitpid(pid, 0)
    return kept, os.WIFSIGNALED(status)


def problems(told: set[int]) -> list[str]:
    kept = set(Feedback.objects.values_list("pk", flat=True))
    events = [event.details["feedback"] for event in Event.objects.filter(action="feedback.given")]
    anchors = Event.objects.filter(action="audit.anchored").count()
    found = []
    if told - kept:
        found.append(f"acknowledged and lost: {sorted(told - kept)}")
    if sorted(events) != sorted(kept):
        found.append(f"words {len(kept)}, their events {len(events)}")
    if anchors != Anchor.objects.count():
        found.append(f"anchors {Anchor.objects.count()}, their events {anchors}")
    report = verify()
    return found + ([] if report.holds else [f"the trail: {report.sequence} {report.problem}"])


def main(count: int, seed: int) -> None:
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        user = User.objects.create_user("clinician", role=Role.CLINICIAN)
        Consultation.objects.create(user=user, status=Status.DONE, findings="A nodule.")
    rng, told, deaths, found = random.Random(seed), set[int](), 0, list[str]()
    whole = steps_of_all()
    trial = 0
    while deaths < count:
        trial += 1
        kept, died = one_trial(rng.randrange(whole))
        told |= set(kept)
        deaths += died
        found += [f"trial {trial}: {problem}" for problem in problems(told)]
    figures = {"deaths": deaths, "trials": trial, "steps": whole, "acknowledged": len(told), "problems": found}
    print(json.dumps({**figures, "database": connection.vendor}))


def steps_of_all() -> int:
    """How many steps there are when nothing dies, measured without keeping anything."""
    death = Death(10**9)
    connection._commit, commit = death.around_commit(connection._commit), connection._commit  # type: ignore[method-assign]
    try:
        with connection.execute_wrapper(death.around_statement), transaction.atomic():
            user, consultation = User.objects.get(), Consultation.objects.get()
            for _ in range(WORDS):
                feedback_give(by=user, consultation=consultation, verdict="agree")
            anchor_add()
            transaction.set_rollback(True)
    finally:
        connection._commit = commit  # type: ignore[method-assign]
    # Each act commits by itself when it is not inside another.
    return 10**9 - death.left + 2 * (WORDS + 1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
