"""JSON as it arrives: every object is given out the moment it closes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

DEEPEST = 12
_THINK, _THOUGHT = "<think>", "</think>"


class NotJson(ValueError):
    """The text cannot become the JSON object that was asked for."""


@dataclass(frozen=True, slots=True)
class Closed:
    """An object that is complete. `above` holds the strings its parent object has shown so far."""

    path: tuple[str | int, ...]
    value: Any
    above: dict[str, str]


@dataclass(slots=True)
class _Frame:
    opener: str
    start: int
    key: str | int = 0
    expects_key: bool = False
    strings: dict[str, str] = field(default_factory=dict)


class ObjectStream:
    """Feed it chunks; anything before the first brace (a code fence, a train of thought) is skipped."""

    def __init__(self) -> None:
        self.text = ""
        self.complete = False
        self._at = 0
        self._started = False
        self._frames: list[_Frame] = []
        self._string = -1
        self._escaped = False

    def feed(self, chunk: str) -> Iterator[Closed]:
        self.text += chunk
        if not self._started and not self._start():
            return
        while self._at < len(self.text) and not self.complete:
            at, self._at = self._at, self._at + 1
            if self._string >= 0:
                self._in_string(at)
            elif (closed := self._outside(at)) is not None:
                yield closed

    def _start(self) -> bool:
        after = 0
        if _THINK in self.text:
            thought = self.text.rfind(_THOUGHT)
            if thought < 0:
                return False
            after = thought + len(_THOUGHT)
        brace = self.text.find("{", after)
        if brace < 0:
            return False
        self._started, self._at = True, brace
        return True

    def _in_string(self, at: int) -> None:
        character = self.text[at]
        if self._escaped:
            self._escaped = False
        elif character == "\\":
            self._escaped = True
        elif character == '"':
            value = self._loads(self.text[self._string : at + 1])
            self._string = -1
            frame = self._frames[-1]
            if frame.expects_key:
                frame.key, frame.expects_key = value, False
            elif frame.opener == "{":
                frame.strings[str(frame.key)] = value

    def _outside(self, at: int) -> Closed | None:
        character = self.text[at]
        if character == '"':
            self._string = at
        elif character in "{[":
            if len(self._frames) >= DEEPEST:
                raise NotJson("it is nested too deeply")
            self._frames.append(_Frame(character, at, expects_key=character == "{"))
        elif character == ",":
            self._next()
        elif character in "}]":
            return self._close(at)
        return None

    def _next(self) -> None:
        frame = self._frames[-1]
        if isinstance(frame.key, int) and frame.opener == "[":
            frame.key += 1
        else:
            frame.expects_key = True

    def _close(self, at: int) -> Closed | None:
        frame = self._frames.pop()
        if frame.opener + self.text[at] not in ("{}", "[]"):
            raise NotJson("a bracket is closed by the wrong one")
        self.complete = not self._frames
        if frame.opener == "[":
            return None
        path = tuple(above.key for above in self._frames)
        owner = next((above for above in reversed(self._frames) if above.opener == "{"), None)
        return Closed(path, self._loads(self.text[frame.start : at + 1]), dict(owner.strings) if owner else {})

    @staticmethod
    def _loads(text: str) -> Any:
        try:
            return json.loads(text, strict=False)
        except (ValueError, RecursionError) as error:
            raise NotJson("it is not valid JSON") from error
