"""What the result page shows, worked out once so that its templates only loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from cdss.accounts.models import User
from cdss.consultations.abstention import Abstention, abstention_of
from cdss.consultations.demographics import read_from_history
from cdss.consultations.evidence_cards import EvidenceView, evidence_views
from cdss.consultations.hypotheses import SEARCHED_FOR
from cdss.consultations.live import PENDING
from cdss.consultations.lookups import LookUps, lookups_of
from cdss.consultations.models import Answer, Consultation, Diagnosis, OwnDiagnosis, Stage, Stance, Statement, Support
from cdss.consultations.spans import span_id
from cdss.consultations.understanding import Understood, not_understood, understood
from cdss.consultations.wording import Said, said_in
from cdss.library.ages import age_said
from cdss.library.models import Kind
from retrieval.terms.demographics import Demographics

COMPOSER = "composer"
BLOCKS = 5
CODE_SYSTEMS = {"icd10cm": "ICD-10-CM", "hpo": "HPO", "omim": "OMIM"}
GROUPS = ((Stance.FOR, "for"), (Stance.AGAINST, "against"), (Stance.NEXT_STEP, "next"))
# What a source says of a disease, without a word of this case, speaks neither for it nor against it.
ABOUT = "about"
TEXTS = (("history", "History"), ("exam", "Examination and laboratory"), ("findings", "Imaging findings"))


@dataclass(frozen=True, slots=True)
class Chip:
    number: int
    span: str
    quote: str
    title: str
    citation: int = 0
    # What was said of the source since: "Retracted", "Disputed by 2".
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Opposed:
    """Another statement, and the numbers of the evidence it cites."""

    pk: int
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class StatementView:
    row: Statement
    chips: Sequence[Chip]
    # Supported statements of the same diagnosis that say the opposite.
    opposed: Sequence[Opposed] = ()

    @property
    def said(self) -> Said | None:
        return said_in(self.row.text)


@dataclass(frozen=True, slots=True)
class Group:
    stance: str
    word: str
    statements: Sequence[StatementView]


@dataclass(frozen=True, slots=True)
class DiagnosisView:
    row: Diagnosis
    # Its place among what is ranked.
    place: int
    filled: int
    groups: Sequence[Group]
    unsupported: Sequence[StatementView]

    @property
    def is_matched(self) -> bool:
        """Whether anything that is said of it speaks of this case."""
        return any(group.stance in (Stance.FOR, Stance.AGAINST) for group in self.groups)

    @property
    def blocks(self) -> list[bool]:
        return [place < self.filled for place in range(BLOCKS)]

    @property
    def codes(self) -> list[tuple[str, str]]:
        return [(CODE_SYSTEMS.get(system, system), str(code)) for system, code in self.row.codes.items() if code]


# The blocks of a similarity, as the page explains them.
LEGEND = (True, True, True, False, False)


@dataclass(frozen=True)
class Page:
    consultation: Consultation
    answers: Sequence[Answer]
    answer: Answer | None
    evidence: Sequence[EvidenceView]

    @property
    def legend(self) -> tuple[bool, ...]:
        """Of what stands beside a diagnosis that has no word for how likely it is; nothing where all have one."""
        return () if all(view.row.likelihood for view in self.diagnoses) else LEGEND

    @cached_property
    def diagnoses(self) -> list[DiagnosisView]:
        rows = list(self.answer.diagnoses.all()) if self.answer else []
        top = max((row.score for row in rows), default=0.0)
        cards = {view.row.pk: view for view in self.evidence}
        found = [_diagnosis(row, top, cards) for row in rows]
        places = {view.row.pk: place for place, view in enumerate((v for v in found if v.groups), start=1)}
        return [replace(view, place=places.get(view.row.pk, 0)) for view in found]

    @property
    def ranked(self) -> list[DiagnosisView]:
        return [view for view in self.diagnoses if view.groups]

    @property
    def leading(self) -> list[DiagnosisView]:
        """In their order, down to the last whose evidence speaks of this case: no place above it is left out."""
        matched = [place for place, view in enumerate(self.ranked, start=1) if view.is_matched]
        return self.ranked[: max(matched, default=0)]

    @property
    def trailing(self) -> list[DiagnosisView]:
        """Ranked under all others, and no finding of this case was met in their evidence: folded away."""
        return self.ranked[len(self.leading) :]

    @property
    def moved_out(self) -> list[DiagnosisView]:
        """Diagnoses of which nothing stands in the evidence: readable, never ranked."""
        return [view for view in self.diagnoses if not view.groups]

    @property
    def must_not_miss(self) -> list[DiagnosisView]:
        return [view for view in self.ranked if view.row.must_not_miss]

    @cached_property
    def counts(self) -> dict[str, int]:
        rows = [statement for view in self.diagnoses for statement in view.row.statements.all()]
        found = [row.support for row in rows]
        counts = {support.value: found.count(support.value) for support in Support}
        return {"all": len(rows), **counts, "conflicting": sum(bool(row.conflicts) for row in rows)}

    @property
    def writing(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.state in PENDING]

    @property
    def given_up(self) -> list[Answer]:
        """Models that gave nothing while another writer's answer is shown: the reader is told why."""
        return [each for each in self.answers if each.state == "failed" and each.note and each != self.answer]

    @cached_property
    def lookups(self) -> LookUps:
        return lookups_of(self.consultation.hypotheses)

    @property
    def plain_evidence(self) -> list[EvidenceView]:
        """What was found for the case itself: all that the evidence composer wrote from."""
        return [view for view in self.evidence if SEARCHED_FOR not in view.row.details]

    @property
    def added_evidence(self) -> list[EvidenceView]:
        return [view for view in self.evidence if SEARCHED_FOR in view.row.details]

    @property
    def kinds(self) -> list[tuple[str, str, int]]:
        found = [view.row.kind for view in self.evidence]
        return [(kind.value, str(kind.label), found.count(kind.value)) for kind in Kind if kind.value in found]

    @property
    def similar_cases(self) -> list[EvidenceView]:
        return [view for view in self.evidence if view.images]

    @property
    def quarantined(self) -> list[EvidenceView]:
        return [view for view in self.evidence if view.is_quarantined]

    @property
    def cited(self) -> list[EvidenceView]:
        return [view for view in self.evidence if view.cited]

    @property
    def seconds(self) -> str:
        return f"{sum(step.duration_ms or 0 for step in self.consultation.steps.all()) / 1000:.1f}"

    @cached_property
    def read(self) -> Demographics:
        """What was not entered and the history says."""
        return read_from_history(self.consultation)

    @property
    def age(self) -> str:
        age = self.consultation.age.strip() or self.read.age
        if age.replace(".", "", 1).isdecimal() and float(age) >= 1:
            return f"{age} y"
        return age_said(age)

    @property
    def sex(self) -> str:
        return self.consultation.sex.strip() or self.read.sex

    @cached_property
    def held(self) -> int:
        """Pictures in which burnt-in text is still looked for."""
        return self.consultation.held_back

    @property
    def is_images_alone(self) -> bool:
        return not self.case_texts and (bool(self.consultation.images.all()) or self.held > 0)

    @property
    def modalities(self) -> list[str]:
        return list(dict.fromkeys(image.modality for image in self.consultation.images.all() if image.modality))

    @property
    def removed(self) -> str:
        kinds = sorted(self.consultation.removed_identifiers.items())
        return ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in kinds if count)

    @property
    def removed_count(self) -> int:
        return sum(self.consultation.removed_identifiers.values())

    @property
    def case_texts(self) -> list[tuple[str, str]]:
        return [(label, text) for name, label in TEXTS if (text := getattr(self.consultation, name))]

    @property
    def own_before(self) -> list[OwnDiagnosis]:
        return [own for own in self.consultation.own_diagnoses.all() if own.stage == Stage.BEFORE]

    @property
    def own_after(self) -> list[OwnDiagnosis]:
        return [own for own in self.consultation.own_diagnoses.all() if own.stage == Stage.AFTER]

    @property
    def own_places(self) -> list[str]:
        """To be changed or left: at least three places."""
        names = [own.name for own in self.own_before]
        return [*names, *[""] * (3 - len(names))]

    @property
    def abstention(self) -> Abstention:
        return abstention_of(self.consultation.abstention)

    @property
    def understood(self) -> list[Understood]:
        return understood(self.consultation.understood)

    @property
    def not_understood(self) -> list[str]:
        return not_understood(self.consultation.understood)


def page_of(consultation: Consultation, *, user: User, writer: str = "") -> Page:
    answers = list(consultation.answers.all())
    chosen = chosen_answer(answers, writer)
    return Page(consultation, answers, chosen, evidence_views(consultation, chosen, user))


def chosen_answer(answers: Sequence[Answer], writer: str) -> Answer | None:
    """The one asked for, else a model's whole answer, else the composer's."""
    for answer in answers:
        if answer.writer == writer:
            return answer
    for answer in answers:
        if answer.writer != COMPOSER and answer.state == "complete" and answer.diagnoses.all():
            return answer
    return answers[0] if answers else None


def _diagnosis(row: Diagnosis, top: float, cards: dict[int, EvidenceView]) -> DiagnosisView:
    rows = {statement.position: statement for statement in row.statements.all()}
    chips = {position: _chips(statement, cards) for position, statement in rows.items()}
    views = [
        StatementView(
            statement,
            chips[position],
            [
                Opposed(rows[other].pk, [chip.number for chip in chips[other]])
                for other in statement.conflicts
                if other in rows
            ],
        )
        for position, statement in rows.items()
    ]
    shown = [view for view in views if view.row.support != Support.UNSUPPORTED]
    chosen = [(stance.value, word, [view for view in shown if _stance(view) == stance]) for stance, word in GROUPS]
    chosen.insert(2, (ABOUT, ABOUT, [view for view in shown if _stance(view) == ABOUT]))
    return DiagnosisView(
        row=row,
        place=0,
        filled=max(1, round(BLOCKS * row.score / top)) if top > 0 else 0,
        groups=[Group(stance, word, statements) for stance, word, statements in chosen if statements],
        unsupported=[view for view in views if view.row.support == Support.UNSUPPORTED],
    )


def _stance(view: StatementView) -> str:
    says_nothing_of_the_case = view.said is not None and not view.said.speaks_of_the_case
    return ABOUT if says_nothing_of_the_case and view.row.stance == Stance.FOR else view.row.stance


def _chips(statement: Statement, cards: dict[int, EvidenceView]) -> list[Chip]:
    chips = []
    for citation in statement.citations.all():
        card = cards[citation.evidence_id]
        span = span_id(card.row.label, citation.start, citation.end)
        chips.append(Chip(card.number, span, citation.quote, card.row.title, citation.pk, card.warning(citation.quote)))
    return chips
