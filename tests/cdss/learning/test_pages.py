"""The pages of the ranking: what answers, what is proposed and would change, who may act, and who sees which names."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from cdss.accounts.models import User
from cdss.learning.models import ShadowChange, ShadowRun
from cdss.learning.services import weights_promote
from cdss.ranking.models import RankingWeights, State
from cdss.ranking.serving import forget_weights
from tests.cdss.cast import answered_consultation, ranking_weights

pytestmark = pytest.mark.django_db
LIST = "/learning/"
REASON = {"reason": "Better on the cases of this site."}
Shadowed = Callable[..., ShadowRun]


def opened(client: Client, user: User, path: str = LIST) -> str:
    client.force_login(user)
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def change(clinician: User, shadowed: Shadowed) -> ShadowChange:
    run = shadowed(ranking_weights())
    rows = [
        [{"name": name, "concept": name, "likelihood": "likely", "probability": 0.5}] for name in ("Cyst", "Abscess")
    ]
    return ShadowChange.objects.create(
        run=run, consultation=answered_consultation(clinician), kinds=["first", "confirmed_up"], before=rows[0],
        after=rows[1], confirmed_before=2, confirmed_after=1,
    )  # fmt: skip


def test_an_empty_page_says_what_answers_and_how_to_learn(client: Client, educator: User) -> None:
    page = opened(client, educator)
    assert "The packaged weights" in page
    assert "manage.py learn_ranking" in page
    assert "Roll back" not in page


def test_a_version_shows_its_figures_and_what_would_change(
    client: Client, administrator: User, change: ShadowChange
) -> None:
    page = opened(client, administrator, "/learning/1/")
    for said in ("Diagnosis: MRR", "+0.100", "Better", "Worse", "lower is better", "Another first diagnosis", "2 → 1"):
        assert said in page, said
    assert "listed" in page


def test_only_who_may_open_a_consultation_reads_its_diagnoses(
    client: Client, administrator: User, educator: User, auditor: User, change: ShadowChange
) -> None:
    link = reverse("consultations:detail", args=[change.consultation_id])
    seen = opened(client, auditor, "/learning/1/")
    assert link in seen
    assert "Cyst" in seen
    assert "Abscess" in seen
    for user in (administrator, educator):
        hidden = opened(client, user, "/learning/1/")
        assert f"C-{change.consultation_id}" in hidden
        assert link not in hidden
        assert "Cyst" not in hidden
        assert "Abscess" not in hidden


def test_only_an_administrator_is_offered_to_act(
    client: Client, administrator: User, educator: User, auditor: User, change: ShadowChange
) -> None:
    assert "Let version 1 answer" in opened(client, administrator, "/learning/1/")
    for user in (educator, auditor):
        assert "Let version 1 answer" not in opened(client, user, "/learning/1/")
    weights_promote(version=1, by=administrator, reason="Shown.")
    assert "Roll back to the packaged weights" in opened(client, administrator)
    assert "Roll back" not in opened(client, educator)


def test_promote_and_roll_back(client: Client, administrator: User, change: ShadowChange) -> None:
    client.force_login(administrator)
    promoted = client.post("/learning/1/promote/", REASON, follow=True).content.decode()
    assert "Version 1 answers from now on." in promoted
    assert REASON["reason"] in promoted
    rolled = client.post("/learning/rollback/", {"serving": "1"}, follow=True).content.decode()
    assert "Version 1 is retired; the packaged weights answer from now on." in rolled
    again = client.post("/learning/rollback/", {"serving": "1"}, follow=True).content.decode()
    assert "Other weights answer since this page was made." in again


@pytest.mark.parametrize("reason", ["", "short", " " * 40, "x" * 1001])
def test_a_promotion_needs_a_typed_reason(
    client: Client, administrator: User, change: ShadowChange, reason: str
) -> None:
    client.force_login(administrator)
    response = client.post("/learning/1/promote/", {"reason": reason})
    assert response.status_code == 422
    assert RankingWeights.objects.get().state == State.PROPOSED


def test_without_a_shadow_run_there_is_no_button_and_a_post_is_told_why(client: Client, administrator: User) -> None:
    ranking_weights()
    page = opened(client, administrator, "/learning/1/")
    assert "manage.py shadow_ranking 1" in page
    assert "Let version 1 answer" not in page
    told = client.post("/learning/1/promote/", REASON, follow=True).content.decode()
    assert "There is no shadow run of version 1" in told


def test_a_shadow_run_of_another_index_is_called_old(client: Client, administrator: User, shadowed: Shadowed) -> None:
    shadowed(ranking_weights(), index="index-0")
    shadowed(ranking_weights(2, state=State.RETIRED), index="index-1")
    page = opened(client, administrator, "/learning/1/")
    assert "have changed since" in page
    assert "Let version 1 answer" not in page


def test_weights_that_cannot_be_used_are_told_on_the_page(
    client: Client, administrator: User, change: ShadowChange
) -> None:
    weights_promote(version=1, by=administrator)
    row = RankingWeights.objects.get()
    row.weights["search"]["weights"]["phase_of_the_moon"] = 1.0
    row.save()
    forget_weights()
    page = opened(client, administrator)
    assert "Version 1 was promoted and cannot be used" in page
    assert "because version 1 cannot be used" in page
    assert "Roll back" in page
    assert "phase_of_the_moon" in opened(client, administrator, "/learning/1/")


def test_a_consultation_shows_which_weights_answered(client: Client, clinician: User) -> None:
    row = answered_consultation(clinician)
    row.weights_version, row.weights_sha256 = 3, "abcdef0123456789" * 4
    row.save()
    page = opened(client, clinician, reverse("consultations:detail", args=[row.pk]))
    assert "version 3 abcdef012345" in page


def test_the_lists_cost_as_many_queries_with_many_rows(
    client: Client, auditor: User, change: ShadowChange, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    counts = []
    for path in (LIST, "/learning/1/"):
        # The first event of a trail costs more than the ones after it.
        opened(client, auditor, path)
        with CaptureQueriesContext(connection) as few:
            opened(client, auditor, path)
        counts.append(len(few))
    for number in range(2, 12):
        ranking_weights(number, state=State.RETIRED)
        owner = User.objects.create(username=f"person-{number}", role="clinician")
        ShadowChange.objects.create(
            run=change.run, consultation=answered_consultation(owner), kinds=["word"], before=[], after=[]
        )
    for path, count in zip((LIST, "/learning/1/"), counts, strict=True):
        with django_assert_num_queries(count):
            opened(client, auditor, path)
