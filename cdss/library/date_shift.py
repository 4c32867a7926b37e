"""Dates of one patient moved by the same number of days wherever they stand: the days between them stay.

The number comes from a keyed hash of the patient, so history, report and DICOM header agree and nobody can undo it
without the site's secret.
"""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.crypto import salted_hmac

LEAST, MOST = 30, 3650
MONTHS = {name[:3].lower(): number for number, name in enumerate(month_name) if name}
NUMBERS = re.compile(r"\d+|[A-Za-z]{3,}")
AMBIGUOUS = re.compile(r"(?<![\d./-])(\d{1,2})([/.-])(\d{1,2})\2(?:\d{4}|\d\d)(?!\d)")
# A year of which every day exists, for dates that do not tell theirs.
ANY_YEAR = 2000
PIVOT = 50


@dataclass(frozen=True, slots=True)
class DateShift:
    """`days` are taken off every date."""

    days: int

    @classmethod
    def of(cls, patient: str) -> DateShift:
        """The shift of a patient, by what they are called everywhere: 30 days to ten years into the past."""
        digest = salted_hmac("cdss.library.date_shift", patient.strip(), algorithm="sha256").digest()
        return cls(LEAST + int.from_bytes(digest[:8], "big") % (MOST - LEAST + 1))

    def moved(self, day: date) -> date:
        return day - timedelta(days=self.days)

    def reader(self, text: str) -> Callable[[str], str | None]:
        """Moves dates of this text; None for what cannot be read as one. 3/4 is a day and a month as the others are."""
        day_first = _day_first(text)
        return lambda written: self._written(written, day_first)

    def _written(self, written: str, day_first: bool) -> str | None:
        try:
            return _Written.read(written, day_first).shown(self)
        except (ValueError, OverflowError):
            return None

    def dicom(self, value: str, vr: str) -> str:
        """A DA or DT value moved, its time of the day kept; empty when it cannot be read."""
        size = 8
        try:
            day = datetime.strptime(value[:size], "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
            return f"{self.moved(day):%Y%m%d}{value[size:] if vr == 'DT' else ''}"
        except (ValueError, OverflowError):
            return ""


@dataclass(frozen=True, slots=True)
class _Written:
    """A date as it was written: its parts, where they stand, and which of them it told."""

    text: str
    parts: tuple[tuple[int, int, str], ...]
    day: int
    month: int
    year: int

    @classmethod
    def read(cls, text: str, day_first: bool) -> _Written:
        found = [(match.start(), match.end(), match.group()) for match in NUMBERS.finditer(text)]
        if compact := re.match(r"\d{8}", text):
            found = [(0, 4, compact[0][:4]), (4, 6, compact[0][4:6]), (6, 8, compact[0][6:])]
        named = [part for part in found if part[2][:3].lower() in MONTHS and part[2].isalpha()]
        numbers = [part for part in found if part[2].isdigit()][: 2 if named else 3]
        year = next((part for part in numbers if len(part[2]) == 4), None)
        if named:
            roles = _around_name(named[0], numbers, year)
        elif year and len(numbers) == 2:
            roles = {"month": next(part for part in numbers if part is not year), "year": year}
        else:
            roles = _of_numbers(numbers, year, day_first)
        values = {role: _value(role, part[2]) for role, part in roles.items()}
        ordered = tuple(sorted((part[0], part[1], role) for role, part in roles.items()))
        date(values.get("year", ANY_YEAR), values["month"], values.get("day", 15))
        return cls(text, ordered, values.get("day", 15), values["month"], values.get("year", ANY_YEAR))

    def shown(self, shift: DateShift) -> str:
        day = shift.moved(date(self.year, self.month, self.day))
        shown, at = "", 0
        for start, end, role in self.parts:
            shown += self.text[at:start] + _like(self.text[start:end], role, day)
            at = end
        return re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", lambda _: ordinal(day.day), shown + self.text[at:])


Part = tuple[int, int, str]


def _around_name(name: Part, numbers: list[Part], year: Part | None) -> dict[str, Part]:
    roles = {"month": name}
    rest = [part for part in numbers if part is not year]
    if year is None and len(rest) == 2:
        year = rest.pop()
    if year:
        roles["year"] = year
    if rest:
        roles["day"] = rest[0]
    return roles


def _of_numbers(numbers: list[Part], year: Part | None, day_first: bool) -> dict[str, Part]:
    if len(numbers) < 2:
        raise ValueError(numbers)
    if len(numbers) == 3 and year is None:
        year = numbers[2]
    first, second = [part for part in numbers if part is not year][:2]
    if year is numbers[0] and len(numbers) == 3:
        month, day = (first, second) if int(first[2]) <= 12 else (second, first)
    elif int(first[2]) > 12 or (day_first and int(second[2]) <= 12):
        day, month = first, second
    else:
        month, day = first, second
    return {"month": month, "day": day} | ({"year": year} if year else {})


def _value(role: str, text: str) -> int:
    if role == "month" and text.isalpha():
        return MONTHS[text[:3].lower()]
    if role == "year" and len(text) == 2:
        return int(text) + (1900 if int(text) >= PIVOT else 2000)
    return int(text)


def _like(text: str, role: str, day: date) -> str:
    """The new value in the clothes of the old one."""
    if role == "year":
        return f"{day:%Y}"[-len(text) :]
    if role == "month" and text.isalpha():
        name = f"{day:%B}" if len(text) > 3 or text.lower() == "may" else f"{day:%b}"
        return name.upper() if text.isupper() else name
    value = day.month if role == "month" else day.day
    return f"{value:02}" if text.startswith("0") or len(text) == 2 else str(value)


def ordinal(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _day_first(text: str) -> bool:
    """Whether dates of this text are written with the day in front: any that can only be read so says it."""
    for first, separator, second in AMBIGUOUS.findall(text):
        if int(first) > 12 >= int(second):
            return True
        if int(second) > 12:
            return False
        if separator == ".":
            return True
    return False
