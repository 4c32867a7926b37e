"""learn_ranking: what is too little, what is wrong use, and what is not better."""

from collections.abc import Callable
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.evidence import Scope, retrieve
from cdss.consultations.models import Consultation
from cdss.consultations.pipeline import without_overlays
from cdss.evaluation.cases import library_cases
from cdss.feedback.services import feedback_give
from cdss.learning import learning
from cdss.learning.comparing import Compared, told
from cdss.learning.learning import Learned, TooFewError, learn_ranking
from cdss.learning.lessons import lessons_of, voted_lessons
from cdss.learning.material import brought_by, pictures_judged, topics_of, votes_judged
from cdss.learning.said import relevance_votes
from cdss.learning.services import weights_propose
from cdss.library.models import Case
from cdss.ranking.models import RankingWeights
from cdss.ranking.weights import packaged_weights, weight_set
from cdss.reasoning.naming import same_as_any
from retrieval.features import NAMES


def quiet(step: str, done: int, total: int) -> None:
    pass


def learned(difference: float, image: float = 0.3) -> Learned:
    """Weights that are better by so much, with an interval of half of it."""
    data = deepcopy(dict(packaged_weights().data)) | {"image": image}
    half = abs(difference) / 2
    figure = Compared("diagnosis: MRR", 0.5, 0.5 + difference, difference, difference - half, difference + half, 40)
    counts = {"cases": 40, "consultations": 0, "votes": 0, "folds": 5}
    return Learned(weight_set(data, version=0), packaged_weights(), [figure], counts, ["A note."])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--limit", "5"], "--limit 5"),
        (["--limit", "-1"], "--limit -1"),
        (["--folds", "1"], "--folds 1"),
        (["--folds", "1000"], "--folds 1000"),
    ],
)
@pytest.mark.django_db
def test_wrong_use_is_told(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said) as refused:
        call_command("learn_ranking", *arguments)
    assert refused.value.returncode == 2


@pytest.mark.django_db
def test_an_empty_library_teaches_nothing() -> None:
    with pytest.raises(
        CommandError, match=r"0 cases have a known diagnosis and 30 are needed\. Publish more"
    ) as refused:
        call_command("learn_ranking")
    assert refused.value.returncode == 2


@pytest.mark.usefixtures("library")
def test_a_small_library_is_refused_before_anything_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "topics_of", lambda *_: pytest.fail("searched"))
    with pytest.raises(CommandError, match="6 cases have a known diagnosis"):
        call_command("learn_ranking")
    assert not RankingWeights.objects.exists()


@pytest.mark.usefixtures("library")
def test_cases_whose_disease_is_never_found_are_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "FEWEST", 6)
    Case.objects.update(topic_title="")
    for case in Case.objects.all():
        Case.objects.filter(pk=case.pk).update(diagnosis=f"Zzyx{case.pk} fever")
    with pytest.raises(TooFewError, match="The disease of 0 cases is among"):
        learn_ranking(cases=library_cases(), seed=7, folds=2, progress=quiet)


@pytest.mark.usefixtures("library")
def test_fewer_diseases_than_folds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "FEWEST", 6)
    with pytest.raises(TooFewError, match="fewer than 5 diseases"):
        learn_ranking(cases=library_cases(), seed=7, progress=quiet)


@pytest.mark.usefixtures("library")
def test_the_image_side_is_learned_where_enough_cases_have_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, least in (("FEWEST", 6), ("FEWEST_PICTURED", 4)):
        monkeypatch.setattr(learning, name, least)
    found = learn_ranking(cases=library_cases(), seed=7, folds=3, progress=quiet)
    image = found.learned_on["image"]
    # Pictures of noise say nothing of a disease: whatever they are worth, no picture is no worse.
    assert image["cases"] == 6
    assert image["mrr"][image["chosen"]] == max(image["mrr"].values())
    assert 0 <= found.weights.image <= 1
    assert found.learned_on["neighbours"]
    text_only = learn_ranking(cases=library_cases(), seed=7, folds=3, with_images=False, progress=quiet)
    assert text_only.weights.image == packaged_weights().image
    assert "The image side keeps its weight: 0 cases" in " ".join(text_only.notes)


@pytest.mark.usefixtures("library")
def test_a_case_and_its_patient_are_no_evidence_for_themselves() -> None:
    Case.objects.filter(source_id__in=["case-0-0", "case-1-0"]).update(source_group="one patient")
    lessons = {lesson.key: lesson for lesson in lessons_of(library_cases(), seed=7, progress=quiet)}
    own = dict(Case.objects.values_list("source_id", "pk"))
    left_out = lessons["case:case-0-0"].left_out.tolist()
    assert {own["case-0-0"], own["case-1-0"]} <= set(left_out)
    assert own["case-0-1"] in lessons["case:case-0-0"].siblings
    assert ("patient", "one patient") in lessons["case:case-1-0"].marks


@pytest.mark.usefixtures("library")
def test_what_was_made_of_a_consultation_is_no_evidence_for_it(
    ask: Callable[..., Consultation], confirm: Callable[..., None]
) -> None:
    case = Case.objects.get(source_id="case-0-0")
    row = ask(case.findings, history=case.history)
    confirm(row, "Pulmonary hamartoma", "course")
    lesson = lessons_of([], seed=7, progress=quiet)[0]
    assert case.pk in lesson.left_out
    assert (lesson.count, lesson.in_library, lesson.names) == (0.5, False, ("Pulmonary hamartoma",))
    # The text about it, found by the name that was confirmed.
    (judged,) = topics_of([lesson], quiet)
    assert judged is not None
    assert judged[1].sum() == 1


@pytest.mark.usefixtures("library")
def test_votes_become_a_query_whose_items_are_more_or_less_relevant(
    ask: Callable[..., Consultation], clinician: User
) -> None:
    row = ask("A dense stone in the distal ureter, a thickened appendix and fat stranding.")
    texts = list(row.evidence.filter(kind="literature"))[:2]
    for evidence, verdict in zip(texts, ("not_relevant", "relevant"), strict=True):
        feedback_give(by=clinician, consultation=row, verdict=verdict, evidence=evidence)
    votes = relevance_votes()
    judged = votes_judged(votes[0], voted_lessons(votes)[0])
    assert judged is not None
    table, relevance = judged
    assert table.shape == (2, len(NAMES))
    assert sorted(np.asarray(relevance).tolist()) == [0.0, 1.0]


@pytest.mark.parametrize(
    ("difference", "arguments", "proposed", "said"),
    [
        (0.1, [], True, ""),
        (0.1, ["--dry-run"], False, ""),
        (0.0, [], False, "No better than the weights that answer"),
        (0.0, ["--accept-equal"], True, ""),
        (-0.1, [], False, "Worse than the weights that answer: diagnosis: MRR"),
        (-0.1, ["--accept-equal"], False, "Worse"),
    ],
)
@pytest.mark.django_db
def test_only_what_is_better_is_proposed(
    monkeypatch: pytest.MonkeyPatch, difference: float, arguments: list[str], proposed: bool, said: str
) -> None:
    command = "cdss.learning.management.commands.learn_ranking.learn_ranking"
    monkeypatch.setattr(command, lambda **_: learned(difference))
    out = StringIO()
    if said:
        with pytest.raises(CommandError, match=said) as told:
            call_command("learn_ranking", *arguments, stdout=out, stderr=StringIO())
        assert told.value.returncode == 1
    else:
        call_command("learn_ranking", *arguments, stdout=out, stderr=StringIO())
    assert RankingWeights.objects.exists() == proposed
    assert "diagnosis: MRR" in out.getvalue()
    assert "A note." in out.getvalue()


@pytest.mark.django_db
def test_weights_that_answer_already_are_not_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    command = "cdss.learning.management.commands.learn_ranking.learn_ranking"
    monkeypatch.setattr(command, lambda **_: learned(0.1, image=packaged_weights().image))
    with pytest.raises(CommandError, match="answer already"):
        call_command("learn_ranking", stdout=StringIO(), stderr=StringIO())


@pytest.mark.django_db
def test_a_proposal_replaces_the_one_nobody_promoted_and_is_stored_once() -> None:
    first = weights_propose(learned=learned(0.1, image=0.3))
    assert weights_propose(learned=learned(0.1, image=0.3)) == first
    second = weights_propose(learned=learned(0.1, image=0.4))
    states: dict[int, Any] = dict(RankingWeights.objects.values_list("version", "state"))
    assert states == {first.version: "retired", second.version: "proposed"}
    assert Event.objects.filter(action="ranking.proposed").count() == 2
    assert second.sha256 == weight_set(second.weights, version=2).sha256


@pytest.mark.usefixtures("library")
def test_candidates_are_put_in_order_as_a_consultation_does_it() -> None:
    lessons = lessons_of(library_cases(), seed=7, progress=quiet)
    packaged = packaged_weights()
    brought = brought_by(lessons, [packaged, packaged], with_images=True, progress=quiet)
    for lesson, each in zip(lessons, brought, strict=True):
        outcome = retrieve(
            case=lesson.case, pixels=without_overlays(lesson.load_pixels()), scope=Scope(left_out=lesson.left_out)
        )
        names = [candidate.name for candidate in outcome.candidates]
        place = next((n for n, name in enumerate(names, 1) if same_as_any(name, lesson.names)), 0)
        found = told(each.candidates[0], packaged.diagnoses)
        assert (found.place, round(found.sure, 4)) == (place, outcome.candidates[0].probability)
        assert each.candidates[1].table.tolist() == each.candidates[0].table.tolist()


@pytest.mark.usefixtures("library")
def test_an_image_whose_file_is_gone_takes_itself_out_of_the_lesson_and_not_the_case() -> None:
    lesson = lessons_of(library_cases(), seed=7, progress=quiet)[0]
    assert pictures_judged(lesson)
    for image in Case.objects.get(source_id="case-0-0").images.all():
        Path(image.file.path).unlink()
    (brought,) = brought_by([lesson], [packaged_weights()], with_images=True, progress=quiet)
    assert brought.candidates[0].right.any()
    assert brought.pictured is None
