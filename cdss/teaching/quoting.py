"""What a case's own text says of a diagnosis, word for word, with the place it stands at."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from cdss.library.case_text import case_blocks
from cdss.library.models import Case
from cdss.teaching.masking import Names, names_of_text
from retrieval.terms import sentences

MOST = 3
# What gives a reason before what gives a name.
REASONS = ("Diagnosis by", "Discussion", "Learning points", "Findings", "History", "Exam", "Images")
CONFIRMED = "Diagnosis by"


# Headings are part of the text that passages are cut from; these two read better in full.
IN_FULL = {"Exam": "Examination", "Diagnosis by": "How the diagnosis was made"}


@dataclass(frozen=True, slots=True)
class Quote:
    text: str
    heading: str
    address: str

    @property
    def place(self) -> str:
        return IN_FULL.get(self.heading, self.heading)


def quotes_why(case: Case) -> list[Quote]:
    """How the diagnosis was confirmed, and what the text says of it."""
    said = [quote for quote in _sentences(case) if quote.heading == CONFIRMED]
    named = _naming(case, names_of_text(case.diagnosis))
    return list(dict.fromkeys([*said[:1], *named]))[:MOST]


def quotes_on(case: Case, name: str) -> list[Quote]:
    """Sentences that name this diagnosis; none is an honest answer too."""
    return _naming(case, names_of_text(name))[:MOST]


def _naming(case: Case, names: Names) -> list[Quote]:
    return [quote for quote in _sentences(case) if names.stand_in(quote.text)]


def _sentences(case: Case) -> list[Quote]:
    blocks = {block.heading: block for block in case_blocks(case)}
    page = reverse("library:case", args=[case.pk])
    found = []
    for heading in REASONS:
        block = blocks.get(heading)
        for span in sentences(block.text) if block else ():
            start, end = block.start + span.start, block.start + span.end  # type: ignore[union-attr]
            found.append(Quote(span.text, heading, f"{page}?start={start}&end={end}#cited"))
    return found
