"""Values that pass between the steps of a consultation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from retrieval.terms import Presence, Side

Stance = Literal["for", "against", "next"]
Support = Literal["supported", "partly", "unsupported"]
# The weight of the names of what an item is about.
CONFIRMED = 1.0


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says a finding of a case is, whatever was read.

    `text` and `start` are the words as they were read and where; `start` is -1 for a finding that was added, and
    `text` then the person's own words.
    """

    part: str
    text: str
    start: int
    assertion: Presence | Literal["removed"]
    laterality: Side | None = None
    measure: str = ""


@dataclass(frozen=True, slots=True)
class CaseInput:
    """A case as it goes into a consultation, de-identified."""

    age: str = ""
    sex: str = ""
    history: str = ""
    exam: str = ""
    findings: str = ""
    corrections: tuple[Correction, ...] = ()

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> "CaseInput":
        return cls(**dict[str, Any](texts))

    @property
    def text(self) -> str:
        return "\n".join(part for part in (self.history, self.exam, self.findings) if part)

    @property
    def has_words(self) -> bool:
        return any(character.isalnum() for character in self.text)


@dataclass(frozen=True, slots=True)
class EvidenceText:
    """One piece of evidence as it was read. Quotes have their offsets in `text`."""

    label: str
    kind: str
    source_id: str
    title: str
    text: str
    score: float
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CitationDraft:
    evidence: str
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class StatementDraft:
    text: str
    stance: Stance
    citations: Sequence[CitationDraft]
    support: Support = "unsupported"
    reasons: Sequence[str] = ()
    # Places, in the same diagnosis, of supported statements that pull against this one.
    conflicts: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class DiagnosisDraft:
    name: str
    concept: str
    score: float
    statements: Sequence[StatementDraft]
    likelihood: str = ""
    probability: float | None = None
    codes: Mapping[str, object] = field(default_factory=dict)
    must_not_miss: bool = False
    # Findings of the case, in its words, that none of the sources on this diagnosis mentions.
    unexplained: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Lead:
    """A retrieved item as a source of candidate diagnoses: `names` with the weight the item gives each.

    `rank` is its place among what the text found of its kind, 0 when the text did not find it; `fit` its score there.
    As `cdss.reasoning.comparing` counts them: `explained` and `against` tell how many findings of the case its text is
    for and against; `elsewhere` how unlike the parts of the body are that the two name, from 0 to 1; `far` how far the
    patient is from the ages it names, None when nothing is known; `by_hand` how many findings that a person set right
    it is for, less those it is against. `nearness` tells, of what names a dangerous diagnosis, whether it shares the
    part of the body or a finding with the case (1), or both (2), and `ruled_out` the keys of the dangerous concepts
    that the case itself rules out.
    """

    item: int
    kind: str
    relevance: float
    names: Sequence[tuple[str, float]]
    rank: int = 0
    fit: float = 0.0
    lexical: float = 0.0
    dense: float = 0.0
    image: float = 0.0
    explained: float = 0.0
    elsewhere: float = 0.0
    against: float = 0.0
    by_hand: float = 0.0
    far: float | None = None
    nearness: int = 0
    ruled_out: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A diagnosis to be weighed. `items` are those that speak for it, the strongest first."""

    name: str
    concept: str
    score: float
    items: Sequence[int]
    codes: Mapping[str, str] = field(default_factory=dict)
    must_not_miss: bool = False
    # Calibrated on known cases, and its word; None and empty where nothing was learned.
    probability: float | None = None
    likelihood: str = ""
