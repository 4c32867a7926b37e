"""Evidence within a model's window: the sentences nearest to the case stay, in their order; what went is said."""

import re
from collections import Counter
from collections.abc import Sequence

from cdss.reasoning.types import EvidenceText

OMITTED = " […] "
LEAST = 200
# The fence, the label and the title of one piece.
OVERHEAD = 240
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+(?!\w)|\n+|$|[.!?]+)")
_WORD = re.compile(r"\w{3,}")


def shorten(
    evidence: Sequence[EvidenceText], *, about: str, characters: int
) -> tuple[list[tuple[EvidenceText, str]], tuple[str, ...]]:
    kept = list(evidence[: max(1, characters // (LEAST + OVERHEAD))])
    room = max(LEAST, characters - OVERHEAD * len(kept))
    given = []
    cut = []
    for place, piece in enumerate(kept):
        share = max(LEAST, room // (len(kept) - place))
        text = nearest_sentences(piece.text, about=about, characters=share)
        room -= len(text)
        given.append((piece, text))
        if len(text) < len(piece.text):
            cut.append(piece.label)
    left_out = [piece.label for piece in evidence[len(kept) :]]
    notes = []
    if cut:
        notes.append(f"Shortened for the model: {', '.join(cut)}.")
    if left_out:
        notes.append(f"Not shown to the model: {', '.join(left_out)}.")
    return given, tuple(notes)


def nearest_sentences(text: str, *, about: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    spans = [found.span() for found in _SENTENCE.finditer(text) if found[0].strip()]
    words = [set(_WORD.findall(text[start:end].lower())) for start, end in spans]
    common = Counter(word for sentence in words for word in sentence)
    wanted = set(_WORD.findall(about.lower()))
    order = sorted(range(len(spans)), key=lambda n: (-sum(1 / common[word] for word in words[n] & wanted), n))
    chosen: list[int] = []
    room = characters
    for n in order:
        start, end = spans[n]
        if (size := end - start + len(OMITTED)) <= room:
            chosen.append(n)
            room -= size
    if not chosen:
        return text[: characters - len(OMITTED)].rsplit(" ", 1)[0] + OMITTED.rstrip()
    return _joined(text, [spans[n] for n in sorted(chosen)])


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Sentences that follow each other stay as they stand, so that a quote may span both."""
    out = OMITTED.lstrip() if text[: spans[0][0]].strip() else ""
    last = spans[0][0]
    for start, end in spans:
        between = text[last:start]
        out += (OMITTED if between.strip() else between) + text[start:end]
        last = end
    return (out + (OMITTED.rstrip() if text[last:].strip() else "")).strip()
