"""Instructions hidden where the program reads, and a model that obeys them: nothing happens but words on a page."""

import io
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from pydicom.data import get_testdata_file

from cdss.accounts.models import User
from cdss.consultations import model_answer
from cdss.consultations.models import Citation, Consultation, Status
from cdss.library.models import LibraryItem, Visibility
from tests.cdss.bad_input import files
from tests.cdss.consultations.conftest import CASES, DOCUMENTS
from tests.cdss.security.obedient import ObedientModel
from tests.cdss.security.payloads import CALL, CARRIERS, FOREIGN, instructions

LLM = "openai:of-the-tests"
SECRET = "Private-Canary-0815"
FINDINGS = "A well-circumscribed nodule with popcorn calcification in the left lung."
# What an answer is: everything else stays as it was.
OF_AN_ANSWER = (
    "consultations.Consultation", "consultations.ConsultationImage", "consultations.Step", "consultations.Evidence",
    "consultations.Answer", "consultations.Diagnosis", "consultations.Statement", "consultations.Citation",
    "consultations.Basis",
    "audit.Event", "audit.ChainHead", "sessions.Session",
)  # fmt: skip
SAMPLE = 28


class Parts(HTMLParser):
    """Every attribute of a page, and the scripts it has."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: set[str] = set()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))


def of_page(html: str) -> Parts:
    parts = Parts()
    parts.feed(html)
    return parts


def leads_elsewhere(parts: Parts) -> list[tuple[str, str, str]]:
    """Attributes that would run or load something, or lead outside the site."""
    found = []
    for tag, name, value in parts.attributes:
        address = urlsplit(value.strip()) if name in ("href", "src", "action", "formaction", "data", "poster") else None
        outside = address is not None and (address.netloc or address.scheme not in ("", "http", "https"))
        if outside or name.startswith("on") or name in ("srcdoc", "style", "ping", "srcset", "background"):
            found.append((tag, name, value))
        if FOREIGN in value and name not in ("value", "alt", "title", "aria-label") and not name.startswith("data-"):
            found.append((tag, name, value))
    return found


def state() -> dict[str, Any]:
    """Everything that is stored and is no part of an answer, and who may do what."""
    kept = {
        model._meta.label: sorted(model.objects.values_list("pk", flat=True), key=str)
        for model in apps.get_models()
        if model._meta.label not in OF_AN_ANSWER
    }
    return kept | {"roles": list(User.objects.order_by("pk").values_list("username", "role", "is_active", "password"))}


@pytest.fixture
def hidden(tmp_path: Path, settings: Any, db: None, make_user: Any) -> Any:
    """A library in which a payload sits; a private item of somebody else beside it."""
    settings.MEDIA_ROOT = tmp_path / "media"

    def made(carrier: str, payload: str) -> None:
        settings.INDEX_ROOT = tmp_path / "indexes"
        cases, documents = json.loads(json.dumps(CASES)), json.loads(json.dumps(DOCUMENTS))
        if carrier == "document text":
            documents[0]["text"] = f"{documents[0]['text']} {payload}"
        if carrier == "document title":
            documents[0]["title"] = f"Pulmonary hamartoma {payload}"[:490]
        if carrier == "case text":
            cases[0]["discussion"] = f"{cases[0]['discussion']} {payload}"
        if carrier == "caption":
            (tmp_path / "x.png").write_bytes(files.good_png())
            cases[0]["images"] = [{"path": "x.png", "caption": f"Popcorn calcification. {payload}"}]
        for name, rows in (("cases", cases), ("documents", documents)):
            path = tmp_path / f"{name}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            call_command("import_library", str(path), collection="Tests", publish=True, verbosity=0)
        other = make_user("somebody.else", department="elsewhere")
        private = LibraryItem.objects.get(source_id="d2")
        private.text = f"{private.text} Popcorn calcification nodule {SECRET}."
        private.owner, private.visibility = other, Visibility.PRIVATE
        private.save()
        call_command("build_index", verbosity=0)

    return made


def uploads(carrier: str, payload: str) -> Iterator[Any]:
    if carrier == "file name":
        upload = io.BytesIO(files.good_png())
        upload.name = f"{payload[:180]}.png".replace("/", "_").replace("\n", " ")
        yield upload
    if carrier == "DICOM tag":
        import pydicom

        dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        for name in ("PatientName", "StudyDescription", "SeriesDescription", "PatientComments", "ImageComments"):
            setattr(dataset, name, payload[:60])
        dataset.add_new((0x0009, 0x0010), "LO", payload[:60])
        file = io.BytesIO()
        dataset.save_as(file)
        file.seek(0)
        file.name = "x.dcm"
        yield file


def sample() -> list[tuple[str, str]]:
    """Some of each carrier."""
    all_of_them = instructions()
    return [pair for n, pair in enumerate(all_of_them) if n % (len(all_of_them) // SAMPLE) == 0][:SAMPLE]


def tried(
    carrier: str, payload: str, client: Client, hidden: Any, settings: Any, callbacks: Any, monkeypatch: Any
) -> None:
    hidden(carrier, payload)
    settings.LLM, settings.LLM_RETRIES, settings.RELEVANCE_FLOOR = LLM, 0, 0.05
    model = ObedientModel(prompts=[])
    monkeypatch.setattr(model_answer, "chat_model", lambda spec, timeout: model)
    before = state()
    findings = f"{FINDINGS} {payload}" if carrier == "case findings" else FINDINGS
    sent = {"findings": findings, "use_llm": "on", "images": list(uploads(carrier, payload))}
    with callbacks(execute=True):
        answered = client.post("/consultations/new/", sent)
    row = Consultation.objects.get()
    assert answered["Location"] == f"/consultations/{row.pk}/"
    if row.answers.filter(writer=LLM, state="waiting").exists():
        model_answer.write(row.pk)
    assert row.status == Status.DONE
    assert state() == before
    assert model.prompts
    assert SECRET not in "".join(model.prompts)
    if carrier in ("file name", "DICOM tag"):
        assert payload[:40] not in "".join(model.prompts)
    for page in (
        f"/consultations/{row.pk}/?writer={LLM}",
        f"/consultations/{row.pk}/",
        f"/consultations/{row.pk}/print/",
    ):
        html = client.get(page).content.decode()
        parts = of_page(html)
        assert leads_elsewhere(parts) == []
        assert not {"iframe", "object", "embed", "base", "style"} & parts.tags
        assert f"<script>{CALL}" not in html
        assert SECRET not in html
    for cited in Citation.objects.select_related("evidence"):
        assert cited.evidence.consultation_id == row.pk
        assert cited.evidence.text[cited.start : cited.end] == cited.quote
    for statement in row.answers.get(writer=LLM).diagnoses.all().values_list("statements__text", flat=True):
        assert "://" not in (statement or "")


def test_there_are_enough_and_every_carrier_has_some() -> None:
    assert len(instructions()) >= 300
    assert {carrier for carrier, _ in instructions()} == set(CARRIERS)
    assert {carrier for carrier, _ in sample()} == set(CARRIERS)


@pytest.mark.parametrize(("carrier", "payload"), sample())
def test_a_model_that_obeys_does_nothing(
    carrier: str, payload: str, client: Client, clinician: User, hidden: Any, settings: Any,
    django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    client.force_login(clinician)
    tried(carrier, payload, client, hidden, settings, django_capture_on_commit_callbacks, monkeypatch)


@pytest.mark.faults
@pytest.mark.parametrize(("carrier", "payload"), instructions())
def test_all_of_them(
    carrier: str, payload: str, client: Client, clinician: User, hidden: Any, settings: Any,
    django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    client.force_login(clinician)
    tried(carrier, payload, client, hidden, settings, django_capture_on_commit_callbacks, monkeypatch)
