"""A language model with a queue of answers, in chunks; an exception in the queue is raised."""

from collections.abc import Callable, Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable


class QueueModel(BaseChatModel):
    answers: list[Any]
    chunk: int = 7
    between: Callable[[], None] = lambda: None
    asked: list[Any] = []

    @property
    def _llm_type(self) -> str:
        return "queue"

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[LanguageModelInput, Any]:
        return self.bind(schema=schema) | JsonOutputParser()

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self.asked.append((messages, kwargs))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        parts = (
            answer
            if isinstance(answer, list)
            else [answer[n : n + self.chunk] for n in range(0, len(answer), self.chunk)]
        )
        for part in parts or [""]:
            if isinstance(part, Exception):
                raise part
            yield ChatGenerationChunk(message=AIMessageChunk(content=part))
            self.between()

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        text = "".join(str(chunk.message.content) for chunk in self._stream(messages, **kwargs))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=text))])
