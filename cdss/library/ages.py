"""Ages as a case holds them: read in years, and said so that an infant is not 0 years old."""

import re

from cdss.library.identifier_patterns import OLDEST_AGE

UNIT_YEARS = {"d": 1 / 365.25, "w": 7 / 365.25, "m": 1 / 12, "y": 1.0}
UNIT_NAMES = {"d": "day", "w": "week", "m": "month", "y": "year"}
OLDEST = 130
AGE = re.compile(
    r"^\s*(?:aged?\s*)?(\d{1,3}(?:\.\d+)?)\s*[-–]?\s*(d|days?|w|wks?|weeks?|m|mos?|mths?|months?|y|yrs?|years?|y/?o|)\b",
    re.IGNORECASE,
)


# A number alone or with a unit: what is written so is meant as an age.
_NUMBER = re.compile(
    r"\s*[-+–−]?(?:\d+(?:[.,]\d*)?|[.,]\d+|nan|inf(?:inity)?)(?:e[-+]?\d+)?\s*(?:d|w|m|y|days?|weeks?|months?|years?)?\s*",
    re.IGNORECASE,
)
NO_AGE = f"age: expected years from 0 to {OLDEST}, or a number with its unit as in “6 months”"


def is_no_age(age: str) -> bool:
    """Of a number that is no age of a person: "-5", "400", "NaN". Words ("adult", "unknown") say what they say."""
    return bool(_NUMBER.fullmatch(age)) and age_years(age) is None


def age_years(age: str) -> float | None:
    """Years of "58", "58 y", "6 months", "3-week-old", "090Y", "90 or older"; None when it is not an age."""
    found = AGE.match(age)
    if not found:
        return None
    years = float(found[1]) * UNIT_YEARS[_unit(found)]
    return round(min(years, float(OLDEST_AGE)), 3) if years <= OLDEST else None


def age_said(age: str) -> str:
    """ "58 years", "6 months", "12 days"; "under 1 year" where years are all that is known of an infant. What says
    more than a number and its unit stays as it was written."""
    found = AGE.fullmatch(age.strip())
    if not found or float(found[1]) > OLDEST:
        return age
    number, unit = float(found[1]), _unit(found)
    if unit == "y" and number < 1:
        number, unit = round(number * 12), "m"
    if not number:
        return "under 1 year" if unit in "my" else f"under 1 {UNIT_NAMES[unit]}"
    return f"{number:g} {UNIT_NAMES[unit]}{'' if number == 1 else 's'}"


def dicom_age(years: float | None) -> str:
    """As an age string of DICOM: years from two on, months and days below."""
    if years is None:
        return ""
    if years >= 2:
        return f"{int(years):03}Y"
    months = int(years * 12 + 1e-3)
    if months:
        return f"{months:03}M"
    # Of nothing but 0 it is not known whether days or months are meant.
    return f"{round(years * 365.25):03}D" if years else ""


def _unit(found: re.Match[str]) -> str:
    return (found[2] or "y")[0].lower()
