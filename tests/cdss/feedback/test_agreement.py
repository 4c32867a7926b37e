from collections import Counter

import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.consultations.models import Consultation, RaterInvitation
from cdss.feedback.agreement.kappa import cohen_kappa, fleiss_kappa
from cdss.feedback.agreement.raters import agreements, ratings_of_all
from cdss.feedback.services import feedback_give
from tests.cdss.cast import answered_consultation, parts


def crossed(both_yes: int, yes_no: int, no_yes: int, both_no: int) -> list[tuple[str, str]]:
    return [
        *[("yes", "yes")] * both_yes, *[("yes", "no")] * yes_no, *[("no", "yes")] * no_yes, *[("no", "no")] * both_no
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "observed", "kappa"),
    [
        # 35 of 50 agree; by chance .5 * .6 + .5 * .4 = .5.
        ((20, 5, 10, 15), 0.7, 0.4),
        # 60 of 100 agree; by chance .6 * .7 + .4 * .3 = .54, and .6 * .3 + .4 * .7 = .46.
        ((45, 15, 25, 15), 0.6, 0.06 / 0.46),
        ((25, 35, 5, 35), 0.6, 0.14 / 0.54),
        ((10, 0, 0, 10), 1.0, 1.0),
        ((0, 10, 10, 0), 0.0, -1.0),
    ],
)
def test_cohens_kappa_by_hand(cells: tuple[int, int, int, int], observed: float, kappa: float) -> None:
    found = cohen_kappa(crossed(*cells))
    assert found.n == sum(cells)
    assert found.observed == pytest.approx(observed)
    assert found.value == pytest.approx(kappa)
    if found.observed == 1.0:
        # Every draw of things on which nobody differs is the same: no interval is claimed.
        assert (found.low, found.high) == (None, None)
        return
    assert found.low <= found.value + 1e-9
    assert found.value <= found.high + 1e-9


def test_cohens_kappa_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    pairs = [("abc"[i % 3], "abc"[(i * i + i // 5) % 3]) for i in range(97)]
    assert cohen_kappa(pairs).value == pytest.approx(metrics.cohen_kappa_score(*zip(*pairs, strict=True)))


# Ten items, fourteen raters, five answers: the worked example that is widely printed for Fleiss' kappa (.210).
FOURTEEN_RATERS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip


def test_fleiss_kappa_as_printed() -> None:
    found = fleiss_kappa([dict(enumerate(row)) for row in FOURTEEN_RATERS])
    assert found.n == 10
    assert found.observed == pytest.approx(0.378, abs=5e-4)
    assert found.value == pytest.approx(0.210, abs=5e-4)
    assert found.low < found.value < found.high


def test_fleiss_kappa_of_different_numbers_of_raters_by_hand() -> None:
    items = [Counter("aa"), Counter("aab"), Counter("bb"), Counter("b")]
    # Each item's own pairs: 1, 1/3, 1; the one with a single rater counts nowhere. 4 of 7 answers are "a".
    observed, expected = (1 + 1 / 3 + 1) / 3, (4 / 7) ** 2 + (3 / 7) ** 2
    found = fleiss_kappa(items)
    assert found.n == 3
    assert found.value == pytest.approx((observed - expected) / (1 - expected))


def test_one_answer_throughout_leaves_kappa_undefined() -> None:
    assert cohen_kappa([("a", "a")] * 5).value is None
    assert fleiss_kappa([{"a": 3}] * 5).value is None
    assert (cohen_kappa([]).n, fleiss_kappa([{"a": 1}]).n) == (0, 0)


def test_the_interval_is_the_same_each_time_and_narrower_for_more() -> None:
    few, many = crossed(8, 2, 3, 7), crossed(80, 20, 30, 70)
    assert cohen_kappa(few) == cohen_kappa(few)
    assert cohen_kappa(many).high - cohen_kappa(many).low < cohen_kappa(few).high - cohen_kappa(few).low


def rated(consultation: Consultation, *raters: User, verdicts: str = "agree agree wrong") -> None:
    statement = parts(consultation)[1]
    for rater, verdict in zip(raters, verdicts.split(), strict=False):
        RaterInvitation.objects.get_or_create(consultation=consultation, rater=rater)
        reason = {"reason": "wrong-detail"} if verdict == "wrong" else {}
        feedback_give(by=rater, consultation=consultation, statement=statement, verdict=verdict, **reason)


def test_only_the_newest_word_of_each_rater_counts(clinician: User, educator: User) -> None:
    consultations = [answered_consultation(clinician) for _ in range(3)]
    for one in consultations:
        rated(one, clinician, educator, verdicts="agree wrong")
    rated(consultations[0], clinician, educator, verdicts="wrong wrong")
    rated(consultations[1], clinician, educator, verdicts="agree agree")
    (found,) = agreements(ratings_of_all())
    assert (found.kind, found.items, found.raters) == ("statement", 3, 2)
    # (wrong, wrong), (agree, agree), (agree, wrong): 2 of 3 agree; by chance 1/3 * 2/3 + 2/3 * 1/3 = 4/9.
    assert found.pairs[0].kappa.value == pytest.approx((2 / 3 - 4 / 9) / (5 / 9))


def test_the_page_shows_pairs_and_all(client: Client, clinician: User, educator: User, auditor: User) -> None:
    for _ in range(3):
        rated(answered_consultation(clinician), clinician, educator, verdicts="agree wrong")
    client.force_login(auditor)
    page = client.get("/feedback/agreement/").content.decode()
    assert "clinician and educator" in page
    assert "Fleiss" in page


def test_a_rater_sees_agreement_only_after_speaking(client: Client, make_user, clinician: User, educator: User) -> None:
    consultation = answered_consultation(clinician)
    third = make_user("third")
    rated(consultation, clinician, educator, verdicts="agree wrong")
    RaterInvitation.objects.create(consultation=consultation, rater=third)
    client.force_login(third)
    url = f"/consultations/{consultation.pk}/"
    assert "2 raters" not in client.get(url).content.decode()
    rated(consultation, third)
    assert "3 raters" in client.get(url).content.decode()
