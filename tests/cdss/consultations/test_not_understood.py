"""Words that nothing is known of are told, and a case of nothing else gets no answer."""

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from cdss.accounts.models import User
from cdss.consultations.models import Consultation, Status
from cdss.consultations.pipeline import without_words
from cdss.consultations.services import consultation_reviewed, consultation_start
from cdss.reasoning.types import CaseInput, Correction
from tests.cdss.consultations.page_rows import words

NONSENSE = "zzzz qqqq the weather"
NODULE = "A nodule with popcorn calcification in the left lung."
TOLD = f"Not understood, and no finding: “{NONSENSE}”."


def asked(client: Client, by: User, run_queue: Callable, case: CaseInput, *, review: bool = False) -> Consultation:
    with run_queue():
        row = consultation_start(by=by, case=case, review=review)
    client.force_login(by)
    row.refresh_from_db()
    return row


def test_a_case_of_which_nothing_is_understood_gets_no_answer(
    small_library: None, clinician: User, client: Client, run_queue: Callable
) -> None:
    row = asked(client, clinician, run_queue, CaseInput(findings=NONSENSE))
    assert (row.status, row.abstention["reason"]) == (Status.ABSTAINED, "nothing_understood")
    page = words(client.get(row.get_absolute_url()).content.decode())
    assert TOLD in page
    assert "No finding was understood in the words of this case" in page


def test_the_rest_of_a_case_is_answered_and_the_words_are_told(
    small_library: None, clinician: User, client: Client, run_queue: Callable
) -> None:
    row = asked(client, clinician, run_queue, CaseInput(findings=f"{NODULE} {NONSENSE}."))
    assert row.status == Status.DONE
    assert TOLD in words(client.get(row.get_absolute_url()).content.decode())


def test_a_person_s_word_makes_a_finding_of_them(
    small_library: None, clinician: User, client: Client, run_queue: Callable
) -> None:
    row = asked(client, clinician, run_queue, CaseInput(findings=f"{NODULE} {NONSENSE}."), review=True)
    assert TOLD in words(client.get(row.get_absolute_url(), follow=True).content.decode())
    added = Correction("findings", NONSENSE, len(NODULE) + 1, "present")
    with run_queue():
        consultation_reviewed(consultation=row, by=clinician, corrections=[added])
    row.refresh_from_db()
    assert [(one["text"], one["assertion"]) for one in row.understood if one["text"] == NONSENSE] == [
        (NONSENSE, "present")
    ]
    assert "Not understood" not in words(client.get(row.get_absolute_url()).content.decode())


def test_the_form_tells_them_before_anything_is_sent(
    small_library: None, clinician: User, client: Client, run_queue: Callable
) -> None:
    client.force_login(clinician)
    page = words(client.post(reverse("consultations:preview"), {"findings": f"{NODULE} {NONSENSE}."}).content.decode())
    assert TOLD in page


def test_beside_images_words_that_are_not_understood_are_not_searched_for() -> None:
    case = CaseInput(age="58", history="a", exam="b", findings=NONSENSE)
    assert without_words(case) == CaseInput(age="58")
