"""A case as one text: blocks under headings, which passages and quotes have their offsets in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdss.library.models import Case

HEADINGS = (
    ("History", "history"),
    ("Exam", "exam"),
    ("Findings", "findings"),
    ("Diagnosis", "diagnosis"),
    ("Diagnosis by", "diagnosis_by"),
    ("Differential diagnosis", "differential"),
    ("Discussion", "discussion"),
    ("Treatment", "treatment"),
    ("Learning points", "learning_points"),
)
IMAGES = "Images"
# What a reader sees before the fold.
PRESENTED = ("History", "Exam", "Findings")


@dataclass(frozen=True, slots=True)
class Block:
    """`case.text[start:end] == text`."""

    heading: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def case_text(values: Mapping[str, Any], captions: Sequence[str]) -> str:
    return "\n\n".join(f"{heading}:\n{body}" for heading, body in _bodies(values, captions))


def case_blocks(case: Case) -> list[Block]:
    """The blocks of a stored case where they stand in its text."""
    values = {name: getattr(case, name) for _, name in HEADINGS}
    blocks, at = [], 0
    for heading, body in _bodies(values, [image.caption for image in case.images.all()]):
        at += len(heading) + 2
        blocks.append(Block(heading, body, at))
        at += len(body) + 2
    return blocks


def _bodies(values: Mapping[str, Any], captions: Sequence[str]) -> list[tuple[str, str]]:
    bodies = [(heading, values[name]) for heading, name in HEADINGS]
    bodies.append((IMAGES, [caption for caption in captions if caption]))
    joined = ((heading, "\n".join(body) if isinstance(body, list) else body) for heading, body in bodies)
    return [(heading, body) for heading, body in joined if body]
