"""Run as a program: changes the library and makes the index in a child that is killed between two steps, many times.

    python -m tests.cdss.faults index_kills DEATHS SEED

A step is a statement, a commit, or a touch of the disk (a folder made, a file flushed, a rename, a removal), before it
or after it. After each death: the newest version loads, all that was acknowledged as published is in it or noted as
waiting, what was acknowledged as stored is stored. Then the index is brought up to date as its worker does at its
start, and the ids of database and index have to be the same.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from django.db import connection

from cdss.indexing.models import IndexChange, IndexVersion
from cdss.indexing.services import index_build
from cdss.indexing.versions import changes, watching
from cdss.indexing.versions.checking import compared
from cdss.indexing.versions.generations import folder_of
from cdss.library.models import Document, LibraryItem
from cdss.reasoning import concepts
from retrieval.errors import IndexUnusableError
from retrieval.index.snapshot import Snapshot
from tests.cdss.faults.programs import add, prepare

ROUNDS = 2


class Death:
    """Kills this process at the given step; counts them otherwise."""

    def __init__(self, step: int | None) -> None:
        self.step, self.passed = step, 0

    def pass_by(self) -> None:
        if self.passed == self.step:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.pass_by()
            result = act(*args, **kwargs)
            self.pass_by()
            return result

        return watched

    def statement(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        return self.around(execute)(*arguments)


def child(death: Death, tell: Callable[[str], None], name: str) -> None:
    connection.ensure_connection()
    with ExitStack() as stack:
        stack.enter_context(patch.object(connection, "_commit", death.around(connection._commit)))
        for owner, act in ((os, "fsync"), (pathlib.Path, "rename"), (pathlib.Path, "mkdir"), (shutil, "rmtree")):
            stack.enter_context(patch.object(owner, act, death.around(getattr(owner, act))))
        stack.enter_context(connection.execute_wrapper(death.statement))
        for number in range(ROUNDS):
            item = add(f"{name}x{number}", number)
            tell(f"stored {item.pk}")
            gone = Document.objects.filter(source_id__contains="x").exclude(pk=item.pk).first()
            if gone is not None and number:
                pk = gone.pk
                tell(f"going {pk}")
                gone.delete()
            version = index_build()
            tell(f"indexed {item.pk} {version.name}")


def one_trial(step: int | None, name: str) -> tuple[list[list[str]], bool, int]:
    """What the child acknowledged, whether it was killed, and how many steps it took."""
    connection.close()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        death = Death(step)
        try:
            child(death, lambda line: os.write(writing, f"{line}\n".encode()), name)
            os.write(writing, f"steps {death.passed}\n".encode())
            os._exit(0)
        except BaseException as error:
            os.write(writing, f"failed {type(error).__name__}: {error}\n".replace("\n", " ").encode() + b"\n")
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as told:
        lines = [line.split() for line in told]
    _, status = os.waitpid(pid, 0)
    steps = next((int(line[1]) for line in lines if line[0] == "steps"), 0)
    return lines, os.WIFSIGNALED(status), steps


class Ledger:
    """What was acknowledged so far, and what of it did not hold."""

    def __init__(self) -> None:
        self.stored, self.indexed, self.going = set[int](), set[int](), set[int]()
        self.lost = self.unloadable = 0
        self.problems: list[str] = []

    def note(self, lines: list[list[str]]) -> None:
        for line in lines:
            if line[0] == "failed":
                self.problems.append(" ".join(line))
            elif line[0] != "steps":
                getattr(self, line[0]).add(int(line[1]))

    def check(self, trial: int) -> None:
        version = IndexVersion.objects.first()
        there = set(LibraryItem.objects.values_list("pk", flat=True))
        lost = self.stored - self.going - there
        if version is None:
            held = set[int]()
        else:
            try:
                held = set(
                    Snapshot.load(folder_of(version.name), manifest_sha256=version.manifest_sha256).items.tolist()
                )
            except IndexUnusableError as error:
                self.unloadable += 1
                self.problems.append(f"trial {trial}: {error}")
                return
        lost |= self.indexed - self.going - held
        self.lost += len(lost)
        if lost:
            self.problems.append(f"trial {trial}: acknowledged and lost {sorted(lost)}")
        waiting = set(IndexChange.objects.values_list("item", flat=True))
        if unnoted := (there ^ held) - waiting:
            self.problems.append(f"trial {trial}: neither in the index nor waiting {sorted(unnoted)}")


def heal() -> float:
    """As the index worker after its start; returns the seconds it took until the ids are the same."""
    started, watch = time.monotonic(), watching.Watch()
    while True:
        with patch.object(changes, "QUIET", changes.QUIET * 0):
            watch.look()
        if not IndexChange.objects.exists() and compared(IndexVersion.objects.first()).in_step:
            return time.monotonic() - started
        if time.monotonic() - started > 60:
            raise RuntimeError("not healed within a minute")


def main(deaths_wanted: str, seed: str) -> None:
    concepts.warm()
    prepare()
    index_build()
    count, rng, ledger = int(deaths_wanted), random.Random(int(seed)), Ledger()
    lines, _, whole = one_trial(None, "dry")
    ledger.note(lines)
    # Every step in turn, in an order of chance.
    order: list[int] = []
    deaths, steps, longest, trial = 0, set[int](), 0.0, 0
    while deaths < count:
        trial += 1
        if not order:
            order = rng.sample(range(whole), whole)
        step = order.pop()
        lines, died, _ = one_trial(step, f"t{trial}")
        ledger.note(lines)
        deaths += died
        steps |= {step} if died else set()
        ledger.check(trial)
        longest = max(longest, heal() + 0.0)
    print(json.dumps({
        "deaths": deaths, "of steps": whole, "distinct": len(steps), "acknowledged": len(ledger.indexed),
        "lost": ledger.lost, "unloadable": ledger.unloadable, "longest_heal": round(longest, 2),
        "problems": ledger.problems[:5],
    }))  # fmt: skip
