import io
import os
import stat
import struct
import zipfile

import pytest

from cdss.library.archives import ArchiveLimits, zip_members
from cdss.library.intake_errors import IntakeError
from tests.cdss.library.test_intake import zipped

LIMITS = ArchiveLimits(max_bytes=40_000_000, max_member_bytes=20_000_000, max_members=20)


def members(data: bytes) -> list[tuple[str, bytes]]:
    return list(zip_members(data, LIMITS))


def test_files_come_out_as_they_went_in() -> None:
    noise = os.urandom(3000)
    assert members(zipped(("a/one.bin", b"1"), ("two.bin", noise))) == [("a/one.bin", b"1"), ("two.bin", noise)]


@pytest.mark.parametrize("name", ["../up.png", "a/../../up.png", "/etc/passwd", "..\\up.png", "C:\\up.png"])
def test_a_name_that_points_outside_is_refused(name: str) -> None:
    with pytest.raises(IntakeError, match="points outside"):
        members(zipped((name, b"x")))


def test_a_link_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(IntakeError, match="is a link"):
        members(file.getvalue())


def test_a_bomb_is_refused_while_it_is_read() -> None:
    with pytest.raises(IntakeError, match="larger inside"):
        members(zipped(("zeros.bin", b"\0" * 15_000_000)))


def test_a_bomb_that_lies_about_its_size_is_refused() -> None:
    data = bytearray(zipped(("zeros.bin", b"\0" * 30_000_000)))
    at = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 100)
    with pytest.raises(IntakeError):
        members(bytes(data))


def test_many_members_that_are_too_much_together_are_refused_before_reading() -> None:
    data = zipped(*[(f"{number}.bin", bytes([number]) * 15_000_000) for number in range(3)])
    with pytest.raises(IntakeError, match="more than 38 MB"):
        members(data)


def test_too_many_members() -> None:
    with pytest.raises(IntakeError, match="21 files; at most 20"):
        members(zipped(*[(f"{number}.bin", b"x") for number in range(21)]))


@pytest.mark.parametrize("name", ["inner.zip", "inner.png", "inner.tar.gz"])
def test_an_archive_inside_is_refused_by_name_or_content(name: str) -> None:
    with pytest.raises(IntakeError, match="archive inside"):
        members(zipped((name, zipped(("x.png", b"x")))))


def test_an_empty_a_damaged_and_a_locked_file() -> None:
    with pytest.raises(IntakeError, match="holds no files"):
        members(zipped())
    whole = zipped(("noise.bin", os.urandom(5000)))
    with pytest.raises(IntakeError, match="damaged"):
        members(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[200] ^= 255
    with pytest.raises(IntakeError, match="damaged"):
        members(bytes(flipped))
    locked = bytearray(zipped(("a.bin", b"x")))
    locked[6] |= 1
    locked[locked.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(IntakeError, match="password"):
        members(bytes(locked))
