"""A stored consultation as a FHIR R4 Bundle: of each writer a GuidanceResponse, its outputs and its Provenance."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from cdss.consultations.models import Answer, Consultation, Diagnosis, Evidence, Statement, Status

SYSTEM = "urn:cdss:consultation"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, SYSTEM)
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
CODES = {"icd10cm": "http://hl7.org/fhir/sid/icd-10-cm", "omim": "http://www.omim.org"}
STATUSES: Mapping[str, str] = {
    Status.DONE: "success",
    Status.ABSTAINED: "data-required",
    Status.FAILED: "failure",
    Status.CANCELLED: "failure",
}
NO_WRITER = "composer"


def bundle(consultation: Consultation) -> dict[str, Any]:
    """Expects the prefetches of `whole_consultation_for`."""
    entries: list[dict[str, Any]] = []
    answers: list[Answer | None] = [*consultation.answers.all()]
    for answer in answers or [None]:
        entries += _of_answer(consultation, answer)
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _of_answer(consultation: Consultation, answer: Answer | None) -> Iterator[dict[str, Any]]:
    writer = answer.writer if answer else NO_WRITER
    guidance, outputs = _address(consultation, writer, "guidance"), _address(consultation, writer, "outputs")
    response: dict[str, Any] = {
        "resourceType": "GuidanceResponse",
        "requestIdentifier": {"system": SYSTEM, "value": str(consultation)},
        "identifier": [{"system": f"{SYSTEM}:answer", "value": f"{consultation} {writer}"}],
        "moduleUri": f"{SYSTEM}:differential",
        "status": STATUSES.get(consultation.status, "in-progress"),
        "occurrenceDateTime": (consultation.finished or consultation.created).isoformat(),
        "performer": {"type": "Device", "display": writer},
    }
    if reason := consultation.abstention.get("reason"):
        response["reasonCode"] = [{"text": f"No answer: {reason}"}]
    diagnoses = list(answer.diagnoses.all()) if answer else []
    if diagnoses:
        response["outputParameters"] = {"reference": outputs}
    yield {"fullUrl": guidance, "resource": response}
    if diagnoses:
        labels = {row.pk: row.label for row in consultation.evidence.all()}
        parameters = [_diagnosis(row, labels) for row in diagnoses]
        yield {"fullUrl": outputs, "resource": {"resourceType": "Parameters", "parameter": parameters}}
    yield {
        "fullUrl": _address(consultation, writer, "provenance"),
        "resource": _provenance(consultation, answer, guidance),
    }


def _provenance(consultation: Consultation, answer: Answer | None, target: str) -> dict[str, Any]:
    writer = answer.writer if answer else NO_WRITER
    versions = [("index", consultation.index_version), ("text encoder", consultation.text_encoder)]
    versions += [("image encoder", consultation.image_encoder), ("prompt", answer.prompt_sha256 if answer else "")]
    made_with = ", ".join(f"{name} {version}" for name, version in versions if version)
    entities = [_entity(row) for row in consultation.evidence.all()]
    return {
        "resourceType": "Provenance",
        "target": [{"reference": target}],
        "recorded": (consultation.finished or consultation.created).isoformat(),
        "agent": [
            {
                "type": _participant("assembler", "Assembler"),
                "who": {"type": "Device", "display": f"{writer}{f' ({made_with})' if made_with else ''}"},
            },
            {
                "type": _participant("enterer", "Enterer"),
                "who": {
                    "type": "Practitioner",
                    "identifier": {"system": "urn:cdss:audit:user", "value": consultation.user.username},
                },
            },
        ],
        **({"entity": entities} if entities else {}),
    }


def _participant(code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": PARTICIPANT, "code": code, "display": display}]}


def _entity(row: Evidence) -> dict[str, Any]:
    source = {"value": f"{row.source_name} {row.source_id}".strip()}
    return {"role": "source", "what": {"identifier": source, "display": f"{row.label} {row.title}".strip()}}


def _diagnosis(row: Diagnosis, labels: Mapping[int, str]) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "rank", "valueInteger": row.rank},
        {"name": "name", "valueString": row.name},
    ]
    if row.probability is not None:
        parts.append({"name": "probability", "valueDecimal": row.probability})
    if row.likelihood:
        parts.append({"name": "likelihood", "valueCode": row.likelihood.replace(" ", "-")})
    for system, code in row.codes.items():
        if code:
            parts.append(
                {
                    "name": "code",
                    "valueCoding": {"system": CODES.get(system, f"urn:cdss:code:{system}"), "code": str(code)},
                }
            )
    parts += [_statement(statement, labels) for statement in row.statements.all()]
    return {"name": "diagnosis", "part": parts}


def _statement(row: Statement, labels: Mapping[int, str]) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "text", "valueString": row.text},
        {"name": "stance", "valueCode": row.stance},
        {"name": "support", "valueCode": row.support},
    ]
    for cited in row.citations.all():
        quoted = [
            {"name": "evidence", "valueString": labels[cited.evidence_id]},
            {"name": "quote", "valueString": cited.quote},
            {"name": "start", "valueInteger": cited.start},
            {"name": "end", "valueInteger": cited.end},
        ]
        parts.append({"name": "citation", "part": quoted})
    return {"name": "statement", "part": parts}


def _address(consultation: Consultation, writer: str, what: str) -> str:
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{consultation.pk} {writer} {what}')}"
