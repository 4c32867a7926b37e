"""What goes over the socket: a head with two lengths, a JSON header, and raw bytes."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROTOCOL = 1
HEADER_LIMIT = 64 * 1024
# An image of 64 megapixels has more; a query's images are smaller, and larger ones are refused with a message.
PAYLOAD_LIMIT = 96 * 1024 * 1024
_HEAD = struct.Struct("!4sII")
_MAGIC = b"CDE1"
_TYPES: Mapping[str, np.dtype[Any]] = {"f4": np.dtype("<f4"), "u1": np.dtype("u1"), "i8": np.dtype("<i8")}
_DIMENSIONS = 4


class WireError(Exception):
    """What came is no message, or too large."""


class ClosedError(WireError):
    """The other side went away in the middle of a message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One question or answer."""

    header: Mapping[str, Any]
    payload: bytes = b""


def send(connection: socket.socket, message: Message) -> None:
    """Raises WireError for what is over the limits, OSError when the other side is gone."""
    header = json.dumps(message.header, separators=(",", ":")).encode("ascii")
    if len(header) > HEADER_LIMIT or len(message.payload) > PAYLOAD_LIMIT:
        raise WireError(f"A message of {len(header)} and {len(message.payload)} bytes is over the limit.")
    connection.sendall(_HEAD.pack(_MAGIC, len(header), len(message.payload)) + header)
    if message.payload:
        connection.sendall(message.payload)


def receive(connection: socket.socket, *, idle: float | None, whole: float) -> Message | None:
    """The next message; None when the other side closed before it.

    Args:
        connection: a connected socket.
        idle: seconds to wait for its first byte; None waits for ever.
        whole: seconds between two of its bytes.

    Raises:
        WireError: what came is no message, or too large.
        TimeoutError: it did not come in time.
    """
    connection.settimeout(idle)
    first = connection.recv(1)
    if not first:
        return None
    connection.settimeout(whole)
    magic, header_size, payload_size = _HEAD.unpack(first + _exactly(connection, _HEAD.size - 1))
    if magic != _MAGIC or header_size > HEADER_LIMIT or payload_size > PAYLOAD_LIMIT:
        raise WireError("What came is no message of this protocol, or too large.")
    try:
        header = json.loads(_exactly(connection, header_size))
    except ValueError as error:
        raise WireError("The header is no JSON.") from error
    if not isinstance(header, dict):
        raise WireError("The header is no object.")
    return Message(header, _exactly(connection, payload_size))


def texts_out(texts: Sequence[str]) -> bytes:
    """Texts as bytes."""
    return json.dumps(list(texts)).encode("ascii")


def texts_in(payload: bytes) -> list[str]:
    """Texts from bytes. Raises WireError when they are something else."""
    try:
        found = json.loads(payload)
    except ValueError as error:
        raise WireError("The texts are no JSON.") from error
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise WireError("The texts are no list of strings.")
    return found


def array_out(array: NDArray[Any]) -> tuple[dict[str, Any], bytes]:
    """What the header says of an array, and its bytes. Raises WireError for a type that is not sent."""
    name = next((name for name, kind in _TYPES.items() if kind == array.dtype), None)
    if name is None:
        raise WireError(f"Arrays of {array.dtype} are not sent.")
    return {"shape": list(array.shape), "type": name}, np.ascontiguousarray(array).tobytes()


def array_in(header: Mapping[str, Any], payload: bytes) -> NDArray[Any]:
    """The array a header speaks of. Raises WireError when the bytes are not it."""
    shape, kind = header.get("shape"), _TYPES.get(str(header.get("type")))
    if kind is None or not isinstance(shape, list) or not 0 < len(shape) <= _DIMENSIONS:
        raise WireError("The header speaks of no array.")
    if not all(isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= PAYLOAD_LIMIT for size in shape):
        raise WireError("The shape of the array is none.")
    expected = kind.itemsize
    for size in shape:
        expected *= size
    if expected != len(payload):
        raise WireError("The bytes are not of the array the header speaks of.")
    return np.frombuffer(payload, dtype=kind).reshape(shape).copy()


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        piece = connection.recv(min(size - len(found), 1 << 20))
        if not piece:
            raise ClosedError("The connection ended in the middle of a message.")
        found += piece
    return bytes(found)
