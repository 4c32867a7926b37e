"""Correcting what was understood before anything is searched: the correction rules, and is kept."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, Statement, Status
from cdss.consultations.reviewing import COUNT, Review
from cdss.consultations.services import consultation_again, consultation_reviewed, consultation_start
from cdss.consultations.working import case_of
from cdss.reasoning.types import CaseInput, Correction
from tests.cdss.consultations.page_rows import words

CASE = CaseInput(
    history="Flank pain.",
    findings="No hydronephrosis. No calculus in the ureter. A nodule with fat in the left lung. Popcorn calcification "
    "is seen in the well-circumscribed nodule.",
)
Queue = Callable[..., object]


@pytest.fixture
def draft(small_library: None, clinician: User) -> Consultation:
    return consultation_start(by=clinician, case=CASE, review=True)


@pytest.fixture
def signed_in(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


def corrections(row: Consultation, **assertions: str) -> list[Correction]:
    """What the words given are to be, by their first word."""
    read = {finding.text.split()[0]: finding for finding, _ in Review(case_of(row)).pairs}
    return [
        Correction(one.part, one.text, one.start, assertion, one.laterality, ", ".join(one.measures))  # type: ignore[arg-type]
        for word, assertion in assertions.items()
        if (one := read[word])
    ]


def answered(row: Consultation, by: User, given: list[Correction], run_queue: Queue) -> Consultation:
    with run_queue():  # type: ignore[attr-defined]
        consultation_reviewed(consultation=row, by=by, corrections=given)
    return Consultation.objects.get(pk=row.pk)


def names(row: Consultation) -> list[str]:
    return [diagnosis.name for diagnosis in row.answers.get().diagnoses.all()]


def statements(row: Consultation) -> list[tuple[str, str, str]]:
    found = row.answers.get().diagnoses.values_list("name", "statements__stance", "statements__text")
    return [(name, stance, text) for name, stance, text in found]


def test_nothing_is_searched_before_the_review(draft: Consultation) -> None:
    assert draft.status == Status.REVIEW
    assert not draft.steps.exists()
    assert list(Event.objects.values_list("action", flat=True))[-1] == "consultation.drafted"


@pytest.fixture
def cysts(db: None, tmp_path: Path, settings) -> None:  # type: ignore[no-untyped-def]
    """Three diseases that one finding tells apart."""
    settings.INDEX_ROOT = tmp_path / "indexes"
    settings.RELEVANCE_FLOOR = 0.1
    texts = {
        "Dermoid cyst": "Dermoid cyst is a midline mass of the skull base. Fat is seen inside the cyst.",
        "Epidermoid cyst": "Epidermoid cyst is a mass of the skull base. Restricted diffusion is seen.",
        "Arachnoid cyst": "Arachnoid cyst is a mass of the skull base. It follows cerebrospinal fluid.",
    }
    path = tmp_path / "documents.jsonl"
    rows = [
        {"id": name, "kind": "literature", "title": name, "text": text, "source": {"name": "tests", "id": name}}
        for name, text in texts.items()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    call_command("import_library", str(path), collection="Tests", publish=True, verbosity=0)
    call_command("build_index", verbosity=0)


@pytest.mark.parametrize(
    ("text", "word", "before", "flip", "after"),
    [
        (
            "A mass of the skull base with restricted diffusion. No fat is seen inside the mass.",
            "fat",
            "Epidermoid cyst",
            "present",
            "Dermoid cyst",
        ),
        (
            "A mass of the skull base without restricted diffusion. Fat is seen inside the midline mass.",
            "Fat",
            "Dermoid cyst",
            "denied",
            "Epidermoid cyst",
        ),
    ],
)
def test_one_flipped_finding_changes_the_ranking(
    cysts: None, clinician: User, run_queue: Queue, text: str, word: str, before: str, flip: str, after: str
) -> None:
    draft = consultation_start(by=clinician, case=CaseInput(findings=text), review=True)
    as_read = consultation_again(consultation=draft, by=clinician, review=True)
    first = answered(as_read, clinician, [], run_queue)
    flipped = answered(draft, clinician, corrections(draft, **{word: flip}), run_queue)
    assert (names(first)[0], names(flipped)[0]) == (before, after)


def test_what_is_flipped_is_said_and_passes_the_gate(draft: Consultation, clinician: User, run_queue: Queue) -> None:
    given = corrections(draft, hydronephrosis="present", Popcorn="denied")
    row = answered(draft, clinician, given, run_queue)
    said = statements(row)
    assert any(name == "Ureteric calculus" and s == "for" and "reports “hydronephrosis”" in t for name, s, t in said)
    assert any(s == "against" and "denies “Popcorn calcification”" in t for _, s, t in said)
    assert not Statement.objects.filter(support="unsupported").exists()


def test_corrections_are_kept_audited_and_replayed(draft: Consultation, clinician: User, run_queue: Queue) -> None:
    given = [
        *corrections(draft, calculus="present", Popcorn="removed"),
        Correction("exam", "Mr. John Smith has flank tenderness", -1, "present"),
    ]
    row = answered(draft, clinician, given, run_queue)
    assert [each["assertion"] for each in row.corrections] == ["present", "removed", "present"]
    assert "Smith" not in json.dumps([row.corrections, row.understood])
    assert row.findings == CASE.findings
    event = Event.objects.get(action="consultation.reviewed")
    assert {name: event.details[name] for name in ("present", "removed", "added")} == {
        "present": 1,
        "removed": 1,
        "added": 1,
    }
    assert "tenderness" not in json.dumps(event.details)
    with run_queue():  # type: ignore[attr-defined]
        again = consultation_again(consultation=row, by=clinician)
    again.refresh_from_db()
    assert again.corrections == row.corrections
    assert statements(again) == statements(row)


def test_what_has_been_searched_is_not_corrected_afterwards(
    draft: Consultation, clinician: User, run_queue: Queue
) -> None:
    row = answered(draft, clinician, [], run_queue)
    late = answered(row, clinician, corrections(row, calculus="present"), run_queue)
    assert late.corrections == []
    assert Event.objects.filter(action="consultation.reviewed").count() == 1


def sent(row: Consultation) -> dict[str, str]:
    """What a browser sends of the page as it is opened."""
    review = Review(case_of(row))
    forms = [*(each.form for each in review.rows), *review.added]
    data = {COUNT: str(review.count)}
    for form in forms:
        for bound in form:
            value = bound.value()
            if value not in (None, False, ""):
                data[bound.html_name] = "on" if value is True else str(value)
    return data


def test_the_quick_path_is_one_press(signed_in: Client, small_library: None) -> None:
    signed_in.post("/consultations/new/", {"findings": CASE.findings})
    assert Consultation.objects.get().status != Status.REVIEW


def test_a_case_is_entered_reviewed_and_searched(signed_in: Client, small_library: None, run_queue: Queue) -> None:
    response = signed_in.post("/consultations/new/", {"findings": CASE.findings, "review": "1"})
    row = Consultation.objects.get()
    assert row.status == Status.REVIEW
    detail = signed_in.get(response["Location"])
    assert detail["Location"] == f"/consultations/{row.pk}/review/"
    html = signed_in.get(detail["Location"]).content.decode()
    assert "hydronephrosis" in words(html)
    (denied,) = [each for each in Review(case_of(row)).rows if each.finding.text == "hydronephrosis"]
    data = sent(row) | {
        denied.form["assertion"].html_name: "present",
        denied.form["laterality"].html_name: "right",
        "new-0-text": "renal colic",
        "new-0-assertion": "denied",
        "new-0-part": "history",
    }
    with run_queue():  # type: ignore[attr-defined]
        response = signed_in.post(detail["Location"], data)
    assert response["Location"] == f"/consultations/{row.pk}/"
    row.refresh_from_db()
    assert row.status == Status.DONE
    assert [(each["text"], each["assertion"], each["laterality"]) for each in row.corrections] == [
        ("hydronephrosis", "present", "right"),
        ("renal colic", "denied", None),
    ]
    page = words(signed_in.get(response["Location"]).content.decode())
    assert "right hydronephrosis set by hand" in page
    assert "renal colic denied, set by hand" in page


def test_a_page_that_is_sent_as_it_was_opened_corrects_nothing(signed_in: Client, draft: Consultation) -> None:
    signed_in.post(f"/consultations/{draft.pk}/review/", sent(draft))
    draft.refresh_from_db()
    assert (draft.corrections, draft.status) == ([], Status.QUEUED)


def test_more_rows_keep_what_was_set(signed_in: Client, draft: Consultation) -> None:
    name = Review(case_of(draft)).rows[0].form["assertion"].html_name
    data = sent(draft) | {name: "uncertain", "new-1-text": "gout", "new-1-assertion": "present", "more": "1"}
    html = signed_in.post(f"/consultations/{draft.pk}/review/", data).content.decode()
    assert f'name="{name}" value="uncertain"' in html
    assert 'value="gout"' in html
    assert 'name="new-3-text"' in html
    assert Consultation.objects.get().status == Status.REVIEW


@pytest.mark.parametrize("change", [{"new-0-text": "x" * 301}, {"new-0-part": "diagnosis"}])
def test_what_cannot_be_read_is_refused_and_explained(
    signed_in: Client, draft: Consultation, change: dict[str, str]
) -> None:
    response = signed_in.post(f"/consultations/{draft.pk}/review/", sent(draft) | change)
    assert response.status_code == 422
    assert "A row could not be read" in words(response.content.decode())
    assert Consultation.objects.get().status == Status.REVIEW


def test_a_review_that_leaves_nothing_to_search_for_is_refused(signed_in: Client, clinician: User) -> None:
    row = consultation_start(by=clinician, case=CaseInput(findings="Fat."), review=True)
    name = Review(case_of(row)).rows[0].form["removed"].html_name
    response = signed_in.post(f"/consultations/{row.pk}/review/", sent(row) | {name: "on"})
    assert response.status_code == 422
    assert "The case is empty" in words(response.content.decode())
    row.refresh_from_db()
    assert (row.status, row.corrections) == (Status.REVIEW, [])


def test_the_result_leads_back_to_the_review(
    signed_in: Client, draft: Consultation, clinician: User, run_queue: Queue
) -> None:
    row = answered(draft, clinician, corrections(draft, calculus="present"), run_queue)
    assert 'name="review" value="1"' in signed_in.get(f"/consultations/{row.pk}/").content.decode()
    response = signed_in.post(f"/consultations/{row.pk}/again/", {"review": "1"})
    again = Consultation.objects.exclude(pk=row.pk).get()
    assert (again.status, again.corrections) == (Status.REVIEW, row.corrections)
    calculus = next(each for each in Review(case_of(again)).rows if each.finding.text.startswith("calculus"))
    assert calculus.form["assertion"].value() == "present"
    assert signed_in.get(response["Location"])["Location"] == f"/consultations/{again.pk}/review/"


def test_a_review_can_be_given_up(signed_in: Client, draft: Consultation) -> None:
    signed_in.post(f"/consultations/{draft.pk}/cancel/")
    draft.refresh_from_db()
    assert draft.status == Status.CANCELLED


def test_hostile_words_are_data(signed_in: Client, small_library: None, clinician: User) -> None:
    row = consultation_start(by=clinician, case=CaseInput(findings="No <b>mass</b> & nodule."), review=True)
    html = signed_in.get(f"/consultations/{row.pk}/review/").content.decode()
    assert "<b>" not in html
