"""What parent and child say to each other over a Unix socket: JSON and blobs, never objects."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# Bytes of JSON, number of blobs, number of descriptors.
HEAD = struct.Struct(">QII")
SIZE = struct.Struct(">Q")
MOST_JSON = 64 * 1024 * 1024
MOST_BLOBS = 100_000
MOST_DESCRIPTORS = 16
PIECE = 1024 * 1024


class ClosedError(ConnectionError):
    """The other side is gone, or does not keep to the protocol."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of an answer.

    Args:
        facts: what JSON can hold.
        blobs: bytes, such as pixels or encoded pictures.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    blobs: Sequence[bytes] = ()


def send(connection: socket.socket, part: Part, descriptors: Sequence[int] = ()) -> None:
    """Sends one part, with open files beside it.

    Raises:
        OSError: the other side is gone.
    """
    said = json.dumps(part.facts, separators=(",", ":")).encode()
    head = HEAD.pack(len(said), len(part.blobs), len(descriptors))
    if descriptors:
        socket.send_fds(connection, [head], list(descriptors))
    else:
        connection.sendall(head)
    connection.sendall(said + b"".join(SIZE.pack(len(blob)) for blob in part.blobs))
    for blob in part.blobs:
        connection.sendall(blob)


def receive(connection: socket.socket, *, most_bytes: int) -> tuple[Part, list[int]]:
    """The next part, and the files that came with it.

    Args:
        connection: one end of a pair.
        most_bytes: that all blobs of the part may have together.

    Raises:
        ClosedError: nothing comes any more, or more than is allowed.
        TimeoutError: the connection's own time is over.
    """
    head, descriptors, _, _ = socket.recv_fds(connection, HEAD.size, MOST_DESCRIPTORS)
    head += _exactly(connection, HEAD.size - len(head)) if head else b""
    if not head:
        raise ClosedError("closed")
    length, blobs, expected = HEAD.unpack(head)
    if length > MOST_JSON or blobs > MOST_BLOBS or expected != len(descriptors):
        raise ClosedError("not a part")
    try:
        facts = json.loads(_exactly(connection, length))
    except (ValueError, RecursionError) as error:
        raise ClosedError("not JSON") from error
    sizes = [SIZE.unpack(_exactly(connection, SIZE.size))[0] for _ in range(blobs)]
    if sum(sizes) > most_bytes or not isinstance(facts, dict):
        raise ClosedError("too much")
    return Part(facts, [_exactly(connection, size) for size in sizes]), descriptors


def _exactly(connection: socket.socket, size: int) -> bytes:
    if size <= PIECE:
        whole = connection.recv(size, socket.MSG_WAITALL) if size else b""
        if len(whole) == size:
            return whole
    else:
        whole = b""
    gathered = bytearray(whole)
    while len(gathered) < size:
        piece = connection.recv(min(PIECE, size - len(gathered)))
        if not piece:
            raise ClosedError("closed in the middle of a part")
        gathered += piece
    return bytes(gathered)
