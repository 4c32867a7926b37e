"""Chunks of a model's answer with a time limit and a stop that hold even while the model says nothing."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from cdss.reasoning.errors import HostRefused, Kind, WriterError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

# No answer within the limits of the prompt is near this long.
MOST_CHARACTERS = 64_000
_LOOK_UP_SECONDS = 0.1
_TRUNCATED = {"length", "max_tokens"}


def stream_text(
    *,
    model: "BaseChatModel",
    messages: Sequence["BaseMessage"],
    schema: dict[str, Any],
    deadline: float,
    cancelled: Callable[[], bool],
) -> Generator[str, None, None]:
    """The raw text of the structured answer, chunk by chunk. Raises WriterError only."""
    arrived: queue.Queue[str | Exception | None] = queue.Queue()
    halt = threading.Event()
    reader = threading.Thread(
        target=_read, args=(model, list(messages), schema, arrived, halt), name="language-model", daemon=True
    )
    reader.start()
    size = 0
    try:
        while (chunk := _next(arrived, deadline, cancelled)) is not None:
            size += len(chunk)
            if size > MOST_CHARACTERS:
                raise WriterError("garbage", "It does not end.")
            yield chunk
    finally:
        halt.set()


def _next(arrived: "queue.Queue[str | Exception | None]", deadline: float, cancelled: Callable[[], bool]) -> str | None:
    while True:
        if cancelled():
            raise WriterError("cancelled")
        if (left := deadline - monotonic()) <= 0:
            raise WriterError("timeout")
        try:
            item = arrived.get(timeout=min(left, _LOOK_UP_SECONDS))
        except queue.Empty:
            continue
        if isinstance(item, Exception):
            raise as_writer_error(item) from item
        return item


def _read(
    model: "BaseChatModel",
    messages: list["BaseMessage"],
    schema: dict[str, Any],
    arrived: "queue.Queue[str | Exception | None]",
    halt: threading.Event,
) -> None:
    try:
        from langsmith import tracing_context

        with tracing_context(enabled=False):
            for chunk in _bound(model, schema, halt).stream(messages):
                if halt.is_set():
                    return
                arrived.put(_text(chunk))
                if chunk.response_metadata.get("finish_reason") in _TRUNCATED:
                    break
        arrived.put(None)
    except Exception as error:  # whatever a provider raises is sorted by the caller
        arrived.put(error)


def _bound(model: "BaseChatModel", schema: dict[str, Any], halt: threading.Event) -> Any:
    """The model bound to the schema, without LangChain's parser, which would wait for the whole answer."""
    from langchain_core.runnables import RunnableSequence

    structured = model.with_structured_output(schema)
    bound: Any = structured.first if isinstance(structured, RunnableSequence) else structured
    return bound.bind(halted=halt.is_set) if getattr(model, "takes_halted", False) else bound


def _text(chunk: Any) -> str:
    """A structured answer comes as content or, where a provider does it so, as the arguments of a tool call."""
    if calls := getattr(chunk, "tool_call_chunks", None):
        return "".join(call.get("args") or "" for call in calls)
    if isinstance(chunk.content, str):
        return chunk.content
    return "".join(str(block.get("text", "")) for block in chunk.content if isinstance(block, dict))


def as_writer_error(error: BaseException) -> WriterError:
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, WriterError):
            return (
                HostRefused(cause.detail) if isinstance(cause, HostRefused) else WriterError(cause.kind, cause.detail)
            )
    for cause in chain:
        status = getattr(cause, "status_code", None)
        if isinstance(status, int) and status >= 300:
            return WriterError(_status_kind(status, str(cause)), f"(HTTP {status})")
    names = {kind.__name__ for cause in chain for kind in type(cause).__mro__}
    if names & {"TimeoutException", "APITimeoutError", "TimeoutError"}:
        return WriterError("timeout")
    if names & {"TransportError", "APIConnectionError", "ConnectionError", "OSError"}:
        return WriterError("unreachable")
    return WriterError("garbage", f"({type(error).__name__})")


def _status_kind(status: int, words: str) -> Kind:
    if status < 400:
        return "redirected"
    if status in (408, 409, 425, 429) or status >= 500:
        return "busy"
    if status == 413 or "context" in words.lower():
        return "too_long"
    return "denied"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
