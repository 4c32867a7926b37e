"""Files as open descriptors: what a parent hands over, and how a child reads them without moving its parent's place."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from retrieval.errors import UnreadableError


@runtime_checkable
class Opened(Protocol):
    """A file that has a descriptor."""

    def fileno(self) -> int: ...


Source = bytes | Path | Opened


def descriptor_of(source: Source) -> int:
    """A descriptor of one's own for these bytes or this file; close it.

    Raises:
        UnreadableError: there is no such file, or it is none.
    """
    if isinstance(source, bytes):
        return _in_memory(source)
    try:
        if isinstance(source, Path):
            # A pipe without a writer must not keep anybody waiting.
            descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        else:
            descriptor = os.dup(source.fileno())
    except (OSError, io.UnsupportedOperation) as error:
        name = source.name if isinstance(source, Path) else "The upload"
        raise UnreadableError(f"{name}: this file cannot be opened ({getattr(error, 'strerror', error)}).") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableError("This is not a file. Choose the file itself.")
    return descriptor


class File(io.RawIOBase):
    """A descriptor read by position: its offset is shared with the process that opened it, and stays where it is."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor, self.at = descriptor, 0
        self.size = os.fstat(descriptor).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        count = os.preadv(self.descriptor, [view], self.at)
        self.at += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "before the start of the file")
        self.at = start + offset
        return self.at

    def tell(self) -> int:
        return self.at

    def whole(self) -> bytes:
        """All of it."""
        data = os.pread(self.descriptor, self.size, 0)
        if len(data) == self.size:
            return data
        # More than one call gives, or a file that has changed.
        self.seek(0)
        return self.readall() or b""

    def buffered(self) -> io.BufferedReader:
        """For readers that ask for small pieces."""
        self.seek(0)
        return io.BufferedReader(self)


def _in_memory(data: bytes) -> int:
    descriptor = os.memfd_create("upload")
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
