"""Only what is a message of this protocol, of a bounded size, is read."""

import json
import socket
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from retrieval.service import wire
from retrieval.service.wire import ClosedError, Message, WireError

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    left, right = socket.socketpair()
    yield left, right
    left.close()
    right.close()


def receive(connection: socket.socket) -> Message | None:
    return wire.receive(connection, idle=5.0, whole=5.0)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.zeros((0, 384), dtype=np.float32),
        np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
        np.array([[0, 4], [5, 9]], dtype=np.int64),
    ],
)
def test_arrays_come_as_they_went(pair: Pair, array: np.ndarray) -> None:
    about, payload = wire.array_out(array)
    wire.send(pair[0], Message({**about, "version": "v"}, payload))
    found = receive(pair[1])
    assert found is not None
    assert found.header["version"] == "v"
    again = wire.array_in(found.header, found.payload)
    assert again.dtype == array.dtype
    assert np.array_equal(again, array)


def test_texts_come_as_they_went() -> None:
    texts = ["", "chest pain", "左肺結節", "a\x00b", "\ud800 half", "€" * 1000]
    assert wire.texts_in(wire.texts_out(texts)) == texts


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b'["a", null]', b"\x80\x04K\x01.", b"[" * 100])
def test_what_is_no_list_of_texts_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        wire.texts_in(payload)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"type": "f4"},
        {"type": "O", "shape": [2]},
        {"type": "f4", "shape": []},
        {"type": "f4", "shape": [1] * 9},
        {"type": "f4", "shape": [-1, -2]},
        {"type": "f4", "shape": [True, 2]},
        {"type": "f4", "shape": [1 << 62, 1 << 62]},
        {"type": "f4", "shape": ["2"]},
        {"type": "f4", "shape": [3]},
        {"type": "f4", "shape": 2},
    ],
)
def test_a_header_that_does_not_fit_the_bytes_is_refused(header: dict) -> None:
    with pytest.raises(WireError):
        wire.array_in(header, b"\0" * 8)


def head(magic: bytes = b"CDE1", header: int = 2, payload: int = 0) -> bytes:
    return struct.pack("!4sII", magic, header, payload)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        head(magic=b"CDE2") + b"{}",
        head(header=wire.HEADER_LIMIT + 1),
        head(payload=wire.PAYLOAD_LIMIT + 1),
        head(header=3) + b"{{{",
        head(header=2) + b"[]",
        head(header=4) + b"null",
        head(header=2) + b"\xff\xfe",
    ],
)
def test_what_is_no_message_is_refused_before_anything_is_kept(pair: Pair, data: bytes) -> None:
    pair[0].sendall(data)
    with pytest.raises(WireError):
        receive(pair[1])


@pytest.mark.parametrize("cut", [1, 5, 12, 13, 20])
def test_a_message_that_ends_in_the_middle_is_told_from_one_that_never_came(pair: Pair, cut: int) -> None:
    whole = head(header=14, payload=8) + json.dumps({"op": "text"}).encode() + b"12345678"
    pair[0].sendall(whole[:cut])
    pair[0].close()
    with pytest.raises(ClosedError):
        receive(pair[1])


def test_a_connection_that_closes_between_messages_has_ended(pair: Pair) -> None:
    pair[0].close()
    assert receive(pair[1]) is None


def test_a_message_that_stops_coming_is_not_waited_for(pair: Pair) -> None:
    pair[0].sendall(head(header=14))
    with pytest.raises(TimeoutError):
        wire.receive(pair[1], idle=5.0, whole=0.05)


def test_what_is_over_the_limits_is_not_sent(pair: Pair) -> None:
    with pytest.raises(WireError, match="limit"):
        wire.send(pair[0], Message({"x": "y" * wire.HEADER_LIMIT}))
    with pytest.raises(WireError, match="not sent"):
        wire.array_out(np.zeros(2, dtype=np.complex64))
