"""A stored consultation made again from what was frozen with it, and asked again of today's library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cdss.audit.models import Event
from cdss.consultations.basis import Thawed, code_sha256, model_of, thawed, weights_sha256
from cdss.consultations.comparing import Differences, Differential, compared
from cdss.consultations.demographics import completed
from cdss.consultations.digests import answer_sha256, case_sha256, diagnoses_text
from cdss.consultations.evidence import candidates_of, patient_of
from cdss.consultations.freezing import sources_from
from cdss.consultations.models import Answer, Basis, Consultation, Status
from cdss.consultations.pipeline import Outcome, Unwatched, check, composed, consult, judged, too_little
from cdss.consultations.stored import stored_diagnoses, stored_evidence
from cdss.consultations.understanding import understood_rows
from cdss.consultations.working import case_of, pixels_of, scope_of
from cdss.locks.modes import LockedError
from cdss.reasoning.composer import WRITER
from cdss.reasoning.prompts import prompt_sha256
from cdss.reasoning.types import CaseInput, DiagnosisDraft, EvidenceText
from cdss.reasoning.understanding import CaseReading, read_case
from cdss.reasoning.voting import site_vote
from retrieval.errors import RetrievalError

ANSWERED = ("consultation.finished", "consultation.model_answered")


@dataclass(frozen=True, slots=True)
class StepAgain:
    """`of` is what the step was made from; `same` is None where there is nothing to compare it with."""

    name: str
    of: str
    same: bool | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Vouched:
    """The hash of what is stored, and the one that the trail has of the moment of the answer."""

    what: str
    recorded: str
    stored: str

    @property
    def holds(self) -> bool | None:
        return None if not self.recorded else self.recorded == self.stored


@dataclass(frozen=True, slots=True)
class Rerun:
    """`equal` is whether the composer's answer is byte for byte the stored one."""

    steps: Sequence[StepAgain]
    vouched: Sequence[Vouched]
    equal: bool | None
    diagnoses: Sequence[DiagnosisDraft]
    basis: Basis | None

    @property
    def untouched(self) -> bool:
        return not any(each.holds is False for each in self.vouched)


@dataclass(frozen=True, slots=True)
class Today:
    index_version: str
    weights: str
    answer: Differential
    trouble: str = ""


def rerun(consultation: Consultation) -> Rerun:
    """As of its time: read, ranked, written and checked again from what was frozen. Needs no index."""
    case = completed(case_of(consultation))
    reading, evidence = read_case(case), stored_evidence(consultation)
    understood = understood_rows(reading)
    steps = [
        StepAgain("understand", "the stored case and its corrections", understood == consultation.understood),
        StepAgain("search", f"what it brought then, frozen (index {consultation.index_version or 'unknown'})", None),
    ]
    basis = Basis.objects.filter(consultation=consultation).first()
    diagnoses: list[DiagnosisDraft] = []
    equal: bool | None = None
    if basis is None:
        note = "It was answered before what a search brings was kept: only the gate can be asked again."
        steps.append(StepAgain("rank", "nothing", None, note))
    else:
        diagnoses, reason = _again(thawed(basis.record), case, reading, evidence)
        stored = _stored_answer(consultation)
        pieces = evidence[: len(basis.record["evidence"])]
        texts = diagnoses_text(diagnoses, pieces), diagnoses_text(stored.diagnoses if stored else (), pieces)
        equal = texts[0] == texts[1] and reason == str(consultation.abstention.get("reason", ""))
        code = basis.code == code_sha256()
        steps += [
            StepAgain("rank", f"frozen leads and weights {basis.weights[:12]}", None),
            StepAgain("write", "the frozen evidence", equal, "" if code else "The program has changed since."),
        ]
    steps += [_checked_again(answer, case, reading.case, evidence) for answer in consultation.answers.all()]
    return Rerun(steps, list(_vouched(consultation)), equal, diagnoses, basis)


def _again(
    frozen: Thawed, case: CaseInput, reading: CaseReading, evidence: Sequence[EvidenceText]
) -> tuple[list[DiagnosisDraft], str]:
    """The differential, or why there was none."""
    patient = patient_of(case)
    candidates = candidates_of(
        frozen.leads, patient=patient, by_images=frozen.by_images, model=frozen.model, breadth=frozen.breadth
    )
    if reason := too_little(replace(frozen, candidates=candidates), frozen.floors, is_understood=reading.is_understood):
        return [], reason
    by_item = {frozen.evidence[text.label]: text for text in evidence if text.label in frozen.evidence}
    sources = sources_from(frozen.names, by_item)
    drafts = composed(case=case, candidates=candidates, sources=sources, by_images=frozen.by_images)
    found = judged(drafts, list(by_item.values()), case=case, told=reading.case, by_images=frozen.by_images)
    return found, "" if found else "no_candidate"


def _stored_answer(consultation: Consultation) -> Differential | None:
    answer = consultation.answers.filter(writer=WRITER).first()
    if answer is None:
        return None
    sources = dict(consultation.evidence.values_list("label", "source_name"))
    return Differential(stored_diagnoses(answer), stored_evidence(consultation), sources)


def _checked_again(answer: Answer, case: CaseInput, told: CaseInput, evidence: Sequence[EvidenceText]) -> StepAgain:
    """What the gate says today of what was written then. A language model is not asked again: it may say else."""
    stored = stored_diagnoses(answer)
    composed_then = answer.consultation.answers.filter(writer=WRITER).first()
    beside = stored_diagnoses(composed_then) if composed_then and answer.writer != WRITER else []
    vote = site_vote() if answer.writer != WRITER else None
    now = check(stored, evidence, told, beside=beside, vote=vote)
    pairs = list(zip(_supports(stored), _supports(now), strict=True))
    others = sum(then != again for then, again in pairs)
    prompt = ""
    if answer.prompt_sha256:
        same = answer.prompt_sha256 == prompt_sha256()
        prompt = "The prompt is the same." if same else "The prompt has changed since."
    note = " ".join(filter(None, [f"{others} of {len(pairs)} judged otherwise." if others else "", prompt]))
    return StepAgain("check", f"what {answer.writer} wrote", others == 0, note)


def _supports(drafts: Sequence[DiagnosisDraft]) -> list[str]:
    return [statement.support for draft in drafts for statement in draft.statements]


def _vouched(consultation: Consultation) -> Iterator[Vouched]:
    events = Event.objects.filter(object_type="consultations.consultation", object_id=str(consultation.pk))
    by_writer: dict[str, dict[str, Any]] = {}
    for details in events.filter(action__in=ANSWERED).order_by("sequence").values_list("details", flat=True):
        # The newest counts: a consultation can be tried again.
        by_writer[details.get("writer", WRITER)] = details
    told = by_writer.get(WRITER, {})
    if consultation.status in (Status.DONE, Status.ABSTAINED):
        yield Vouched("case", told.get("case_sha256", ""), case_sha256(consultation))
    for writer, details in by_writer.items():
        pieces = int(details.get("evidence", 0))
        stored = answer_sha256(consultation, writer, pieces=pieces)
        yield Vouched(f"answer of {writer}", details.get("answer_sha256", ""), stored)


def today(consultation: Consultation) -> Today:
    """The same case asked of today's library with today's program, by the composer alone. Nothing of it is stored."""
    try:
        outcome = consult(
            case=case_of(consultation),
            load_pixels=lambda: pixels_of(consultation),
            scope=scope_of(consultation),
            watch=Unwatched(),
        )
    except (RetrievalError, LockedError) as error:
        return Today("", "", Differential((), (), {}), str(error))
    return Today(outcome.retrieved.index_version, weights_sha256(model_of(outcome.retrieved)), _differential(outcome))


def _differential(outcome: Outcome) -> Differential:
    sources = {draft.text.label: draft.source_name for draft in outcome.evidence}
    reason = str(outcome.abstention.get("reason", ""))
    return Differential(outcome.diagnoses, [draft.text for draft in outcome.evidence], sources, reason)


def stored_differential(consultation: Consultation) -> Differential:
    reason = str(consultation.abstention.get("reason", ""))
    stored = _stored_answer(consultation) or Differential((), stored_evidence(consultation), {})
    return replace(stored, abstention=reason)


def result_json(consultation: Consultation, again: Rerun, now: Today) -> dict[str, Any]:
    then = stored_differential(consultation)
    differences: Differences = compared(then, now.answer)
    basis = again.basis
    return {
        "consultation": str(consultation),
        "then": {
            "index_version": consultation.index_version,
            "text_encoder": consultation.text_encoder,
            "image_encoder": consultation.image_encoder,
            "weights": basis.weights if basis else "",
            "code": basis.code if basis else "",
            "abstained": then.abstention,
        },
        "now": {
            "index_version": now.index_version,
            "weights": now.weights,
            "code": code_sha256(),
            "abstained": now.answer.abstention,
            "trouble": now.trouble,
        },
        "byte_equal": again.equal,
        "untouched": again.untouched,
        "vouched": [asdict(each) | {"holds": each.holds} for each in again.vouched],
        "steps": [asdict(step) for step in again.steps],
        "differences": differences.as_json() if not now.trouble else None,
    }


def replayed(consultation: Consultation) -> dict[str, Any]:
    return result_json(consultation, rerun(consultation), today(consultation))
