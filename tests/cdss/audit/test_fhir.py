import base64
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from fhir.resources.R4B.bundle import Bundle

from cdss.accounts.models import User
from cdss.audit.export import COLUMNS
from cdss.audit.fhir import PROFILE, audit_event
from cdss.audit.models import Event
from cdss.audit.services import record
from tests.cdss.cast import answered_consultation

AGENTS = {"110152": "destination", "110153": "source"}


def as_fhir(event: Event) -> dict:
    return audit_event({name: getattr(event, name) for name in COLUMNS} | {"at": event.at.isoformat()})


def agents_of(found: dict) -> dict[str, dict]:
    return {agent["type"]["coding"][0]["code"]: agent for agent in found["agent"]}


@pytest.fixture
def events(clinician: User, auditor: User) -> list[Event]:
    consultation = answered_consultation(clinician)
    clinician.location = "Ward 3"
    return [
        record(action="account.signed_in", by=clinician, obj=clinician, location="192.0.2.7"),
        record(action="account.sign_in_failed", details={"account_exists": False}, location="2001:db8::1"),
        record(action="consultation.started", by=clinician, obj=consultation, details={"characters": 12}),
        record(action="consultation.finished", obj=consultation, details={"status": "done"}),
        record(action="consultation.viewed", by=clinician, obj=consultation),
        record(action="feedback.given", by=clinician, obj=consultation, details={"reason": "", "names": ["a", None]}),
        record(action="feedback.listed", by=auditor, details={"found": 1}),
        record(action="library.search_deleted", by=clinician, obj=clinician),
        record(action="consultation.model_failed", obj=consultation, details={"trouble": "timeout"}),
    ]


def test_the_export_is_a_valid_bundle(events: list[Event], tmp_path: Path) -> None:
    file = tmp_path / "audit.json"
    call_command("export_audit", "--format", "fhir", "--output", str(file))
    bundle = Bundle.model_validate_json(file.read_bytes())
    resources = [entry.resource for entry in bundle.entry]
    assert [resource.get_resource_type() for resource in resources] == ["AuditEvent"] * len(events)
    assert [resource.extension[0].valueString for resource in resources] == [event.hash for event in events]
    assert [resource.recorded for resource in resources] == [event.at for event in events]


@pytest.mark.parametrize(
    ("place", "profile", "action", "interaction", "client", "user"),
    [
        (2, "Create", "C", "create", "source", "AUT"),
        (3, "Update", "U", "update", "source", None),
        (4, "Read", "R", "read", "destination", "IRCP"),
        (5, "Create", "C", "create", "source", "AUT"),
        (6, "Query", "E", "search", "source", "IRCP"),
    ],
)
def test_the_patterns_of_balp_hold(
    events: list[Event], place: int, profile: str, action: str, interaction: str, client: str, user: str | None
) -> None:
    """What the profiles of BALP 1.1.3 fix: type, subtype, action, outcome, the agents and the entity."""
    found = as_fhir(events[place])
    assert found["meta"]["profile"] == [PROFILE + profile]
    assert (found["type"]["code"], found["action"], found["outcome"]) == ("rest", action, "0")
    assert found["subtype"][0] == {
        "system": "http://hl7.org/fhir/restful-interaction", "code": interaction, "display": interaction,
    }  # fmt: skip
    mine, theirs = [agent for agent in found["agent"] if agent["type"]["coding"][0]["code"] in AGENTS]
    assert AGENTS[mine["type"]["coding"][0]["code"]] == client
    assert AGENTS[theirs["type"]["coding"][0]["code"]] != client
    for agent in (mine, theirs):
        assert agent["who"]
        assert agent["network"]["address"]
        assert "media" not in agent
    people = [agent for agent in found["agent"] if agent["requestor"] and agent["type"]["coding"][0]["code"] == user]
    assert len(people) == (user is not None)
    assert all("network" not in person and person["who"]["identifier"]["value"] for person in people)
    [entity] = found["entity"]
    assert entity["type"]["code"] == "2"
    if profile == "Query":
        assert entity["role"]["code"] == "24"
        assert json.loads(base64.b64decode(entity["query"])) == {"found": 1}
        assert not {"what", "lifecycle", "detail"} & set(entity)
    else:
        assert entity["role"]["code"] == "4"
        assert entity["what"]


def test_what_failed_claims_no_profile_of_success(events: list[Event]) -> None:
    failed = as_fhir(events[8])
    assert "meta" not in failed
    assert failed["outcome"] == "8"
    assert as_fhir(events[1])["outcome"] == "8"


def test_coming_and_going_are_dicoms_own(events: list[Event]) -> None:
    found = as_fhir(events[0])
    assert (found["type"]["code"], found["subtype"][0]["code"]) == ("110114", "110122")
    assert agents_of(found)["110153"]["network"] == {"address": "192.0.2.7", "type": "2"}
    assert agents_of(as_fhir(events[2]))["110153"]["network"] == {"address": "Ward 3", "type": "1"}


def test_the_command_counts_filters_and_records(
    events: list[Event], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("export_audit", "--format", "csv", "--count", "--user", "clinician")
    assert capsys.readouterr().out.strip() == "5"
    file = tmp_path / "audit.csv"
    call_command("export_audit", "--format", "csv", "--user", "clinician", "--rows-alone", "--output", str(file))
    event = Event.objects.last()
    assert event.action == "audit.exported"
    assert (event.details["rows"], event.details["mode"], event.details["filters"]) == (
        5,
        "rows",
        {"actor": "clinician"},
    )
    call_command("export_audit", "--format", "jsonl", "--outcome", "failed", "--count")
    assert capsys.readouterr().out.strip() == "2"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--since", "yesterday", "--count"],
        ["--since", "2026-02-01", "--until", "2026-01-01", "--count"],
        ["--role", "king", "--count"],
        ["--output", "/proc/nowhere/audit.csv"],
    ],
)
def test_wrong_use_says_why(db: None, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("export_audit", "--format", "csv", *arguments)
