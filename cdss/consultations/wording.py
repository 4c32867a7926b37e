"""The composer's sentences taken apart: the case's words and the source's are told from each other at a glance."""

import re
from dataclasses import dataclass

from cdss.reasoning.composer import IN_FULL, SEPARATES
from cdss.reasoning.image_composer import RESEMBLES

_MATCHED = re.compile(
    rf"This case (?P<verb>reports|denies) “(?P<case>.+?)”(?:{IN_FULL} “(?P<whole>.+?)”)?; "
    r"the source states “(?P<source>.+)”\.",
    re.DOTALL,
)
_RESEMBLING = re.compile(rf"{re.escape(RESEMBLES)} “(?P<source>.+)”\.", re.DOTALL)
_APART = re.compile(rf"{SEPARATES} “(?P<finding>[^”]+)”\. (?P<said>(?:The|Another) source states “.+”\.)", re.DOTALL)
_EACH = re.compile(r"(?:\A|(?<=”\. ))(?:The|Another) source states “(.+?)”\.(?= Another source states “|\Z)", re.DOTALL)
_ALONE = re.compile(r"The source (?P<verb>states|lists) “(?P<source>.+)”\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """`case` is empty when the sentence says nothing of the case's text, `by_image` when an image of it is alike."""

    verb: str
    case: str
    source: str
    by_image: bool = False
    # What tells the first diagnoses apart, and what each source states of it.
    apart: str = ""
    stated: tuple[str, ...] = ()
    # The finding in full, where the source speaks of a part of it.
    whole: str = ""

    @property
    def speaks_of_the_case(self) -> bool:
        return bool(self.case) or self.by_image


def said_in(text: str) -> Said | None:
    """None for a sentence of any other form: it is shown as it is."""
    if found := _MATCHED.fullmatch(text):
        return Said(found["verb"], found["case"], found["source"], whole=found["whole"] or "")
    if found := _RESEMBLING.fullmatch(text):
        return Said("states", "", found["source"], by_image=True)
    if found := _APART.fullmatch(text):
        return Said("states", "", "", apart=found["finding"], stated=tuple(_EACH.findall(found["said"])))
    if found := _ALONE.fullmatch(text):
        return Said(found["verb"], "", found["source"])
    return None
