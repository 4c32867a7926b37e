"""What is stored of a consultation as one text, byte for byte the same each time, and its hash."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from cdss.canonical import canonical, canonical_sha256
from cdss.consultations.models import Consultation
from cdss.consultations.stored import stored_diagnoses, stored_evidence
from cdss.reasoning.types import DiagnosisDraft, EvidenceText

CASE = ("age", "sex", "history", "exam", "findings", "corrections")
# As long as its column is.
NAME = 300


def diagnoses_text(drafts: Iterable[DiagnosisDraft], evidence: Sequence[EvidenceText]) -> str:
    """A differential as it is stored: a citation that leads nowhere is not."""
    labels = {text.label for text in evidence}
    return canonical([_diagnosis(draft, labels) for draft in drafts])


def _diagnosis(draft: DiagnosisDraft, labels: set[str]) -> dict[str, object]:
    row = asdict(draft) | {"name": draft.name[:NAME], "concept": draft.concept[:NAME], "codes": dict(draft.codes)}
    for said in row["statements"]:
        said["citations"] = [cited for cited in said["citations"] if cited["evidence"] in labels]
        said["reasons"], said["conflicts"] = list(said["reasons"]), list(said["conflicts"])
    return row


def case_sha256(consultation: Consultation) -> str:
    images = [image.sha256 for image in consultation.images.all()]
    return canonical_sha256([*(getattr(consultation, name) for name in CASE), images])


def answer_sha256(consultation: Consultation, writer: str, *, pieces: int) -> str:
    """Of what a writer answered and of the first `pieces` of evidence, which it was given; of an abstention, of its
    reason and what was searched.

    Read from the database and not from memory: it is the rows that are vouched for.
    """
    evidence = stored_evidence(consultation)[:pieces]
    answer = consultation.answers.filter(writer=writer).first()
    diagnoses = diagnoses_text(stored_diagnoses(answer), evidence) if answer else ""
    return canonical_sha256([diagnoses, [asdict(text) for text in evidence], consultation.abstention])
