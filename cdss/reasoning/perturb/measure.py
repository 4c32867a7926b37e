"""How many false claims the gate catches and how many true ones it refuses, by kind."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cdss.reasoning.gate import find_support
from cdss.reasoning.perturb import Truth, bad_claims, good_claims
from retrieval.terms import sentences

PASSAGE_CHARACTERS = 1500
# The reasons that name each kind of flaw. "partly" counts as named only with one of them.
NAMED = {
    "negation": ("negation",),
    "laterality": ("laterality", "order"),
    "number": ("number",),
    "unit": ("unit", "number"),
    "disease": ("not-in-quote",),
    "certainty": ("certainty", "quantifier", "not-in-quote"),
    "quantifier": ("quantifier", "certainty"),
    "antonym": ("antonym", "laterality", "order", "negation", "not-in-quote"),
    "swapped": ("antonym", "laterality", "order", "number"),
    "addition": ("not-in-quote", "number", "negation"),
    "elsewhere": ("not-in-",),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A real sentence in its passage. `others`: sentences from elsewhere; `names`: diseases to swap in."""

    sentence: str
    passage: str
    names: Sequence[str] = ()
    others: Sequence[str] = ()


@dataclass(slots=True)
class Figures:
    kind: str
    truth: Truth
    verdicts: Counter[str] = field(default_factory=Counter)
    named: int = 0

    @property
    def count(self) -> int:
        return self.verdicts.total()

    @property
    def supported(self) -> float:
        return self.verdicts["supported"] / self.count

    @property
    def caught(self) -> float:
        """Not supported, for whatever reason."""
        return 1 - self.supported

    @property
    def caught_by_name(self) -> float:
        """Unsupported, or partly with a reason that names the flaw."""
        return self.named / self.count


def measure(samples: Iterable[Sample]) -> list[Figures]:
    """The figures of each kind of claim, and one row "all" for the good and one for the bad."""
    table: dict[tuple[str, Truth], Figures] = {}
    for sample in samples:
        made = good_claims(sample.sentence) + bad_claims(sample.sentence, names=sample.names, others=sample.others)
        for one in made:
            verdict = find_support(one.claim, sample.passage)
            for kind in (one.kind, "all"):
                row = table.setdefault((kind, one.truth), Figures(kind, one.truth))
                row.verdicts[verdict.support] += 1
                row.named += verdict.support == "unsupported" or (
                    verdict.support == "partly" and _names(one.kind, verdict.reasons)
                )
    return sorted(table.values(), key=lambda row: (row.truth, row.kind))


def _names(kind: str, reasons: Sequence[str]) -> bool:
    return any(reason.startswith(NAMED.get(kind, ())) for reason in reasons)


def held_out(identifier: str) -> bool:
    """Whether a document belongs to the half that is never read, only counted."""
    return hashlib.sha256(identifier.encode()).digest()[0] % 2 == 1


def samples_of(
    documents: Sequence[tuple[str, str]], names: Sequence[str], *, per_document: int = 2
) -> Iterator[Sample]:
    """Samples from (id, text): sentences of one passage of each document, with sentences of the others beside them."""
    chosen = random.Random(7)
    found: list[tuple[str, str]] = []
    for _, text in documents:
        passages = list(_passages(text))
        passage = chosen.choice(passages) if passages else ""
        usable = [span.text for span in sentences(passage) if _is_sentence(span.text)]
        found.extend((sentence, passage) for sentence in chosen.sample(usable, min(per_document, len(usable))))
    pool = [sentence for sentence, _ in found]
    for sentence, passage in found:
        lowered = passage.lower()
        others = [other for other in chosen.sample(pool, min(5, len(pool))) if other not in passage]
        usable_names = [name for name in names if name not in lowered or name in sentence.lower()]
        yield Sample(sentence, passage, usable_names, others)


def _is_sentence(text: str) -> bool:
    return 40 < len(text) < 350 and text[0].isupper() and text.endswith(".")


def _passages(text: str) -> Iterator[str]:
    start, end = 0, 0
    for span in sentences(text):
        if span.end - start > PASSAGE_CHARACTERS and end > start:
            yield text[start:end]
            start = span.start
        end = span.end
    if end > start:
        yield text[start:end]
