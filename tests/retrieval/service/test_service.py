"""Questions to a service in this process: what is answered, refused, kept waiting, and what if it goes away."""

from __future__ import annotations

import socket
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders.hashing import HashingImageEncoder, HashingTextEncoder
from retrieval.errors import AlignmentError, EncoderBusyError, EncoderError, EncoderUnavailableError
from retrieval.service import server as serving
from retrieval.service import wire
from retrieval.service.client import EncoderClient
from retrieval.service.remote import RemoteImageEncoder, RemoteNetwork, RemoteTextEncoder
from retrieval.service.server import EncoderServer
from retrieval.service.wire import Message
from retrieval.types import ImageEncoder, PatchEncoder, QueryEncoder, TextEncoder, Vectors

TEXTS = HashingTextEncoder()
IMAGES = HashingImageEncoder()


class Gated(HashingTextEncoder):
    """Encodes nothing until the gate is open, and notes what went together."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        self.entered.set()
        assert self.gate.wait(30)
        if "break" in texts:
            raise MemoryError
        return super().encode(texts)


class Site:
    def __init__(self) -> None:
        self.texts = Gated()

    def text(self, version: str) -> TextEncoder:
        return self.texts

    def image(self) -> ImageEncoder:
        return IMAGES


class Running:
    def __init__(self, path: Path, site: Site, **options: float) -> None:
        self.server, self.ready = EncoderServer(path, site, **options), threading.Event()
        self.thread = threading.Thread(target=self.server.run, args=(self.ready,), daemon=True)
        self.thread.start()
        assert self.ready.wait(10)

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s") / "run" / "e.sock"


@pytest.fixture
def start(path: Path, site: Site) -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def make(**options: float) -> Running:
        made.append(Running(path, site, **options))
        return made[-1]

    yield make
    site.texts.gate.set()
    for one in made:
        one.stop()


@pytest.fixture
def client(path: Path) -> Iterator[EncoderClient]:
    made = EncoderClient(path, seconds=20, patience=0.0)
    yield made
    made.close()


def test_a_remote_text_encoder_is_the_encoder(start, client: EncoderClient) -> None:
    start()
    remote = RemoteTextEncoder(client, TEXTS.version)
    assert isinstance(remote, TextEncoder)
    assert isinstance(remote, QueryEncoder)
    texts = ["chest pain", "左肺", "", *(f"text {number}" for number in range(40))]
    assert np.array_equal(remote.encode(texts), TEXTS.encode(texts))
    assert np.array_equal(remote.encode_queries(texts), TEXTS.encode(texts))
    assert (remote.dimension, remote.max_tokens) == (TEXTS.dimension, TEXTS.max_tokens)
    assert list(remote.token_offsets("chest, pain")) == list(TEXTS.token_offsets("chest, pain"))
    assert list(remote.token_offsets("")) == []
    assert remote.encode([]).shape == remote.encode_queries([]).shape == (0, TEXTS.dimension)


def test_a_remote_image_encoder_is_the_encoder(start, client: EncoderClient) -> None:
    start()
    remote = RemoteImageEncoder(client)
    assert isinstance(remote, ImageEncoder)
    assert isinstance(remote, PatchEncoder)
    image = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    assert np.allclose(remote.encode([image, image[:20]]), IMAGES.encode([image, image[:20]]))
    assert (remote.version, remote.preprocessing, remote.aligned) == (IMAGES.version, IMAGES.preprocessing, False)
    mine, theirs = remote.patches([image])[0], IMAGES.patches([image])[0]
    assert np.allclose(mine.vectors, theirs.vectors)
    assert (mine.width, mine.height) == (30, 40)
    with pytest.raises(AlignmentError, match="no joint space"):
        remote.encode_text(["chest"])
    with pytest.raises(EncoderError, match="RGB uint8"):
        remote.encode([image[:, :, 0]])


def test_another_version_is_never_answered(start, client: EncoderClient) -> None:
    start()
    for ask in ("encode", "encode_queries"):
        with pytest.raises(EncoderError, match=f"runs {TEXTS.version}, not other@1"):
            getattr(RemoteTextEncoder(client, "other@1"), ask)(["text"])
    with pytest.raises(EncoderError, match="not builtin@1"):
        RemoteNetwork(client, "builtin@1").features(np.zeros((1, 3, 8, 8), dtype=np.float32))


def test_vectors_of_another_version_are_not_taken(client: EncoderClient, monkeypatch: pytest.MonkeyPatch) -> None:
    about, payload = wire.array_out(TEXTS.encode(["text"]))
    monkeypatch.setattr(client, "ask", lambda *args: Message({**about, "version": "other@1"}, payload))
    with pytest.raises(EncoderError, match="another encoder than"):
        RemoteTextEncoder(client, TEXTS.version).encode(["text"])


def test_a_refused_text_says_why(start, client: EncoderClient) -> None:
    start()
    with pytest.raises(EncoderError, match="over the window of 128"):
        RemoteTextEncoder(client, TEXTS.version).encode_queries(["word " * 200])


@pytest.mark.parametrize(
    ("op", "about", "payload"),
    [
        ("no such", {}, b""),
        ("text.queries", {}, b"not json"),
        ("text.queries", {"version": TEXTS.version}, b"not json"),
        ("text.queries", {"version": TEXTS.version}, wire.texts_out(["a"] * 257)),
        ("image.encode", {"version": IMAGES.version}, b""),
        ("image.encode", {"version": IMAGES.version, "type": "f4", "shape": [2]}, b"\0" * 8),
        ("image.features", {"version": IMAGES.version, "type": "f4", "shape": [2]}, b"\0" * 8),
        ("image.maps", {"version": IMAGES.version, "type": "u1", "shape": [0, 0, 3]}, b""),
    ],
)
def test_a_bad_question_is_refused_and_the_next_one_answered(
    start, client: EncoderClient, op: str, about: dict, payload: bytes
) -> None:
    start()
    with pytest.raises(EncoderError):
        client.ask(op, about, payload)
    assert RemoteTextEncoder(client, TEXTS.version).encode(["text"]).shape == (1, TEXTS.dimension)


def test_a_model_that_fails_does_not_end_the_service(start, client: EncoderClient) -> None:
    start()
    remote = RemoteTextEncoder(client, TEXTS.version)
    with pytest.raises(EncoderError, match="Encoding failed: MemoryError"):
        remote.encode(["break"])
    assert remote.encode(["text"]).shape == (1, TEXTS.dimension)


def test_only_its_owner_can_reach_the_socket(start, path: Path) -> None:
    running = start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    running.stop()
    assert not path.exists()


def test_a_second_service_is_refused(start, path: Path, site: Site, client: EncoderClient) -> None:
    start()
    with pytest.raises(EncoderError, match="Another encoder service"):
        EncoderServer(path, site).run()
    assert client.ask("health").header["protocol"] == wire.PROTOCOL


def test_a_socket_that_a_killed_service_left_is_taken_over(start, path: Path, client: EncoderClient) -> None:
    path.parent.mkdir(mode=0o700)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with pytest.raises(EncoderUnavailableError, match="Try again"):
        client.ask("health")
    start()
    assert client.ask("health").header["answered"] == 0


@pytest.mark.parametrize("options", [{"window_ms": 5.1}, {"window_ms": -1}, {"queue": 0}, {"connections": 0}])
def test_bounds_of_a_service(path: Path, site: Site, options: dict) -> None:
    with pytest.raises(ValueError, match="out of bounds"):
        EncoderServer(path, site, **options)


def test_a_path_that_no_socket_can_have(tmp_path: Path, site: Site) -> None:
    with pytest.raises(EncoderError, match="shorter path"):
        EncoderServer(tmp_path / ("x" * 120), site).run()


def waiting(running: Running) -> int:
    return int(running.server.health()["queued"])


def until(condition: Callable[[], bool]) -> None:
    turn = threading.Event()
    for _ in range(2000):
        if condition():
            return
        turn.wait(0.005)
    raise AssertionError("it did not come to that")


def test_one_more_than_may_wait_is_told_so(start, site: Site, client: EncoderClient) -> None:
    running = start(queue=2)
    site.texts.gate.clear()
    remote = RemoteTextEncoder(client, TEXTS.version)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(remote.encode_queries, ["first"])]
        assert site.texts.entered.wait(10)
        asked += [pool.submit(remote.encode_queries, [f"later {number}"]) for number in range(2)]
        until(lambda: waiting(running) == 2)
        with pytest.raises(EncoderBusyError, match="Try again"):
            remote.encode_queries(["one too many"])
        site.texts.gate.set()
        assert all(each.result().shape == (1, TEXTS.dimension) for each in asked)
    assert running.server.health()["refused"] == 1
    assert RemoteTextEncoder(client, TEXTS.version).encode_queries(["again"]).shape == (1, TEXTS.dimension)


def test_who_may_wait_asks_a_busy_service_again(start, site: Site, path: Path, client: EncoderClient) -> None:
    running = start(queue=1)
    site.texts.gate.clear()
    patient = EncoderClient(path, seconds=20, patience=0.0, busy_patience=60.0)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(RemoteTextEncoder(client, TEXTS.version).encode_queries, ["first"])]
        assert site.texts.entered.wait(10)
        asked.append(pool.submit(RemoteTextEncoder(client, TEXTS.version).encode_queries, ["second"]))
        until(lambda: waiting(running) == 1)
        asked.append(pool.submit(RemoteTextEncoder(patient, TEXTS.version).encode_queries, ["third"]))
        until(lambda: running.server.health()["refused"] >= 2)
        assert not asked[-1].done()
        site.texts.gate.set()
        assert all(each.result().shape == (1, TEXTS.dimension) for each in asked)
    patient.close()


def test_who_encodes_a_library_waits_until_there_is_room(start, site: Site, client: EncoderClient) -> None:
    running = start(queue=1)
    site.texts.gate.clear()
    remote = RemoteTextEncoder(client, TEXTS.version)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(remote.encode_queries, ["first"])]
        assert site.texts.entered.wait(10)
        asked.append(pool.submit(remote.encode_queries, ["second"]))
        until(lambda: waiting(running) == 1)
        asked.append(pool.submit(remote.encode, ["passage"]))
        until(lambda: running.server.health()["refused"] >= 1)
        site.texts.gate.set()
        assert all(each.result().shape == (1, TEXTS.dimension) for each in asked)


def test_questions_go_together_and_before_the_library(start, site: Site, client: EncoderClient) -> None:
    running = start()
    site.texts.gate.clear()
    remote = RemoteTextEncoder(client, TEXTS.version)
    with ThreadPoolExecutor(5) as pool:
        asked = {"first": pool.submit(remote.encode_queries, ["first"])}
        assert site.texts.entered.wait(10)
        asked["passage"] = pool.submit(remote.encode, ["passage"])
        until(lambda: waiting(running) == 1)
        for name in ("a", "b", "c"):
            asked[name] = pool.submit(remote.encode_queries, [name])
        until(lambda: waiting(running) == 4)
        site.texts.gate.set()
        for name, each in asked.items():
            assert np.array_equal(each.result(), TEXTS.encode([name]))
    assert site.texts.calls[0] == ["first"]
    assert sorted(site.texts.calls[1]) == ["a", "b", "c"]
    assert site.texts.calls[2] == ["passage"]
    assert running.server.health()["together"] == 3


def test_one_bad_question_among_several_harms_no_other(start, site: Site, client: EncoderClient) -> None:
    running = start()
    site.texts.gate.clear()
    remote = RemoteTextEncoder(client, TEXTS.version)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(remote.encode_queries, ["first"])
        assert site.texts.entered.wait(10)
        good, bad = pool.submit(remote.encode_queries, ["good"]), pool.submit(remote.encode_queries, ["word " * 200])
        until(lambda: waiting(running) == 2)
        site.texts.gate.set()
        assert first.result().shape == good.result().shape == (1, TEXTS.dimension)
        with pytest.raises(EncoderError, match="over the window"):
            bad.result()


def test_nobody_is_encoded_for_who_waits_no_longer(start, site: Site, path: Path, client: EncoderClient) -> None:
    running = start()
    site.texts.gate.clear()
    slow = RemoteTextEncoder(client, TEXTS.version)
    hasty = EncoderClient(path, seconds=0.05, patience=0.0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(slow.encode_queries, ["first"])
        assert site.texts.entered.wait(10)
        with pytest.raises(EncoderBusyError, match="too long"):
            hasty.ask("text.queries", {"version": TEXTS.version}, wire.texts_out(["given up"]))
        until(lambda: waiting(running) == 1)
        # The service counts the time from when it was asked, a little later than who asked.
        threading.Event().wait(0.1)
        site.texts.gate.set()
        assert first.result().shape == (1, TEXTS.dimension)
    until(lambda: running.server.health()["late"] == 1)
    assert ["given up"] not in site.texts.calls
    hasty.close()


def test_a_service_that_was_started_again_is_asked_again(start, site: Site, client: EncoderClient) -> None:
    first = start()
    remote = RemoteTextEncoder(client, TEXTS.version)
    assert remote.encode(["text"]).shape == (1, TEXTS.dimension)
    first.stop()
    with pytest.raises(EncoderUnavailableError, match="do not answer"):
        remote.encode(["text"])
    start()
    assert np.array_equal(remote.encode(["text"]), TEXTS.encode(["text"]))


def test_who_can_wait_waits_for_a_service_to_come(start, path: Path) -> None:
    patient = EncoderClient(path, seconds=20, patience=30)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(RemoteTextEncoder(patient, TEXTS.version).encode_queries, ["text"])
        start()
        assert asked.result().shape == (1, TEXTS.dimension)
    patient.close()


def test_garbage_and_silence_end_only_their_own_connection(start, path: Path, client: EncoderClient) -> None:
    start(connections=3, patience=1.0)
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"CDE1\xff\xff\xff\xff\xff\xff\xff\xff", b"CDE1"):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(str(path))
            stranger.sendall(data)
            stranger.settimeout(30)
            assert _ended(stranger)
    assert RemoteTextEncoder(client, TEXTS.version).encode(["text"]).shape == (1, TEXTS.dimension)


def test_more_connections_than_may_be_open_are_told_so(start, path: Path, client: EncoderClient) -> None:
    start(connections=1)
    client.ask("health")
    other = EncoderClient(path, seconds=5, patience=0.0)
    with pytest.raises(EncoderError):
        other.ask("health")
    client.close()
    until(lambda: _answers(other))
    other.close()


def _ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        # So a socket says that something was not read.
        return True


def _answers(client: EncoderClient) -> bool:
    try:
        return bool(client.ask("health").header)
    except EncoderError:
        return False


def test_another_user_is_turned_away(start, client: EncoderClient, monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    monkeypatch.setattr(serving, "_is_ours", lambda connection: False)
    with pytest.raises(EncoderError):
        client.ask("health")


def test_another_protocol_is_turned_away(start, client: EncoderClient, monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    monkeypatch.setattr(wire, "PROTOCOL", 2)
    question = Message({"op": "text.describe", "protocol": 1, "version": TEXTS.version})
    with socket.socket(socket.AF_UNIX) as old:
        old.connect(str(client.path))
        wire.send(old, question)
        found = wire.receive(old, idle=10, whole=10)
    assert found is not None
    assert found.header["error"] == "version"
