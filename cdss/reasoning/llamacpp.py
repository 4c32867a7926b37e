"""A GGUF file on this machine as a LangChain chat model. Loaded once per process, one answer at a time."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable

from cdss.reasoning.errors import WriterError

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}
_INSTALL = "The package llama-cpp-python is not installed. Run 'make local-llm'."


class _Loaded:
    """The one model of a path, its lock, and the flag that stops a running answer between two operations."""

    def __init__(self, path: str, context: int, threads: int) -> None:
        verify(Path(path))
        # A waiting thread must not spin: the cores are shared with search.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            import llama_cpp
        except ImportError as error:
            raise WriterError("configuration", _INSTALL) from error
        try:
            self.llama = llama_cpp.Llama(
                model_path=path, n_ctx=context, n_batch=128, n_threads=threads, n_threads_batch=threads, verbose=False
            )
        except (ValueError, OSError) as error:
            raise WriterError(
                "configuration", "The model file cannot be loaded: it is damaged or not a chat model."
            ) from error
        self._logits: Callable[[], Any] = lambda: llama_cpp.llama_get_logits(self.llama.ctx)
        self.lock = threading.Lock()
        self.stopped: Callable[[], bool] = lambda: False
        self._abort = llama_cpp.llama_cpp.ggml_abort_callback(lambda _: self.stopped())
        llama_cpp.llama_set_abort_callback(self.llama.ctx, self._abort, None)

    def next_scores(self, prompt: str, words: Sequence[str]) -> list[float]:
        """The logit of each word's first token as what follows the prompt. What two prompts begin with is read once."""
        import numpy

        llama = self.llama
        tokens = llama.tokenize(prompt.encode(), add_bos=False, special=True)
        if len(tokens) >= llama.n_ctx():
            raise WriterError("too_long")
        with self.lock:
            held = list(llama.input_ids[: llama.n_tokens])
            shared = 0
            while shared < min(len(held), len(tokens) - 1) and held[shared] == tokens[shared]:
                shared += 1
            llama.n_tokens = shared
            llama.eval(tokens[shared:])
            logits = numpy.ctypeslib.as_array(self._logits(), shape=(llama.n_vocab(),))
            firsts = [llama.tokenize(word.encode(), add_bos=False, special=False)[0] for word in words]
            return [float(logits[first]) for first in firsts]

    def grammar(self, schema: dict[str, Any]) -> Any:
        from llama_cpp import LlamaGrammar

        return LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False)


@cache
def _load(path: str, context: int, threads: int) -> _Loaded:
    return _Loaded(path, context, threads)


_loading = threading.Lock()


def loaded(path: str, context: int, threads: int) -> _Loaded:
    with _loading:
        return _load(path, context, threads)


def verify(path: Path) -> None:
    """A GGUF file whose checksum was written beside it must still have it."""
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise WriterError("configuration", "The model file is not a GGUF file.")
        beside = path.with_name(path.name + ".sha256")
        if beside.is_file():
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != beside.read_text().split()[0]:
                raise WriterError("configuration", "The model file is damaged: its SHA-256 is not the recorded one.")


class LlamaCppChat(BaseChatModel):
    path: str
    context: int = 4096
    max_tokens: int = 1024
    threads: int = 1
    # A caller may bind `halted`; it also stops a prompt that is still being read.
    takes_halted: bool = True

    @property
    def _llm_type(self) -> str:
        return "llamacpp"

    def with_structured_output(
        self, schema: Any, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        if include_raw or not isinstance(schema, dict):
            raise ValueError("Give a JSON schema as a dict, without include_raw.")
        return self.bind(schema=schema) | JsonOutputParser()

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        held = loaded(self.path, self.context, self.threads)
        schema = kwargs.get("schema")
        halted: Callable[[], bool] = kwargs.get("halted") or (lambda: False)
        while not held.lock.acquire(timeout=0.2):
            if halted():
                raise WriterError("cancelled")
        try:
            held.stopped = halted
            for part in held.llama.create_chat_completion(
                _plain(messages),
                temperature=0.0,
                max_tokens=self.max_tokens,
                stop=stop or [],
                grammar=held.grammar(schema) if schema else None,
                stream=True,
            ):
                yield _chunk(part["choices"][0])
                if halted():
                    raise WriterError("cancelled")
        except ValueError as error:
            # The library's own words hold the numbers of tokens; its other ValueErrors are about the chat format.
            kind = "too_long" if "context window" in str(error) else "configuration"
            raise WriterError(kind) from error  # type: ignore[arg-type]
        except RuntimeError as error:
            raise WriterError("cancelled" if halted() else "garbage") from error
        finally:
            held.stopped = lambda: False
            held.lock.release()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text = "".join(str(chunk.message.content) for chunk in self._stream(messages, stop, run_manager, **kwargs))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=text))])

    def get_num_tokens(self, text: str) -> int:
        held = loaded(self.path, self.context, self.threads)
        return len(held.llama.tokenize(text.encode(), add_bos=False, special=False))


def _plain(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    return [{"role": _ROLES[message.type], "content": str(message.content)} for message in messages]


def _chunk(choice: dict[str, Any]) -> ChatGenerationChunk:
    reason = choice.get("finish_reason")
    return ChatGenerationChunk(
        message=AIMessageChunk(
            content=choice["delta"].get("content") or "",
            response_metadata={"finish_reason": reason} if reason else {},
        )
    )
