"""The composer's sentences taken apart: the case's words and the source's are told from each other at a glance."""

import re
from dataclasses import dataclass

_MATCHED = re.compile(
    r"This case (?P<verb>reports|denies) “(?P<case>.+?)”; the source states “(?P<source>.+)”\.", re.DOTALL
)
_ALONE = re.compile(r"The source (?P<verb>states|lists) “(?P<source>.+)”\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """`case` is empty when the sentence says nothing of the case."""

    verb: str
    case: str
    source: str


def said_in(text: str) -> Said | None:
    """None for a sentence of any other form: it is shown as it is."""
    if found := _MATCHED.fullmatch(text):
        return Said(found["verb"], found["case"], found["source"])
    if found := _ALONE.fullmatch(text):
        return Said(found["verb"], "", found["source"])
    return None
