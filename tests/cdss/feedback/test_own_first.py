import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.consultations.own import differential_afterwards, differential_commit
from cdss.feedback.first_answers import FirstAnswers, first_answers, switches_by_group
from cdss.feedback.services import feedback_give
from tests.cdss.cast import answered_consultation


def walked(user: User, before: str, after: str | None, truth: str, *, group: str = "A", confirmed_by: str = "surgery"):
    """One consultation whose system's first diagnosis is Hamartoma."""
    row = answered_consultation(user)
    row.commit_first, row.user_group = True, group
    row.save()
    differential_commit(consultation=row, by=user, names=[before])
    if after:
        differential_afterwards(consultation=row, by=user, names=[after])
    feedback_give(by=user, consultation=row, verdict="final", final_diagnosis=truth, confirmed_by=confirmed_by)


def test_switches_to_right_and_to_wrong_by_group(clinician: User) -> None:
    walked(clinician, "Carcinoid tumor", "Hamartoma", "Hamartoma")
    walked(clinician, "Carcinoid tumor", "Carcinoid tumor", "Hamartoma")
    walked(clinician, "Carcinoid tumor", "Hamartoma", "Carcinoid tumour", group="B")
    walked(clinician, "Carcinoid tumor", "Carcinoid tumor", "Carcinoid tumor", group="B")
    walked(clinician, "Carcinoid tumor", None, "Carcinoid tumor", group="B")
    walked(clinician, "Carcinoid tumor", "Hamartoma", "Carcinoid tumor", group="B", confirmed_by="")
    one, other, everyone = switches_by_group(first_answers())
    assert (one.group, one.confirmed, other.group, other.confirmed, everyone.confirmed) == ("A", 2, "B", 3, 5)
    assert (one.to_right.count, one.to_right.n, one.to_wrong.n) == (1, 2, 0)
    assert (other.to_wrong.count, other.to_wrong.n, other.misled.count, other.misled.n) == (1, 2, 1, 2)
    assert (other.before.count, other.system.count, other.after.count, other.after.n) == (3, 0, 1, 2)
    assert (everyone.to_right.n, everyone.to_wrong.n) == (2, 2)


def test_a_right_system_misleads_nobody() -> None:
    (row,) = switches_by_group([FirstAnswers("A", before=True, system=True, after=False)])
    assert (row.to_wrong.count, row.misled.n) == (1, 0)


def test_the_page_has_the_figures_with_intervals(client: Client, clinician: User, auditor: User) -> None:
    walked(clinician, "Carcinoid tumor", "Hamartoma", "Carcinoid tumor", group="Night shift")
    client.force_login(auditor)
    page = client.get("/feedback/own-first/").content.decode()
    assert "Night shift" in page
    assert "1/1, 21–100%" in page


@pytest.mark.parametrize("path", ["/feedback/own-first/", "/feedback/agreement/"])
def test_nothing_yet(client: Client, auditor: User, path: str) -> None:
    client.force_login(auditor)
    assert client.get(path).status_code == 200
