"""A patient's data: found by the hash of their number, handed out, and gone."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.audit.verify import verify
from cdss.consultations.models import Basis, Consultation, Evidence, Replay, Statement
from cdss.feedback.models import Feedback
from cdss.library.models import Case, SavedSearch
from cdss.library.rows import patient_group
from cdss.library.saved_searches import search_save
from cdss.notices.models import Notice
from cdss.notices.services import notify
from cdss.privacy.erasure import patient_erase
from cdss.privacy.export import patient_data
from cdss.privacy.holdings import NothingHeldError, holdings_of
from cdss.privacy.naming import searches_naming
from tests.cdss.cast import PIXEL, answered_consultation, evidence_of, library_case, parts

NUMBER = "A-4711"
ROOT = Path(__file__).resolve().parents[3]


def of_the_patient(user: User) -> Consultation:
    consultation = answered_consultation(user, with_image=True)
    Consultation.objects.filter(pk=consultation.pk).update(patient_key=patient_group("", NUMBER))
    _, statement, evidence = parts(consultation)
    for target in ({"statement": statement}, {"evidence": evidence}, {}):
        Feedback.objects.create(
            consultation=consultation, user=user, role="clinician", verdict="wrong", comment="Said.", **target
        )
    return consultation


def case_path(case: Case) -> str:
    return reverse("library:item", args=[case.pk])


def case_of_the_patient(user: User) -> Case:
    case = library_case(user)
    Case.objects.filter(pk=case.pk).update(source_group=patient_group(case.source_name, NUMBER))
    return case


@pytest.mark.django_db
def test_data_are_found_by_the_number_whichever_way_they_came(clinician: User) -> None:
    consultation, case = of_the_patient(clinician), case_of_the_patient(clinician)
    other = answered_consultation(clinician)
    found = holdings_of(patient=f" {NUMBER} ")
    assert (found.consultations, found.cases) == ((consultation.pk,), (case.pk,))
    assert found.counts() == {
        "consultations": 1,
        "cases": 1,
        "images": 2,
        "copies": 0,
        "notices": 0,
        "searches": 0,
    }
    assert NUMBER not in found.subject
    assert holdings_of(consultations=[other.pk]).consultations == (other.pk,)


@pytest.mark.django_db
@pytest.mark.parametrize("asked", [{"patient": "B"}, {"consultations": [999_999]}, {"cases": [999_999]}, {}])
def test_nothing_held_is_said(asked: dict[str, object], clinician: User) -> None:
    of_the_patient(clinician)
    with pytest.raises(NothingHeldError):
        holdings_of(**asked)  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_rows_files_and_copies_go_and_the_trail_holds(clinician: User, administrator: User) -> None:
    consultation, case, other = (
        of_the_patient(clinician),
        case_of_the_patient(clinician),
        answered_consultation(clinician),
    )
    files = [Path(consultation.images.get().file.path), Path(case.images.get().file.path)]
    copy = evidence_of(other, 2)
    Evidence.objects.filter(pk=copy.pk).update(item=case, source_name=case.source_name, source_id=case.source_id)
    statement = Statement.objects.get(diagnosis__answer__consultation=other)
    statement.citations.create(evidence=copy, quote="popcorn", start=0, end=7)
    for kept in (consultation, other):
        Basis.objects.create(consultation=kept, record={"names": ["of the case"]})
        Replay.objects.create(consultation=kept, result={"statements": ["of the case"]})
    erased = patient_erase(holdings=holdings_of(patient=NUMBER), by=administrator, reason="patient-request")
    assert list(Consultation.objects.all()) == [other]
    assert not Basis.objects.exists()
    assert not Replay.objects.exists()
    assert not Case.objects.exists()
    assert not Feedback.objects.exists()
    assert not any(path.exists() for path in files)
    assert erased.copies == 1
    copy.refresh_from_db()
    statement.refresh_from_db()
    assert (copy.text, copy.title, copy.item) == ("[erased]", "[erased]", None)
    assert statement.text == "[erased]"
    assert set(statement.citations.filter(evidence=copy).values_list("quote", flat=True)) == {"[erased]"}
    event = Event.objects.get(action="privacy.erased")
    assert (event.actor, event.details["reason"], event.details["sha256"]) == (
        administrator.username, "patient-request", erased.sha256,
    )  # fmt: skip
    assert NUMBER not in json.dumps(event.details)
    assert verify().holds


@pytest.mark.django_db(transaction=True)
def test_a_picture_another_consultation_shows_stays(clinician: User) -> None:
    consultation = of_the_patient(clinician)
    image = consultation.images.get()
    answered_consultation(clinician).images.create(file=image.file.name, width=1, height=1, sha256=image.sha256)
    patient_erase(holdings=holdings_of(patient=NUMBER), by=None, reason="legal")
    assert Path(image.file.path).exists()


@pytest.mark.django_db
def test_what_fails_half_way_erases_nothing(clinician: User, monkeypatch: pytest.MonkeyPatch) -> None:
    consultation = of_the_patient(clinician)

    def failing(**fields: object) -> None:
        raise RuntimeError("no event")

    monkeypatch.setattr("cdss.privacy.erasure.record", failing)
    with pytest.raises(RuntimeError):
        patient_erase(holdings=holdings_of(patient=NUMBER), by=None, reason="legal")
    assert Consultation.objects.filter(pk=consultation.pk).exists()
    assert Path(consultation.images.get().file.path).exists()
    with pytest.raises(ValueError, match="reason"):
        patient_erase(holdings=holdings_of(patient=NUMBER), by=None, reason="because")


@pytest.mark.django_db
def test_the_export_holds_everything(clinician: User, tmp_path: Path) -> None:
    consultation, case = of_the_patient(clinician), case_of_the_patient(clinician)
    out = tmp_path / "patient.zip"
    call_command("export_patient", "--patient", NUMBER, "--output", str(out), stdout=io.StringIO())
    with zipfile.ZipFile(out) as archive:
        data = json.loads(archive.read("data.json"))
        images = [name for name in archive.namelist() if name.endswith(".png")]
        assert {archive.read(name) for name in images} == {PIXEL}
    assert len(images) == 2
    assert data["consultations"][0]["case"]["findings"] == "A nodule with popcorn calcification."
    assert [row["comment"] for row in data["feedback"]] == ["Said."] * 3
    assert data["cases"][0]["title"] == case.title
    assert NUMBER not in json.dumps(data)
    assert Event.objects.get(action="privacy.exported").details["consultations"] == 1
    assert consultation.pk


@pytest.mark.django_db
def test_commands_refuse_what_says_nothing(tmp_path: Path) -> None:
    for arguments in (["export_patient", "--output", str(tmp_path / "x")], ["erase_patient", "--reason", "legal"]):
        with pytest.raises(CommandError, match="whose data"):
            call_command(*arguments)
    with pytest.raises(CommandError, match="Nothing is held"):
        call_command("erase_patient", "--reason", "legal", "--patient", "nobody")
    assert not (tmp_path / "x").exists()


@pytest.mark.django_db
def test_erase_only_counts_until_told(clinician: User) -> None:
    of_the_patient(clinician)
    out = io.StringIO()
    call_command("erase_patient", "--patient", NUMBER, "--reason", "legal", "--json", stdout=out)
    assert json.loads(out.getvalue())["would_erase"]["consultations"] == 1
    assert Consultation.objects.count() == 1
    with pytest.raises(CommandError, match="no account"):
        call_command("erase_patient", "--patient", NUMBER, "--reason", "legal", "--yes", "--by", "nobody")


@pytest.mark.django_db(transaction=True)
def test_the_page_looks_up_exports_and_erases(
    client: Client, clinician: User, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_the_patient(clinician)
    cleared: list[bool] = []
    monkeypatch.setattr("cdss.privacy.erasure.traces_clear", lambda: cleared.append(True))
    client.force_login(administrator)
    page = client.post(reverse("privacy:subject"), {"patient": NUMBER})
    assert b"Consultations, with their feedback" in page.content
    exported = client.post(reverse("privacy:export"), {"patient": NUMBER})
    assert exported["Content-Type"] == "application/zip"
    assert "no-store" in exported["Cache-Control"]
    refused = client.post(reverse("privacy:erase"), {"patient": NUMBER, "reason": "legal", "confirm": "erase"})
    assert b"in capitals" in refused.content
    assert Consultation.objects.exists()
    done = client.post(reverse("privacy:erase"), {"patient": NUMBER, "reason": "legal", "confirm": "ERASE"})
    assert done.status_code == 302
    assert cleared == [True]
    assert not Consultation.objects.exists()
    assert b"Nothing is held" in client.post(reverse("privacy:subject"), {"patient": NUMBER}).content
    assert b"Give a patient number" in client.post(reverse("privacy:subject"), {}).content


PLANT = """
import django; django.setup()
from django.core.files.base import ContentFile
from cdss.accounts.models import User
from cdss.library.services import Target, case_upsert, collection_ensure
from cdss.library.rows import CaseRow, patient_group
from cdss.consultations.models import Consultation
from cdss.consultations.services import consultation_start
from cdss.feedback.models import Feedback
from cdss.reasoning.types import CaseInput
from django.core.management import call_command
call_command("migrate", verbosity=0)
user = User.objects.create_user("someone", role="clinician")
target = Target(collection_ensure(name="Plain"), publish=True)
for number in range(12):
    row = CaseRow("Plain", str(number), history=f"cough number {number}", diagnosis="pneumonia")
    case_upsert(row=row, target=target)
case_upsert(row=CaseRow("Plain", "planted", history="quizzlefrotz of the lung", findings="quizzlefrotz nodule",
            diagnosis="quizzlefrotz syndrome", patient="A-4711"), target=target)
call_command("build_index")
consultation_start(by=user, case=CaseInput(history="quizzlefrotz with wobblemurk cough"), patient="A-4711")
consultation_start(by=user, case=CaseInput(history="cough with quizzlefrotz of the lung"), patient="B-1")
call_command("worker", "--once") if False else None
from cdss.consultations.working import answer
for each in Consultation.objects.all():
    answer(each.pk)
    Feedback.objects.create(consultation=each, user=user, role="clinician", verdict="wrong", comment="wobblemurk")
assert Consultation.objects.last().evidence.filter(text__contains="quizzlefrotz").exists()
"""


AFTERWARDS = """
import django; django.setup()
from django.core.management import call_command
call_command("erase_patient", patient="B-1", reason="patient-request", yes=True)
call_command("verify_audit")
call_command("search", text="cough number 3", json=True)
"""


def manage(home: Path, *arguments: str) -> str:
    environment = os.environ | {
        "CDSS_HOME": str(home), "CDSS_HTTPS": "False", "DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_LLM": "",
        "CDSS_TEXT_ENCODER": "hashing", "CDSS_IMAGE_ENCODER": "hashing", "DATABASE_URL": "", "OMP_NUM_THREADS": "1",
        # So that the search of the files sees what a site without encryption would leave behind.
        "CDSS_ENCRYPTION": "False",
    }  # fmt: skip
    command = [sys.executable, *(arguments if arguments[0] == "-c" else ("manage.py", *arguments))]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def holding(home: Path, word: str) -> list[str]:
    return [
        str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and word.encode() in path.read_bytes()
    ]


def test_no_file_of_the_site_holds_a_word_of_what_was_erased(tmp_path: Path) -> None:
    manage(tmp_path, "-c", PLANT)
    assert any(name.startswith("cdss.sqlite3") for name in holding(tmp_path, "quizzlefrotz"))
    assert any(name.startswith("indexes") for name in holding(tmp_path, "quizzlefrotz"))
    told = manage(tmp_path, "erase_patient", "--patient", "A-4711", "--reason", "patient-request", "--yes", "--json")
    assert json.loads(told.splitlines()[-1])["copies"] == 1
    told = manage(tmp_path, "-c", AFTERWARDS)
    for word in ("quizzlefrotz", "wobblemurk", "A-4711"):
        assert holding(tmp_path, word) == []
    assert "pneumonia" in told


@pytest.mark.django_db(transaction=True)
def test_notices_and_saved_searches_that_name_the_patient_go_too(clinician: User, administrator: User) -> None:
    consultation, case, other = (
        of_the_patient(clinician),
        case_of_the_patient(clinician),
        answered_consultation(clinician),
    )
    for number, (path, text) in enumerate(
        (
            (f"/consultations/{consultation.pk}/", "One of theirs."),
            (f"/consultations/{consultation.pk}/replays/1/", "Below one of theirs."),
            (case_path(case), "Their case."),
            ("/", f"About {NUMBER}."),
            (f"/consultations/{consultation.pk}0/", "Another, whose number begins alike."),
            (f"/consultations/{other.pk}/", f"Another patient, {NUMBER}0."),
        )
    ):
        notify(kind="unsafe", recipients=[administrator], text=text, path=path, key=str(number))
    search_save(by=clinician, name="theirs", filters={"q": f"nodule {NUMBER.lower()}"})
    search_save(by=administrator, name=f"({NUMBER})", filters={"kind": "case"})
    search_save(by=clinician, name="kept", filters={"q": f"x{NUMBER}"})
    found = holdings_of(patient=NUMBER)
    assert (found.counts()["notices"], found.counts()["searches"]) == (4, 2)
    told = patient_data(found)
    assert {row["text"] for row in told["notices"]} >= {"Their case.", f"About {NUMBER}."}
    assert {row["name"] for row in told["saved_searches"]} == {"theirs", f"({NUMBER})"}
    patient_erase(holdings=found, by=administrator, reason="patient-request")
    assert Notice.objects.filter(key__in="0123").count() == 0
    assert Notice.objects.filter(key__in="45").count() == 2
    assert [search.name for search in SavedSearch.objects.all()] == ["kept"]
    assert verify().holds


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["12", "nodule", "", "   "])
def test_what_may_be_any_word_names_no_patient(clinician: User, number: str) -> None:
    search_save(by=clinician, name="12", filters={"q": "nodule of 12 mm"})
    assert searches_naming(patient=number) == ()
