"""Exports that wait to be fetched come under a new key with all else, whole at every moment."""

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cdss import encryption, rotation
from cdss.encryption import EncryptionError, Key, current_key, keys, keys_store
from cdss.exchange import held as module
from cdss.exchange.held import KEPT_SECONDS, NAME, exports_left, exports_rotate, held, hold

CONTENT = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    settings.CDSS_HOME, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    monkeypatch.setattr(module, "BLOCK", 1000)
    encryption.forget_cached_keys()
    yield tmp_path
    encryption.forget_cached_keys()


def export() -> UUID:
    key = uuid4()
    hold(key, io.BytesIO(CONTENT))
    return key


def place(key: UUID) -> Path:
    return module._folder() / key.hex / NAME


def content(key: UUID) -> bytes:
    file = held(key)
    assert file is not None
    file.seek(0)
    return file.read()


def new_key() -> Key:
    keys_store((Key.new(), *keys()))
    return current_key()


@pytest.mark.django_db
def test_an_export_is_fetched_after_the_old_key_is_forgotten() -> None:
    waiting, old = export(), current_key()
    hours = time.time() - 3 * 3600
    os.utime(place(waiting), (hours, hours))
    done = rotation.keys_rotate(forget_old=True)
    assert (done.exports, done.exports_gone, done.forgotten) == (1, 0, 1)
    assert old not in keys()
    assert content(waiting) == CONTENT
    assert place(waiting).stat().st_mtime == pytest.approx(hours, abs=1)
    assert place(waiting).stat().st_mode & 0o777 == 0o600
    assert rotation.keys_rotate(new=False).exports == 0


@pytest.mark.parametrize("step", ["while it is sealed", "before it is in its place", "after it is in its place"])
def test_a_kill_at_any_step_leaves_it_whole(step: str) -> None:
    waiting = [export(), export()]
    new_key()
    child = os.fork()
    if not child:
        _die(step)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert [content(each) for each in waiting] == [CONTENT, CONTENT]
    assert len(exports_left()) == (1 if step.startswith("after") else 2)
    assert exports_rotate() == (1 if step.startswith("after") else 2, 0)
    assert exports_left() == []
    keys_store((current_key(),))
    assert [content(each) for each in waiting] == [CONTENT, CONTENT]


def _die(step: str) -> None:
    """In a process of its own, as a kill would: nothing is tidied up."""
    real, sealed = Path.replace, []

    def dies(data: bytes) -> bytes:
        sealed.append(data)
        if len(sealed) == 4:
            os._exit(9)
        return encryption.encrypt_bytes(data)

    def replaces(path: Path, target: Path) -> Path:
        if step.startswith("after"):
            real(path, target)
        os._exit(9)

    if step.startswith("while"):
        module.encrypt_bytes = dies
    else:
        Path.replace = replaces
    try:
        exports_rotate()
    finally:
        os._exit(1)


@pytest.mark.django_db
def test_an_old_key_that_an_export_needs_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = export()
    new_key()
    monkeypatch.setattr(rotation, "exports_rotate", lambda: (0, 0))
    with pytest.raises(EncryptionError, match=f"the export {waiting.hex}.*--continue"):
        rotation.keys_rotate(new=False, forget_old=True)
    assert len(keys()) == 2
    assert content(waiting) == CONTENT


def test_one_that_was_made_while_the_key_changed_is_brought_over_too(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[bytes] = []

    def changes(data: bytes) -> bytes:
        blocks.append(data)
        if len(blocks) == 5:
            new_key()
        return encryption.encrypt_bytes(data)

    with monkeypatch.context() as patch:
        patch.setattr(module, "encrypt_bytes", changes)
        waiting = export()
    assert exports_left() == [place(waiting)]
    assert exports_rotate() == (1, 0)
    keys_store((current_key(),))
    assert content(waiting) == CONTENT


@pytest.mark.parametrize("damage", ["cut", "of a lost key"])
def test_what_nobody_can_read_goes_and_is_counted(damage: str) -> None:
    waiting = export()
    if damage == "cut":
        place(waiting).write_bytes(place(waiting).read_bytes()[:-300])
        new_key()
    else:
        keys_store((Key.new(),))
    assert exports_rotate() == (0, 1)
    assert held(waiting) is None
    assert not place(waiting).parent.exists()


def test_one_that_is_too_old_goes() -> None:
    waiting = export()
    long_ago = time.time() - KEPT_SECONDS - 60
    os.utime(place(waiting), (long_ago, long_ago))
    new_key()
    assert exports_rotate() == (0, 0)
    assert not place(waiting).parent.exists()
