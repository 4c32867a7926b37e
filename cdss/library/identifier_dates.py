"""Dates and great ages in free text. Bare years and ages up to 89 stay."""

import re

MONTH_NAME = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
)
MONTH = rf"{MONTH_NAME}\b\.?"
YEAR = r"(?:19|20)\d\d"
DAY = r"(?:0?[1-9]|[12]\d|3[01])"
TIME = r"(?:T\d{2}:?\d{2}(?::?\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
NOT_A_MEASURE = (
    r"(?!\d)(?!\s?(?:%|(?:mm|cm|mg|mcg|ml|mL|g|kg|cc|HU|Gy|mSv|weeks?|days?|hours?|months?|years?|percent|patients?|cases?)\b))"
    r"(?!\.\d)"
)
COUNTED = r"(?!\s+(?:live\b|births?|people|persons?|patients|individuals|cases|children|women|men|pregnan))"

# Named groups d, m, y hold numbers that must make a date; a or b is a day or a month, whichever fits.
DATES = (
    rf"(?<![\d./-])(?P<y>{YEAR})(?P<s>[-/.])(?P<a>\d{{1,2}})(?P=s)(?P<b>\d{{1,2}}){TIME}(?![\d/-])",
    rf"(?<![\d./-])(?P<a>\d{{1,2}})(?P<s>[/.-])(?P<b>\d{{1,2}})(?P=s)(?P<y>{YEAR})(?![\d/-])",
    rf"(?<![\d./-])(?P<a>\d{{1,2}})(?P<s>[/-])(?P<b>\d{{1,2}})(?P=s)(?P<y>\d{{2}})(?![\d/-]){NOT_A_MEASURE}",
    rf"(?<![\d./-])(?P<a>\d{{2}})\.(?P<b>\d{{2}})\.(?P<y>\d{{2}})(?![\d/-]){NOT_A_MEASURE}",
    rf"(?<![\d./-])(?P<y>{YEAR})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?!\d)",
    rf"(?<![\w/-]){DAY}(?:st|nd|rd|th)?(?:\s+of)?[\s-]+{MONTH}[\s,'-]*(?:{YEAR}|\d\d(?!\d))?(?!\w){NOT_A_MEASURE}",
    rf"(?<![\w/-]){DAY}{MONTH_NAME}(?:{YEAR}|\d\d)(?!\d)",
    rf"\b{MONTH}[\s-]+{DAY}(?:st|nd|rd|th)?(?:\s*,?\s*{YEAR})?(?![\w/]){NOT_A_MEASURE}",
    rf"\b{MONTH}(?:\s+of)?[\s,'-]+{YEAR}(?!\d)",
    rf"(?<![\d./-])(?P<m>0[1-9]|1[0-2])/{YEAR}(?![\d/]){COUNTED}",
    rf"\b(?:in|on|since|from|until|by|dated)\s+(?P<x>(?P<m>\d{{1,2}})/{YEAR})(?![\d/]){COUNTED}",
    r"\b(?:on|dated|since|until)\s+(?P<x>(?P<m>0?[1-9]|1[0-2])/(?P<d>0[1-9]|1[1-9]|2\d|3[01]))(?![\d/.])"
    + COUNTED
    + NOT_A_MEASURE,
)

AGES = (
    r"(?<![\d.,/-])(?P<age>\d{2,3})[\s-]*(?:years?|yrs?)[\s-]*(?:old|of[\s-]+age)\b",
    r"(?<![\d.,/-])(?P<age>\d{2,3})[\s-]*(?:y\.?/?o\.?(?![\w])|y/o|yr[\s-]old)",
    r"(?<!by )(?<!before )(?<!after )(?<!until )(?<!from )"
    r"\b(?:aged?|age\s*[:=]|age\s+of)\s*(?P<x>(?P<age>\d{2,3})(?:\s*(?:years?|yrs?|y)\b)?)(?!\s+or\s+older)(?![\d.,/-]\d)",
    r"(?:^|\ban?\s+)(?P<x>(?P<age>\d{2,3}))(?=\s?(?-i:[MF])\b\s*(?:,|with\b|who\b|pres|admitted|s/p|c/o|h/o|hx\b))",
)


def is_date(match: re.Match[str]) -> bool:
    found = match.groupdict()
    if found.get("a"):
        first, second = int(found["a"]), int(found["b"])
        return 1 <= min(first, second) <= 12 and 1 <= max(first, second) <= 31
    return not found.get("m") or 1 <= int(found["m"]) <= 12


def is_old_age(match: re.Match[str]) -> bool:
    return 90 <= int(match["age"]) <= 125
