"""What would be taken out of a case, piece by piece, before it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdss.consultations.understanding import Understood, not_understood, understood
from cdss.reasoning.types import CaseInput

LABELS = {"history": "History", "exam": "Examination and laboratory", "findings": "Imaging findings"}


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    # What kind of identifier it is; empty for text that stays.
    kind: str = ""


@dataclass(frozen=True, slots=True)
class PreviewField:
    label: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Preview:
    removed: int
    fields: Sequence[PreviewField]
    understood: Sequence[Understood]
    not_understood: Sequence[str]


def preview_of(case: CaseInput, found: Mapping[str, Any]) -> Preview:
    """`found` is what `services.consultation_preview` gave for this case."""
    fields = [
        PreviewField(LABELS.get(name, name), pieces(getattr(case, name), spans))
        for name, spans in found["spans"].items()
        if spans
    ]
    return Preview(found["removed"], fields, understood(found["understood"]), not_understood(found["understood"]))


def pieces(text: str, spans: Sequence[Sequence[Any]]) -> list[Piece]:
    found, at = [], 0
    for start, end, kind in sorted(map(tuple, spans)):
        found.append(Piece(text[at:start]))
        found.append(Piece(text[max(start, at) : end], str(kind).replace("_", " ")))
        at = max(at, end)
    return [piece for piece in [*found, Piece(text[at:])] if piece.text]
