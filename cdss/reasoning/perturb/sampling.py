"""Real sentences to make claims from: one passage of each document, with what stands around it."""

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cdss.reasoning.perturb import Surroundings
from retrieval.terms import sentences

PASSAGE_CHARACTERS = 1500
_OTHERS, _SAID = 5, 0.8


@dataclass(frozen=True, slots=True)
class Sample:
    """A real sentence in its passage, and what claims are made from beside it."""

    sentence: str
    passage: str
    around: Surroundings = field(default_factory=Surroundings)


def held_out(identifier: str) -> bool:
    """Whether a document belongs to the half that is never read, only counted."""
    return hashlib.sha256(identifier.encode()).digest()[0] % 2 == 1


def samples_of(
    documents: Sequence[tuple[str, str]], names: Sequence[str], *, per_document: int = 2
) -> Iterator[Sample]:
    """Samples from (id, text): sentences of one passage of each document, with sentences of the others beside them."""
    picked = random.Random(7)
    found: list[tuple[str, str, list[str], list[str]]] = []
    for _, text in documents:
        passages = list(_passages(text))
        passage = picked.choice(passages) if passages else ""
        spoken = [span.text for span in sentences(passage)]
        usable = [one for one in spoken if _is_sentence(one)]
        beside = [
            span.text
            for other in passages
            if other != passage
            for span in sentences(other)
            if _is_sentence(span.text) and _says_more(span.text, passage)
        ]
        chosen = picked.sample(usable, min(per_document, len(usable)))
        found.extend((sentence, passage, spoken, beside) for sentence in chosen)
    pool = [sentence for sentence, *_ in found]
    for sentence, passage, spoken, beside in found:
        lowered = passage.lower()
        others = [other for other in picked.sample(pool, min(_OTHERS, len(pool))) if _says_more(other, passage)]
        usable_names = [name for name in names if name not in lowered or name in sentence.lower()]
        yield Sample(sentence, passage, Surroundings(usable_names, others, spoken, beside))


def _says_more(other: str, passage: str) -> bool:
    """Whether a sentence from elsewhere has words that the passage has not: else it may well be true of it too."""
    known = _beginnings(passage)
    own = _beginnings(other)
    return other not in passage and len(own & known) < _SAID * len(own)


def _beginnings(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[a-z]{4,}", text.lower())}


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
