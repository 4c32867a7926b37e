"""Two answers to one case side by side: what came, what went and what moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

from cdss.numbers import whole_number
from cdss.reasoning.types import DiagnosisDraft, EvidenceText, StatementDraft


@dataclass(frozen=True, slots=True)
class Differential:
    """`sources` are the evidence with the name of its source, which tells two source ids apart."""

    diagnoses: Sequence[DiagnosisDraft]
    evidence: Sequence[EvidenceText]
    sources: Mapping[str, str]
    abstention: str = ""


@dataclass(frozen=True, slots=True)
class DiagnosisRow:
    """A place is None where the diagnosis is not."""

    name: str
    then: int | None
    now: int | None
    probability_then: float | None
    probability_now: float | None
    came: Sequence[str]
    went: Sequence[str]
    kept: int

    @property
    def change(self) -> str:
        return _change(self.then, self.now)


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    title: str
    kind: str
    source: str
    then: str
    now: str
    # Whether today's text is another than the one that was read.
    edited: bool

    @property
    def change(self) -> str:
        return _change(_number(self.then), _number(self.now))


@dataclass(frozen=True, slots=True)
class Differences:
    diagnoses: Sequence[DiagnosisRow]
    evidence: Sequence[EvidenceRow]

    @property
    def any(self) -> bool:
        told = [row.change != "same" or bool(row.came or row.went) for row in self.diagnoses]
        return any(told) or any(row.change != "same" or row.edited for row in self.evidence)

    def as_json(self) -> dict[str, object]:
        return {
            "diagnoses": [asdict(row) | {"change": row.change} for row in self.diagnoses],
            "evidence": [asdict(row) | {"change": row.change} for row in self.evidence],
            "any": self.any,
        }


def compared(then: Differential, now: Differential) -> Differences:
    return Differences(_diagnoses(then.diagnoses, now.diagnoses), _evidence(then, now))


def _change(then: int | None, now: int | None) -> str:
    if then is None or now is None:
        return "came" if then is None else "went"
    return "same" if then == now else "up" if now < then else "down"


def _number(label: str) -> int | None:
    return whole_number(label[1:])


def _diagnoses(then: Sequence[DiagnosisDraft], now: Sequence[DiagnosisDraft]) -> list[DiagnosisRow]:
    before = {draft.concept: (place, draft) for place, draft in enumerate(then, start=1)}
    after = {draft.concept: (place, draft) for place, draft in enumerate(now, start=1)}
    return [_row(before.get(key), after.get(key)) for key in dict.fromkeys([*before, *after])]


def _row(then: tuple[int, DiagnosisDraft] | None, now: tuple[int, DiagnosisDraft] | None) -> DiagnosisRow:
    said, says = _said(then[1].statements if then else ()), _said(now[1].statements if now else ())
    known = [draft for _, draft in (found for found in (now, then) if found)]
    return DiagnosisRow(
        name=known[0].name,
        then=then[0] if then else None,
        now=now[0] if now else None,
        probability_then=then[1].probability if then else None,
        probability_now=now[1].probability if now else None,
        came=[text for text in says if text not in said],
        went=[text for text in said if text not in says],
        kept=sum(text in says for text in said),
    )


def _said(statements: Iterable[StatementDraft]) -> list[str]:
    """What the reader sees of them."""
    return list(dict.fromkeys(each.text for each in statements if each.support != "unsupported"))


def _evidence(then: Differential, now: Differential) -> list[EvidenceRow]:
    before, after = _by_source(then), _by_source(now)
    rows = []
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        known = new or old
        if known is None:
            continue
        edited = bool(old and new and _hash(old) != _hash(new))
        labels = (old.label if old else "", new.label if new else "")
        rows.append(EvidenceRow(known.title, known.kind, f"{key[0]} {key[1]}".strip(), *labels, edited))
    return rows


def _by_source(answer: Differential) -> dict[tuple[str, str], EvidenceText]:
    return {(answer.sources.get(text.label, ""), text.source_id): text for text in answer.evidence}


def _hash(text: EvidenceText) -> str:
    return sha256(text.text.encode()).hexdigest()
