import json

import pytest
from django.test import Client
from fhir.resources.R4B.bundle import Bundle

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Answer, Consultation, Diagnosis, Status
from tests.cdss.cast import answered_consultation


def exported(client: Client, row: Consultation) -> Bundle:
    answer = client.get(f"/consultations/{row.pk}/export/", {"format": "fhir"})
    assert answer["Content-Type"] == "application/fhir+json"
    return Bundle.model_validate_json(answer.content)


@pytest.fixture
def signed_in(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


def test_an_answer_is_guidance_with_its_outputs_and_its_provenance(signed_in: Client, clinician: User) -> None:
    row = answered_consultation(clinician)
    Diagnosis.objects.update(probability=0.7, likelihood="most likely", codes={"icd10cm": "Q85.9", "hpo": "HP:1"})
    Answer.objects.create(consultation=row, writer="ollama:some", state="failed")
    found = [entry.resource for entry in exported(signed_in, row).entry]
    kinds = [resource.get_resource_type() for resource in found]
    assert kinds == ["GuidanceResponse", "Parameters", "Provenance", "GuidanceResponse", "Provenance"]
    guidance, outputs, provenance = found[:3]
    assert (guidance.status, guidance.performer.display) == ("success", "composer")
    parts = {part.name: part for part in outputs.parameter[0].part}
    assert parts["name"].valueString == "Hamartoma"
    assert float(parts["probability"].valueDecimal) == 0.7
    quote = {part.name: part for part in parts["statement"].part[-1].part}["quote"].valueString
    assert "popcorn calcification" in quote
    assert provenance.entity[0].what.display.startswith("E1 ")
    assert provenance.agent[1].who.identifier.value == "clinician"
    event = Event.objects.last()
    assert (event.action, event.details["format"]) == ("consultation.exported", "fhir")


def test_references_lead_somewhere(signed_in: Client, clinician: User) -> None:
    row = answered_consultation(clinician)
    data = json.loads(signed_in.get(f"/consultations/{row.pk}/export/", {"format": "fhir"}).content)
    addresses = {entry["fullUrl"] for entry in data["entry"]}
    assert len(addresses) == 3
    guidance, _, provenance = (entry["resource"] for entry in data["entry"])
    assert guidance["outputParameters"]["reference"] in addresses
    assert provenance["target"][0]["reference"] in addresses


def test_an_abstention_asks_for_data(signed_in: Client, clinician: User) -> None:
    row = Consultation.objects.create(
        user=clinician, status=Status.ABSTAINED, findings="x", abstention={"reason": "below_floor"}
    )
    guidance, provenance = [entry.resource for entry in exported(signed_in, row).entry]
    assert (guidance.status, guidance.outputParameters) == ("data-required", None)
    assert provenance.entity is None
