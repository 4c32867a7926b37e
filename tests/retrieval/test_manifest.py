import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrieval import manifest
from retrieval.errors import IndexNotPublishedError, IndexUnusableError
from retrieval.manifest import Manifest

MADE_WITH = Manifest(
    text_encoder="text-1",
    text_dimension=4,
    image_encoder="image-1",
    image_dimension=3,
    image_preprocessing="abc",
    terms="t1",
    text_kind="Flat",
    image_kind="Flat",
    passages=2,
    images=0,
)


def write(folder: Path) -> None:
    (folder / "lexical").mkdir()
    (folder / "text.faiss").write_bytes(b"vectors" * 100)
    (folder / "lexical" / "ids.npy").write_bytes(b"words")


def test_a_published_version_is_read_back_whole(tmp_path: Path) -> None:
    published = manifest.publish(tmp_path / "indexes", MADE_WITH, write)
    folder = manifest.current(tmp_path / "indexes")
    assert folder is not None
    read, files = manifest.load(folder, manifest_sha256=manifest.digest(folder))
    assert read == published
    assert (read.name, read.passages) == (folder.name, 2)
    assert files == {"text.faiss": b"vectors" * 100, "lexical/ids.npy": b"words"}


def test_the_newest_version_is_the_current_one(tmp_path: Path) -> None:
    assert manifest.current(tmp_path / "nothing") is None
    names = [manifest.publish(tmp_path, MADE_WITH, write).name for _ in range(4)]
    assert names == sorted(names)
    assert manifest.current(tmp_path) == tmp_path / names[-1]
    assert manifest.clean(tmp_path, keep=2) == names[:2]
    assert manifest.current(tmp_path) == tmp_path / names[-1]
    assert manifest.publish(tmp_path, MADE_WITH, write).name > names[-1]


def test_what_is_named_stays_and_none_may_stay(tmp_path: Path) -> None:
    names = [manifest.publish(tmp_path, MADE_WITH, write).name for _ in range(4)]
    assert manifest.clean(tmp_path, keep=1, named={names[1]}) == [names[0], names[2]]
    assert manifest.clean(tmp_path, keep=0) == [names[1], names[3]]
    assert manifest.current(tmp_path) is None


@pytest.mark.parametrize(
    ("field", "what"),
    [("text_encoder", "text encoder"), ("image_encoder", "image encoder"), ("image_preprocessing", "preprocessing")],
)
def test_another_encoder_or_preprocessing_is_refused_with_the_remedy(field: str, what: str) -> None:
    configured = {"text_encoder": "text-1", "image_encoder": "image-1", "image_preprocessing": "abc", "terms": "t1"}
    MADE_WITH.require(**configured)
    with pytest.raises(IndexUnusableError, match=rf"{what}.* other .*manage\.py build_index --rebuild"):
        MADE_WITH.require(**configured | {field: "other"})


def damage_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("change", [damage_byte, truncate, Path.unlink])
@pytest.mark.parametrize("name", ["text.faiss", "lexical/ids.npy", "manifest.json"])
def test_any_damage_is_refused_with_the_remedy(tmp_path: Path, change: Any, name: str) -> None:
    folder = tmp_path / manifest.publish(tmp_path, MADE_WITH, write).name
    known = manifest.digest(folder)
    change(folder / name)
    with pytest.raises(IndexUnusableError, match=r"build_index --rebuild"):
        manifest.load(folder, manifest_sha256=known)


@pytest.mark.parametrize("change", [{"format": 99}, {"files": {"../../secret": {"size": 1, "sha256": ""}}}, {"x": 1}])
def test_a_manifest_that_is_not_ours_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = tmp_path / manifest.publish(tmp_path, MADE_WITH, write).name
    fields = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(fields | change))
    with pytest.raises(IndexUnusableError, match="build_index --rebuild"):
        manifest.load(folder)


def test_a_full_disk_leaves_the_version_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = manifest.publish(tmp_path, MADE_WITH, write)

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(IndexNotPublishedError, match=r"disk is full\. Free some space .* before stays in use"):
            manifest.publish(tmp_path, MADE_WITH, write)
    assert manifest.current(tmp_path) == tmp_path / before.name
    assert manifest.load(tmp_path / before.name)[0] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", before.name]
    assert manifest.publish(tmp_path, MADE_WITH, write).name > before.name


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(IndexNotPublishedError, match="not writable"):
        manifest.publish(tmp_path, MADE_WITH, refuse)
    assert manifest.current(tmp_path) is None


def test_nothing_is_removed_while_a_writer_is_at_work(tmp_path: Path) -> None:
    def write_and_clean(folder: Path) -> None:
        write(folder)
        assert manifest.clean(tmp_path) == []
        assert folder.is_dir()

    manifest.publish(tmp_path, MADE_WITH, write_and_clean)
    assert manifest.current(tmp_path) is not None


WRITER = """
import sys
from pathlib import Path
from retrieval import manifest
from retrieval.manifest import Manifest
root, made_with = Path(sys.argv[1]), Manifest("t", 1, "i", 1, "p", "w", "Flat", "Flat", 0, 0)
def write(folder):
    for name in "abcdef":
        with (folder / name).open("wb") as file:
            for _ in range(8):
                file.write(bytes(65536))
                file.flush()
print("ready", flush=True)
while True:
    manifest.publish(root, made_with, write)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_version(tmp_path: Path) -> None:
    first = manifest.publish(tmp_path, replace(MADE_WITH, passages=0), write).name
    moments, interrupted, advanced = random.Random(8), 0, 0
    # The longest wait grows until a version gets through, so that a busy machine tells as much as an idle one.
    longest = 0.05
    for _ in range(24):
        before = manifest.current(tmp_path)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(moments.uniform(0, longest))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        after = manifest.current(tmp_path)
        assert before is not None
        assert after is not None
        assert after.name >= before.name
        manifest.load(after)
        advanced += after != before
        longest = longest if advanced else longest * 1.5
        interrupted += any(path.name.startswith(".unfinished") for path in tmp_path.iterdir())
        manifest.clean(tmp_path)
        assert not any(path.name.startswith(".unfinished") for path in tmp_path.iterdir())
    assert interrupted > 5
    assert manifest.current(tmp_path) != tmp_path / first
    assert advanced > 0
