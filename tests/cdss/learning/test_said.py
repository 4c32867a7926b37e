"""What clinicians said, as training data: every rater's last word, weighed by how a diagnosis was confirmed."""

from collections.abc import Callable

import pytest

from cdss.accounts.models import User
from cdss.consultations.models import Consultation
from cdss.feedback.models import Feedback
from cdss.learning.said import NOT_SAID_HOW, SURE, confirmed_diagnoses, relevance_votes
from cdss.verdicts import Confirmation
from tests.cdss.cast import answered_consultation, evidence_of, library_document


@pytest.fixture
def consultation(clinician: User) -> Consultation:
    return answered_consultation(clinician)


@pytest.fixture
def say(consultation: Consultation, clinician: User) -> Callable[..., Feedback]:
    def said(verdict: str, by: User = clinician, **fields: object) -> Feedback:
        values = {"consultation": consultation, "role": by.role} | fields
        return Feedback.objects.create(user=by, verdict=verdict, **values)

    return said


def test_every_way_to_confirm_has_its_count() -> None:
    assert set(SURE) == set(Confirmation.values)
    assert all(NOT_SAID_HOW < count <= 1 for count in SURE.values())


def test_the_last_word_of_a_rater_counts(say: Callable[..., Feedback], consultation: Consultation) -> None:
    say("final", final_diagnosis="Hamartoma", confirmed_by="histology")
    say("final", final_diagnosis="Carcinoid tumour", confirmed_by="course")
    found = confirmed_diagnoses()[consultation.pk]
    assert (found.name, found.count) == ("Carcinoid tumour", SURE["course"])


def test_of_raters_who_differ_the_better_confirmed_one_counts(
    say: Callable[..., Feedback], consultation: Consultation, educator: User, auditor: User
) -> None:
    say("final", final_diagnosis="Hamartoma", confirmed_by="course")
    say("final", by=educator, final_diagnosis="Carcinoid tumour", confirmed_by="histology")
    assert confirmed_diagnoses()[consultation.pk].name == "Carcinoid tumour"
    # Two who agree, in other words, outweigh one.
    say("final", by=auditor, final_diagnosis="Hamartomas", confirmed_by="imaging")
    assert confirmed_diagnoses()[consultation.pk].count == SURE["imaging"]


def test_where_raters_tie_nothing_is_learned(say: Callable[..., Feedback], educator: User) -> None:
    say("final", final_diagnosis="Hamartoma", confirmed_by="histology")
    say("final", by=educator, final_diagnosis="Carcinoid tumour", confirmed_by="autopsy")
    assert confirmed_diagnoses() == {}


@pytest.mark.parametrize("name", ["???", "unknown", "", "Normal"])
def test_what_names_no_disease_teaches_nothing(say: Callable[..., Feedback], name: str) -> None:
    say("final", final_diagnosis=name, confirmed_by="histology")
    assert confirmed_diagnoses() == {}


def test_other_verdicts_confirm_nothing(say: Callable[..., Feedback]) -> None:
    say("agree")
    say("unsafe", reason="contraindicated")
    assert confirmed_diagnoses() == {}
    assert relevance_votes() == []


def test_votes_of_all_raters_become_shares(
    say: Callable[..., Feedback], consultation: Consultation, educator: User
) -> None:
    items = [library_document(None) for _ in range(3)]
    rows = [evidence_of(consultation, number) for number in range(2, 5)]
    for row, item in zip(rows, items, strict=True):
        row.item = item
        row.save()
    say("relevant", evidence=rows[0])
    say("not_relevant", by=educator, evidence=rows[0])
    say("not_relevant", evidence=rows[1])
    # A change of mind.
    say("not_relevant", evidence=rows[2])
    say("relevant", evidence=rows[2])
    (votes,) = relevance_votes()
    assert votes.relevance == {items[0].pk: 0.5, items[1].pk: 0.0, items[2].pk: 1.0}
    assert (votes.raters, votes.kind) == (2, "literature")


def test_votes_that_put_nothing_in_order_teach_nothing(
    say: Callable[..., Feedback], consultation: Consultation
) -> None:
    row = evidence_of(consultation, 2)
    row.item = library_document(None)
    row.save()
    say("relevant", evidence=row)
    # Evidence whose source is gone cannot be found again.
    say("not_relevant", evidence=evidence_of(consultation, 3))
    assert relevance_votes() == []
