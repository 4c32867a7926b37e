"""Teaching the text encoder on a library whose cases and texts say the same in other words."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import Settings as DjangoSettings
from django.core.management import CommandError, call_command

from cdss.audit.models import Event
from cdss.indexing.encoding import encoders
from cdss.indexing.encoding.encoders import forget, plain_text_encoder, taught_folder, text_encoder
from cdss.indexing.engine import get_engine
from cdss.indexing.models import IndexVersion, PassageEmbedding
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build, index_repair
from cdss.indexing.taught import adaptation
from cdss.indexing.taught.adaptation import DENSE, GENERAL, WHOLE, is_better
from cdss.indexing.taught.lessons import curriculum_of, topic_documents
from cdss.library.models import Case, Collection
from cdss.locks.models import Mode
from cdss.locks.modes import LockedError
from retrieval.adaptation import store, train
from retrieval.adaptation.compare import Figure
from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.errors import AdaptationError
from retrieval.types import Query
from tests.tiny_model import tiny_model

MakeItem = Callable[..., Any]
NUMBERS = range(16)
SEEN, WRITTEN = [f"seen{number}" for number in NUMBERS], [f"written{number}" for number in NUMBERS]
WORDS = ("a", "patient", "has", "and", "topic", "of", ".", *SEEN, *WRITTEN)
QUICK = train.Settings(epochs=6, patience=6, rate=5e-3, every=5, frozen=0.0, tokens=32, shares=(1.0,))


class KilledError(BaseException):
    """As a signal would end it."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("adapt") / "tiny", WORDS)


@pytest.fixture(autouse=True)
def taught_site(tiny: Path, settings: DjangoSettings, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MODELS_ROOT = site / "models"
    settings.TEXT_ENCODER = str(tiny)
    monkeypatch.setattr(train, "Settings", lambda: QUICK)
    forget()


@pytest.fixture
def topical(make_case: MakeItem, make_document: MakeItem) -> None:
    """A topic for each two signs. Its text has other words for them, and unseen topics are made of the same ones."""
    for number, (first, second) in enumerate(combinations(NUMBERS, 2)):
        make_document(f"Topic {number}", f"of {WRITTEN[first]} and {WRITTEN[second]} .", source_id=f"topic-{number}")
        findings = f"a patient has {SEEN[first]} and {SEEN[second]} ."
        make_case(f"Case {number}", f"Findings:\n{findings}", findings=findings, topic=f"topic-{number}")


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("adapt_encoder", "--fraction", "0.3", *arguments, stdout=out)
    return out.getvalue()


def test_a_dry_run_tells_what_there_is(topical: None) -> None:
    told = json.loads(run("--dry-run", "--json"))
    sizes = told["sizes"]
    assert sizes["cases"] + sizes["measured"] + sizes["stopping"] == 120
    assert sizes["pairs"] > sizes["cases"] >= 50
    assert min(sizes["measured"], sizes["stopping"]) >= 8
    assert not taught_folder().exists()
    assert not Event.objects.filter(action__startswith="encoder.").exists()
    assert "cases measure it" in run("--dry-run")


def test_one_that_finds_unseen_cases_better_serves_with_its_own_index(topical: None) -> None:
    index_build()
    plain = text_encoder().version
    told = json.loads(run("--json"))
    figures = {figure["name"]: figure for figure in told["figures"]}
    assert told["promoted"]
    assert figures[DENSE]["low"] > 0
    assert figures[WHOLE]["gain"] > 0
    assert figures[DENSE]["questions"] == told["sizes"]["measured"]
    assert text_encoder().version == told["version"] == told["serving"] != plain
    newest = IndexVersion.objects.get(name=told["index"])
    assert newest == IndexVersion.objects.first()
    assert newest.text_encoder == get_engine().text_encoder.version == told["version"]
    assert PassageEmbedding.objects.filter(encoder=told["version"]).count() == newest.passages
    assert search_library(user=None, query=Query(text="seen1 and seen2", k=1)).text_encoder == told["version"]
    event = Event.objects.get(action="encoder.adapted")
    assert event.details["index"] == newest.name
    assert event.details[DENSE]["gain"] == figures[DENSE]["gain"]
    assert not (taught_folder() / "training").exists()
    # Nothing changed, nothing is made again.
    assert index_build() == newest
    assert index_repair() == newest

    assert json.loads(run("--rollback", "--json")) == {"serving": plain}
    assert text_encoder().version == get_engine().text_encoder.version == plain
    assert IndexVersion.objects.first().text_encoder == plain
    assert Event.objects.get(action="encoder.rolled_back").details["serving"] == plain
    with pytest.raises(CommandError, match="none to take back") as refused:
        run("--rollback")
    assert refused.value.returncode == 2


def test_until_the_new_index_is_there_the_old_one_answers(topical: None, monkeypatch: pytest.MonkeyPatch) -> None:
    index_build()
    plain, seen = text_encoder().version, []

    def watch(step: str, done: int, total: int) -> None:
        seen.append((step, text_encoder().version, get_engine().text_encoder.version))

    adapted = adaptation.encoder_adapt(held_out=0.3, progress=watch)
    assert adapted.promoted
    assert {"lessons", "passages", "images"} <= {step for step, *_ in seen}
    assert {versions for _, *versions in map(tuple, seen) for versions in versions} == {plain}
    # Between the new index and the note of who serves, a process finds the encoder the index was made with.
    index = IndexVersion.objects.first()
    store.serve(taught_folder(), store.Serving(plain, "", None))
    forget()
    adaptation.forget_engine()
    assert get_engine().snapshot.manifest.name == index.name
    assert get_engine().text_encoder.version == adapted.version


def test_one_that_is_no_better_is_kept_out(topical: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "Settings", lambda: replace(QUICK, rate=1e-9, epochs=1))
    index = index_build()
    plain = text_encoder().version
    with pytest.raises(CommandError, match="no better than the one that serves") as found:
        run()
    assert found.value.returncode == 1
    assert text_encoder().version == plain
    assert IndexVersion.objects.get() == index
    (kept,) = store.taught_encoders(taught_folder())
    assert kept.about["figures"][0]["name"] == DENSE
    assert set(PassageEmbedding.objects.values_list("encoder", flat=True)) == {plain}
    assert Event.objects.get(action="encoder.kept_out").details["taught"] == kept.version


def test_killed_and_run_again_it_is_the_same_encoder(topical: None, settings: DjangoSettings, site: Path) -> None:
    def killed(step: str, done: int, total: int) -> None:
        if step == "lessons" and done == 13:
            raise KilledError

    whole = adaptation.encoder_adapt(held_out=0.3)
    settings.MODELS_ROOT = site / "again"
    forget()
    with pytest.raises(KilledError):
        adaptation.encoder_adapt(held_out=0.3, progress=killed)
    steps: list[int] = []
    again = adaptation.encoder_adapt(
        held_out=0.3, progress=lambda step, done, total: steps.append(done) if step == "lessons" else None
    )
    assert again.version == whole.version
    assert 10 <= steps[0] <= 13


def test_vectors_that_were_made_before_a_kill_are_not_made_again(topical: None) -> None:
    def killed(step: str, done: int, total: int) -> None:
        if step == "passages" and total == 120 and done == 64 and text_encoder().version in made():
            raise KilledError

    def made() -> set[str]:
        return set(PassageEmbedding.objects.values_list("encoder", flat=True))

    index_build()
    with pytest.raises(KilledError):
        adaptation.encoder_adapt(held_out=0.3, progress=killed)
    pending: list[int] = []
    adapted = adaptation.encoder_adapt(
        held_out=0.3, progress=lambda step, done, total: pending.append(total) if step == "passages" else None
    )
    assert len(made()) == 2
    assert adapted.version in made()
    # Of the texts that are searched 64 were there; then those of the cases.
    assert sorted(set(pending) - {0}, reverse=True) == [120, 56]


def test_damage_takes_it_out_of_service(topical: None) -> None:
    index_build()
    plain = text_encoder().version
    adapted = adaptation.encoder_adapt(held_out=0.3)
    (taught,) = store.taught_encoders(taught_folder())
    weights = taught_folder() / taught.name / "model" / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    forget()
    adaptation.forget_engine()
    assert adapted.promoted
    assert text_encoder().version == plain
    # The index before stands in.
    assert get_engine().text_encoder.version == plain
    assert index_build().text_encoder == plain


def test_it_belongs_to_the_weights_it_was_taught_from(topical: None, settings: DjangoSettings, tmp_path: Path) -> None:
    adaptation.encoder_adapt(held_out=0.3)
    settings.TEXT_ENCODER = str(tiny_model(tmp_path / "other", WORDS, width=16))
    assert text_encoder().version == plain_text_encoder().version
    assert text_encoder().dimension == 16


def test_what_measures_taught_neither(topical: None) -> None:
    everything = list(Case.objects.values_list("pk", flat=True))
    assert adaptation.cases_that_taught(everything) == 0
    first = adaptation.encoder_adapt(held_out=0.3)
    assert first.promoted
    # An evaluation with the cases of the library says so.
    assert adaptation.cases_that_taught(everything) == 120 - first.sizes.measured
    again = adaptation.encoder_adapt(held_out=0.3, dry_run=True)
    assert again.sizes.measured == first.sizes.measured
    with pytest.raises(CommandError, match=r"are needed.*--seed of the last time") as refused:
        run("--seed", "8")
    assert refused.value.returncode == 2


def test_nothing_leaks_from_one_side_to_the_other(make_case: MakeItem, make_document: MakeItem) -> None:
    for number in range(60):
        make_document(f"Topic {number}", f"Text {number}.", source_id=f"topic-{number}")
        words = " ".join(f"w{number}x{place}" for place in range(10))
        make_case("One", "t", findings=words, topic=f"topic-{number}", source_group=f"patient-{number}")
        make_case("Same topic", "t", findings=f"other {number} words", diagnosis=f"Topic {number}")
        make_case("Same patient", "t", findings=f"again {number}", source_group=f"patient-{number}")
        make_case("Copy", "t", findings=f"{words} more")
    curriculum = curriculum_of(encoder=HashingTextEncoder(), share=0.3, seed=7)
    measured = {case.question for case in curriculum.measured}
    taught = {question for study in curriculum.lessons.studies for question in study.questions}
    stopping = set(curriculum.unseen.questions)
    numbers = [
        {int("".join(filter(str.isdigit, text.split("x")[0].split(" more")[0]))) for text in texts}
        for texts in (measured, taught, stopping)
    ]
    assert all(numbers)
    assert not numbers[0] & numbers[1]
    assert not numbers[0] & numbers[2]
    assert not numbers[1] & numbers[2]
    # A document about a topic that is held out teaches by its own words alone.
    held = {f"Topic {number}" for number in numbers[0] | numbers[2]}
    assert held <= {paper.title for paper in curriculum.lessons.papers}
    assert not [text for study in curriculum.lessons.studies for text in study.texts if text.split("\n")[0] in held]
    # The patient's other case and the copy are no evidence; another case of the topic is.
    case = next(each for each in curriculum.measured if each.question.startswith("w"))
    assert len(case.excluded) == 3


def test_synthetic_cases_and_drafts_teach_nothing(make_case: MakeItem, make_document: MakeItem) -> None:
    make_document("Topic 1", "Text.", source_id="topic-1")
    make_case("Made up", "t", findings="A mass.", topic="topic-1", synthetic=True)
    make_case("Draft", "t", findings="A cyst.", topic="topic-1", state="draft")
    curriculum = curriculum_of(encoder=HashingTextEncoder(), share=0.3, seed=7)
    assert not curriculum.lessons.studies
    assert not curriculum.measured
    with pytest.raises(CommandError, match="real cases with a text about their topic") as refused:
        run()
    assert refused.value.returncode == 2


def test_some_documents_of_no_case_teach_nothing(make_case: MakeItem, make_document: MakeItem) -> None:
    """They tell whether anything else was lost."""
    about = make_document("Topic 1", "Text.", source_id="topic-1")
    make_case("One", "t", findings="A mass.", topic="topic-1")
    others = {make_document(f"Paper {number}", "A text.").pk for number in range(60)}
    papers = curriculum_of(encoder=HashingTextEncoder(), share=0.3, seed=7).papers
    assert about.pk in papers
    assert 30 < len(papers & others) < 60


def test_the_documents_of_a_topic(make_document: MakeItem) -> None:
    by_id = make_document("A title", "t", source_id="site-topic-lung-mass")
    by_title = make_document("Liver cyst", "t", source_id="x")
    found = topic_documents([("lung-mass", "Liver cyst"), ("", "liver cyst"), ("unknown", "nothing")])
    assert found == [{by_id.pk}, {by_title.pk}, set()]


def test_a_second_run_at_the_same_time_is_refused_and_disturbs_nothing(topical: None) -> None:
    refusals: list[str] = []

    def second(step: str, done: int, total: int) -> None:
        if (step, done) == ("lessons", 6):
            for arguments in ((), ("--restart",)):
                with pytest.raises(CommandError, match="Another run teaches") as refused:
                    run(*arguments)
                refusals.append(str(refused.value.returncode))

    assert adaptation.encoder_adapt(held_out=0.3, progress=second).promoted
    assert refusals == ["2", "2"]
    assert adaptation.encoder_rollback() == plain_text_encoder().version


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_taught(topical: None) -> None:
    taught_folder().parent.mkdir(parents=True, exist_ok=True)
    taught_folder().write_text("a file in its place")
    steps: list[str] = []
    with pytest.raises(AdaptationError, match="could not be written"):
        adaptation.encoder_adapt(held_out=0.3, progress=lambda step, done, total: steps.append(step))
    assert not steps


def test_a_site_that_is_read_only_teaches_nothing(topical: None, settings: DjangoSettings) -> None:
    settings.LOCKED_MODES = frozenset({Mode.READ_ONLY})
    for arguments in ((), ("--rollback",)):
        with pytest.raises(LockedError):
            run(*arguments)
    assert not taught_folder().exists()
    assert json.loads(run("--dry-run", "--json"))["sizes"]["cases"] >= 50


def test_an_encoder_without_weights_is_refused(settings: DjangoSettings, collection: Collection) -> None:
    settings.TEXT_ENCODER = "hashing"
    with pytest.raises(CommandError, match="no weights to teach") as refused:
        run()
    assert refused.value.returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [("--epochs", "0"), ("--epochs", "x"), ("--epochs", "9" * 400), ("--seed", "-1"), ("--fraction", "0.9"),
     ("--fraction", "nan"), ("--rollback", "--dry-run")],
)  # fmt: skip
def test_wrong_options_are_refused(arguments: tuple[str, ...], db: None) -> None:
    with pytest.raises(CommandError):
        call_command("adapt_encoder", *arguments)


def figure(name: str, gain: float, low: float) -> Figure:
    return Figure(name, 40, (0.5,), (0.5,), (0.5, 0.5 + gain), gain, low, gain + 0.1)


@pytest.mark.parametrize(
    ("dense", "whole", "general", "better"),
    [
        ((0.05, 0.01), (0.02, -0.01), None, True),
        ((0.05, 0.01), (0.02, -0.01), (-0.01, -0.05), True),
        ((0.05, -0.01), (0.02, 0.01), None, False),
        ((0.05, 0.01), (0.0, 0.0), None, False),
        ((0.05, 0.01), (0.01, -0.04), None, False),
        ((0.05, 0.01), (0.02, -0.01), (-0.03, -0.05), False),
    ],
)
def test_what_counts_as_better(dense: Any, whole: Any, general: Any, better: bool) -> None:
    figures = [figure(DENSE, *dense), figure(WHOLE, *whole)]
    assert is_better(figures + ([figure(GENERAL, *general)] if general else [])) is better


def test_vectors_of_the_tiny_model_are_those_of_its_version(topical: None) -> None:
    assert encoders.text_encoder() is plain_text_encoder()
    assert np.allclose(np.linalg.norm(text_encoder().encode(["seen1"]), axis=1), 1, atol=1e-5)
