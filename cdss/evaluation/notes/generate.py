"""Invented clinical notes whose identifiers are known, because they were put there. Synthetic; the seed makes them."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from cdss.evaluation.notes import people, templates
from cdss.evaluation.notes.people import People
from cdss.evaluation.notes.templates import Templates

SLOT = re.compile(r"\{(\w+)\.(\w+)\}")
SETS: Mapping[str, tuple[People, Templates]] = {
    "development": (people.DEVELOPMENT, templates.DEVELOPMENT),
    "second development": (people.SECOND, templates.SECOND),
    "held out": (people.HELD_OUT, templates.HELD_OUT),
}
# What a slot is counted as.
COUNTED = {"patient": "name", "again": "name", "pager": "phone", "town": "place", "employer": "institution"}
# No identifier: a time of the day says nothing of whom.
NOT_COUNTED = frozenset({"time"})
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Note:
    """`spans` are (start, end, kind) of the identifiers in the text."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


def notes(*, part: str, count: int, seed: int) -> list[Note]:
    names, parts = SETS[part]
    draw = random.Random(f"{seed} {part}")
    return [_Writer(names, parts, draw).note() for _ in range(count)]


@dataclass(slots=True)
class _Writer:
    names: People
    parts: Templates
    draw: random.Random
    patient: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.patient = self._given(), self._surname()

    def note(self) -> Note:
        sentences = self.draw.sample(self.parts.sentences, self.draw.randint(3, 6))
        sentences += self.draw.sample(self.parts.clinical, self.draw.randint(2, 5))
        self.draw.shuffle(sentences)
        joined = self.draw.choice((" ", "\n", " ")).join(sentences)
        ends = [self.draw.choice(self.parts.ends)] if self.draw.random() < 0.8 else []
        return self._filled("\n\n".join([self.draw.choice(self.parts.heads), joined, *ends]))

    def _filled(self, template: str) -> Note:
        text, spans, at = "", [], 0
        for slot in SLOT.finditer(template):
            text += template[at : slot.start()]
            value = self._value(slot[1], slot[2])
            if value.startswith("the "):
                text, value = f"{text}the ", value.removeprefix("the ")
            if slot[1] not in NOT_COUNTED:
                spans.append((len(text), len(text) + len(value), COUNTED.get(slot[1], slot[1])))
            text += value
            at = slot.end()
        return Note(text + template[at:], tuple(spans))

    def _value(self, kind: str, form: str) -> str:
        makers: dict[str, Callable[[str], str]] = {
            "patient": lambda form: _name(*self.patient, form),
            "again": lambda form: _name(*self.patient, form),
            "name": self._person,
            "date": self._date,
            "address": self._address,
            "town": self._town,
            "institution": lambda _: self.draw.choice(self.names.institutions),
            "employer": lambda _: self.draw.choice(self.names.employers).removeprefix("the "),
        }
        return makers[kind](form) if kind in makers else self._number(kind, form)

    def _given(self) -> str:
        return self.draw.choice(self.names.given)

    def _surname(self) -> str:
        return self.draw.choice(self.names.surnames)

    def _person(self, form: str) -> str:
        if form == "word":
            return self.draw.choice(self.names.words)
        if form == "hyphen":
            return f"{self._plain_surname()}-{self._plain_surname()}"
        return _name(self._given(), self._surname(), form)

    def _plain_surname(self) -> str:
        return self.draw.choice([name for name in self.names.surnames if name.isalpha()])

    def _date(self, form: str) -> str:
        day = date(1931, 1, 1) + timedelta(days=self.draw.randrange(34_000))
        forms = {
            "slash": f"{day.month}/{day.day}/{day.year}" if self.draw.random() < 0.5 else f"{day:%m/%d/%Y}",
            "slash_short": f"{day.month}/{day.day}/{day:%y}",
            "iso": day.isoformat(),
            "dots": f"{day:%d.%m.%Y}",
            "british": f"{day:%d/%m/%Y}" if self.draw.random() < 0.5 else f"{day.day} {day:%B %Y}",
            "long": self.draw.choice((f"{day:%B} {day.day}, {day.year}", f"{day.day} {day:%b %Y}", f"{day:%d-%b-%Y}")),
            "month_year": f"{day:%B %Y}",
            "day_month": self.draw.choice((f"{day:%B} {day.day}", f"the {day.day}{_ordinal(day.day)} of {day:%B}")),
        }
        return forms[form]

    def _address(self, form: str) -> str:
        if form == "box":
            return f"P.O. Box {self.draw.randint(10, 9999)}"
        kind = self.draw.choice(("Street", "Avenue", "Rd", "Lane", "Blvd.", "Drive"))
        street = f"{self.draw.randint(1, 9900)} {self.draw.choice(self.names.streets)} {kind}"
        if self.draw.random() < 0.3:
            street += f", Apt {self.draw.randint(1, 40)}{self.draw.choice('ABC')}"
        return street if form == "street" else f"{street}, {self._town('zip')}"

    def _town(self, form: str) -> str:
        town = self.draw.choice(self.names.towns)
        state = self.draw.choice(("OH", "TX", "WI", "MA", "CA"))
        return town if form == "any" else f"{town}, {state} {self.draw.randint(10000, 99999)}"

    def _number(self, kind: str, form: str) -> str:
        draw, digits, letter = self.draw, self._digits, lambda: self.draw.choice(LETTERS)
        makers: dict[str, Callable[[], str]] = {
            "record.mrn": lambda: draw.choice(
                (digits(7), f"{letter()}{digits(6)}", f"{digits(3)}-{digits(2)}-{digits(3)}")
            ),
            "record.accession": lambda: draw.choice((f"ACC{digits(8)}", f"{letter()}{letter()}-{digits(7)}")),
            "ssn.plain": lambda: f"{draw.randint(100, 665)}-{draw.randint(10, 99)}-{draw.randint(1000, 9999)}",
            "phone.us": lambda: draw.choice(
                (f"({digits(3, 2)}) {digits(3, 2)}-{digits(4)}", f"{digits(3, 2)}-{digits(3, 2)}-{digits(4)}",
                 f"+44 20 {digits(4)} {digits(4)}", f"0{digits(4, 1)} {digits(3)} {digits(3)}")
            ),
            "fax.us": lambda: f"{digits(3, 2)}-{digits(3, 2)}-{digits(4)}",
            "pager.any": lambda: digits(4),
            "email.any": lambda: f"{self._plain_surname().lower()}{digits(2)}@post.example.org",
            "url.portal": lambda: f"https://portal.example.org/patients/{digits(6)}/images",
            "ip.any": lambda: ".".join(str(draw.randint(11, 250)) for _ in range(4)),
            "account.any": lambda: draw.choice((digits(9), f"{letter()}{digits(8)}")),
            "insurance.any": lambda: f"{letter()}{letter()}{letter()}{digits(8)}",
            "device.any": lambda: f"{letter()}{letter()}{letter()}{digits(6)}{letter()}",
            "plate.any": lambda: draw.choice(
                (f"{letter()}{letter()}{letter()} {digits(4)}", f"{digits(1)}{letter()}{letter()}{letter()}{digits(3)}",
                                              f"{letter()}{letter()}{digits(2)} {letter()}{letter()}{letter()}")
            ),
            "licence.any": lambda: f"{letter()}{digits(3)}-{digits(4)}-{digits(4)}",
            "nhs.any": self._nhs,
            "age.old": lambda: str(draw.randint(90, 104)),
            "time.any": lambda: f"{draw.randint(0, 23):02}:{draw.randint(0, 59):02}",
        }  # fmt: skip
        return makers[f"{kind}.{form}"]()

    def _digits(self, count: int, first: int = 0) -> str:
        return str(self.draw.randint(first, 9)) + "".join(str(self.draw.randint(0, 9)) for _ in range(count - 1))

    def _nhs(self) -> str:
        """With its check digit."""
        while True:
            nine = self._digits(9, 4)
            check = (
                11 - sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
            ) % 11
            if check != 10:
                return f"{nine[:3]} {nine[3:6]} {nine[6:]}{check}"


def _name(given: str, surname: str, form: str) -> str:
    forms = {
        "first": given,
        "last": surname,
        "full": f"{given} {surname}",
        "last_first": f"{surname}, {given}",
        "caps": f"{given} {surname}".upper(),
        "caps_comma": f"{surname}, {given}".upper(),
        "lower": surname.lower(),
        "initial": f"{given[0]}. {surname}",
    }
    return forms[form]


def _ordinal(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
