"""How an answer would change, told by its kinds; and a shadow run changes nothing itself."""

from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdss.consultations.models import Consultation, ConsultationImage
from cdss.indexing.models import IndexVersion
from cdss.learning import shadow
from cdss.learning.models import ShadowChange, ShadowRun
from cdss.learning.printing import shadow_lines, shadow_report
from cdss.learning.said import Confirmed
from cdss.learning.shadow import change_of, changed, shadow_run
from cdss.ranking.models import RankingWeights
from retrieval.errors import RetrievalError
from tests.cdss.cast import ranking_weights

NODULE = "A round nodule with popcorn calcification and fat in the lung."


def listed(names: Sequence[str], word: str = "possible") -> list[dict[str, Any]]:
    return [{"name": name, "concept": name, "likelihood": word, "probability": 0.3} for name in names]


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ("abcdef", "abcdef", []),
        ("abcdef", "bacdef", ["first"]),
        ("abcdef", "abcdfe", ["entered_five", "left_five"]),
        ("abcde", "abcd", ["left_five"]),
        ("abcd", "abcde", ["entered_five"]),
        ("abcdefg", "abcdegf", []),
        ("abcdefghi", "abcdeighf", ["moved"]),
        ("abcdefgh", "abdefgch", ["entered_five", "left_five", "moved"]),
        ("abc", "", ["abstains"]),
        ("", "abc", ["answers"]),
        ("", "", []),
    ],
)
def test_the_kinds_of_change(before: str, after: str, kinds: list[str]) -> None:
    assert list(changed(listed(before), listed(after))) == kinds


def test_another_word_of_likelihood_is_a_change_and_another_number_is_none() -> None:
    before = listed("ab")
    assert list(changed(before, listed("ab", "likely"))) == ["word"]
    assert not list(changed(before, [row | {"probability": 0.35} for row in before]))


@pytest.mark.parametrize(
    ("before", "after", "kind", "places"),
    [
        (["Hamartoma", "Carcinoid"], ["Carcinoid", "Hamartoma"], "confirmed_up", (2, 1)),
        (["Carcinoid", "Hamartoma"], ["Hamartoma", "Carcinoid"], "confirmed_down", (1, 2)),
        (["Hamartoma"], ["Hamartoma", "Carcinoid"], "confirmed_up", (None, 2)),
        (["Hamartoma", "Carcinoid"], ["Hamartoma"], "confirmed_down", (2, None)),
        (["Carcinoid"], [], "confirmed_down", (1, None)),
    ],
)
def test_a_confirmed_diagnosis_that_moves_is_told(
    before: list[str], after: list[str], kind: str, places: tuple[int | None, int | None]
) -> None:
    change = change_of(Consultation(), listed(before), listed(after), Confirmed("Carcinoids", 1.0))
    assert change is not None
    assert kind in change.kinds
    assert (change.confirmed_before, change.confirmed_after) == places
    same = change_of(Consultation(), listed(before), listed(before), Confirmed("Carcinoids", 1.0))
    assert same is None


@pytest.mark.usefixtures("library")
class TestRun:
    def test_nothing_of_a_consultation_changes(self, ask: Callable[..., Consultation]) -> None:
        row = ask(NODULE)
        before = Consultation.objects.filter(pk=row.pk).values().get()
        answers = list(row.answers.values("pk", "diagnoses__pk", "diagnoses__probability"))
        shadow_run(weights=ranking_weights(literature_rank=0.0, case_lexical=50.0))
        assert Consultation.objects.filter(pk=row.pk).values().get() == before
        assert list(row.answers.values("pk", "diagnoses__pk", "diagnoses__probability")) == answers

    def test_the_same_weights_change_nothing(self, ask: Callable[..., Consultation]) -> None:
        ask(NODULE)
        ask("zzz")
        run = shadow_run(weights=ranking_weights(listed=1.0))
        assert (run.replayed, run.failed, run.counts, run.changes.count()) == (2, 0, {}, 0)
        assert run.index_version == IndexVersion.objects.values_list("name", flat=True).first()

    def test_only_what_was_answered_is_replayed_and_the_newest_first(self, ask: Callable[..., Consultation]) -> None:
        rows = [ask(NODULE) for _ in range(3)]
        Consultation.objects.filter(pk=rows[0].pk).update(status="failed")
        assert shadow_run(weights=ranking_weights()).replayed == 2
        assert shadow_run(weights=RankingWeights.objects.get(), limit=1).replayed == 1

    def test_a_consultation_whose_image_is_gone_is_counted_and_stops_nothing(
        self, ask: Callable[..., Consultation]
    ) -> None:
        row = ask(NODULE)
        ask(NODULE)
        ConsultationImage.objects.create(
            consultation=row, file="consultations/gone.png", width=1, height=1, sha256="0" * 64
        )
        run = shadow_run(weights=ranking_weights())
        assert (run.replayed, run.failed) == (1, 1)

    def test_an_index_that_changes_meanwhile_leaves_nothing_behind(
        self, ask: Callable[..., Consultation], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ask(NODULE)
        versions = iter(["one", "other"])
        monkeypatch.setattr(shadow, "engine_versions", lambda: next(versions))
        with pytest.raises(RetrievalError, match="changed meanwhile"):
            shadow_run(weights=ranking_weights())
        assert not ShadowRun.objects.exists()

    def test_weights_that_cannot_be_used_are_refused(self) -> None:
        row = ranking_weights()
        row.weights["image"] = 7
        row.save()
        with pytest.raises(CommandError, match="image: 7") as refused:
            call_command("shadow_ranking", "1", stderr=StringIO())
        assert refused.value.returncode == 2

    def test_the_list_for_a_terminal(self, ask: Callable[..., Consultation]) -> None:
        row = ask(NODULE)
        ranking_weights(listed=1.0)
        out = StringIO()
        call_command("shadow_ranking", "1", stdout=out, stderr=StringIO())
        assert "0 of 1 consultations would change" in out.getvalue()
        weights = RankingWeights.objects.get()
        run = ShadowRun.objects.create(
            weights=weights, against=0, index_version="i", started=row.created, finished=row.created, replayed=1
        )
        ShadowChange.objects.create(run=run, consultation=row, kinds=["first"], before=[], after=[])
        assert f"  C-{row.pk}: another first diagnosis" in list(shadow_lines(shadow_report(run)))


@pytest.mark.django_db
def test_without_an_index_nothing_is_replayed(settings: Any, tmp_path: Any) -> None:
    ranking_weights()
    with pytest.raises(CommandError, match="no index yet"):
        call_command("shadow_ranking", "1", stderr=StringIO())
