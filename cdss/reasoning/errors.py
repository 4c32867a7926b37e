"""What can go wrong with a language model, and what the reader is told."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "configuration", "refused", "redirected", "unreachable", "timeout", "denied", "busy", "too_long", "garbage",
    "truncated", "cancelled", "quarantined", "paused",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trouble:
    message: str
    again: bool


TROUBLES: dict[Kind, Trouble] = {
    "configuration": Trouble("The language model is not set up. An administrator has to correct its settings.", False),
    "refused": Trouble("The language model's host is not on this site's list of allowed hosts.", False),
    "redirected": Trouble("The language model's server sent us to another address, which is not followed.", False),
    "unreachable": Trouble("The language model cannot be reached. Trying again in a few minutes may help.", True),
    "timeout": Trouble("The language model did not answer in time. Trying again may help.", True),
    "denied": Trouble("The language model's server refused the request: its key or model name is wrong.", False),
    "busy": Trouble("The language model's server is busy or failing. Trying again in a few minutes may help.", True),
    "too_long": Trouble("The case and its evidence are too long for this language model.", False),
    "garbage": Trouble("The language model gave no usable answer, twice. Trying again may help.", True),
    "truncated": Trouble("The language model's answer was cut off before its first statement.", True),
    "paused": Trouble(
        "The language model failed several times in a row and is left alone for a while. Trying again later may help.",
        True,
    ),
    "quarantined": Trouble("A source of the evidence is in quarantine. Ask again for an answer without it.", False),
    "cancelled": Trouble("The language model was stopped.", True),
}


class WriterError(Exception):
    """The language model gave nothing that can be shown; the composer's text stands."""

    def __init__(self, kind: Kind, detail: str = "") -> None:
        self.kind: Kind = kind
        self.trouble = TROUBLES[kind]
        self.detail = detail
        super().__init__(f"{self.trouble.message} {detail}".strip())


class HostRefused(WriterError):
    """Raised before any connection is made."""

    def __init__(self, detail: str) -> None:
        super().__init__("refused", detail)
