import json
from hashlib import sha256

import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation
from tests.cdss.consultations import page_rows as rows


@pytest.fixture
def row(clinician: User) -> Consultation:
    row = rows.consultation(clinician, index_version="index-7", removed_identifiers={"name": 2})
    cited = rows.evidence(row)
    said = [
        ("Fat is seen.", "for", "supported"),
        ("It was stable.", "against", "unsupported"),
        ("CT.", "next", "partly"),
    ]
    rows.diagnosis(rows.answer(row), "Hamartoma", said, cites=cited, codes={"icd10cm": "D14.3"})
    return row


def exported(client: Client, row: Consultation) -> dict:  # type: ignore[type-arg]
    response = client.get(f"/consultations/{row.pk}/export/")
    assert response["Content-Disposition"] == f'attachment; filename="{row}.json"'
    return json.loads(response.content)


def test_it_is_a_line_of_consult_output_with_the_case_and_the_versions(client, clinician: User, row) -> None:
    client.force_login(clinician)
    data = exported(client, row)
    assert {"id", "abstained", "model", "index_version", "timings_ms", "diagnoses", "evidence"} <= data.keys()
    assert (data["id"], data["abstained"], data["model"], data["index_version"]) == (
        str(row),
        False,
        "composer",
        "index-7",
    )
    assert data["case"]["findings"] == row.findings
    assert data["removed_identifiers"] == {"name": 2}
    (diagnosis,) = data["diagnoses"]
    assert [(said["stance"], said["support"]) for said in diagnosis["statements"]] == [
        ("for", "supported"),
        ("against", "unsupported"),
    ]
    assert [step["text"] for step in diagnosis["next_steps"]] == ["CT."]
    assert diagnosis["codes"] == {"icd10cm": "D14.3"}


def test_every_quote_stands_at_its_offsets(client, clinician: User, row) -> None:
    client.force_login(clinician)
    data = exported(client, row)
    texts = {piece["id"]: piece["text"] for piece in data["evidence"]}
    citations = [
        c for d in data["diagnoses"] for said in (*d["statements"], *d["next_steps"]) for c in said["citations"]
    ]
    assert len(citations) == 3
    assert all(texts[c["evidence"]][c["start"] : c["end"]] == c["quote"] for c in citations)


def test_an_abstention_says_so(client, clinician: User) -> None:
    row = rows.consultation(clinician, "abstained", abstention={"reason": "below_floor"})
    client.force_login(clinician)
    data = exported(client, row)
    assert data["abstained"] is True
    assert data["diagnoses"] == []
    assert data["abstention"] == {"reason": "below_floor"}


def test_exporting_is_audited_with_the_hash_of_the_file(client, clinician: User, row) -> None:
    client.force_login(clinician)
    content = client.get(f"/consultations/{row.pk}/export/").content
    event = Event.objects.get(action="consultation.exported")
    assert event.object_id == str(row.pk)
    assert event.details == {"sha256": sha256(content).hexdigest(), "bytes": len(content), "format": "json"}
