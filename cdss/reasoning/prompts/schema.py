"""The form of an answer: pydantic for what comes back, JSON schema for what is asked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from cdss.reasoning.prompts import Limits

TEXT_MAX = 400
QUOTE_MAX = 600
NAME_MAX = 120


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class CitationAnswer(_Part):
    evidence: str = Field(min_length=1, max_length=16)
    quote: str = Field(min_length=1, max_length=QUOTE_MAX)


class StatementAnswer(_Part):
    text: str = Field(min_length=1, max_length=TEXT_MAX)
    stance: Literal["for", "against"]
    citations: list[CitationAnswer] = Field(min_length=1, max_length=4)


class StepAnswer(_Part):
    text: str = Field(min_length=1, max_length=TEXT_MAX)
    citations: list[CitationAnswer] = Field(min_length=1, max_length=4)


def answer_schema(*, labels: Sequence[str], limits: "Limits | None") -> dict[str, Any]:
    """Lengths are left to the check of the answer: not every server knows them in a schema."""
    label: dict[str, Any] = {"type": "string", "enum": list(labels)} if labels else {"type": "string"}
    citations = _array(_object(evidence=label, quote={"type": "string"}), low=1, high=2 if limits else None)
    stance = {"type": "string", "enum": ["for", "against"]}
    statement = _object(text={"type": "string"}, stance=stance, citations=citations)
    step = _object(text={"type": "string"}, citations=citations)
    diagnosis = _object(
        name={"type": "string"},
        statements=_array(statement, high=limits.statements if limits else None),
        next_steps=_array(step, high=limits.steps if limits else None),
    )
    root = _object(diagnoses=_array(diagnosis, high=limits.diagnoses if limits else None))
    return {"title": "differential", "description": "A ranked differential diagnosis.", **root}


def guesses_schema(*, most: int | None) -> dict[str, Any]:
    root = _object(diagnoses=_array(_object(name={"type": "string"}), high=most))
    return {"title": "hypotheses", "description": "Diagnoses to search for.", **root}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(items: dict[str, Any], *, low: int = 0, high: int | None = None) -> dict[str, Any]:
    bounds = {"minItems": low} if low else {}
    return {"type": "array", "items": items, **bounds, **({"maxItems": high} if high else {})}
