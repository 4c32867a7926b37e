"""Who cannot have a diagnosis at all: by the organs its name or its code of ICD-10-CM is of, and by age."""

import re
from dataclasses import dataclass
from typing import Literal

from cdss.reasoning.concepts import Concept

Sex = Literal["", "female", "male"]
# The ages that the Medicare Code Editor of CMS accepts for the diagnoses of pregnancy.
PREGNANT_FROM, PREGNANT_TO = 9, 64
ADULT = 18
_FEMALE = re.compile(
    r"\b(?:ovar(?:y|ies|ian)|uter(?:us|ine)|endometri\w+|myometri\w+|adenomyosis|vagin\w*|vulva\w*|fallopian|adnexal?|"
    r"pregnan\w+|ectopic gestation|placent\w+|gestational|pre-?eclampsia|eclampsia|hydatidiform|tubo-?ovarian)\b",
    re.IGNORECASE,
)
_MALE = re.compile(
    r"\b(?:prostat\w+|test(?:is|es|icular|icles?)|scrot(?:um|al)|epididym\w+|spermatic|seminal vesicles?|penile|penis|"
    r"cryptorchid\w+)\b",
    re.IGNORECASE,
)
# Names of what only looks like the other sex's organ, or begins in it and ends in a child.
_EITHER = re.compile(r"\b(?:feminization|insensitivity|utricle|insufficiency|alloimmune|metasta\w+)\b", re.IGNORECASE)
_PREGNANCY = re.compile(r"\b(?:ectopic pregnancy|tubal pregnancy|pregnancy|pre-?eclampsia|eclampsia)\b", re.IGNORECASE)
_NEWBORN = re.compile(r"\b(?:neonat(?:e|al|orum)|newborns?|f(?:o)?etal|of prematurity|meconium)\b", re.IGNORECASE)
_CODES: dict[Sex, re.Pattern[str]] = {
    "female": re.compile(r"N[78]\d|N9[0-8]|C5[1-8]|D25|D27|O"),
    "male": re.compile(r"N4[0-9]|N5[0-3]|C6[0-3]"),
}
_PREGNANCY_CODE = "O"


@dataclass(frozen=True, slots=True)
class Patient:
    """Years, None when they are not known, and the sex, empty when it is not."""

    years: float | None = None
    sex: Sex = ""


ANYONE = Patient()


def sex_of(text: str) -> Sex:
    word = text.strip().lower()
    return "female" if word in ("f", "female", "woman") else "male" if word in ("m", "male", "man") else ""


def is_impossible(concept: Concept, name: str, patient: Patient) -> bool:
    """Not what is rare, but what anatomy or time rules out."""
    said = f"{concept.key} {name}"
    code = concept.codes.get("icd10cm", "")
    years = patient.years
    if years is not None and years >= ADULT and _NEWBORN.search(concept.key):
        return True
    is_of_pregnancy = bool(_PREGNANCY.search(concept.key)) or code.startswith(_PREGNANCY_CODE)
    if years is not None and is_of_pregnancy and not PREGNANT_FROM <= years <= PREGNANT_TO:
        return True
    only = _sex_that_has(said, code)
    return bool(only and patient.sex and only != patient.sex)


def _sex_that_has(said: str, code: str) -> Sex:
    if _EITHER.search(said):
        return ""
    female, male = (bool(words.search(said) or _CODES[sex].match(code)) for sex, words in _SEXES)
    return "" if female == male else "female" if female else "male"


_SEXES: tuple[tuple[Sex, re.Pattern[str]], ...] = (("female", _FEMALE), ("male", _MALE))
