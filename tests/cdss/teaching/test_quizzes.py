"""Quizzes: made, published, taken, counted; a run keeps the questions it was asked."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from cdss.accounts.models import Role, User
from cdss.consultations.models import Diagnosis, OwnDiagnosis
from cdss.feedback.services import feedback_give
from cdss.library.models import Case, Document, LibraryItem
from cdss.library.recalls import citing_of, document_recall
from cdss.notices.models import Notice
from cdss.teaching import distractors
from cdss.teaching.attempting import TeachingError, attempt_commit, attempt_start
from cdss.teaching.coursing import course_create, item_add
from cdss.teaching.distractors import confusions, links_of, neighbours, proposals
from cdss.teaching.editing import option_rows
from cdss.teaching.hotspots import read_shapes
from cdss.teaching.models import Question, Quiz, QuizRun, Response
from cdss.teaching.quizzing import (
    QuestionData,
    question_delete,
    question_move,
    question_save,
    quiz_create,
    quiz_publish,
    quiz_retire,
)
from cdss.teaching.results import counted_runs, question_figures
from cdss.teaching.running import run_start, run_submit
from retrieval.errors import EncoderBusyError, EncoderUnavailableError
from tests.cdss.cast import answered_consultation, library_case
from tests.cdss.teaching.conftest import choice


def take(quiz: Quiz, by: User, option: str = "a", text: str = "Hamartoma") -> QuizRun:
    run = run_start(quiz=quiz, by=by)
    first, second = run.version.questions.all()
    return run_submit(run=run, by=by, sent={f"q{first.pk}": option, f"q{second.pk}": text})


def test_answers_are_scored_and_then_shown(client: Client, quiz: Quiz, learner: User) -> None:
    client.force_login(learner)
    address = client.post(f"/teaching/quizzes/{quiz.pk}/")["Location"]
    before = client.get(address).content.decode()
    assert "popcorn" not in before
    assert "Right" not in before
    first, second = Question.objects.all()
    client.post(address, {f"q{first.pk}": "b", f"q{second.pk}": "hamartoma of the lung"})
    run = QuizRun.objects.get()
    assert (run.right, run.asked) == (1, 2)
    after = client.get(address).content.decode()
    assert "<strong>1 of 2</strong> right" in after
    assert "“Popcorn calcification is characteristic of a hamartoma.”" in after
    client.post(address, {f"q{first.pk}": "a"})
    assert QuizRun.objects.get().right == 1


def test_what_is_right_is_in_no_page_before(client: Client, educator: User, learner: User, hamartoma: Case) -> None:
    made = quiz_create(by=educator, title="Marks", open_to_all=True)
    image = library_case(educator).images.get()
    regions = [{"kind": "ellipse", "numbers": [33.5, 44.5, 7.5, 8.5]}]
    spot = QuestionData(kind="hot_spot", prompt="Mark it.", image=image, regions=regions, explanation="zebraword")
    question_save(quiz=made, by=educator, data=spot)
    question_save(quiz=made, by=educator, data=QuestionData(kind="short", prompt="Name it.", accepted=["Kryptonoma"]))
    question_save(quiz=made, by=educator, data=choice(hamartoma))
    quiz_publish(quiz=made, by=educator)
    client.force_login(learner)
    page = client.get(client.post(f"/teaching/quizzes/{made.pk}/")["Location"]).content.decode()
    for secret in ("33.5", "44.5", "zebraword", "Kryptonoma", "correct", "ellipse", str(image.file), '"origin"'):
        assert secret not in page, secret


@pytest.mark.parametrize(("x", "y", "right"), [("50", "50", 1), ("95", "5", 0), ("", "", 0), ("nan", "50", 0)])
def test_a_hot_spot(client: Client, educator: User, learner: User, media: None, x: str, y: str, right: int) -> None:
    made = quiz_create(by=educator, title="Marks", open_to_all=True)
    image = library_case(educator).images.get()
    regions = [{"kind": "rectangle", "numbers": [40, 40, 20, 20]}]
    question = question_save(
        quiz=made, by=educator, data=QuestionData(kind="hot_spot", prompt="Mark it.", image=image, regions=regions)
    )
    quiz_publish(quiz=made, by=educator)
    client.force_login(learner)
    address = client.post(f"/teaching/quizzes/{made.pk}/")["Location"]
    picture = client.get(f"{address}images/1/")
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/png")
    client.post(address, {f"q{question.pk}-x": x, f"q{question.pk}-y": y})
    assert QuizRun.objects.get().right == right
    assert client.get(address).status_code == 200


def test_a_run_keeps_what_it_was_asked(quiz: Quiz, educator: User, learner: User, make_user: Any) -> None:
    done = take(quiz, learner)
    open_one = run_start(quiz=quiz, by=make_user("late"))
    first = quiz.current.questions.first()  # type: ignore[union-attr]
    question_save(quiz=quiz, by=educator, question=first, data=choice(first.case, right="A new wording"))
    quiz_publish(quiz=quiz, by=educator)
    quiz.refresh_from_db()
    assert quiz.current.number == 2  # type: ignore[union-attr]
    assert done.responses.first().question.options[0]["text"] == "Pulmonary hamartoma"  # type: ignore[union-attr]
    assert open_one.version.number == 1
    new = quiz.current.questions.all()  # type: ignore[union-attr]
    assert new[0].key != first.key
    # The other question is the same one, and goes on being counted.
    assert [each.figures.difficulty.n for each in question_figures(quiz)] == [0, 1]


def test_published_questions_never_change(quiz: Quiz, educator: User, learner: User) -> None:
    before = list(Question.objects.order_by("pk").values())
    first, second = quiz.current.questions.all()  # type: ignore[union-attr]
    question_move(quiz=quiz, by=educator, question=second, down=False)
    question_delete(quiz=quiz, by=educator, question=first)
    assert list(Question.objects.filter(version__number=1).order_by("pk").values()) == before
    assert [q.kind for q in Question.objects.filter(version__number=2)] == ["short"]
    quiz_retire(quiz=quiz, by=educator)
    assert not Quiz.objects.for_user(learner).exists()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (QuestionData(kind="choice", prompt=" "), "Write the question"),
        (QuestionData(kind="choice", prompt="x", options=[{"text": "a", "correct": True}]), "2 to 8"),
        (QuestionData(kind="choice", prompt="x", options=[{"text": t, "correct": False} for t in "ab"]), "which one"),
        (QuestionData(kind="choice", prompt="x", options=[{"text": t, "correct": t == "a"} for t in "aA"]), "the same"),
        (QuestionData(kind="short", prompt="x"), "at least one"),
        (QuestionData(kind="hot_spot", prompt="x"), "needs an image"),
    ],
)
def test_questions_that_cannot_be_asked(quiz: Quiz, educator: User, data: QuestionData, said: str) -> None:
    with pytest.raises(TeachingError, match=said):
        question_save(quiz=quiz, by=educator, data=data)


def test_what_cannot_be_published(educator: User, hamartoma: Case) -> None:
    empty = quiz_create(by=educator, title="Empty")
    with pytest.raises(TeachingError, match="Add a question"):
        quiz_publish(quiz=empty, by=educator)
    question_save(quiz=empty, by=educator, data=choice(hamartoma))
    LibraryItem.objects.filter(pk=hamartoma.pk).update(state="draft")
    with pytest.raises(TeachingError, match="not published"):
        quiz_publish(quiz=empty, by=educator)


def test_a_case_one_may_not_read_is_not_asked_about(quiz: Quiz, hamartoma: Case, learner: User) -> None:
    LibraryItem.objects.filter(pk=hamartoma.pk).update(visibility="private")
    with pytest.raises(TeachingError, match="may not read"):
        run_start(quiz=quiz, by=learner)


def test_first_runs_of_learners_are_counted(quiz: Quiz, educator: User, make_user: Any) -> None:
    take(quiz, educator)
    for number in range(12):
        someone = make_user(f"l{number}", Role.LEARNER)
        take(quiz, someone, option="a" if number < 6 else "b", text="Hamartoma" if number < 6 else "Gout")
        take(quiz, someone)
    assert len(counted_runs(quiz)) == 12
    first, second = question_figures(quiz)
    assert (first.figures.difficulty.count, first.figures.difficulty.n) == (6, 12)
    assert first.figures.upper_lower == 1.0
    assert first.figures.correlation.value == pytest.approx(1.0)  # type: ignore[union-attr]
    assert first.chosen == [("Pulmonary hamartoma", True, 6), ("Carcinoid tumor", False, 6)]
    assert second.figures.difficulty.n == 12


def test_results_leave_without_names_and_without_formulas(
    client: Client, quiz: Quiz, educator: User, make_user: Any
) -> None:
    someone = make_user("ada-lovelace", Role.LEARNER)
    take(quiz, someone, text="=HYPERLINK(1)")
    client.force_login(educator)
    got = client.get(f"/teaching/quizzes/{quiz.pk}/results/export/?format=csv")
    text = b"".join(got.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["given"] for row in rows] == ["Pulmonary hamartoma", "'=HYPERLINK(1)"]
    assert "lovelace" not in text
    assert len({row["learner"] for row in rows}) == 1
    lines = b"".join(client.get(f"/teaching/quizzes/{quiz.pk}/results/export/?format=jsonl").streaming_content)
    assert [json.loads(line)["right"] for line in lines.decode().splitlines()] == [True, False]


def test_look_alikes_are_proposed_with_where_they_came_from(
    hamartoma: Case, educator: User, clinician: User, learner: User
) -> None:
    consultation = answered_consultation(clinician)
    Diagnosis.objects.filter(answer__consultation=consultation).update(name="Granuloma")
    OwnDiagnosis.objects.create(consultation=consultation, stage="before", rank=1, name="Lung abscess")
    feedback_give(by=clinician, consultation=consultation, verdict="final", final_diagnosis="Pulmonary hamartoma",
                  confirmed_by="surgery")  # fmt: skip
    attempt_commit(attempt=attempt_start(case=hamartoma, by=learner), by=learner, lines=["Lung cyst"], confidence=30)
    found = {each.text: each.origin for each in proposals(case=hamartoma, by=educator).found}
    system = found["Granuloma"]
    assert (system["kind"], system["consultations"], system["times"]) == ("confusion", [f"C-{consultation.pk}"], 1)
    assert found["Lung abscess"]["by"] == "a clinician's answer"
    assert found["Lung cyst"] == {"kind": "attempt", "times": 1}
    near = found["Ureteric calculus"]
    assert near["kind"] == "neighbour"
    assert Case.objects.get(pk=near["case"]).diagnosis == "Ureteric calculus"
    assert near["index"]
    assert found["Carcinoid tumor"] == {"kind": "differential", "case": hamartoma.pk}
    assert "Pulmonary hamartoma" not in found
    assert confusions("Pneumothorax") == []


def test_without_an_index_there_are_still_the_others(hamartoma: Case, educator: User, settings: Any, tmp_path) -> None:
    from cdss.indexing.engine import forget_engine
    from cdss.indexing.models import IndexVersion

    IndexVersion.objects.all().delete()
    settings.INDEX_ROOT = tmp_path / "none"
    forget_engine()
    assert neighbours(hamartoma, educator) == []
    proposed = proposals(case=hamartoma, by=educator)
    assert proposed.found
    assert proposed.missing == ""


@pytest.mark.parametrize("trouble", [EncoderBusyError, EncoderUnavailableError])
def test_busy_encoders_are_told_and_the_others_are_proposed(
    client: Client, hamartoma: Case, educator: User, monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
) -> None:
    def too_much(**_: object) -> None:
        raise trouble("too much to do")

    monkeypatch.setattr(distractors, "search_library", too_much)
    proposed = proposals(case=hamartoma, by=educator)
    assert {each.origin["kind"] for each in proposed.found} == {"differential"}
    assert "encoders are busy" in proposed.missing
    quiz = quiz_create(by=educator, title="Chest", open_to_all=True)
    client.force_login(educator)
    page = client.get(f"/teaching/quizzes/{quiz.pk}/questions/new/", {"kind": "choice", "case": hamartoma.pk})
    assert proposed.missing in page.content.decode()


def test_an_educator_makes_a_question_of_proposals(client: Client, educator: User, hamartoma: Case) -> None:
    client.force_login(educator)
    address = client.post("/teaching/quizzes/", {"title": "Chest", "open_to_all": "on"})["Location"]
    quiz = Quiz.objects.get()
    new = f"/teaching/quizzes/{quiz.pk}/questions/new/"
    page = client.get(new, {"kind": "choice", "case": hamartoma.pk}).content.decode()
    assert "in the differential diagnosis of case" in page
    from cdss.teaching.editing import sign

    token = sign({"kind": "differential", "case": hamartoma.pk}, "Granuloma")
    sent = {"kind": "choice", "case": hamartoma.pk, "prompt": "What is it?", "option1": "Pulmonary hamartoma",
            "best": "1", "option2": "Granuloma", "origin2": token, "option3": "Carcinoid", "origin3": token,
            "option4": "Forged", "origin4": '{"kind": "neighbour"}:x'}  # fmt: skip
    assert client.post(new, sent)["Location"] == address
    options = Question.objects.get().options
    assert [option["origin"]["kind"] for option in options] == ["written", "differential", "written", "written"]
    assert client.post(new, sent | {"best": "9"}).status_code == 422
    assert client.get(f"/teaching/quizzes/{quiz.pk}/preview/").status_code == 200
    client.post(f"/teaching/quizzes/{quiz.pk}/state/", {"state": "published"})
    assert Quiz.objects.get().state == "published"


def test_what_is_proposed_leads_to_its_case_as_far_as_its_educator_may_read_it(
    client: Client, educator: User, learner: User, hamartoma: Case, calculus: Case
) -> None:
    quiz = quiz_create(by=educator, title="Chest", open_to_all=True)
    client.force_login(educator)
    new = f"/teaching/quizzes/{quiz.pk}/questions/new/"
    link = f'<a href="/library/cases/{calculus.pk}/">Case {calculus.pk}</a>'
    page = client.get(new, {"kind": "choice", "case": hamartoma.pk}).content.decode()
    assert page.count(link) == 1
    from cdss.teaching.editing import sign

    origin = {"kind": "neighbour", "case": calculus.pk, "rank": 1, "index": "i", "score": 0.5}
    sent = {"kind": "choice", "case": hamartoma.pk, "prompt": "What is it?", "option1": "Pulmonary hamartoma",
            "best": "1", "option2": "Ureteric calculus", "origin2": sign(origin, "Ureteric calculus")}  # fmt: skip
    client.post(new, sent)
    edit = f"/teaching/quizzes/{quiz.pk}/questions/{Question.objects.get().pk}/"
    assert client.get(edit).content.decode().count(link) == 2
    quiz_publish(quiz=quiz, by=educator)
    run = run_start(quiz=quiz, by=learner)
    asked = Client()
    asked.force_login(learner)
    assert f"/library/cases/{calculus.pk}/" not in asked.get(run.get_absolute_url()).content.decode()
    run_submit(run=run, by=learner, sent={})
    assert f"/library/cases/{calculus.pk}/" not in asked.get(run.get_absolute_url()).content.decode()
    # Who takes that case as an unknown is not led to it, and a private one of somebody else is not named as a link.
    attempt = attempt_start(case=calculus, by=educator)
    assert link not in client.get(edit).content.decode()
    attempt_commit(attempt=attempt, by=educator, lines=["Ureteric calculus"], confidence=90)
    assert link in client.get(edit).content.decode()
    LibraryItem.objects.filter(pk=calculus.pk).update(visibility="private", owner=learner)
    assert link not in client.get(edit).content.decode()


def test_a_confusion_leads_to_the_consultations_that_its_educator_may_read(
    hamartoma: Case, educator: User, clinician: User
) -> None:
    row = answered_consultation(clinician)
    origin = {"kind": "confusion", "by": "the system's answer", "times": 1, "consultations": [f"C-{row.pk}", "C-x"]}
    assert links_of([origin], educator) == [()]
    (links,) = links_of([origin], clinician)
    assert [(link.label, link.path) for link in links] == [(f"C-{row.pk}", f"/consultations/{row.pk}/")]


@pytest.mark.parametrize("regions", ["", "circle 1 2 3", "rectangle 0 0 0 0", "x" * 9000])
def test_a_region_that_cannot_be_read(client: Client, educator: User, media: None, regions: str) -> None:
    client.force_login(educator)
    case = library_case(educator)
    Case.objects.filter(pk=case.pk).update(diagnosis="Gout")
    quiz = quiz_create(by=educator, title="Marks")
    sent = {"kind": "hot_spot", "case": case.pk, "prompt": "Mark it.", "regions": regions}
    assert client.post(f"/teaching/quizzes/{quiz.pk}/questions/new/", sent).status_code == 422
    assert not Question.objects.exists()


def test_a_recall_reaches_quizzes_and_courses(quiz: Quiz, hamartoma: Case, educator: User, make_user: Any) -> None:
    other = make_user("other-editor", Role.EDUCATOR)
    course = course_create(by=other, title="Chest")
    item_add(course=course, by=other, case=hamartoma)
    document = Document.objects.get(source_id="d1")
    assert citing_of(document) == []
    Document.objects.filter(pk=document.pk).update(doi="10.1000/synthetic-1")
    document.refresh_from_db()
    LibraryItem.objects.filter(pk=hamartoma.pk).update(text="See doi:10.1000/synthetic-1.")
    found = {(cited.kind, cited.owners[0].username) for cited in citing_of(document)}
    assert {("quiz", "educator"), ("course", "other-editor")} <= found
    document_recall(document=document, kind="retracted", reason="Made up.", by=educator)
    assert Notice.objects.filter(recipient=other, kind="recall").exists()
    assert {cited.kind for cited in citing_of(LibraryItem.objects.get(pk=hamartoma.pk))} >= {"quiz", "course"}


def test_a_response_of_another_question_is_none(quiz: Quiz, learner: User) -> None:
    run = run_start(quiz=quiz, by=learner)
    run_submit(run=run, by=learner, sent={"q999": "a", f"q{quiz.current.questions.first().pk}": "zzz"})  # type: ignore[union-attr]
    assert [(r.given, r.right) for r in Response.objects.all()] == [({}, False), ({}, False)]


def test_a_new_question_of_a_case_begins_with_its_diagnosis(hamartoma: Case, educator: User) -> None:
    rows = option_rows({}, None, hamartoma, by=educator)
    assert (rows[0].text, rows[0].correct, rows[1].text) == ("Pulmonary hamartoma", True, "")
    assert rows[0].said == f"the diagnosis of case {hamartoma.pk}"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("ellipse 24.2 60.3 5.5 6", "the ellipse around 24% from the left, 60% from the top"),
        ("rectangle 10 20 30 40", "the rectangle around 25% from the left, 40% from the top"),
        ("polygon 0 0 30 0 0 60", "the polygon around 10% from the left, 20% from the top"),
    ],
)
def test_a_learner_reads_in_words_where_it_was(typed: str, said: str) -> None:
    assert read_shapes(typed)[0].said == said
