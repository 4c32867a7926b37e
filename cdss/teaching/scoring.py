"""Whether what a learner wrote is the diagnosis, by name and synonyms; and how near it is in ICD-10-CM."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cdss.library.models import Case
from cdss.reasoning.concepts import concept_of
from cdss.reasoning.icd import icd_credit
from cdss.reasoning.naming import same_as_any
from retrieval.terms import normalise_name

MOST_ANSWERS = 5
MOST_CHARACTERS = 120
MOST_WORDS = 9
# Words that learners use for one another in a name.
PLAIN = {
    "bronchial": "bronchus", "cancer": "carcinoma", "cardiac": "heart", "cerebral": "brain",
    "colonic": "colon", "gastric": "stomach", "hepatic": "liver", "osseous": "bone",
    "ovarian": "ovary", "pancreatic": "pancreas", "pleural": "pleura", "prostatic": "prostate", "pulmonary": "lung",
    "renal": "kidney", "splenic": "spleen", "stone": "calculus", "ureteral": "ureter", "ureteric": "ureter",
    "uterine": "uterus", "vertebral": "vertebra",
}  # fmt: skip
# More than one disease in one line, or the opposite of one, is no answer.
_SEVERAL = re.compile(r"[,;/|+]|\b(?:or|versus|vs|and/or|ddx)\b", re.IGNORECASE)
_DENIED = re.compile(r"^(?:no|not|non|without|exclude[sd]?|never|rule[sd]? out)\b", re.IGNORECASE)


class AnswerError(ValueError):
    """An answer that cannot be scored; the message is for the learner."""


@dataclass(frozen=True, slots=True)
class Score:
    # Of the first right answer, from 1.
    place: int | None
    icd_credit: float | None


def checked_answers(lines: Iterable[str]) -> list[str]:
    """One diagnosis a line, in order; the same said twice counts once. No line at all is giving up."""
    found: dict[str, str] = {}
    for line in lines:
        text = " ".join(line.split())
        if not text:
            continue
        if len(text) > MOST_CHARACTERS or len(normalise_name(text).split()) > MOST_WORDS or _SEVERAL.search(text):
            raise AnswerError("Write one diagnosis in each box, by its name alone.")
        found.setdefault(normalise_name(text) or text.lower(), text)
    if len(found) > MOST_ANSWERS:
        raise AnswerError(f"Give at most {MOST_ANSWERS} diagnoses, the likeliest first.")
    return list(found.values())


def is_right(answer: str, names: Sequence[str]) -> bool:
    """One of the names, or a synonym of one; a line of several diseases is none of them."""
    text = answer.strip()
    if not text or _DENIED.match(text) or _SEVERAL.search(text) or len(text.split()) > MOST_WORDS:
        return False
    return same_as_any(text, names) or any(_plainly(text) == _plainly(name) for name in names)


def score(answers: Sequence[str], case: Case) -> Score:
    place = next((place for place, answer in enumerate(answers, 1) if is_right(answer, [case.diagnosis])), None)
    gold = icd_code(case)
    # What is right has the case's own code, whatever its name has.
    codes = [gold if is_right(answer, [case.diagnosis]) else _code_of(answer) for answer in answers]
    credits = [icd_credit(code, gold) for code in codes if code] if gold else []
    return Score(place, max(credits, default=None))


def icd_code(case: Case) -> str:
    """The case's own code, else that of its diagnosis' name."""
    for row in case.codes:
        if isinstance(row, dict) and str(row.get("system", "")).upper().replace(" ", "-").startswith("ICD-10"):
            return str(row.get("code") or "")
    return _code_of(case.diagnosis)


def _plainly(name: str) -> frozenset[str]:
    """A hamartoma of the lung is a pulmonary one."""
    words = {word for word in normalise_name(name).split() if word not in ("of", "the", "in")}
    return frozenset(PLAIN.get(word, word) for word in words)


def _code_of(name: str) -> str:
    for said in (name, " ".join(sorted(_plainly(name)))):
        concept = concept_of(said)
        if concept and (code := concept.codes.get("icd10cm", "")):
            return code
    return ""
