"""Run as a program with CDSS_HOME on a small disk of its own: it is filled, and made read-only, while the site works.

python -m tests.cdss.faults disk ROUNDS
"""

import io
import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.test import Client

from cdss.accounts.models import Role, User
from cdss.audit.verify import verify
from cdss.encryption import EncryptionError
from cdss.indexing.models import IndexVersion
from cdss.indexing.services import index_build
from cdss.indexing.versions.checking import compared
from cdss.indexing.versions.generations import folder_of
from cdss.library.image_files import new_image_files, write_image
from cdss.library.intake_errors import IntakeError
from cdss.reasoning import concepts
from retrieval.errors import RetrievalError
from retrieval.index.snapshot import Snapshot
from tests.cdss.faults.programs import add, prepare

HOME = Path(settings.CDSS_HOME)
REFUSALS = (OperationalError, OSError, RetrievalError, IntakeError, CommandError, EncryptionError)


def fill() -> None:
    """To the last byte, with a file that goes away again."""
    with (HOME / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def remount(how: str) -> None:
    connection.close()
    subprocess.run(["mount", "-o", f"remount,{how}", str(HOME)], check=True)


def add_one(number: int) -> None:
    with transaction.atomic():
        add(f"disk{number}q", number)


def image(number: int) -> None:
    with new_image_files():
        write_image(folder="cases", pngs=[bytes(400_000)])


def acts(number: int) -> dict[str, Callable[[], object]]:
    return {
        "add": lambda: add_one(number),
        "image": lambda: image(number),
        "index": lambda: index_build(rebuild=True),
        "backup": lambda: call_command("backup", output=str(HOME / f"saved{number}.tar"), stdout=io.StringIO()),
    }


def attempt(counts: Counter[str], problems: list[str], number: int) -> None:
    for name, act in acts(number).items():
        try:
            act()
            counts[f"{name} done"] += 1
        except REFUSALS as error:
            counts[f"{name} refused"] += 1
            if not str(error):
                problems.append(f"{name}: no message")
        except Exception as error:
            problems.append(f"{name}: {type(error).__name__} {error}"[:200])
    client = Client(raise_request_exception=False, headers={"host": "localhost"})
    answer = client.post("/accounts/sign-in/", {"login": "nobody", "password": "wrong"})
    counts[f"page {answer.status_code}"] += 1
    if answer.status_code not in (200, 503):
        problems.append(f"page {answer.status_code}")


def sound(problems: list[str]) -> None:
    """Whole, whatever the disk did."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        if cursor.fetchone()[0] != "ok":
            problems.append("the database is damaged")
    version = IndexVersion.objects.first()
    Snapshot.load(folder_of(version.name), manifest_sha256=version.manifest_sha256)
    if not verify().holds:
        problems.append("the audit trail is broken")
    if left := [path.name for path in HOME.rglob("*.part")]:
        problems.append(f"half a file: {left}")


def main(rounds: str) -> None:
    concepts.warm()
    prepare()
    User.objects.create_user("clinician", role=Role.CLINICIAN)
    index_build()
    counts, problems = Counter[str](), list[str]()
    for number in range(int(rounds)):
        for trouble in ("full", "read-only"):
            if trouble == "full":
                fill()
            else:
                remount("ro")
            attempt(counts, problems, 2 * number)
            if trouble == "full":
                sound(problems)
                (HOME / "filler").unlink()
            else:
                remount("rw")
            sound(problems)
        add_one(1000 + number)
        image(number)
        index_build()
        if not compared(IndexVersion.objects.first()).in_step:
            problems.append("not in step afterwards")
        for path in HOME.glob("saved*.tar"):
            path.unlink()
    print(json.dumps({**counts, "problems": problems[:5]}))
