"""An unknown case as its page shows it: nothing here is made of what is still to be found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.urls import reverse

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.library.ages import age_said
from cdss.library.case_text import case_blocks
from cdss.library.models import Case, CaseImage
from cdss.teaching.attempting import cases_for, steps_of
from cdss.teaching.masking import Names, Shown, harmless, masked, names_of
from cdss.teaching.models import Attempt, Review, Step
from cdss.teaching.quoting import IN_FULL, Quote, quotes_on, quotes_why
from cdss.teaching.scoring import is_right


@dataclass(frozen=True, slots=True)
class UnknownImage:
    """As templates/_viewer.html takes it."""

    address: str
    width: int
    height: int
    frames: int
    modality: str
    plane: str
    caption: Sequence[Shown] = ()

    def get_absolute_url(self) -> str:
        return self.address

    @property
    def small_url(self) -> str:
        return f"{self.address}?size=thumb"


@dataclass(frozen=True, slots=True)
class Part:
    step: Step
    heading: str
    at: dt.datetime | None
    text: Sequence[Shown] = ()
    images: Sequence[UnknownImage] = ()

    @property
    def is_seen(self) -> bool:
        return self.at is not None


@dataclass(frozen=True, slots=True)
class UnknownPage:
    title: str
    abstract: Sequence[Shown]
    person: str
    parts: Sequence[Part]
    next_step: str
    difficulty: str
    synthetic: bool


@dataclass(frozen=True, slots=True)
class UnknownRow:
    pk: int
    title: str
    about: str
    state: str
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Judged:
    answer: str
    right: bool
    quotes: Sequence[Quote]


@dataclass(frozen=True, slots=True)
class Outcome:
    attempt: Attempt
    judged: Sequence[Judged]
    why: Sequence[Quote]
    minutes: int
    may_browse: bool


def unknown_title(case: Case, names: Names | None = None) -> str:
    title = case.alternative_title.strip()
    if title and title != case.title and harmless(title, names or names_of(case)):
        return title
    return f"Unknown case {case.pk}"


def page_of(attempt: Attempt) -> UnknownPage:
    case, seen = attempt.case, dict(attempt.steps.values_list("step", "at"))
    names, order = names_of(case), steps_of(case)
    texts = {Step.HISTORY: case.history, Step.EXAM: case.exam, Step.FINDINGS: case.findings}
    shown = images_of(attempt, names, with_captions=Step.FINDINGS in seen) if Step.IMAGES in seen else []
    parts = [
        Part(
            step=step,
            heading=str(step.label),
            at=seen.get(step),
            text=masked(texts[step], names) if step in texts and step in seen else (),
            images=shown if step == Step.IMAGES else (),
        )
        for step in order
    ]
    waiting = next((part.heading for part in parts if not part.is_seen), "")
    return UnknownPage(
        title=unknown_title(case, names),
        abstract=masked(case.alternative_abstract, names),
        person=_person(case, names),
        parts=parts,
        next_step=waiting,
        difficulty=case.get_difficulty_display(),
        synthetic=case.synthetic,
    )


def images_of(attempt: Attempt, names: Names, *, with_captions: bool) -> list[UnknownImage]:
    """At addresses of this attempt; what an image is called and where it shows something is told with the findings."""
    return [
        UnknownImage(
            address=reverse("teaching:attempt_image", args=[attempt.key, number]),
            width=image.width,
            height=image.height,
            frames=image.frames,
            modality=harmless(image.modality, names),
            plane=harmless(image.plane, names),
            caption=masked(image.caption, names) if with_captions and image.caption else (),
        )
        for number, image in enumerate(attempt.case.images.all(), 1)
    ]


def outcome_of(attempt: Attempt) -> Outcome:
    case, names = attempt.case, [attempt.diagnosis]
    length = (attempt.committed or attempt.created) - attempt.created
    judged = [Judged(answer, is_right(answer, names), quotes_on(case, answer)) for answer in attempt.answers]
    return Outcome(
        attempt=attempt,
        judged=judged,
        why=quotes_why(case),
        minutes=int(length.total_seconds() // 60),
        may_browse=may(attempt.learner, Action.BROWSE_LIBRARY),
    )


def whole_case(case: Case) -> list[tuple[str, str]]:
    return [(IN_FULL.get(block.heading, block.heading), block.text) for block in case_blocks(case)]


def unknown_rows(cases: Iterable[Case], user: User) -> list[UnknownRow]:
    """Rows of a list, with how the newest attempt at each went."""
    rows = list(cases)
    tried: dict[int, Attempt] = {}
    for attempt in Attempt.objects.for_user(user).filter(case__in=[case.pk for case in rows]):
        tried.setdefault(attempt.case_id, attempt)
    return [_row(case, tried.get(case.pk)) for case in rows]


def listed_cases(user: User) -> QuerySet[Case]:
    first = Prefetch("images", CaseImage.objects.order_by("position"))
    return cases_for(user).prefetch_related(first).order_by("pk")


def due_rows(user: User, today: dt.date) -> list[UnknownRow]:
    due = Review.objects.for_user(user).due(today).values("case")
    return unknown_rows(listed_cases(user).filter(pk__in=due), user)


def _row(case: Case, attempt: Attempt | None) -> UnknownRow:
    names = names_of(case)
    images = case.images.all()
    about = [_person(case, names)]
    if images:
        about += [harmless(images[0].modality, names), harmless(images[0].region, names)]
    about.append(case.get_difficulty_display())
    state = "new"
    if attempt is not None:
        state = "open" if attempt.is_open else "right" if attempt.is_right else "missed" if attempt.committed else "new"
    return UnknownRow(case.pk, unknown_title(case, names), " · ".join(filter(None, about)), state, case.synthetic)


def _person(case: Case, names: Names) -> str:
    return " · ".join(filter(None, (harmless(age_said(case.age), names), harmless(case.sex, names))))
