"""The encoder service as a process: who asks it holds no model, and a kill in the middle loses and halves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from django.conf import Settings
from django.core.management import CommandError, call_command

from cdss.indexing.encoding import service as encoder_client
from cdss.indexing.encoding.encoders import encoders_of, forget, image_encoder, text_encoder
from cdss.indexing.models import PassageEmbedding
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build
from cdss.indexing.splitting import encoded_text
from cdss.library.models import Passage
from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.errors import EncoderError, EncoderUnavailableError
from retrieval.service.remote import RemoteTextEncoder
from retrieval.types import Query

ROOT = Path(__file__).resolve().parents[4]
MODELS = ("torch", "onnxruntime", "transformers", "sentence_transformers", "open_clip")


class Service:
    """`manage.py encoder_service` in a process, with the encoders that need no weights."""

    def __init__(self, path: Path) -> None:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "cdss.settings",
            "CDSS_HOME": str(path.parent),
            "CDSS_ENCODER_SERVICE": str(path),
            "CDSS_TEXT_ENCODER": "hashing",
            "CDSS_IMAGE_ENCODER": "hashing",
        }
        command = [sys.executable, "manage.py", "encoder_service", "--skip-checks"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e") / "e.sock"


@pytest.fixture
def remote(path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.ENCODER_SERVICE = str(path)
    monkeypatch.setattr(encoder_client._Here, "patience", 60.0)
    forget()
    yield
    settings.ENCODER_SERVICE = ""
    forget()


@pytest.fixture
def start(path: Path) -> Iterator[Callable[[], Service]]:
    made: list[Service] = []

    def make() -> Service:
        made.append(Service(path))
        return made[-1]

    yield make
    for each in made:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def test_a_library_is_built_and_searched_through_it_and_survives_its_kill(
    remote: None, start: Callable[[], Service], make_document, capsys: pytest.CaptureFixture[str]
) -> None:
    service = start()
    for number in range(4):
        make_document(f"Paper {number}", f"Text about subject{number}. " * 30)
    index_build()
    plain = HashingTextEncoder()
    assert text_encoder().version == plain.version
    assert PassageEmbedding.objects.filter(encoder=plain.version).count() == Passage.objects.count() > 4
    assert search_library(user=None, query=Query(text="subject2")).hits
    image_encoder().encode([np.zeros((9, 9, 3), dtype=np.uint8)])
    call_command("encoder_service", "--health")
    assert json.loads(capsys.readouterr().out)["pid"] == service.process.pid

    stop = threading.Event()
    wrong: list[object] = []

    def ask() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            text = [f"question {number}"]
            try:
                found = RemoteTextEncoder(encoder_client.client(), plain.version).encode_queries(text)
            except EncoderError as error:
                wrong.append(error)
                return
            if not np.array_equal(found, plain.encode(text)):
                wrong.append(number)

    asking = threading.Thread(target=ask)
    asking.start()
    assert service.end(signal.SIGKILL) == -signal.SIGKILL
    again = start()
    make_document("Paper 9", "Text about subject9. " * 30)
    index_build()
    stop.set()
    asking.join(90)
    assert not asking.is_alive()
    assert not wrong
    assert PassageEmbedding.objects.count() == Passage.objects.count()
    assert search_library(user=None, query=Query(text="subject9")).hits
    assert again.end(signal.SIGTERM) == 0


@pytest.mark.faults
def test_kills_while_a_library_is_encoded_lose_and_halve_nothing(
    remote: None, start: Callable[[], Service], make_document
) -> None:
    random, plain, stop, kills = np.random.default_rng(5), HashingTextEncoder(), threading.Event(), []
    for number in range(60):
        make_document(f"Paper {number}", f"Text about subject{number}. " * 200)

    def kill() -> None:
        while not stop.is_set() and len(kills) < 20:
            service = start()
            while not encoder_client.Path(encoder_client.settings.ENCODER_SERVICE).exists() and not stop.is_set():
                stop.wait(0.01)
            stop.wait(float(random.uniform(0.0, 0.3)))
            service.end(signal.SIGKILL)
            kills.append(service)
        start()

    killing = threading.Thread(target=kill)
    killing.start()
    built = 0
    while killing.is_alive():
        PassageEmbedding.objects.all().delete()
        index_build(rebuild=True)
        built += 1
        rows = PassageEmbedding.objects.select_related("passage__item")
        texts = [encoded_text(row.passage.item.title, row.passage.text, plain) for row in rows]
        assert len(rows) == Passage.objects.count()
        for row, vector in zip(rows, plain.encode(texts), strict=True):
            assert bytes(row.vector) == vector.astype("<f4").tobytes()
    stop.set()
    killing.join()
    print(f"{len(kills)} kills during {built} builds of {len(rows)} passages: every vector whole and right")
    assert len(kills) == 20


def test_without_the_service_there_is_a_clear_error_and_nothing_half_written(
    remote: None, make_document, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_document("Paper", "Text about a subject. " * 30)
    monkeypatch.setattr(encoder_client._Here, "patience", 0.0)
    encoder_client.client.cache_clear()
    with pytest.raises(EncoderUnavailableError, match=r"Try again in a minute.*manage\.py encoder_service"):
        index_build()
    assert not PassageEmbedding.objects.exists()
    with pytest.raises(CommandError, match="do not answer"):
        call_command("encoder_service", "--health")


def test_a_process_that_asks_holds_no_model(start: Callable[[], Service], path: Path) -> None:
    start()
    code = (
        "import sys, django; django.setup(); from cdss.indexing.encoding.service import wait_longer; wait_longer();"
        "from cdss.indexing.encoding.encoders import text_encoder; text_encoder().encode(['text']);"
        f"print([name for name in {MODELS!r} if name in sys.modules])"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "cdss.settings",
        "CDSS_HOME": str(path.parent),
        "CDSS_ENCODER_SERVICE": str(path),
        "CDSS_TEXT_ENCODER": "hashing",
    }
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


def test_without_the_setting_there_is_nothing_to_run(settings: Settings) -> None:
    settings.ENCODER_SERVICE = ""
    with pytest.raises(CommandError, match="CDSS_ENCODER_SERVICE is empty"):
        call_command("encoder_service")


def test_the_service_itself_asks_nobody(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ENCODER_SERVICE = "/nowhere/e.sock"
    monkeypatch.setattr(encoder_client._Here, "runs", True)
    forget()
    assert text_encoder().encode(["text"]).shape == (1, 256)
    assert encoders_of(text_encoder().version)[0].version == text_encoder().version
    forget()
