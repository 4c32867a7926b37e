import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from cdss.accounts.models import User
from cdss.consultations import pipeline
from cdss.consultations.demographics import completed, read_from_history
from cdss.consultations.models import Consultation
from cdss.reasoning.types import CaseInput
from retrieval.terms.demographics import Demographics
from tests.cdss.cast import answered_consultation

HISTORY = "A 58-year-old man with a nodule with popcorn calcification."


def test_what_was_left_blank_is_read() -> None:
    assert completed(CaseInput(history=HISTORY)) == CaseInput("58", "male", HISTORY)


def test_what_was_entered_stays() -> None:
    case = CaseInput("60", "female", HISTORY)
    assert completed(case) == case
    assert read_from_history(case) == Demographics()
    assert completed(CaseInput(sex="female", history=HISTORY)) == CaseInput("58", "female", HISTORY)


@pytest.fixture
def shown(client: Client, clinician: User) -> Consultation:
    client.force_login(clinician)
    consultation = answered_consultation(clinician)
    Consultation.objects.filter(pk=consultation.pk).update(history=HISTORY)
    return consultation


@pytest.mark.parametrize("page", ["", "print/"])
def test_the_page_says_that_it_was_read(client: Client, shown: Consultation, page: str) -> None:
    told = client.get(f"/consultations/{shown.pk}/{page}").content.decode()
    assert "58 y" in told
    assert "from the history" in told
    Consultation.objects.filter(pk=shown.pk).update(age="60", sex="male")
    told = client.get(f"/consultations/{shown.pk}/{page}").content.decode()
    assert "60 y" in told
    assert "from the history" not in told


def test_the_export_tells_what_was_entered_from_what_was_read(client: Client, shown: Consultation) -> None:
    told = json.loads(client.get(f"/consultations/{shown.pk}/export/").content)
    assert (told["case"]["age"], told["read_from_history"]) == ("", {"age": "58", "sex": "male"})


def test_the_search_is_asked_with_it(small_library: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[CaseInput] = []
    retrieve = pipeline.retrieve
    monkeypatch.setattr(pipeline, "retrieve", lambda **query: asked.append(query["case"]) or retrieve(**query))
    (tmp_path / "in.jsonl").write_text(json.dumps({"id": "1", "history": HISTORY}))
    call_command("consult", input=tmp_path / "in.jsonl", output=tmp_path / "out.jsonl")
    assert [(case.age, case.sex) for case in asked] == [("58", "male")]
