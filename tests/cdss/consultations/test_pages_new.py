import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from cdss.accounts.models import User
from cdss.consultations.models import Consultation
from tests.cdss.consultations.page_rows import words

NAMED = "Mr. John Smith has had a cough since May."


@pytest.fixture
def signed_in(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


def png() -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("L", (32, 24), 90).save(file, "PNG")
    return SimpleUploadedFile("chest.png", file.getvalue(), "image/png")


def test_a_case_with_an_image_is_sent_and_followed(signed_in: Client, clinician: User) -> None:
    data = {"age": "58", "sex": "male", "history": NAMED, "findings": "A nodule.", "images": [png(), png()]}
    response = signed_in.post("/consultations/new/", data | {"use_llm": "on", "llm_timeout_seconds": "60"})
    row = Consultation.objects.get()
    assert response["Location"] == f"/consultations/{row.pk}/"
    assert (row.user, row.age, row.use_llm, row.llm_timeout_seconds) == (clinician, "58", True, 60)
    assert "Smith" not in row.history
    assert row.images.count() == 2


def test_pasted_text_that_was_never_split_is_split_on_sending(signed_in: Client) -> None:
    pasted = "History: a 40-year-old woman with cough.\nFindings: CT shows a nodule."
    signed_in.post("/consultations/new/", {"paste": pasted, "findings": "No effusion."})
    row = Consultation.objects.get()
    assert (row.age, row.sex) == ("40", "female")
    assert row.findings == "No effusion.\nCT shows a nodule."


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"age": "58"}, "The case is empty"),
        ({"findings": "x" * 50_000}, "at most 40,000 are read"),
        ({"findings": "A nodule.", "images": [SimpleUploadedFile("a.png", b"no image at all")]}, "a.png"),
        ({"findings": "A nodule.", "images": [SimpleUploadedFile("a.png", b"")]}, "empty"),
    ],
)
def test_what_is_refused_is_explained_and_what_was_typed_is_kept(
    signed_in: Client, data: dict[str, object], said: str
) -> None:
    response = signed_in.post(
        "/consultations/new/", {"history": "Cough since May." if "findings" in data else ""} | data
    )
    html = response.content.decode()
    assert response.status_code == 422
    assert said in words(html)
    for value in data.values():
        assert not isinstance(value, str) or value in html
    assert Consultation.objects.count() == 0


def test_splitting_fills_the_fields_and_keeps_what_was_typed(signed_in: Client) -> None:
    data = {"paste": "History: a 40-year-old woman.\nFindings: CT shows a nodule.", "history": "Cough.", "age": "41"}
    for headers in ({}, {"HX-Request": "true"}):
        response = signed_in.post("/consultations/split/", data, headers=headers)
        html = response.content.decode()
        assert 'value="41"' in html
        assert "Cough.\na 40-year-old woman." in html
        assert "CT shows a nodule." in html
        assert "History:" not in html
        assert ("<html" in html) is not bool(headers)
    assert Consultation.objects.count() == 0


def test_identifiers_are_struck_through_before_sending(signed_in: Client) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        response = signed_in.post("/consultations/preview/", {"history": NAMED}, headers=headers)
        html = response.content.decode()
        assert "John Smith</del>" in html
        assert "has had a cough" in words(html)
        assert ("<html" in html) is not bool(headers)
    assert Consultation.objects.count() == 0


def test_a_preview_shows_what_was_understood_and_escapes_it(signed_in: Client) -> None:
    html = signed_in.post("/consultations/preview/", {"findings": "No fever. <b>Mass</b> present."}).content.decode()
    assert "assertion-denied" in html
    assert "<b>" not in html


def test_the_form_says_who_writes(signed_in: Client, settings) -> None:  # type: ignore[no-untyped-def]
    assert "no language model is configured" in signed_in.get("/consultations/new/").content.decode()
    settings.LLM = "ollama:medgemma"
    html = signed_in.get("/consultations/new/").content.decode()
    assert "ollama:medgemma" in html
    assert 'name="llm_timeout_seconds"' in html
    assert f'<option value="{settings.LLM_TIMEOUT_SECONDS}" selected>' in html


def test_the_form_works_without_scripts(signed_in: Client) -> None:
    html = signed_in.get("/consultations/new/").content.decode()
    assert 'method="post" action="/consultations/new/" enctype="multipart/form-data"' in html
    assert 'formaction="/consultations/split/"' in html
    assert 'formaction="/consultations/preview/"' in html
