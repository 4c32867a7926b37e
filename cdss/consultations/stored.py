"""An answer and its evidence as they are stored, as the values they were made from."""

from cdss.consultations.models import Answer, Consultation
from cdss.reasoning.types import CitationDraft, DiagnosisDraft, EvidenceText, StatementDraft


def stored_evidence(consultation: Consultation) -> list[EvidenceText]:
    return [
        EvidenceText(row.label, row.kind, row.source_id, row.title, row.text, row.score, row.details)
        for row in consultation.evidence.all()
    ]


def stored_diagnoses(answer: Answer) -> list[DiagnosisDraft]:
    rows = answer.diagnoses.prefetch_related("statements__citations__evidence")
    return [
        DiagnosisDraft(
            name=row.name,
            concept=row.concept,
            score=row.score,
            statements=[
                StatementDraft(
                    text=s.text,
                    stance=s.stance,  # type: ignore[arg-type]
                    citations=[CitationDraft(c.evidence.label, c.quote, c.start, c.end) for c in s.citations.all()],
                    support=s.support,  # type: ignore[arg-type]
                    reasons=s.reasons,
                    conflicts=s.conflicts,
                )
                for s in row.statements.all()
            ],
            likelihood=row.likelihood,
            probability=row.probability,
            codes=row.codes,
            must_not_miss=row.must_not_miss,
            unexplained=row.unexplained,
        )
        for row in rows
    ]
