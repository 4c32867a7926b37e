"""The age and the sex of the patient, where a text states them plainly."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.terms.tables import word_set

_MALE = word_set("male man boy gentleman wm bm hm aam he his him himself")
_FEMALE = word_set("female woman girl lady wf bf hf aaf she her hers herself")
_PRONOUNS = word_set("he his him himself she her hers herself")
_PERSON = word_set("patient pt person adult adolescent teenager child toddler infant baby neonate newborn smoker")
_RELATIVE = word_set(
    "mother father parent parents brother sister sibling twin son daughter wife husband spouse uncle aunt cousin "
    "grandmother grandfather niece nephew partner friend donor"
)
# What may follow an age that is a person's at once: a "10-year-old with", but no "10-year-old fracture".
_GOES_ON = word_set(
    "with who whose present presents presenting presented has had is was s/p status and in on after from for came "
    "complains complaining complained referred brought admitted found noted undergoing underwent reports denies c/o"
)
_ENDS = frozenset(".;:)\n")
_WORDS_BETWEEN = 5
_OLD = re.compile(
    r"(?<![\d./])(?P<number>\d{1,3}(?:\.\d)?)[\s-]*(?P<unit>years?|yrs?|y|months?|mths?|mos?|weeks?|wks?|days?)\.?"
    r"(?:[\s-]*(?:of[\s-]+age|old)\b|\s*/\s*o\b|[\s-]?o\b\.?|(?=[\s-]+(?:fe)?(?:male|man|boy|girl)\b|[\s-]+woman\b))",
    re.IGNORECASE,
)
# "58M with fever", "45 y F": only where a sentence begins, and in capitals; 101 F elsewhere is a temperature.
_SHORT = re.compile(r"(?:^|(?<=[.;:\n]))\s*(?P<number>\d{1,3})\s?(?:y\s)?(?P<sex>[MF])\b(?![.°/])")
_AGED = re.compile(
    r"\b(?:(?P<male>man|male|boy|gentleman)|(?P<female>woman|female|girl|lady)|patient)"
    r"(?:,?\s+(?:aged|of)\s+|,\s*)(?P<number>\d{1,3})(?=\s*(?:[,.;\n]|$|with\b|years?\b|who\b))",
    re.IGNORECASE,
)
_LABELLED = re.compile(r"\bage\s*[:=]\s*(?P<number>\d{1,3})\b", re.IGNORECASE)
_LABELLED_SEX = re.compile(r"\b(?:sex|gender)\s*[:=]\s*(?P<sex>male|female|m|f)\b", re.IGNORECASE)
# "Smoker, 61 years": a phrase of its own in the first sentence. It is an age beside words for a person alone, or where
# nothing else is said; "cough, 3 years" is how long.
_BARE = re.compile(
    r"(?P<number>\d{1,3}(?:\.\d)?)[\s-]*(?P<unit>years?|yrs?|y|months?|mths?|mos?|weeks?|wks?|days?)\.?"
    r"(?P<follows>\s+(?:with|who|present\w*|complain\w*|referred|admitted)\b.*)?",
    re.IGNORECASE | re.DOTALL,
)
_FIRST_SENTENCE = re.compile(r"(?:[^.;:\n]|\.(?=\d)|(?<=yr)\.(?=,)|(?<=yrs)\.(?=,))*+")
# Letters within which a first sentence has its age.
_OPENING = 200
_LETTER_SEX = {"M": "male", "F": "female"}
_DESCRIBED = word_set(
    "a an the elderly old young white black caucasian asian african american hispanic heavy current active chronic "
    "lifelong nonsmoker non-smoker pregnant m f"
)
# Someone else's age, or the patient's at another time.
_ELSEWHERE = re.compile(
    rf"\b(?:(?:{'|'.join(sorted(_RELATIVE))})(?:,| is| was| of)?(?: an?)?|his|her|their|whose|as an?|when|at|since|"
    r"until|till|by|before|after|from|around|under|over|age|ages|age of)[\s(]*$",
    re.IGNORECASE,
)
_WORD = re.compile(r"\n|[\w/’'-]+|[.,;:()]")
_OLDEST = 120
_FIRST_WORDS = 6


@dataclass(frozen=True, slots=True)
class Demographics:
    """What a text says of its patient.

    Attributes:
        age: a number of years alone ("58"), else with its unit ("3 months"); empty when it is not said plainly.
        sex: "female", "male", or empty.
    """

    age: str = ""
    sex: str = ""


@dataclass(frozen=True, slots=True)
class _Aged:
    start: int
    age: str
    sex: str


def demographics(text: str) -> Demographics:
    """The patient's age and sex as a history begins with them: "58-year-old man", "45 y/o F", "a 3 month old girl".

    An age of a relative, of a lesion or of another time ("at 12 years of age") is none of the patient's. Of several
    ages the first counts where the text opens with it, and none otherwise. A sex that no age stands beside is taken
    only from a text that names one sex alone.
    """
    found = sorted(_ages(text), key=lambda aged: aged.start)
    chosen = found[0] if found and (len({aged.age for aged in found}) == 1 or _opens(text, found[0])) else None
    beside = [aged.sex for aged in found if aged.sex and chosen and aged.age == chosen.age]
    return Demographics(chosen.age if chosen else "", beside[0] if beside else _sex(text))


def _ages(text: str) -> Iterator[_Aged]:
    for match in _OLD.finditer(text):
        if not _is_elsewhere(text, match.start()) and (sex := _person(text[match.end() :])) is not None:
            yield from _aged(match, match["unit"], sex)
    for match in _SHORT.finditer(text):
        yield from _aged(match, "", "male" if match["sex"] == "M" else "female")
    for match in _AGED.finditer(text):
        if not _is_elsewhere(text, match.start()):
            yield from _aged(match, "", "male" if match["male"] else "female" if match["female"] else "")
    for match in _LABELLED.finditer(text):
        yield from _aged(match, "", "")
    yield from _opening(text)


def _opening(text: str) -> Iterator[_Aged]:
    sentence = _FIRST_SENTENCE.match(text[:_OPENING])
    phrases = sentence.group().split(",") if sentence else []
    start = 0
    for place, phrase in enumerate(phrases):
        before, after = phrases[:place], phrases[place + 1 : place + 2]
        if not all(map(_is_of_a_person, before)):
            return
        at = start + len(phrase) - len(phrase.lstrip())
        start += len(phrase) + 1
        match = _BARE.fullmatch(text, at, at + len(phrase.strip()))
        if match and (before or _is_an_age(match, after)):
            beside = " , ".join((*before, *after))
            yield from _aged(match, match["unit"], _LETTER_SEX.get(beside.strip(), _sex(beside)))
            return


def _is_an_age(match: re.Match[str], after: Sequence[str]) -> bool:
    """Of years that a text opens with."""
    if match["follows"]:
        return False
    return _names_a_person(after[0]) if after else match["unit"].lower().startswith("y")


def _words(phrase: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[\w-]+", phrase)]


def _is_of_a_person(phrase: str) -> bool:
    words = set(_words(phrase))
    return bool(words) and words <= _DESCRIBED | _PERSON | _MALE | _FEMALE - _PRONOUNS


def _names_a_person(phrase: str) -> bool:
    """ "smoker with a cough" does, "patient had a cough" does not say whose years these are."""
    first = [word for word in _words(phrase) if word not in _DESCRIBED - {"m", "f"}][:1]
    return (
        _is_of_a_person(phrase)
        or set(first) <= {"smoker", "nonsmoker", "non-smoker", "m", "f"} | _MALE | _FEMALE - _PRONOUNS
    )


def _is_elsewhere(text: str, start: int) -> bool:
    return bool(_ELSEWHERE.search(text[max(0, start - 40) : start]))


def _aged(match: re.Match[str], unit: str, sex: str) -> Iterator[_Aged]:
    number = float(match["number"])
    if number > _OLDEST:
        return
    unit = {"m": "month", "w": "week", "d": "day"}.get(unit[:1].lower(), "")
    shown = f"{number:g} {unit}{'' if number == 1 else 's'}" if unit else f"{number:g}"
    yield _Aged(match.start(), shown, sex)


def _person(following: str) -> str | None:
    """The sex of the person whose age this is, empty when it is not said; None when it is no person's, or another's."""
    words = [{"M": "male", "F": "female"}.get(word, word.lower().strip("-")) for word in _WORD.findall(following[:120])]
    if words[:1] == [","]:
        words = words[1:]
    for place, word in enumerate(words[: _WORDS_BETWEEN + 1]):
        if word in _RELATIVE:
            return None
        if word in _MALE or (word == "m" and place == 0):
            return None if set(words[place + 1 : place + 2]) & _RELATIVE else "male"
        if word in _FEMALE or (word == "f" and place == 0):
            return None if set(words[place + 1 : place + 2]) & _RELATIVE else "female"
        if word in _PERSON:
            return ""
        if word in _GOES_ON or word in _ENDS or word == ",":
            return "" if place == 0 else None
    return None if words else ""


def _opens(text: str, aged: _Aged) -> bool:
    before = text[: aged.start]
    return len(before.split()) <= _FIRST_WORDS and not re.search(r"[.;]\s", before)


def _sex(text: str) -> str:
    if labelled := _LABELLED_SEX.search(text):
        return "male" if labelled["sex"].lower().startswith("m") else "female"
    words = {word.lower() for word in _WORD.findall(text)}
    is_male, is_female = bool(words & _MALE), bool(words & _FEMALE)
    # Where a relative is spoken of, "she" may be the mother.
    if is_male == is_female or (words & _RELATIVE and not (words - _PRONOUNS) & (_MALE | _FEMALE)):
        return ""
    return "male" if is_male else "female"
