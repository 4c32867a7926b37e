"""Topics the library answers badly: one ticket each, opened by abstentions and overrides."""

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.consultations.models import Consultation, Diagnosis, Status
from cdss.feedback.models import Feedback, Gap, GapCause, GapReport, GapState
from cdss.reasoning.concepts import concept_of
from cdss.verdicts import Verdict
from retrieval.terms import normalise_name

OVERRIDES = (Verdict.DISAGREE, Verdict.WRONG, Verdict.UNSAFE)
STRONGEST = 2
MAX_TOPIC = 300
Topic = tuple[str, str]


class GapError(ValueError):
    """A change of a ticket that cannot be kept; the message is for the editor."""


def abstained(consultation: Consultation) -> None:
    """Called in the transaction in which an abstention is shown to its clinician."""
    if consultation.status == Status.ABSTAINED and not consultation.is_withheld:
        _met(consultation, topic_of(consultation), GapCause.ABSTAINED)


def overridden(given: Feedback) -> None:
    """A word that the answer was not followed; a final diagnosis that is not the first one is such a word too."""
    of_the_answer = given.statement_id is None and given.evidence_id is None and given.citation_id is None
    if given.verdict == Verdict.FINAL:
        if (topic := _named(given.final_diagnosis)) and topic[0] != _first_concept(given.consultation):
            _met(given.consultation, topic, GapCause.OVERRIDDEN)
    elif given.verdict in OVERRIDES and of_the_answer:
        _met(given.consultation, topic_of(given.consultation), GapCause.OVERRIDDEN)


def topic_of(consultation: Consultation) -> Topic | None:
    """The final diagnosis when it is known, else the first findings of the case."""
    final = consultation.feedback.filter(verdict=Verdict.FINAL).order_by("-created", "-pk").first()
    if final and (topic := _named(final.final_diagnosis)):
        return topic
    return _of_findings(consultation)


def _named(name: str) -> Topic | None:
    concept = concept_of(name)
    return (concept.key[:MAX_TOPIC], name[:MAX_TOPIC]) if concept else None


def _of_findings(consultation: Consultation) -> Topic | None:
    """What was seen on images before what was told, what is present alone."""
    present = [row for row in consultation.understood if row.get("assertion") == "present" and row.get("text")]
    present.sort(key=lambda row: row.get("part") != "findings")
    names = list(dict.fromkeys(normalise_name(str(row["text"])) for row in present))
    strongest = [name for name in names if name][:STRONGEST]
    if not strongest:
        return None
    return ("findings: " + " + ".join(sorted(strongest)))[:MAX_TOPIC], ", ".join(strongest)[:MAX_TOPIC]


def _first_concept(consultation: Consultation) -> str:
    first = Diagnosis.objects.filter(answer__consultation=consultation).order_by("answer", "rank").first()
    return first.concept if first else ""


def _met(consultation: Consultation, topic: Topic | None, cause: str) -> None:
    if topic is None:
        return
    key, title = topic
    gap, created = Gap.objects.get_or_create(topic=key, defaults={"title": title})
    _, new = GapReport.objects.get_or_create(gap=gap, consultation=consultation, cause=cause)
    if not new:
        return
    Gap.objects.filter(pk=gap.pk).update(last_met=timezone.now())
    reopened = Gap.objects.filter(pk=gap.pk, state=GapState.CLOSED).update(state=GapState.OPEN, taken_by=None)
    details = {"consultation": consultation.pk, "cause": str(cause), "opened": created, "reopened": bool(reopened)}
    record(action="gap.met", obj=gap, details=details)


@transaction.atomic
def gap_change(*, gap: Gap, by: User, state: str, reason: str = "") -> None:
    """Taken by an editor, given back, or closed with a reason."""
    if state not in GapState.values:
        raise GapError("A ticket is open, taken or closed.")
    if state == GapState.CLOSED and not reason.strip():
        raise GapError("Say in a sentence why it is closed.")
    if len(reason) > 500:
        raise GapError("Give the reason in at most 500 characters.")
    row = Gap.objects.select_for_update().get(pk=gap.pk)
    before, row.state = row.state, state
    row.taken_by = by if state == GapState.TAKEN else None
    row.reason = reason.strip() if state == GapState.CLOSED else ""
    row.save(update_fields=["state", "taken_by", "reason"])
    record(action="gap.changed", by=by, obj=row, details={"before": before, "state": state})


def gaps_matching(state: str) -> Q:
    return Q(state=state) if state in GapState.values else ~Q(state=GapState.CLOSED)
