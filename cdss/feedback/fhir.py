"""One word of feedback as a FHIR R4 QuestionnaireResponse."""

import uuid
from collections.abc import Mapping
from typing import Any

from cdss.feedback.models import Reason, Verdict
from cdss.verdicts import Confirmation

BUNDLE_START = '{"resourceType": "Bundle", "type": "collection", "entry": [\n'
BUNDLE_END = "\n]}\n"
SYSTEM = "urn:cdss:feedback"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, SYSTEM)
CODED = {"action_taken": Verdict, "reason": Reason, "confirmed_by": Confirmation}
TEXTS = (
    "consultation",
    "intervention_type",
    "intervention",
    "source",
    "feedback",
    "correction",
    "final_diagnosis",
    "role",
    "location",
    "index_version",
    "model",
)
LABELS = {
    "action_taken": "Action taken",
    "reason": "Reason",
    "confirmed_by": "Final diagnosis confirmed by",
    "consultation": "Consultation",
    "intervention_type": "Kind of intervention",
    "intervention": "Intervention",
    "source": "Source",
    "feedback": "Comment",
    "correction": "What it should say",
    "final_diagnosis": "Final diagnosis",
    "role": "Role of the user",
    "location": "Location",
    "index_version": "Version of the index",
    "model": "Model",
}


def entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "fullUrl": f"urn:uuid:{uuid.uuid5(NAMESPACE, str(row['feedback_id']))}",
        "resource": {
            "resourceType": "QuestionnaireResponse",
            "identifier": {"system": SYSTEM, "value": str(row["feedback_id"])},
            "questionnaire": SYSTEM,
            "status": "completed",
            "authored": row["date"],
            "author": {"type": "Practitioner", "identifier": {"system": f"{SYSTEM}:user", "value": row["user"]}},
            "item": [*_coded(row), *_texts(row)],
        },
    }


def _coded(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_item(name, {"valueCoding": _coding(name, row[name])}) for name in CODED if row[name]]


def _coding(name: str, code: str) -> dict[str, str]:
    return {"system": f"{SYSTEM}:{name}", "code": code, "display": CODED[name](code).label}


def _texts(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    # An empty string is not a value in FHIR.
    return [_item(name, {"valueString": str(row[name]).strip()}) for name in TEXTS if str(row[name]).strip()]


def _item(name: str, answer: dict[str, Any]) -> dict[str, Any]:
    return {"linkId": name, "text": LABELS[name], "answer": [answer]}
