"""A passage opened for checking: its sentences read, and what each is about when it does not say so itself."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from cdss.reasoning.gate.keys import key_of
from cdss.reasoning.gate.reading import Reading, read
from cdss.reasoning.gate.subjects import VERB, names_entity, subject_of
from retrieval.terms import Span, sentences

_ANAPHORA = re.compile(
    r"(?:[-*•]\s*)?(?:[A-Z][a-z]+ly,?\s|however,?\s|although\s|in addition,?\s)?(?:in (?:these|this|such|"
    r"those) \w+,?\s|"
    r"on [\w\s-]{1,20},\s|in (?:most|some|many) (?:cases|patients),?\s)?"
    r"(?:it|its|they|their|these|this|those|such|he|she|his|her|both|most|some|many|all|other|another|there|"
    r"the (?:lesions?|mass(?:es)?|tumou?rs?|disease|condition|patients?|disorder|findings?|nodules?|cysts?|"
    r"majority|latter|"
    r"abnormality|syndrome|process|diagnosis|appearance|treatment|prognosis|most|incidence|etiology|cause))\b",
    re.IGNORECASE,
)
_INTRODUCES = re.compile(r"(?:there (?:is|are|was|were)|this (?:is|was))\b", re.IGNORECASE)
_SEMICOLON = re.compile(r";\s+")
_SUBJECT_SIZE = 8
_LONGEST_SENTENCE = 1500


@dataclass(frozen=True, slots=True)
class Window:
    """A sentence, or what stands between its semicolons, with the keys of the heading it stands under and of what a
    reader carries over to it. `start`: where in the sentence it begins; `part`: it is not the whole."""

    index: int
    start: int
    reading: Reading
    heading: frozenset[str]
    carried: frozenset[str]
    part: bool = False

    @property
    def values(self) -> frozenset[float]:
        return frozenset(quantity.value for quantity in self.reading.quantities)


@dataclass(frozen=True, slots=True)
class Source:
    """A passage cut into sentences, each read. `topic` are keys that stand for what the whole is about."""

    text: str
    spans: tuple[Span, ...]
    readings: tuple[Reading, ...]
    topic: frozenset[str]
    long_forms: dict[str, frozenset[str]] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()


@lru_cache(maxsize=256)
def open_source(text: str, title: str = "") -> Source:
    spans = tuple(_pieces(text))
    readings = tuple(read(span.text) for span in spans)
    topic = read(title).keys if title else frozenset[str]()
    if spans and (len(spans[0].text) < 90 and not VERB.search(spans[0].text)):
        topic |= readings[0].keys
    source = Source(text, spans, readings, topic, _defined(text))
    return replace(source, windows=tuple(_windows(source)))


def _pieces(text: str) -> Iterator[Span]:
    """The sentences; what runs on without an end is cut, so that no text can make the checks slow."""
    for span in sentences(text):
        start = span.start
        while span.end - start > _LONGEST_SENTENCE:
            cut = text.rfind(" ", start + 1, start + _LONGEST_SENTENCE)
            cut = cut if cut > start else start + _LONGEST_SENTENCE
            yield Span(start, cut, text[start:cut])
            start = cut
        yield Span(start, span.end, text[start : span.end])


_DEFINITION = re.compile(r"\(([A-Z][A-Za-z0-9-]{1,7}?)s?\)")
_BEFORE = 90


def _defined(text: str) -> dict[str, frozenset[str]]:
    """Abbreviations that the text itself explains: "nonspecific interstitial pneumonia (NSIP)"."""
    found = {}
    for match in _DEFINITION.finditer(text):
        short = match[1].lower()
        before = text[max(0, match.start() - _BEFORE) : match.start()]
        words = [part for part in re.split(r"[^\w'’]+", before)[match.start() > _BEFORE :] if part][-8:]
        letters = [letter for letter in short if letter.isalpha()]
        for size in range(min(len(words), len(letters) + 2), 1, -1):
            run = words[-size:]
            if (
                size >= len(letters) - 1
                and run[0][0].lower() == letters[0]
                and _is_subsequence(letters, "".join(run).lower())
            ):
                if keys := frozenset(key for word in run if (key := key_of(word.lower()))):
                    found[key_of(short) or short] = keys
                break
    return found


def _is_subsequence(letters: Sequence[str], text: str) -> bool:
    places = iter(text)
    return all(letter in places for letter in letters)


def _windows(source: Source) -> Iterator[Window]:
    carried = _carried(source)
    for index, reading in enumerate(source.readings):
        headed = bool(index) and _is_heading(source, index - 1)
        heading = source.readings[index - 1].keys if headed else frozenset[str]()
        yield Window(index, 0, reading, heading, carried[index])
        for place, (start, part) in enumerate(_parts(reading.text)):
            own = read(part)
            before = subject_of(reading) if place and leans(part, own) else frozenset[str]()
            yield Window(index, start, own, heading, carried[index] | before, part=True)


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """What stands between the semicolons of a sentence that has some."""
    start = 0
    for match in _SEMICOLON.finditer(text):
        yield start, text[start : match.start()]
        start = match.end()
    if start:
        yield start, text[start:]


def _is_heading(source: Source, index: int) -> bool:
    text = source.spans[index].text
    return len(text) < 90 and (text.endswith(":") or not VERB.search(text)) and not text.endswith(".")


def leans(text: str, reading: Reading) -> bool:
    """Whether a sentence takes its subject from the one before."""
    return bool(_ANAPHORA.match(text)) or not subject_of(reading)


def _carried(source: Source) -> list[frozenset[str]]:
    """For each sentence, the keys of what it is about: the title, the entity last named, what a pronoun points to."""
    focus, spoken = source.topic, source.topic
    found = []
    first = source.topic
    for index, reading in enumerate(source.readings):
        if index and "\n" in source.text[source.spans[index - 1].end : source.spans[index].start]:
            # A new paragraph speaks of what the passage is about, until it names something else.
            focus = spoken = first
        carried = focus
        if index and leans(reading.text, reading):
            before = source.readings[index - 1]
            carried |= subject_of(before) if VERB.search(before.text) else before.keys
        found.append(carried)
        named = names_entity(reading)
        if not named and index == 0:
            named = subject_of(reading)
        if named and len(named) <= _SUBJECT_SIZE:
            kept = focus if 2 * len(named & spoken) > len(named) or named & source.topic else frozenset[str]()
            focus, spoken = named | kept, reading.keys
            first = focus if index == 0 else first
        elif _INTRODUCES.match(reading.text) and 0 < len(mentioned := names_entity(reading, False)) <= _SUBJECT_SIZE:
            focus, spoken = mentioned, reading.keys
    return found
