"""How long a trail takes to be verified and exported, and how much memory: measured on a site that is thrown away."""

import datetime as dt
import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import transaction

from cdss.audit.chain import Fields, fields_hash
from cdss.audit.export import Manifest, Wanted, write
from cdss.audit.models import GENESIS, ChainHead, Event
from cdss.audit.standalone import verify_export
from cdss.audit.verify import verify

BATCH = 5000
FEW, MANY = 1000, 100_000
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ACTIONS = ("consultation.started", "consultation.finished", "consultation.viewed", "feedback.given", "audit.viewed")


def measured(*, events: int, folder: Path) -> dict[str, Any]:
    """Fills the trail of this site, which has to be empty. Raises ValueError when it is not."""
    if Event.objects.exists():
        raise ValueError("This site has a trail of its own.")
    trail_fill(events)
    processing = time.process_time()
    seconds, report = _timed(verify)
    processing = round(time.process_time() - processing, 2)
    file = folder / "audit.jsonl"
    exporting, _ = _timed(lambda: _export(file))
    standing, done = _timed(lambda: _standalone(file))
    return {
        "events": events,
        # On a machine with other work the time of the processor is the one to go by.
        "verify_audit": {
            "holds": report.holds,
            "seconds": seconds,
            "processor_seconds": processing,
            "processor_seconds_per_million": round(processing * 1e6 / events, 1),
        },
        "export_seconds": exporting,
        "export_bytes": file.stat().st_size,
        "verify_export": {"holds": json.loads(done.stdout)["holds"], "seconds": standing},
        "export_peak_bytes": {str(count): export_peak(count, folder) for count in (FEW, MANY) if count <= events},
    }


def trail_fill(events: int) -> None:
    previous, number = GENESIS, 0
    with transaction.atomic():
        for batch in _batches(events):
            rows = []
            for number in batch:
                fields = _fields(number, previous)
                previous = fields_hash(fields)
                rows.append(Event(**fields._asdict(), hash=previous))
            Event.objects.bulk_create(rows, batch_size=500)
        ChainHead.objects.create(pk=1, sequence=number, hash=previous)


def _batches(events: int) -> Iterator[range]:
    for start in range(1, events + 1, BATCH):
        yield range(start, min(start + BATCH, events + 1))


def _fields(number: int, previous: str) -> Fields:
    return Fields(
        sequence=number,
        at=START + dt.timedelta(seconds=number),
        actor=f"user-{number % 50}",
        role="clinician",
        location=f"Ward {number % 9}",
        action=ACTIONS[number % len(ACTIONS)],
        object_type="consultations.consultation",
        object_id=str(number // 5),
        details={"status": "done", "milliseconds": number / 7, "sha256": f"{number:064d}"},
        previous_hash=previous,
    )


def _timed(act: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    result = act()
    return round(time.perf_counter() - started, 2), result


def _standalone(file: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, verify_export.__file__, str(file), "--json"]
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603


def _export(file: Path, until: int = 0) -> None:
    manifest = Manifest(Wanted({}), "")
    if until:
        manifest.end = (until, "")
    with file.open("wb") as stream:
        write(manifest, "jsonl", stream)


def export_peak(count: int, folder: Path) -> int:
    """Of what Python allocates while the first `count` events are exported."""
    tracemalloc.start()
    try:
        _export(folder / "some.jsonl", until=count)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
