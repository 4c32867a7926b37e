"""Children that read what nobody trusts: what they hand back, what they may not do, and what their end costs."""

import io
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import ReaderFailedError, ReadersBusyError, UnreadableError
from retrieval.sandbox import Item, Part, Pool, Spending
from retrieval.sandbox.spending import MEGABYTE

JOBS = "tests.retrieval.sandbox_jobs"
LITTLE = Spending(memory=96 * MEGABYTE, cpu=1, seconds=60.0)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool((JOBS,), size=2, patience=60.0)
    yield made
    made.close()


def run(pool: Pool, job: str, source: bytes | Path = b"", spending: Spending = LITTLE, **args: object) -> Part:
    return pool.run(f"{JOBS}:{job}", source, args, spending=spending)


def test_facts_and_bytes_come_back(pool: Pool, tmp_path: Path) -> None:
    assert run(pool, "echo", b"abc", said="ü") == Part({"size": 3, "said": "ü"}, [b"abc", b"cba"])
    large = os.urandom(3 * MEGABYTE)
    (tmp_path / "file").write_bytes(large)
    assert run(pool, "echo", tmp_path / "file").blobs[0] == large


def test_an_open_file_stays_where_it_was(pool: Pool) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"0123456789")
        file.flush()
        file.seek(4)
        assert pool.run(f"{JOBS}:echo", file, {}, spending=LITTLE).facts["size"] == 10
        assert file.tell() == 4


def test_an_answer_of_many_parts_comes_one_by_one(pool: Pool) -> None:
    parts = pool.parts(f"{JOBS}:lines", b"a\nb\nc\n", {}, spending=LITTLE)
    assert [part.facts["line"] for part in parts] == ["a", "b", "c"]


def test_an_answer_that_is_left_early_leaves_no_child_behind(pool: Pool) -> None:
    for _ in range(5):
        parts = pool.parts(f"{JOBS}:lines", b"a\n" * 100_000, {}, spending=LITTLE)
        assert next(parts).facts["line"] == "a"
        parts.close()
    assert run(pool, "echo", b"x").facts["size"] == 1


def test_a_refusal_says_what_to_do_and_a_stumble_nothing_of_the_file(pool: Pool) -> None:
    with pytest.raises(UnreadableError, match=r"Nothing of this can be read\. Send another\."):
        run(pool, "refuse")
    with pytest.raises(ReaderFailedError, match="KeyError") as caught:
        run(pool, "stumble")
    assert "nobody may see" not in str(caught.value)


@pytest.mark.parametrize("job", ["hog", "spin"])
def test_too_much_memory_or_time_costs_that_file_alone(pool: Pool, job: str) -> None:
    with pytest.raises(ReaderFailedError, match="more memory or time"):
        run(pool, job)
    assert run(pool, "echo", b"x").facts["size"] == 1


def test_who_sleeps_is_ended_by_the_clock(pool: Pool) -> None:
    with pytest.raises(ReaderFailedError):
        run(pool, "sleep", spending=Spending(memory=96 * MEGABYTE, cpu=1, seconds=0.2))


def test_a_crash_costs_one_file_of_many(pool: Pool) -> None:
    contents = [b"one", b"crash", b"three", b"crash", *(b"x" * 40 for _ in range(30))]
    answers = list(pool.each(f"{JOBS}:crash_if_asked", [Item(data, {}) for data in contents], spending=LITTLE))
    assert [number for number, _ in answers] == list(range(34))
    assert [isinstance(answer, ReaderFailedError) for _, answer in answers] == [data == b"crash" for data in contents]


def test_a_file_that_is_not_there_is_told_in_its_place(pool: Pool, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    sources = [b"a", tmp_path / "gone", b"b", tmp_path, tmp_path / "pipe"]
    answers = dict(pool.each(f"{JOBS}:echo", [Item(source, {}) for source in sources], spending=LITTLE))
    assert [isinstance(answers[number], UnreadableError) for number in range(5)] == [False, True, False, True, True]


def test_nothing_can_be_written(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(ReaderFailedError):
        run(pool, "write", path=str(tmp_path / "file"))
    assert not (tmp_path / "file").exists() or (tmp_path / "file").read_bytes() == b""


def test_a_child_knows_nothing_of_the_site(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "not for children")
    known = run(pool, "world").facts
    assert set(known["environment"]) <= {
        "LANG", "LC_CTYPE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH",
        "PYTHONWARNINGS",
    }  # fmt: skip
    assert known["session"] != os.getsid(0)
    assert known["open"] < 16


@pytest.fixture(scope="module")
def confined(pool: Pool) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return run(pool, "confined", port=server.getsockname()[1]).facts


def test_a_child_begins_no_process_and_writes_no_file(confined: dict[str, Any]) -> None:
    limits = confined["limits"]
    assert (limits["NPROC"], limits["FSIZE"], limits["CORE"]) == ([0, 0], [0, 0], [0, 0])
    # The kernel does not count the processes of root.
    assert os.getuid() == 0 or confined["fork"] == "BlockingIOError"


def test_a_child_has_few_descriptors_and_none_that_it_inherited(confined: dict[str, Any]) -> None:
    # The standard ones, its connection, the file, and the folder it is listing.
    assert len(confined["descriptors"]) == 6
    assert (confined["limits"]["NOFILE"], confined["open"]) == ([128, 128], "OSError")


def test_a_child_has_no_privileges_and_gets_none_back(confined: dict[str, Any]) -> None:
    status = confined["status"]
    assert status["NoNewPrivs"] == "1"
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh")} == {0}
    assert (confined["raise"], confined["core"]) == ("ValueError", "ValueError")


def test_a_child_has_no_network_where_the_kernel_allows_that(confined: dict[str, Any]) -> None:
    may = subprocess.run(["unshare", "--net", "true"], check=False).returncode == 0 or subprocess.run(
        ["unshare", "--user", "--net", "true"], check=False
    ).returncode == 0  # fmt: skip
    if not may:
        pytest.skip("this kernel lets nobody leave the network")
    assert confined["network"] != str(Path("/proc/self/ns/net").readlink())
    assert confined["interfaces"] == ["lo"]
    assert confined["connect"] != "done"


@pytest.mark.parametrize("job", [f"{JOBS}:_hidden", "os:system", f"{JOBS}:missing"])
def test_only_the_jobs_of_its_modules_are_done(pool: Pool, job: str) -> None:
    with pytest.raises(ReaderFailedError):
        pool.run(job, b"", {}, spending=LITTLE)


def test_who_finds_no_turn_is_told_so() -> None:
    alone = Pool((JOBS,), size=1, patience=0.01)
    parts = alone.parts(f"{JOBS}:lines", b"a\nb\n", {}, spending=LITTLE)
    next(parts)
    with pytest.raises(ReadersBusyError, match="try again"):
        run(alone, "echo")
    parts.close()
    assert run(alone, "echo", b"x").facts["size"] == 1
    alone.close()


def test_threads_share_a_few_children(pool: Pool) -> None:
    with ThreadPoolExecutor(8) as threads:
        processes = set(threads.map(lambda _: run(pool, "number").facts["process"], range(40)))
    assert 1 <= len(processes) <= 6


def test_a_child_is_replaced_after_its_share_of_files() -> None:
    brief = Pool((JOBS,), size=1, files=3)
    processes = [run(brief, "number").facts["process"] for _ in range(7)]
    assert len(set(processes)) == 3
    brief.close()


def test_the_readers_come_back_when_they_were_killed(pool: Pool) -> None:
    run(pool, "echo")
    assert pool._process is not None
    os.kill(pool._process.pid, signal.SIGKILL)
    pool._process.wait()
    # The child that was idle may still answer, or be gone before it is asked, or while it is.
    for _ in range(2):
        with suppress(ReaderFailedError):
            run(pool, "echo")
    assert run(pool, "echo", b"x").facts["size"] == 1


def test_a_process_that_was_forked_off_has_children_of_its_own(pool: Pool) -> None:
    here = run(pool, "number").facts["process"]
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(writing, str(run(pool, "number").facts["process"]).encode())
            pool.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reading, 20)) != here
    assert run(pool, "number").facts["process"] == here


def test_bytes_in_memory_are_read_like_a_file(pool: Pool) -> None:
    with pytest.raises(UnreadableError):
        pool.run(f"{JOBS}:echo", io.BytesIO(b"has no descriptor"), {}, spending=LITTLE)
