"""What the dashboards are made of: one value for each consultation, read in a number of queries that does not grow."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet

from cdss.consultations.models import Consultation, ConsultationImage, Diagnosis, Statement, Status, Support
from cdss.consultations.simulated import PREFIX
from cdss.feedback.models import Feedback, Reason, Verdict
from cdss.library.patient_groups import NOT_STATED, age_band, sex_group
from cdss.library.rows import age_years
from cdss.reasoning.composer import WRITER
from cdss.reasoning.concepts import concept_of

NO_IMAGE = "no image"
FIRST = 5
SETTLED = (Status.DONE, Status.ABSTAINED)
OVERRIDES = (Verdict.DISAGREE.value, Verdict.WRONG.value, Verdict.UNSAFE.value)
TARGETS = ("statement", "diagnosis", "evidence", "citation")
CLAIMS = (Verdict.AGREE.value, *OVERRIDES)


@dataclass(slots=True)
class Case:
    """One consultation. `right` is the place of the final diagnosis among the first, 0 when it is not there, and None
    where no final diagnosis is known."""

    pk: int
    month: str
    status: str
    role: str
    age: str
    sex: str
    site: str
    index: str
    weights: str
    modalities: tuple[str, ...] = (NO_IMAGE,)
    model: str = ""
    statements: int = 0
    unsupported: int = 0
    named: list[str] = field(default_factory=list)
    probability: float | None = None
    right: int | None = None
    confirmed: bool = False
    agreed: int = 0
    overridden: int = 0

    @property
    def is_answered(self) -> bool:
        return self.status == Status.DONE


@dataclass(frozen=True, slots=True)
class Word:
    """The last word of one rater on one thing."""

    consultation: int
    kind: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Read:
    cases: list[Case]
    words: list[Word]
    # Of any status, by month and status.
    asked: Mapping[tuple[str, str], int]


def chosen(wanted: Mapping[str, Any]) -> QuerySet[Consultation]:
    found = Q()
    if since := wanted.get("since"):
        found &= Q(created__date__gte=since)
    if until := wanted.get("until"):
        found &= Q(created__date__lte=until)
    if role := wanted.get("role"):
        found &= Q(user__role=role)
    if user := wanted.get("user"):
        found &= Q(user__username__iexact=user)
    if site := wanted.get("site"):
        found &= Q(user__location=site) | Q(user__location="", user__department=site)
    if wanted.get("simulated") is False:
        found &= ~Q(user__username__startswith=PREFIX)
    if model := wanted.get("model"):
        found &= Q(pk__in=Diagnosis.objects.filter(answer__writer=model).values("answer__consultation"))
    return Consultation.objects.filter(found)


def read(wanted: Mapping[str, Any]) -> Read:
    """Six queries."""
    rows = chosen(wanted)
    cases = {case.pk: case for case in _cases(rows)}
    of = Q(consultation__in=rows.values("pk"))
    _modalities(cases, ConsultationImage.objects.filter(of))
    in_answers = Q(answer__consultation__in=rows.values("pk"))
    _diagnoses(cases, Diagnosis.objects.filter(in_answers, rank__lte=FIRST), wanted.get("model") or "")
    _statements(cases, Statement.objects.filter(diagnosis__answer__consultation__in=rows.values("pk")))
    words = list(_words(cases, Feedback.objects.filter(of)))
    asked: dict[tuple[str, str], int] = defaultdict(int)
    for case in cases.values():
        asked[case.month, case.status] += 1
    return Read([case for case in cases.values() if case.status in SETTLED], words, asked)


def _cases(rows: QuerySet[Consultation]) -> Iterator[Case]:
    values = rows.order_by("pk").values_list(
        *("pk", "created", "status", "age", "sex", "user__role", "user__location", "user__department"),
        *("index_version", "basis__weights"),
    )
    for pk, created, status, age, sex, role, location, department, index, weights in values.iterator(chunk_size=2000):
        site = location or department or NOT_STATED
        yield Case(
            pk,
            _month(created),
            status,
            role,
            age_band(age_years(age)),
            sex_group(sex),
            site,
            index,
            (weights or "")[:12],
        )


def _month(moment: dt.datetime) -> str:
    return f"{moment.year}-{moment.month:02}"


def _modalities(cases: Mapping[int, Case], rows: QuerySet[ConsultationImage]) -> None:
    found: dict[int, set[str]] = defaultdict(set)
    for pk, modality in rows.order_by().values_list("consultation", "modality").distinct():
        found[pk].add(modality or NOT_STATED)
    for pk, names in found.items():
        cases[pk].modalities = tuple(sorted(names))


def _diagnoses(cases: Mapping[int, Case], rows: QuerySet[Diagnosis], model: str) -> None:
    """Of the answer the page opens with: a language model's, or the composer's."""
    values = rows.filter(answer__state="complete").order_by("answer", "rank")
    named: dict[int, dict[str, list[tuple[str, float | None]]]] = defaultdict(dict)
    for pk, writer, concept, probability in values.values_list(
        "answer__consultation", "answer__writer", "concept", "probability"
    ).iterator(chunk_size=2000):
        named[pk].setdefault(writer, []).append((concept, probability))
    for pk, writers in named.items():
        case = cases[pk]
        case.model = model or next((writer for writer in writers if writer != WRITER), WRITER)
        shown = writers.get(case.model, [])
        case.named = [concept for concept, _ in shown]
        case.probability = shown[0][1] if shown else None


def _statements(cases: Mapping[int, Case], rows: QuerySet[Statement]) -> None:
    counted = rows.order_by().values_list(
        "diagnosis__answer__consultation", "diagnosis__answer__writer", "support"
    ).annotate(Count("pk"))  # fmt: skip
    for pk, writer, support, count in counted:
        case = cases[pk]
        if writer == case.model:
            case.statements += count
            case.unsupported += count if support == Support.UNSUPPORTED else 0


def _words(cases: Mapping[int, Case], rows: QuerySet[Feedback]) -> Iterator[Word]:
    last: dict[tuple[object, ...], tuple[str, str, str, str]] = {}
    values = rows.order_by("created", "pk").values_list(
        *("consultation", "user", "statement", "diagnosis", "evidence", "citation"),
        *("verdict", "reason", "final_diagnosis", "confirmed_by"),
    )
    for pk, user, statement, diagnosis, evidence, citation, *said in values.iterator(chunk_size=2000):
        last[pk, user, statement, diagnosis, evidence, citation, said[0] == Verdict.FINAL] = tuple(said)
    for key, (verdict, reason, final, confirmed) in last.items():
        pk, _, *targets, _ = key
        case = cases[int(str(pk))]
        if verdict == Verdict.FINAL:
            case.right, case.confirmed = place_of(final, case.named), bool(confirmed)
            continue
        kind = next((name for name, target in zip(TARGETS, targets, strict=True) if target), "consultation")
        case.agreed += verdict == Verdict.AGREE
        case.overridden += verdict in OVERRIDES
        yield Word(case.pk, kind, verdict, reason)


def place_of(final: str, named: Iterable[str]) -> int:
    """Counted from 1; 0 when it is not among the first."""
    concept = concept_of(final)
    places = (place for place, key in enumerate(named, start=1) if concept and key == concept.key)
    return next(places, 0)


def reason_label(reason: str) -> str:
    return str(Reason(reason).label) if reason in Reason.values else reason or "No reason given"
