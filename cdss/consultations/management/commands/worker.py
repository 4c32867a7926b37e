"""The process that answers consultations: it loads the models once, then waits for work."""

import logging
import os
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections

from cdss import lifeline
from cdss.consultations.tasks import LLM_QUEUE
from cdss.indexing.encoding.service import is_remote, wait_longer
from cdss.library.tasks import INDEX_QUEUE
from cdss.locks.models import Mode
from cdss.locks.modes import LockedError, is_locked

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 20
INDEX_NICENESS = 10
# Seconds between two looks at the queue.
INDEX_INTERVAL = 2.0
# And at the lock of a site that is read-only.
LOCKED_SECONDS = 5.0


class Command(BaseCommand):
    help = (
        "Answers consultations. With --queue llm it runs the language model, so that evidence never waits for it; with "
        "--queue index it encodes what was imported, behind everything else the machine has to do, and keeps the index "
        "in step with the database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--queue", choices=("default", LLM_QUEUE, INDEX_QUEUE), default="default")
        parser.add_argument("--batch", action="store_true", help="work off what is waiting, then end")

    def handle(self, *, queue: str, batch: bool, **options: Any) -> None:
        lifeline.hold()
        wait_longer()
        stop = threading.Event()
        if queue == "default":
            _warm()
            threading.Thread(target=_keep_sweeping, args=(stop,), daemon=True).start()
        if queue == INDEX_QUEUE:
            os.nice(INDEX_NICENESS)
            if not batch:
                threading.Thread(target=_keep_in_step, args=(stop,), daemon=True).start()
        try:
            interval = INDEX_INTERVAL if queue == INDEX_QUEUE else 0.1
            _work(queue=queue, interval=interval, batch=batch)
        finally:
            stop.set()


def _work(*, queue: str, interval: float, batch: bool) -> None:
    """While the site is read-only nothing is taken from the queue; what was begun is taken up again afterwards."""
    while True:
        try:
            if not is_locked(Mode.READ_ONLY):
                call_command(
                    "db_worker", queue_name=queue, interval=interval, batch=batch, reload=False, startup_delay=False
                )
                return
        except LockedError:
            logger.info("the site is read-only: the worker waits")
        if batch:
            return
        time.sleep(LOCKED_SECONDS)


def _warm() -> None:
    """Repairs a damaged index, and loads the models: the first consultation must not wait for them."""
    from cdss.indexing.encoding.towers import towers_missing, towers_prepare_apart
    from cdss.indexing.engine import get_engine
    from cdss.indexing.services import index_repair
    from cdss.reading import door
    from cdss.reasoning import concepts
    from retrieval.errors import RetrievalError
    from retrieval.types import Query

    door.warm()
    concepts.warm()
    if not is_remote() and towers_missing():
        towers_prepare_apart()
    try:
        index_repair()
        get_engine().search(Query(text="warm-up", k=1))
    except (RetrievalError, LockedError) as error:
        logger.warning("not ready to answer: %s", error)


def _keep_in_step(stop: threading.Event) -> None:
    from cdss.indexing.versions.watching import keep_in_step

    keep_in_step(stop)


def _keep_sweeping(stop: threading.Event) -> None:
    from cdss.audit.anchors import anchor_due
    from cdss.consultations.expanding import sweep_expansions
    from cdss.consultations.model_answer import sweep_answers
    from cdss.consultations.working import sweep

    while not stop.wait(SWEEP_SECONDS):
        try:
            # First: a trail is anchored in locked modes too.
            anchor_due()
            sweep()
            sweep_answers()
            sweep_expansions()
        except LockedError:
            continue
        except DatabaseError:
            logger.exception("the sweep for lost consultations and the anchor failed; it is tried again")
        finally:
            close_old_connections()
