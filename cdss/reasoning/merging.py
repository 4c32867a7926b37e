"""The language model's differential laid over the composer's, once the gate has judged it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cdss.reasoning.types import DiagnosisDraft


def is_grounded(draft: DiagnosisDraft) -> bool:
    """Something that speaks for it has passed the gate; only then does the model's order count."""
    return any(s.stance == "for" and s.support != "unsupported" for s in draft.statements)


def merged(*, written: Sequence[DiagnosisDraft], composed: Sequence[DiagnosisDraft]) -> list[DiagnosisDraft]:
    """The model's grounded diagnoses in its order, then the composer's others as they were.

    A diagnosis the model could not ground keeps the composer's place and text, with the model's refused statements
    beside it; one that only the model named and nothing supports comes last.
    """
    by_concept = {draft.concept: draft for draft in composed}
    grounded = [_with_unexplained(draft, by_concept) for draft in written if is_grounded(draft)]
    refused = {draft.concept: draft for draft in written if not is_grounded(draft)}
    first = {draft.concept for draft in grounded}
    rest = [_beside(draft, refused.get(draft.concept)) for draft in composed if draft.concept not in first]
    alone = [replace(draft, score=0.0) for concept, draft in refused.items() if concept not in by_concept]
    return [*grounded, *rest, *alone]


def _with_unexplained(draft: DiagnosisDraft, by_concept: Mapping[str, DiagnosisDraft]) -> DiagnosisDraft:
    """The sources are the same, whoever writes."""
    composed = by_concept.get(draft.concept)
    return replace(draft, unexplained=composed.unexplained) if composed else draft


def _beside(composed: DiagnosisDraft, refused: DiagnosisDraft | None) -> DiagnosisDraft:
    if refused is None:
        return composed
    return replace(composed, statements=(*composed.statements, *refused.statements))
