"""Real clients against a small server of their own, and llama.cpp itself."""

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cdss.reasoning import models
from cdss.reasoning.errors import WriterError
from cdss.reasoning.types import DiagnosisDraft
from cdss.reasoning.writer import CUT_SHORT, WriterResult, write_differential
from tests.cdss.reasoning.test_writer import CASE, E1, E2, HAMARTOMA, answer, diagnosis, statement
from tests.cdss.reasoning.tiny_gguf import write_tiny_gguf

pytestmark = pytest.mark.llm
GOOD = answer(diagnosis("Hamartoma", statement("One."), statement("Two.")))
SPECS = ["openai:small", "ollama:small", "anthropic:small"]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.text = GOOD
        self.status = 200
        self.cut = False
        self.hang = threading.Event()
        self.hang.set()
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append((self.path, dict(self.headers), body))
        self.server.hang.wait(10)
        self.send_response(self.server.status)
        if self.server.status != 200:
            self.send_header("location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
            return
        self.end_headers()
        pieces = [self.server.text[at : at + 40] for at in range(0, len(self.server.text), 40)]
        for line in self.form(body, pieces[: len(pieces) - 2] if self.server.cut else pieces):
            self.wfile.write(line.encode() + b"\n")

    def form(self, body: dict[str, Any], pieces: list[str]) -> Iterator[str]:
        if self.path == "/api/chat":
            for piece in pieces:
                yield json.dumps({"model": "small", "message": {"role": "assistant", "content": piece}, "done": False})
            if not self.server.cut:
                end = {"model": "small", "message": {"role": "assistant", "content": ""}, "done": True}
                yield json.dumps({**end, "done_reason": "stop"})
        elif self.path.endswith("/messages"):
            yield from self.anthropic(body, pieces)
        else:
            for piece in pieces:
                yield self.event(self.choice({"role": "assistant", "content": piece}, None))
            if not self.server.cut:
                yield self.event(self.choice({}, "stop"))
                yield "data: [DONE]\n"

    def anthropic(self, body: dict[str, Any], pieces: list[str]) -> Iterator[str]:
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {"id": "m", "type": "message", "role": "assistant", "model": "small", "content": [], "usage": usage}
        yield self.event({"type": "message_start", "message": message}, "message_start")
        block = {"type": "tool_use", "id": "t", "name": body["tools"][0]["name"], "input": {}}
        yield self.event({"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start")
        for piece in pieces:
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield self.event({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")
        if not self.server.cut:
            yield self.event({"type": "content_block_stop", "index": 0}, "content_block_stop")
            end = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": usage}
            yield self.event(end, "message_delta")
            yield self.event({"type": "message_stop"}, "message_stop")

    @staticmethod
    def event(data: dict[str, Any], name: str = "") -> str:
        return (f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n"

    @staticmethod
    def choice(delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
        choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
        return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "small", "choices": choices}


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.LLM_BASE_URL = f"http://localhost:{server.server_port}"
        settings.LLM_API_KEY = "the-key"
        settings.LLM_ALLOWED_HOSTS = ["localhost"]
        yield server
        server.hang.set()
        server.shutdown()


def write(spec: str, seconds: float = 20, **options: Any) -> WriterResult:
    deadline = time.monotonic() + seconds
    options = {"evidence": [E1, E2], "candidates": [HAMARTOMA], "retries": 0, **options}
    return write_differential(model=models.chat_model(spec, timeout=seconds), case=CASE, deadline=deadline, **options)


@pytest.mark.parametrize("spec", SPECS)
def test_each_provider_streams_a_structured_answer(spec: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    result = write(spec)
    assert result.complete
    assert [one.text for one in result.diagnoses[0].statements] == ["One.", "Two."]
    _, headers, body = server.seen[0]
    assert "the-key" in str(headers)
    assert headers["Host"] == f"localhost:{server.server_port}"
    assert '"E1"' in json.dumps(body)
    form = {"openai": "response_format", "ollama": "format", "anthropic": "tools"}[spec.partition(":")[0]]
    assert body[form]
    assert len(server.seen) == 1


@pytest.mark.parametrize("spec", SPECS)
def test_an_answer_that_is_cut_keeps_what_is_finished(spec: str, server: Server) -> None:
    server.cut = True
    result = write(spec)
    assert [one.text for one in result.diagnoses[0].statements] == ["One."]
    assert result.note == CUT_SHORT


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(("status", "kind"), [(307, "redirected"), (401, "denied"), (404, "denied"), (503, "busy")])
def test_each_provider_reports_what_the_server_says(spec: str, status: int, kind: str, server: Server) -> None:
    server.status = status
    with pytest.raises(WriterError) as caught:
        write(spec)
    assert caught.value.kind == kind
    assert len(server.seen) == 1


@pytest.mark.parametrize("spec", SPECS)
def test_a_server_that_hangs_is_left(spec: str, server: Server) -> None:
    server.hang.clear()
    began = time.monotonic()
    with pytest.raises(WriterError) as caught:
        write(spec, seconds=1)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("spec", SPECS)
def test_no_server_is_unreachable(spec: str, settings: Any) -> None:
    settings.LLM_BASE_URL = "http://localhost:9"
    with pytest.raises(WriterError) as caught:
        write(spec)
    assert caught.value.kind == "unreachable"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("llama_cpp", reason="run 'make local-llm' first")
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def llama(path: Path, **fields: Any) -> Any:
    from cdss.reasoning.llamacpp import LlamaCppChat

    return LlamaCppChat(path=str(path), **{"context": 16_384, "max_tokens": 200, **fields})


def test_llama_cpp_keeps_to_the_schema(tiny: Path) -> None:
    from cdss.reasoning.prompts.schema import answer_schema

    one = {"type": "object", "properties": {"stance": {"enum": ["for", "against"]}}, "required": ["stance"]}
    assert llama(tiny).with_structured_output(one).invoke("hello")["stance"] in ("for", "against")
    schema = answer_schema(labels=["E1"], limits=None)
    text = "".join(chunk.content for chunk in llama(tiny).bind(schema=schema).stream("hello"))
    assert "".join(text.split()).startswith('{"diagnoses":[')


def test_llama_cpp_stops_while_it_reads_the_prompt(tiny: Path) -> None:
    began = time.monotonic()
    asked: list[float] = []

    def halted() -> bool:
        asked.append(time.monotonic())
        return len(asked) > 3

    with pytest.raises(WriterError) as caught:
        list(llama(tiny).bind(halted=halted).stream("a" * 12_000))
    assert caught.value.kind == "cancelled"
    stopped = time.monotonic() - began
    assert list(llama(tiny, max_tokens=3).stream("hello")), "the model answers again after it was stopped"
    assert stopped < 5


def test_llama_cpp_says_when_the_prompt_is_too_long(tiny: Path) -> None:
    with pytest.raises(WriterError) as caught:
        list(llama(tiny, context=512).stream("word " * 3000))
    assert caught.value.kind == "too_long"


def test_llama_cpp_that_runs_out_of_tokens_is_given_up(tiny: Path) -> None:
    model = llama(tiny, max_tokens=8)
    with pytest.raises(WriterError) as caught:
        write_differential(
            model=model, case=CASE, evidence=[E1], candidates=[HAMARTOMA], deadline=time.monotonic() + 60
        )
    assert caught.value.kind == "truncated"


def test_a_model_file_that_was_changed_is_not_loaded(tiny: Path, tmp_path: Path) -> None:
    from cdss.reasoning.llamacpp import verify

    copy = tmp_path / "m.gguf"
    copy.write_bytes(tiny.read_bytes())
    verify(copy)
    copy.with_name("m.gguf.sha256").write_text("0" * 64 + "  m.gguf\n")
    with pytest.raises(WriterError, match="damaged"):
        verify(copy)
    copy.write_bytes(b"\x80\x04pickled")
    with pytest.raises(WriterError, match="not a GGUF"):
        verify(copy)


def test_a_real_local_model_writes_a_differential_that_can_be_read() -> None:
    if not (path := os.environ.get("CDSS_TEST_GGUF")):
        pytest.skip("CDSS_TEST_GGUF names no model file")
    spec = f"llamacpp:{path}"
    context = models.context_tokens(spec)
    result = write_differential(
        model=models.chat_model(spec, timeout=600),
        case=CASE,
        evidence=[E1, E2],
        candidates=[HAMARTOMA, DiagnosisDraft("Carcinoid", "carcinoid", 0.4, ())],
        deadline=time.monotonic() + 600,
        context=context,
        answer=models.answer_tokens(context),
    )
    assert result.complete
    assert all(one.citations for drafted in result.diagnoses for one in drafted.statements)


def test_llama_cpp_tells_how_likely_a_word_is_and_reads_a_common_beginning_once(tiny: Path) -> None:
    from cdss.reasoning.llamacpp import loaded

    held = loaded(str(tiny), 256, 1)
    first = held.next_scores("a b a b", ["a", "b"])
    assert first != held.next_scores("b b b a", ["a", "b"])
    assert held.next_scores("a b a b", ["a", "b"]) == pytest.approx(first, abs=0.05)
    with pytest.raises(WriterError, match="too long"):
        held.next_scores("a b " * 400, ["a", "b"])
