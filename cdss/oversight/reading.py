"""What the dashboards are made of: one value for each consultation, read in a number of queries that does not grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import CharField, Count, Exists, F, Func, OuterRef, Q, QuerySet

from cdss.consultations.models import Answer, Consultation, ConsultationImage, Diagnosis, Statement, Status, Support
from cdss.consultations.simulated import PREFIX
from cdss.feedback.models import Feedback, Reason, Verdict
from cdss.library.ages import age_years
from cdss.library.patient_groups import NOT_STATED, age_band, sex_group
from cdss.reasoning.composer import WRITER
from cdss.reasoning.concepts import concept_of

NO_IMAGE = "no image"
FIRST = 5
COMPLETE = "complete"
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
    # Of the answer the page opens with, read where a final diagnosis was given.
    named: tuple[str, ...] = ()
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


class Month(Func):
    """Of a moment, by UTC, as 2026-01: told by the database, which is sooner done than reading every moment."""

    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # As Django stores it: 2026-01-02 03:04:05.
        return self.as_sql(compiler, connection, template="substr(%(expressions)s, 1, 7)", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM')"
        return self.as_sql(compiler, connection, template=template, **context)


def read(wanted: Mapping[str, Any]) -> Read:
    """Seven queries."""
    rows = chosen(wanted)
    cases = {case.pk: case for case in _cases(rows)}
    of = Q(consultation__in=rows.values("pk"))
    _modalities(cases, ConsultationImage.objects.filter(of))
    _models(cases, Answer.objects.filter(of, state=COMPLETE), wanted.get("model") or "")
    settled = Feedback.objects.filter(of, verdict=Verdict.FINAL).values("consultation")
    _diagnoses(cases, Diagnosis.objects.filter(answer__consultation__in=settled, answer__state=COMPLETE))
    _statements(cases, Statement.objects.filter(diagnosis__answer__consultation__in=rows.values("pk")))
    words = list(_words(cases, Feedback.objects.filter(of)))
    asked = Counter((case.month, case.status) for case in cases.values())
    return Read([case for case in cases.values() if case.status in SETTLED], words, asked)


def _cases(rows: QuerySet[Consultation]) -> Iterator[Case]:
    values = rows.order_by("pk").values_list(
        *("pk", Month(F("created")), "status", "age", "sex", "user__role", "user__location", "user__department"),
        *("index_version", "basis__weights"),
    )
    # The same few are said again and again.
    band, group = cache(lambda age: age_band(age_years(age))), cache(sex_group)
    for pk, month, status, age, sex, role, location, department, index, weights in values.iterator(chunk_size=2000):
        site = location or department or NOT_STATED
        yield Case(pk, month, status, role, band(age), group(sex), site, index, (weights or "")[:12])


def _modalities(cases: Mapping[int, Case], rows: QuerySet[ConsultationImage]) -> None:
    for pk, modality in rows.order_by("consultation", "modality").values_list("consultation", "modality").distinct():
        case = cases[pk]
        known = () if case.modalities == (NO_IMAGE,) else case.modalities
        case.modalities = tuple(sorted({*known, modality or NOT_STATED}))


def _models(cases: Mapping[int, Case], answers: QuerySet[Answer], model: str) -> None:
    """Whose answer the page opens with: a language model's, or the composer's."""
    named = Exists(Diagnosis.objects.filter(answer=OuterRef("pk"), rank__lte=FIRST))
    for pk, writer in answers.filter(named).order_by("pk").values_list("consultation", "writer"):
        case = cases[pk]
        if model or case.model in ("", WRITER):
            case.model = model or writer


def _diagnoses(cases: Mapping[int, Case], rows: QuerySet[Diagnosis]) -> None:
    values = rows.filter(rank__lte=FIRST).order_by("answer", "rank")
    for pk, writer, concept, probability in values.values_list(
        "answer__consultation", "answer__writer", "concept", "probability"
    ):
        case = cases[pk]
        if writer == case.model:
            if not case.named:
                case.probability = probability
            case.named += (concept,)


def _statements(cases: Mapping[int, Case], rows: QuerySet[Statement]) -> None:
    counted = rows.order_by().values_list("diagnosis__answer__consultation", "diagnosis__answer__writer").annotate(
        number=Count("pk"), unsupported=Count("pk", filter=Q(support=Support.UNSUPPORTED))
    )  # fmt: skip
    for pk, writer, count, unsupported in counted:
        case = cases[pk]
        if writer == case.model:
            case.statements, case.unsupported = count, unsupported


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
