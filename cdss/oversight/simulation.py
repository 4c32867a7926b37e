"""Consultations nobody asked for, to show and to test the dashboards. They say what they are wherever they stand."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from cdss.accounts.models import Role, User
from cdss.audit.services import record
from cdss.consultations.models import (
    Answer,
    Consultation,
    ConsultationImage,
    Diagnosis,
    Stance,
    Statement,
    Status,
    Support,
)
from cdss.consultations.simulated import PREFIX
from cdss.feedback.models import Feedback, Reason, Verdict
from cdss.reasoning.composer import WRITER
from cdss.reasoning.concepts import concept_of
from cdss.verdicts import Confirmation

TEXT = "Simulated consultation, made by a program. It is no case and nobody asked it."
SITES = ("North", "South", "East")
SEXES = ("male", "female")
MODALITIES = ("CT", "MR", "XR", "US")
AGES = (9, 27, 46, 58, 71, 84)
NAMES = ("Pulmonary hamartoma", "Carcinoid tumor", "Granuloma", "Ureteric calculus", "Appendicitis", "Osteosarcoma")
INDEXES = ("simulated-index-1", "simulated-index-2")
DIMENSIONS = ("sex", "site", "modality", "age")
# Shares of what is simulated: abstentions, final diagnoses that become known, answers that are rated.
ABSTAINED, FINAL, RATED, AGREED_WHEN_RIGHT, AGREED_WHEN_WRONG = 0.08, 0.7, 0.5, 0.93, 0.35
UNSUPPORTED = 0.06
BATCH, DATED_AT_ONCE = 500, 100
MONTH = dt.timedelta(days=30)


class SimulationError(ValueError):
    """Nothing is simulated; the message says why."""


@dataclass(frozen=True, slots=True)
class PlantedGap:
    """The first diagnosis is right less often by `size` in one group, whatever probability is stated."""

    dimension: str
    group: str
    size: float

    @classmethod
    def of(cls, text: str) -> PlantedGap:
        """ "sex=female:0.2". Raises SimulationError."""
        dimension, _, rest = text.partition("=")
        group, _, size = rest.rpartition(":")
        try:
            gap = cls(dimension, group, float(size))
        except ValueError:
            gap = cls("", "", 0.0)
        if gap.dimension not in DIMENSIONS or not gap.group or not 0 < gap.size <= 1:
            raise SimulationError(f"{text!r}: write DIMENSION=GROUP:SIZE, as in sex=female:0.2.")
        return gap


def simulated() -> QuerySet[Consultation]:
    return Consultation.objects.filter(user__username__startswith=PREFIX)


@transaction.atomic
def use_simulate(*, consultations: int, gap: PlantedGap | None = None, seed: int = 7, months: int = 6) -> int:
    """Fills a site that has no consultation of its own. Raises SimulationError."""
    if consultations < 1 or months < 1:
        raise SimulationError("Simulate at least one consultation in at least one month.")
    if Consultation.objects.exclude(user__username__startswith=PREFIX).exists():
        raise SimulationError("This site has consultations of its own: nothing is simulated beside them.")
    rng, people = random.Random(seed), _people()
    now = timezone.now()
    for start in range(0, consultations, BATCH):
        _batch(min(BATCH, consultations - start), rng, people, gap, now, months)
    _statistics_renew()
    record(action="oversight.simulated", details={"consultations": consultations, "seed": seed})
    return consultations


@transaction.atomic
def simulation_remove() -> int:
    found = simulated()
    count = found.count()
    Feedback.objects.filter(consultation__in=found).delete()
    found.delete()
    record(action="oversight.simulation_removed", details={"consultations": count})
    return count


def _statistics_renew() -> None:
    """PostgreSQL plans by what it counted last: after so many rows at once, that the tables are nearly empty."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _people() -> list[User]:
    people = []
    for place, site in enumerate(SITES):
        name = f"{PREFIX}{site.lower()}"
        role = Role.EDUCATOR if place == 2 else Role.CLINICIAN
        person, made = User.objects.get_or_create(
            username=name, defaults={"role": role, "location": site, "is_active": False}
        )
        if made:
            person.set_unusable_password()
            person.save(update_fields=["password"])
        people.append(person)
    return people


@dataclass(slots=True)
class _Drawn:
    user: User
    sex: str
    age: int
    modality: str
    moment: dt.datetime
    index: str
    abstains: bool
    probability: float
    right: bool
    names: Sequence[str]

    def group(self, dimension: str) -> str:
        groups = {"sex": self.sex, "site": self.user.location, "modality": self.modality, "age": str(self.age)}
        return groups[dimension]


def _drawn(rng: random.Random, people: Sequence[User], gap: PlantedGap | None, now: dt.datetime, months: int) -> _Drawn:
    back = rng.random() * months
    probability = round(rng.betavariate(5, 3), 4)
    one = _Drawn(
        user=rng.choice(people),
        sex=rng.choice(SEXES),
        age=rng.choice(AGES),
        modality=rng.choice(MODALITIES),
        moment=now - back * MONTH,
        index=INDEXES[back < months / 2],
        abstains=rng.random() < ABSTAINED,
        probability=probability,
        right=False,
        names=rng.sample(NAMES, 3),
    )
    less = gap.size if gap and one.group(gap.dimension) == gap.group else 0.0
    one.right = rng.random() < max(probability - less, 0.0)
    return one


def _batch(
    count: int, rng: random.Random, people: Sequence[User], gap: PlantedGap | None, now: dt.datetime, months: int
) -> None:
    drawn = [_drawn(rng, people, gap, now, months) for _ in range(count)]
    rows = Consultation.objects.bulk_create([_consultation(one) for one in drawn])
    _dated(rows, drawn)
    ConsultationImage.objects.bulk_create(
        ConsultationImage(consultation=row, file="", width=1, height=1, sha256="0" * 64, modality=one.modality)
        for row, one in zip(rows, drawn, strict=True)
    )
    answered = [(row, one) for row, one in zip(rows, drawn, strict=True) if not one.abstains]
    answers = Answer.objects.bulk_create(Answer(consultation=row, writer=WRITER) for row, _ in answered)
    diagnoses = Diagnosis.objects.bulk_create(
        Diagnosis(
            answer=answer,
            rank=rank,
            name=name,
            concept=_concept(name),
            score=1 / rank,
            probability=one.probability if rank == 1 else round((1 - one.probability) / 2, 4),
            likelihood="possible",
        )
        for answer, (_, one) in zip(answers, answered, strict=True)
        for rank, name in enumerate(one.names, start=1)
    )
    Statement.objects.bulk_create(
        Statement(diagnosis=diagnosis, position=position, text=TEXT, stance=Stance.FOR, support=_support(rng))
        for diagnosis in diagnoses
        for position in range(2)
    )
    given = [word for place, (row, one) in enumerate(answered) for word in _words(rng, row, one, diagnoses[3 * place])]
    _dated(Feedback.objects.bulk_create(given), list(given))


def _consultation(one: _Drawn) -> Consultation:
    return Consultation(
        user=one.user,
        status=Status.ABSTAINED if one.abstains else Status.DONE,
        age=str(one.age),
        sex=one.sex,
        findings=TEXT,
        index_version=one.index,
        text_encoder="simulated",
        image_encoder="simulated",
        abstention={"reason": "below_floor"} if one.abstains else {},
        use_llm=False,
        finished=one.moment,
    )


def _words(rng: random.Random, row: Consultation, one: _Drawn, first: Diagnosis) -> list[Feedback]:
    common: dict[str, Any] = {
        "consultation": row,
        "user": one.user,
        "role": one.user.role,
        "location": one.user.location,
    }
    given = []
    if rng.random() < RATED:
        agrees = rng.random() < (AGREED_WHEN_RIGHT if one.right else AGREED_WHEN_WRONG)
        verdict = Verdict.AGREE if agrees else rng.choice([Verdict.DISAGREE, Verdict.WRONG])
        reason = "" if agrees else rng.choice([Reason.RANKED_WRONGLY, Reason.CONTRADICTS_CASE, Reason.NOT_APPLICABLE])
        given.append(Feedback(diagnosis=first, verdict=verdict, reason=reason, **common))
    if rng.random() < FINAL:
        final = one.names[0] if one.right else rng.choice([*one.names[1:], "Pneumothorax"])
        confirmed = rng.choice(Confirmation.values)
        given.append(Feedback(verdict=Verdict.FINAL, final_diagnosis=final, confirmed_by=confirmed, **common))
    return given


def _support(rng: random.Random) -> str:
    return Support.UNSUPPORTED if rng.random() < UNSUPPORTED else Support.SUPPORTED


def _concept(name: str) -> str:
    concept = concept_of(name)
    return concept.key if concept else name.lower()


def _dated(rows: Sequence[Model], drawn: Sequence[Any]) -> None:
    """The time of a row is set when it is made, to now."""
    for row, one in zip(rows, drawn, strict=True):
        row.created = one.moment if isinstance(one, _Drawn) else one.consultation.created  # type: ignore[attr-defined]
    if rows:
        type(rows[0])._default_manager.bulk_update(rows, ["created"], batch_size=DATED_AT_ONCE)
