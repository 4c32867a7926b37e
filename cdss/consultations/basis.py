"""What an answer is made of, frozen when it is made: so it can be made again when the index is gone.

An index version is removed a while after the next one is published, and what a search brings depends on the rows that
are there. So the search is not run again: what it brought is kept, and ranking, writing and checking start from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import retrieval
from cdss.canonical import canonical_sha256
from cdss.consultations.evidence import Retrieved
from cdss.consultations.models import Basis, Consultation
from cdss.consultations.pipeline import Outcome, floors_of_site
from cdss.reasoning.ranking import DiagnosisModel, model_from_json
from cdss.reasoning.types import Candidate, Lead

FORMAT = 1
HERE = Path(__file__).resolve().parent
# What decides an answer once the search is done.
CODE = (
    HERE.parent / "reasoning",
    Path(retrieval.__file__).parent / "terms",
    HERE / "pipeline.py",
    HERE / "freezing.py",
    HERE / "evidence.py",
)
CODE_FILES = (".py", ".txt", ".json", ".md")
_LEAD = tuple(field.name for field in fields(Lead))


@dataclass(frozen=True, slots=True)
class Thawed:
    """A stored basis as values; it answers what `too_little` asks."""

    leads: Sequence[Lead]
    names: Mapping[int, Sequence[tuple[str, float]]]
    # Items of the evidence by its label.
    evidence: Mapping[str, int]
    model: DiagnosisModel
    floors: Mapping[str, float]
    by_images: bool
    best_image: float
    best_dense: float
    shares_words: bool
    candidates: Sequence[Candidate] = ()
    # Not kept of the first answers; the weights they were ranked by make nothing of it.
    breadth: int = 0

    @property
    def found(self) -> Mapping[int, object]:
        return self.names


def basis_store(*, consultation: Consultation, outcome: Outcome) -> Basis:
    retrieved, model = outcome.retrieved, model_of(outcome.retrieved)
    record = {
        "format": FORMAT,
        "leads": [_lead_row(lead) for lead in retrieved.leads],
        "names": _names_rows(retrieved),
        "evidence": {draft.text.label: draft.item for draft in outcome.evidence},
        "grounds": {
            "by_images": retrieved.by_images,
            "best_image": float(retrieved.best_image),
            "best_dense": float(retrieved.best_dense),
            "shares_words": retrieved.shares_words,
            "breadth": retrieved.breadth,
        },
        "floors": floors_of_site(),
        "weights": model_json(model),
    }
    return Basis.objects.create(
        consultation=consultation, weights=weights_sha256(model), code=code_sha256(), record=record
    )


def thawed(record: Mapping[str, Any]) -> Thawed:
    """Raises ValueError for a record of a later version of this program."""
    if record.get("format") != FORMAT:
        raise ValueError(f"It was kept in the format {record.get('format')}; this program reads {FORMAT}.")
    return Thawed(
        leads=[_lead(row) for row in record["leads"]],
        names=_names(record),
        evidence=record["evidence"],
        model=model_from_json(record["weights"]),
        floors=record["floors"],
        **record["grounds"],
    )


def model_of(retrieved: Retrieved) -> DiagnosisModel:
    """The weights an answer was ranked by."""
    return retrieved.weights.diagnoses


def model_json(model: DiagnosisModel) -> dict[str, Any]:
    return {"ranker": model.ranker.as_json(), "calibration": dict(model.calibration)}


def weights_sha256(model: DiagnosisModel) -> str:
    return canonical_sha256(model_json(model))


@cache
def code_sha256() -> str:
    digest = sha256()
    found = [path for place in CODE for path in ([place] if place.is_file() else place.rglob("*"))]
    for path in sorted(path for path in found if path.suffix in CODE_FILES):
        digest.update(f"{path.relative_to(HERE.parent.parent)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _names_rows(retrieved: Retrieved) -> list[list[Any]] | None:
    """None where they are those of the leads, as they are but for a case of images alone."""
    rows = [[item, [list(name) for name in one.names]] for item, one in retrieved.found.items()]
    of_leads = [[lead.item, [list(name) for name in lead.names]] for lead in retrieved.leads]
    return None if rows == of_leads else rows


def _names(record: Mapping[str, Any]) -> dict[int, list[tuple[str, float]]]:
    rows = record["names"]
    if rows is None:
        rows = [(row["item"], row["names"]) for row in record["leads"]]
    return {item: [(name, weight) for name, weight in given] for item, given in rows}


def _lead_row(lead: Lead) -> dict[str, Any]:
    row = asdict(lead)
    # A database gives numbers back exactly, of the types that JSON has.
    plain = {name: float(value) for name, value in row.items() if isinstance(value, float)}
    return row | plain | {"names": [[name, float(weight)] for name, weight in lead.names]}


def _lead(row: Mapping[str, Any]) -> Lead:
    known = {name: row[name] for name in _LEAD if name in row}
    return Lead(**known | {"names": [(name, weight) for name, weight in row["names"]]})
