"""A case on its way in: pasted text split into its parts, identifiers taken out, everything refused that is no case."""

import re
import unicodedata
from dataclasses import replace
from typing import Any

from django.conf import settings

from cdss.library.ages import is_no_age
from cdss.library.date_shift import DateShift
from cdss.library.deidentify import Deidentified, deidentify
from cdss.reasoning.types import CaseInput, Correction
from retrieval.terms.demographics import demographics

TEXT_FIELDS = ("history", "exam", "findings")
_HEADINGS = {
    "history": r"history|hx|hpi|clinical (?:history|information|details|indication)|indication|presentation|anamnesis",
    "exam": r"(?:physical )?exam(?:ination)?|on examination|o/e|laboratory(?: findings)?|labs?",
    "findings": r"(?:imaging |radiolog(?:y|ical) )?findings?|imaging|report|radiology",
}
_HEADING = re.compile(
    "|".join(
        rf"(?P<{name}>^[ \t]*(?:{words})[ \t]*(?::|$)|(?<=[.;])[ \t]+(?:{words})[ \t]*:)"
        for name, words in _HEADINGS.items()
    ),
    re.IGNORECASE | re.MULTILINE,
)
# Words of a report that speak of pixels: a paragraph of pasted text that uses them is a description of findings.
_IMAGING = re.compile(
    r"\b(CT|MRI?|T[12][- ]?weighted|FLAIR|DWI|radiographs?|X-?ray|ultrasound|echogenic|hyperintens\w*|hypointens\w*|"
    r"attenuation|enhanc\w+|opacit\w+|lucen\w+|axial|coronal|sagittal|images?|density)\b",
    re.IGNORECASE,
)


class CaseRefusedError(Exception):
    """Its message is for the person who entered the case."""


def checked(case: CaseInput, *, with_images: bool = False) -> CaseInput:
    """The case without control characters. Raises CaseRefusedError when it is empty or too long.

    Images alone are a case too.
    """
    clean = cleaned(case)
    if not clean.has_words and not with_images:
        raise CaseRefusedError("The case is empty. Write a history, an examination or findings, or add an image.")
    return clean


def cleaned(case: CaseInput) -> CaseInput:
    """The same for a case that is still being written: it may be empty."""
    texts: dict[str, Any] = {name: _printable(getattr(case, name)) for name in ("age", "sex", *TEXT_FIELDS)}
    clean = replace(case, **texts)
    length = len(clean.text)
    if length > settings.CASE_MAX_CHARACTERS:
        raise CaseRefusedError(
            f"The case has {length:,} characters; at most {settings.CASE_MAX_CHARACTERS:,} are read. "
            "Leave out what does not describe this case."
        )
    if len(clean.age) > 40 or len(clean.sex) > 20 or is_no_age(clean.age):
        raise CaseRefusedError("Write the age as a number with its unit, and the sex as one word.")
    return clean


def _printable(text: str) -> str:
    normal = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in normal if c in "\n\t" or unicodedata.category(c)[0] != "C").strip()


def deidentified(case: CaseInput, *, shift: DateShift | None = None) -> tuple[CaseInput, dict[str, int]]:
    """The case without identifiers, and how many of each kind were taken out. With a shift, dates move."""
    results = {name: deidentify(getattr(case, name), shift=shift) for name in TEXT_FIELDS}
    removed: dict[str, int] = {}
    for result in results.values():
        for kind, count in result.removed.items():
            removed[kind] = removed.get(kind, 0) + count
    texts: dict[str, Any] = {name: result.text for name, result in results.items()}
    return replace(case, **texts, corrections=tuple(map(_deidentified, case.corrections))), removed


def _deidentified(correction: Correction) -> Correction:
    """Of a finding that was read the words are those of the text, which is de-identified itself."""
    text = deidentify(_printable(correction.text)).text if correction.start < 0 else correction.text
    return replace(correction, text=text, measure=deidentify(_printable(correction.measure)).text)


def marked(case: CaseInput) -> dict[str, Deidentified]:
    return {name: deidentify(getattr(case, name)) for name in TEXT_FIELDS}


def split_pasted(text: str) -> CaseInput:
    """Pasted text by its headings; without headings, paragraphs that describe images are the findings."""
    parts: dict[str, list[str]] = {name: [] for name in TEXT_FIELDS}
    headings = list(_HEADING.finditer(text))
    if headings:
        ends = [heading.start() for heading in headings[1:]] + [len(text)]
        parts["history"].append(text[: headings[0].start()])
        for heading, end in zip(headings, ends, strict=True):
            parts[str(heading.lastgroup)].append(text[heading.end() : end])
    else:
        for paragraph in re.split(r"\n\s*\n", text):
            parts["findings" if _IMAGING.search(paragraph) else "history"].append(paragraph)
    joined = {name: "\n".join(part.strip() for part in found if part.strip()) for name, found in parts.items()}
    read = demographics(joined["history"] or text)
    return CaseInput.of({"age": read.age, "sex": read.sex, **joined})
