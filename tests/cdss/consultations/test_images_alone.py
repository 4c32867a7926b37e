"""A case without a word, answered by prior cases whose images are alike, or not at all."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from PIL import Image

from cdss.accounts.models import User
from cdss.consultations.models import Answer, Consultation, Status
from cdss.consultations.replay import rerun
from cdss.consultations.services import CaseRefusedError, consultation_again, consultation_start
from cdss.library.models import Case, State
from cdss.reasoning.types import CaseInput
from tests.cdss.consultations.conftest import CASES
from tests.cdss.consultations.page_rows import words

RESEMBLES = "An image of this case resembles one of the source, a case of"


def picture(kind: str, brightness: int = 0) -> bytes:
    """Two patterns that the encoder of the tests tells apart."""
    across, down = np.meshgrid(np.linspace(0, 200, 64), np.linspace(0, 200, 64))
    pixels = across if kind == "across" else np.where(down > 100, 255, 0)
    file = io.BytesIO()
    Image.fromarray(np.clip(pixels + brightness, 0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def pictured(small_library: None, tmp_path: Path) -> Path:
    """The small library, in which the hamartoma has an image."""
    (tmp_path / "hamartoma.png").write_bytes(picture("across"))
    row = CASES[0] | {"images": [{"path": "hamartoma.png", "modality": "CT", "caption": "A nodule."}]}
    (tmp_path / "pictured.jsonl").write_text(json.dumps(row))
    call_command("import_library", str(tmp_path / "pictured.jsonl"), collection="Tests", publish=True, verbosity=0)
    call_command("build_index", verbosity=0)
    return tmp_path


@pytest.fixture
def ask(clinician: User, run_queue: Callable[..., object]) -> Callable[..., Consultation]:
    def asked(image: bytes, **case: str) -> Consultation:
        upload = SimpleUploadedFile("chest.png", image, "image/png")
        with run_queue():  # type: ignore[attr-defined]
            row = consultation_start(by=clinician, case=CaseInput(**case), uploads=[upload])
        return Consultation.objects.get(pk=row.pk)

    return asked


def test_a_case_with_a_similar_image_proposes_its_diagnosis(pictured: Path, ask: Callable) -> None:
    row = ask(picture("across", 4))
    assert row.status == Status.DONE
    diagnosis = row.answers.get().diagnoses.get()
    assert diagnosis.name == "Pulmonary hamartoma"
    statement = diagnosis.statements.get()
    assert (statement.text, statement.stance, statement.support) == (
        f"{RESEMBLES} “Pulmonary hamartoma”.",
        "for",
        "supported",
    )
    citation = statement.citations.select_related("evidence").get()
    assert citation.evidence.source_id == "c1"
    assert citation.evidence.text[citation.start : citation.end] == citation.quote == "Pulmonary hamartoma"
    assert citation.evidence.scores["image"] >= 0.9


def test_it_is_the_same_when_it_is_made_again(pictured: Path, ask: Callable) -> None:
    row = ask(picture("across", 4))
    Case.objects.all().delete()
    again = rerun(Consultation.objects.get(pk=row.pk))
    assert (again.equal, again.untouched) == (True, True)
    assert [draft.name for draft in again.diagnoses] == ["Pulmonary hamartoma"]


def test_images_that_are_not_alike_are_not_answered(pictured: Path, ask: Callable, settings: object) -> None:
    settings.IMAGE_RELEVANCE_FLOOR = 0.999  # type: ignore[attr-defined]
    row = ask(picture("down"))
    assert (row.status, row.abstention["reason"]) == (Status.ABSTAINED, "images_below_floor")
    assert row.abstention["searched"]["floor"] == 0.999
    assert 0 < row.abstention["searched"]["best_similarity"] < 0.999
    assert row.abstention["missing"] == ["history", "exam", "findings"]
    assert not Answer.objects.exists()


def test_a_library_without_images_finds_nothing(small_library: None, ask: Callable) -> None:
    assert ask(picture("across")).abstention["reason"] == "nothing_found"


def test_what_a_user_may_not_see_proposes_nothing(pictured: Path, ask: Callable) -> None:
    Case.objects.filter(source_id="c1").update(state=State.DRAFT)
    assert ask(picture("across")).status == Status.ABSTAINED


def test_no_language_model_writes_of_images_alone(pictured: Path, ask: Callable, settings: object) -> None:
    settings.LLM = "openai:none"  # type: ignore[attr-defined]
    assert [answer.writer for answer in ask(picture("across")).answers.all()] == ["composer"]


def test_words_are_answered_by_words(pictured: Path, ask: Callable) -> None:
    row = ask(picture("across"), findings="A nodule with popcorn calcification.")
    told = [s.text for d in row.answers.get().diagnoses.all() for s in d.statements.all()]
    assert any("popcorn calcification" in text for text in told)
    assert not any(RESEMBLES in text for text in told)


def test_the_page_says_what_the_answer_rests_on(pictured: Path, ask: Callable, client: Client, clinician: User) -> None:
    row = ask(picture("across"))
    client.force_login(clinician)
    told = words(client.get(f"/consultations/{row.pk}/").content.decode())
    assert "Answered from the images alone" in told
    assert "An image of this case resembles one of this source, a case of" in told
    assert "none of its findings was met" not in told
    assert "Answered from the images alone" in words(client.get(f"/consultations/{row.pk}/print/").content.decode())


def test_it_can_be_sent_from_the_form_and_asked_again(pictured: Path, client: Client, clinician: User) -> None:
    client.force_login(clinician)
    upload = SimpleUploadedFile("chest.png", picture("across"), "image/png")
    assert client.post("/consultations/new/", {"images": [upload]}).status_code == 302
    row = Consultation.objects.get()
    assert consultation_again(consultation=row, by=clinician).images.count() == 1
    with pytest.raises(CaseRefusedError, match="empty"):
        consultation_start(by=clinician, case=CaseInput())


def test_the_command_answers_it(pictured: Path) -> None:
    rows = [{"id": "q1", "images": [{"path": "hamartoma.png"}]}, {"id": "q2"}]
    (pictured / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    call_command("consult", input=pictured / "in.jsonl", output=pictured / "out.jsonl")
    first, second = [json.loads(line) for line in (pictured / "out.jsonl").read_text().splitlines()]
    assert [each["name"] for each in first["diagnoses"]] == ["Pulmonary hamartoma"]
    assert second["abstention"]["reason"] == "refused"
    call_command("consult", input=pictured / "in.jsonl", output=pictured / "out.jsonl", no_images=True)
    lines = [json.loads(line) for line in (pictured / "out.jsonl").read_text().splitlines()]
    assert [line["abstention"]["reason"] for line in lines] == ["refused", "refused"]


def test_the_command_without_images_does_not_look_for_their_files(pictured: Path) -> None:
    row = {"id": "q1", "findings": "Popcorn calcification.", "images": [{"path": "gone.png"}]}
    (pictured / "in.jsonl").write_text(json.dumps(row))
    with pytest.raises(CommandError, match="could be read"):
        call_command("consult", input=pictured / "in.jsonl", output=pictured / "out.jsonl")
    call_command("consult", input=pictured / "in.jsonl", output=pictured / "out.jsonl", no_images=True)
    assert json.loads((pictured / "out.jsonl").read_text())["id"] == "q1"


@pytest.mark.parametrize("size", ["same file", "another file of the same pixels"])
def test_the_same_image_under_another_source_id_is_left_out(pictured: Path, size: str) -> None:
    """A prior case that shows the very image is the case itself, whatever its source calls it."""
    if size == "same file":
        (pictured / "mine.png").write_bytes(picture("across"))
    else:
        Image.open(io.BytesIO(picture("across"))).convert("RGB").save(pictured / "mine.png", compress_level=9)
    row = {"id": "mine", "source": {"name": "others", "id": "mine"}, "images": [{"path": "mine.png"}]}
    (pictured / "in.jsonl").write_text(json.dumps(row))
    found = {}
    for excluded in (False, True):
        out = pictured / f"out-{excluded}.jsonl"
        call_command("consult", input=pictured / "in.jsonl", output=out, exclude_same_source=excluded)
        found[excluded] = {piece["source_id"] for piece in json.loads(out.read_text())["evidence"]}
    assert found == {False: {"c1"}, True: set()}


def test_words_that_are_not_understood_are_left_out_beside_images(pictured: Path, ask: Callable) -> None:
    row = ask(picture("across", 4), findings="zzzz qqqq the weather")
    assert row.status == Status.DONE
    texts = row.answers.get().diagnoses.values_list("statements__text", flat=True)
    assert any(text.startswith(RESEMBLES) for text in texts)
    assert not any("zzzz" in text for text in texts)
