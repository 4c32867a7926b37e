"""A consultation run again: the same from what was frozen, and beside what today's library answers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from cdss.accounts.models import User
from cdss.audit import triggers
from cdss.audit.models import Event
from cdss.consultations.models import Basis, Citation, Consultation, Diagnosis, Evidence, Statement, Status
from cdss.consultations.replay import replayed, rerun
from cdss.consultations.services import consultation_start
from cdss.consultations.working import answer
from cdss.library.models import Document, LibraryItem
from cdss.locks.models import Mode
from cdss.locks.modes import LockedError
from cdss.reasoning.types import CaseInput
from tests.cdss.cast import answered_consultation
from tests.cdss.consultations.test_line import CASE, answered

__all__ = ["answered"]
GROWN = {
    "id": "d9", "kind": "literature", "title": "Pulmonary hamartoma",
    "text": "Pulmonary hamartoma: popcorn calcification in a well-circumscribed nodule of the left lung is typical.",
    "source": {"name": "tests", "id": "d9"},
}  # fmt: skip


@pytest.fixture
def ask(clinician: User, run_queue: Callable[..., object]) -> Callable[[CaseInput], Consultation]:
    def asked(case: CaseInput) -> Consultation:
        with run_queue():  # type: ignore[attr-defined]
            row = consultation_start(by=clinician, case=case)
        return Consultation.objects.get(pk=row.pk)

    return asked


def library_changes(tmp_path: Path) -> None:
    """One source is edited, one is gone, one is new, and the index of then is removed."""
    Document.objects.filter(source_id="d1").update(text="Nothing is said here any more.")
    LibraryItem.objects.filter(source_id="c1").delete()
    file = tmp_path / "grown.jsonl"
    file.write_text(json.dumps(GROWN) + "\n")
    call_command("import_library", str(file), collection="Tests", publish=True, verbosity=0)
    call_command("build_index", rebuild=True, verbosity=0)


def test_at_once_it_is_the_same_and_so_is_today(answered: Consultation) -> None:
    found = replayed(answered)
    assert (found["byte_equal"], found["untouched"]) == (True, True)
    assert not found["differences"]["any"]
    assert [step["same"] for step in found["steps"]] == [True, None, None, True, True]
    assert {each["what"]: each["holds"] for each in found["vouched"]} == {"case": True, "answer of composer": True}
    assert found["then"]["weights"] == found["now"]["weights"]
    assert found["then"]["code"] == found["now"]["code"]


def test_today_does_not_find_the_library_case_it_was_started_from(answered: Consultation) -> None:
    own = LibraryItem.objects.get(source_id="c1")
    Consultation.objects.filter(pk=answered.pk).update(library_case=own.pk)
    found = replayed(Consultation.objects.get(pk=answered.pk))
    assert {row["source"]: row["change"] for row in found["differences"]["evidence"]}["tests c1"] == "went"


def test_today_says_why_it_does_not_answer_while_the_site_is_locked_to_text(
    answered: Consultation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**asked: object) -> None:
        raise LockedError(Mode.TEXT_ONLY)

    monkeypatch.setattr("cdss.consultations.replay.consult", refused)
    assert replayed(answered)["now"]["trouble"] == str(LockedError(Mode.TEXT_ONLY))


def test_it_is_byte_equal_after_the_library_changed_and_today_differs(answered: Consultation, tmp_path: Path) -> None:
    library_changes(tmp_path)
    found = replayed(Consultation.objects.get(pk=answered.pk))
    assert (found["byte_equal"], found["untouched"]) == (True, True)
    assert found["differences"]["any"]
    evidence = {row["source"]: row for row in found["differences"]["evidence"]}
    assert evidence["tests d9"]["change"] == "came"
    assert evidence["tests c1"]["change"] == "went"
    assert evidence.get("tests d1", {"edited": True})["edited"]
    first = found["differences"]["diagnoses"][0]
    assert first["name"] == "Pulmonary hamartoma"
    assert first["went"]
    assert found["then"]["index_version"] != found["now"]["index_version"]


@pytest.mark.parametrize("text", ["zzz qqq xxyyzz", "A solid nodule."])
def test_an_abstention_is_made_again_too(
    small_library: None, ask: Callable[[CaseInput], Consultation], text: str, settings: object
) -> None:
    settings.PROBABILITY_FLOOR = 0.99  # type: ignore[attr-defined]
    row = ask(CaseInput(findings=text))
    assert row.status == Status.ABSTAINED
    settings.PROBABILITY_FLOOR = 0.0  # type: ignore[attr-defined]
    again = rerun(row)
    assert (again.equal, again.untouched) == (True, True)


def test_corrections_are_part_of_it(small_library: None, ask: Callable[[CaseInput], Consultation]) -> None:
    row = ask(CaseInput(age="", sex="", history="A 60-year-old man.", findings=CASE.findings))
    assert rerun(row).equal


CHANGES: dict[str, Callable[[Consultation], object]] = {
    "statement": lambda row: Statement.objects.filter(diagnosis__rank=1).update(text="It is nothing."),
    "support": lambda row: Statement.objects.filter(diagnosis__rank=1).update(support="unsupported"),
    "probability": lambda row: Diagnosis.objects.filter(rank=1).update(probability=0.123),
    "name": lambda row: Diagnosis.objects.filter(rank=1).update(name="Another"),
    "diagnosis gone": lambda row: Diagnosis.objects.filter(rank=1).delete(),
    "order": lambda row: Diagnosis.objects.filter(rank=1).update(rank=99),
    "quote": lambda row: Citation.objects.filter(statement__diagnosis__rank=1).update(quote="other"),
    "evidence": lambda row: Evidence.objects.filter(rank=1).update(text="Another text."),
    "title": lambda row: Evidence.objects.filter(rank=1).update(title="Another title"),
    "case": lambda row: Consultation.objects.update(findings="A mass."),
    "age": lambda row: Consultation.objects.update(age="6"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_changed_row_is_told(answered: Consultation, change: Callable[[Consultation], object]) -> None:
    change(answered)
    again = rerun(Consultation.objects.get(pk=answered.pk))
    assert not again.untouched
    assert any(each.holds is False for each in again.vouched)


def test_a_changed_row_whose_event_was_changed_too_breaks_the_trail(answered: Consultation) -> None:
    from cdss.audit.verify import verify
    from cdss.consultations.digests import answer_sha256

    Statement.objects.filter(diagnosis__rank=1).update(text="It is nothing.")
    triggers.remove(connection)
    event = Event.objects.get(action="consultation.finished")
    pieces = answered.evidence.count()
    event.details["answer_sha256"] = answer_sha256(answered, "composer", pieces=pieces)
    Event.objects.filter(pk=event.pk).update(details=event.details)
    assert rerun(answered).untouched
    assert verify().sequence == event.sequence


def test_evidence_added_after_the_answer_changes_nothing_of_it(answered: Consultation) -> None:
    last = answered.evidence.last()
    assert last is not None
    count = answered.evidence.count()
    last.pk, last.label, last.rank = None, f"E{count + 1}", count + 1
    last.save()
    again = rerun(Consultation.objects.get(pk=answered.pk))
    assert (again.equal, again.untouched) == (True, True)


def test_one_of_before_it_was_kept_says_so(clinician: User) -> None:
    again = rerun(answered_consultation(clinician))
    assert again.equal is None
    assert again.untouched
    assert "before what a search brings was kept" in " ".join(step.note for step in again.steps)


def test_a_basis_of_a_later_program_is_refused(answered: Consultation) -> None:
    Basis.objects.update(record={"format": 99})
    with pytest.raises(CommandError, match="format 99"):
        call_command("replay_consultation", str(answered.pk))


def test_being_tried_again_makes_another_basis(answered: Consultation) -> None:
    Consultation.objects.update(status=Status.QUEUED)
    answer(answered.pk)
    assert Basis.objects.count() == 1
    assert rerun(Consultation.objects.get(pk=answered.pk)).equal


def test_the_command_says_and_exits(answered: Consultation, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("replay_consultation", f"C-{answered.pk}", "--json")
    assert json.loads(capsys.readouterr().out)["byte_equal"] is True
    call_command("replay_consultation", str(answered.pk))
    assert "byte for byte the same" in capsys.readouterr().out
    Statement.objects.filter(diagnosis__rank=1).update(text="It is nothing.")
    with pytest.raises(SystemExit) as stopped:
        call_command("replay_consultation", str(answered.pk))
    assert stopped.value.code == 1
    assert "not what the audit trail vouches for" in capsys.readouterr().out
    event = Event.objects.last()
    assert (event.action, event.details["untouched"]) == ("consultation.replayed", False)


@pytest.mark.parametrize("number", ["x", "C-", "999999", "9" * 40, "-1"])
def test_wrong_use_of_the_command(db: None, number: str) -> None:
    with pytest.raises(CommandError):
        call_command("replay_consultation", "--", number)


def test_the_page_runs_it_again_and_shows_both(
    answered: Consultation, auditor: User, client: Client, run_queue: Callable[..., object], tmp_path: Path
) -> None:
    client.force_login(auditor)
    assert "Not run again yet" in client.get(f"/consultations/{answered.pk}/replays/").content.decode()
    library_changes(tmp_path)
    with run_queue():  # type: ignore[attr-defined]
        sent = client.post(f"/consultations/{answered.pk}/replays/")
    page = client.get(sent["Location"]).content.decode()
    assert "Byte for byte the same" in page
    assert "came" in page
    assert "unaltered" in page
    assert [event.action for event in Event.objects.order_by("-sequence")[:2]] == [
        "consultation.replay_viewed",
        "consultation.replayed",
    ]
    assert sent["Location"] in client.get(f"/consultations/{answered.pk}/replays/").content.decode()


def test_what_has_no_answer_is_not_run_again(auditor: User, clinician: User, client: Client) -> None:
    row = Consultation.objects.create(user=clinician, findings="A nodule.")
    client.force_login(auditor)
    page = client.post(f"/consultations/{row.pk}/replays/").content.decode()
    assert "not been answered yet" in page
