"""Courses: an order, a deadline, who takes part, and how far they are."""

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdss.accounts.models import Role, User
from cdss.library.models import Case
from cdss.teaching.attempting import TeachingError, attempt_commit, attempt_start
from cdss.teaching.coursing import (
    cohort_create,
    course_create,
    course_state,
    enrol_by_list,
    item_add,
    item_move,
    join_by_code,
)
from cdss.teaching.demo import TITLE, demo_course_make
from cdss.teaching.forms import end_of
from cdss.teaching.models import Cohort, Course, Enrolment, Question, Quiz
from cdss.teaching.progress import learner_rows
from cdss.teaching.running import run_start, run_submit


@pytest.fixture
def course(educator: User, quiz: Quiz, hamartoma: Case) -> Course:
    made = course_create(by=educator, title="Chest", objectives=["Know a nodule"])
    item_add(course=made, by=educator, case=hamartoma)
    item_add(course=made, by=educator, quiz=quiz)
    course_state(course=made, by=educator, state="published")
    made.refresh_from_db()
    return made


def test_joining_by_code_and_by_list(course: Course, educator: User, learner: User, make_user: Any) -> None:
    cohort = cohort_create(course=course, by=educator, name="Autumn")
    assert not Course.objects.for_user(learner).exists()  # type: ignore[attr-defined]
    assert join_by_code(by=learner, code=f" {cohort.code.lower()} ") == course
    assert Course.objects.for_user(learner).get() == course  # type: ignore[attr-defined]
    make_user("bob", Role.LEARNER)
    make_user("audrey", Role.AUDITOR)
    assert enrol_by_list(cohort=cohort, by=educator, usernames=["BOB", "bob", "nobody", "audrey"]) == (
        1, ["nobody", "audrey"]
    )  # fmt: skip
    assert Enrolment.objects.count() == 2


@pytest.mark.parametrize("code", ["", "NOTHING", "' OR 1=1", "x" * 40])
def test_a_code_that_is_none(course: Course, learner: User, code: str) -> None:
    with pytest.raises(TeachingError, match="No course has this code"):
        join_by_code(by=learner, code=code)


def test_a_retired_course_takes_nobody(course: Course, educator: User, learner: User, auditor: User) -> None:
    cohort = cohort_create(course=course, by=educator, name="Autumn")
    with pytest.raises(TeachingError):
        join_by_code(by=auditor, code=cohort.code)
    course_state(course=course, by=educator, state="retired")
    with pytest.raises(TeachingError):
        join_by_code(by=learner, code=cohort.code)


def test_the_order_and_what_cannot_be_in_it(course: Course, educator: User, hamartoma: Case, quiz: Quiz) -> None:
    first, second = course.items.all()
    item_move(course=course, by=educator, item=first, down=True)
    assert list(course.items.all()) == [second, first]
    for wrong in ({}, {"case": hamartoma}, {"case": hamartoma, "quiz": quiz}):
        with pytest.raises(TeachingError):
            item_add(course=course, by=educator, **wrong)
    with pytest.raises(TeachingError, match="Put a case"):
        course_state(course=course_create(by=educator, title="Empty"), by=educator, state="published")


def test_progress_shows_how_much_and_no_answers(
    client: Client, course: Course, educator: User, learner: User, hamartoma: Case, quiz: Quiz
) -> None:
    client.force_login(educator)
    client.post(f"/teaching/courses/{course.pk}/cohorts/", {"name": "Autumn", "deadline": "2030-01-31"})
    cohort = Cohort.objects.get()
    assert cohort.deadline.date() == dt.date(2030, 1, 31)  # type: ignore[union-attr]
    client.post(f"/teaching/courses/{course.pk}/cohorts/", {"cohort": cohort.pk, "usernames": "learner"})
    attempt = attempt_start(case=hamartoma, by=learner)
    attempt_commit(attempt=attempt, by=learner, lines=["Zebra syndrome", "Hamartoma"], confidence=70)
    attempt = attempt_start(case=hamartoma, by=learner)
    attempt_commit(attempt=attempt, by=learner, lines=["Hamartoma"], confidence=70)
    run = run_start(quiz=quiz, by=learner)
    question = Question.objects.filter(version=run.version).first()
    run_submit(run=run, by=learner, sent={f"q{question.pk}": "a"})  # type: ignore[union-attr]
    page = client.get(f"/teaching/courses/{course.pk}/progress/").content.decode()
    assert "2/2" in page
    assert "1 of 1 cases, quiz 1/2" in page
    assert "Zebra" not in page
    client.force_login(learner)
    own = client.get(f"/teaching/courses/{course.pk}/").content.decode()
    assert "2 of 2 done" in own
    assert "due 2030-01-31" in own
    assert "late" not in page + own


def test_what_came_after_the_deadline_is_late_for_both(
    client: Client, course: Course, educator: User, learner: User, hamartoma: Case
) -> None:
    cohort = cohort_create(course=course, by=educator, name="x", deadline=timezone.now() + dt.timedelta(days=1))
    enrol_by_list(cohort=cohort, by=educator, usernames=["learner"])
    attempt_commit(
        attempt=attempt_start(case=hamartoma, by=learner), by=learner, lines=["Zebra syndrome"], confidence=70
    )
    assert [row.late for row in learner_rows(course)] == [0]
    Cohort.objects.update(deadline=timezone.now() - dt.timedelta(minutes=1))
    attempt_commit(attempt=attempt_start(case=hamartoma, by=learner), by=learner, lines=["Hamartoma"], confidence=70)
    client.force_login(educator)
    assert "(1 late)" in client.get(f"/teaching/courses/{course.pk}/progress/").content.decode()
    client.force_login(learner)
    assert client.get(f"/teaching/courses/{course.pk}/").content.decode().count(">late<") == 1
    Cohort.objects.update(deadline=None)
    assert [row.late for row in learner_rows(course)] == [0]


def test_the_page_of_a_course_tells_no_diagnosis(client: Client, course: Course, learner: User, educator: User) -> None:
    join_by_code(by=learner, code=cohort_create(course=course, by=educator, name="x").code)
    client.force_login(learner)
    page = client.get(f"/teaching/courses/{course.pk}/").content.decode()
    assert "amartoma" not in page
    assert "Lung nodule" not in page
    assert "Unknown case" in page


def test_leaving_and_being_taken_out(client: Client, course: Course, educator: User, learner: User) -> None:
    cohort = cohort_create(course=course, by=educator, name="x")
    for person, path, sent in (
        (learner, f"/teaching/courses/{course.pk}/", {"leave": "1"}),
        (educator, f"/teaching/courses/{course.pk}/cohorts/", {"leaves": learner.pk}),
    ):
        join_by_code(by=learner, code=cohort.code)
        client.force_login(person)
        client.post(path, sent)
        assert not Enrolment.objects.exists()


def test_the_demonstration_course(client: Client, demo_library: list[Case], learner: User) -> None:
    assert demo_course_make() is not None
    assert demo_course_make() is None
    course = Course.objects.get(title=TITLE)
    assert course.synthetic
    assert (course.items.count(), Quiz.objects.filter(synthetic=True, state="published").count()) == (7, 3)
    client.force_login(learner)
    assert TITLE in client.get("/teaching/").content.decode()
    for item in course.items.filter(quiz__isnull=False):
        address = client.post(f"/teaching/quizzes/{item.quiz_id}/")["Location"]
        asked = client.get(address).content.decode()
        assert "demo-" not in asked
        for number in (1, 2, 3):
            assert client.get(f"{address}images/{number}/").status_code in (200, 404)
        client.post(address, {})
        assert client.get(address).status_code == 200


def test_without_demonstration_cases_there_is_none(db: None) -> None:
    assert demo_course_make() is None
    assert not Quiz.objects.exists()


def test_a_cohort_is_changed_and_removed(client: Client, course: Course, educator: User, learner: User) -> None:
    client.force_login(educator)
    address = f"/teaching/courses/{course.pk}/cohorts/"
    for name in ("Autumn", "Spring"):
        client.post(address, {"name": name, "deadline": "2030-01-31"})
    autumn = Cohort.objects.get(name="Autumn")
    enrol_by_list(cohort=autumn, by=educator, usernames=["learner"])
    sent = {"cohort": autumn.pk, "act": "change", "name": "Autumn", "deadline": "2031-02-28"}
    client.post(address, sent)
    autumn.refresh_from_db()
    assert autumn.deadline == end_of(dt.date(2031, 2, 28))
    client.post(address, sent | {"name": "Autumn term", "deadline": ""})
    autumn.refresh_from_db()
    assert (autumn.name, autumn.deadline) == ("Autumn term", None)
    said = client.post(address, sent | {"name": "Spring"}, follow=True).content.decode()
    assert "A cohort of this name is there already." in said
    client.post(address, {"cohort": autumn.pk, "act": "remove"})
    assert list(Cohort.objects.values_list("name", flat=True)) == ["Spring"]
    assert Enrolment.objects.get(learner=learner).cohort is None
    assert "Removed" not in client.get(f"/teaching/courses/{course.pk}/edit/").content.decode()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": ""}, "Name of the cohort: This field is required."),
        ({"name": "x", "deadline": "31.1.2030"}, "Its own deadline: Enter a valid date."),
        (
            {"name": "x", "deadline": "0001-01-01"},
            "Its own deadline: Ensure this value is greater than or equal to 2000",
        ),
        ({"name": "x", "deadline": "9999-12-31"}, "Its own deadline: Ensure this value is less than or equal to 2100"),
        ({"name": "x", "deadline": "2020-01-31"}, "This deadline has passed"),
    ],
)
def test_what_is_wrong_with_a_cohort_is_said(
    client: Client, course: Course, educator: User, sent: dict[str, str], said: str
) -> None:
    client.force_login(educator)
    page = client.post(f"/teaching/courses/{course.pk}/cohorts/", sent, follow=True).content.decode()
    assert said in page


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_a_deadline_holds_to_the_end_of_its_day_where_the_site_is(
    client: Client, course: Course, educator: User, learner: User, settings: Any, zone: str
) -> None:
    settings.TIME_ZONE = zone
    with timezone.override(zone):
        client.force_login(educator)
        today = timezone.localdate()
        client.post(f"/teaching/courses/{course.pk}/cohorts/", {"name": "x", "deadline": today.isoformat()})
        cohort = Cohort.objects.get()
        assert timezone.localtime(cohort.deadline).strftime("%Y-%m-%d %H:%M:%S") == f"{today} 23:59:59"
        assert f'value="{today}"' in client.get(f"/teaching/courses/{course.pk}/edit/").content.decode()
        enrol_by_list(cohort=cohort, by=educator, usernames=["learner"])
        client.force_login(learner)
        page = client.get(f"/teaching/courses/{course.pk}/").content.decode()
        assert f"due {today} 23:59" in page
        assert "marked late" not in page
        assert f"due {today}" in client.get("/teaching/").content.decode()


def test_progress_leaves_as_a_file_that_no_spreadsheet_computes(
    client: Client, course: Course, educator: User, make_user: Any, hamartoma: Case
) -> None:
    names = ["+cmd|'/C calc'!A0", "=HYPERLINK(1)", "-1+1", "@SUM(A1)", "ada"]
    people = [make_user(f"learner-{n}", Role.LEARNER) for n in range(len(names))]
    cohort = cohort_create(course=course, by=educator, name="=Autumn")
    enrol_by_list(cohort=cohort, by=educator, usernames=[person.username for person in people])
    for person, name in zip(people, names, strict=True):
        # A directory may send any name.
        User.objects.filter(pk=person.pk).update(username=name)
    Cohort.objects.update(deadline=timezone.now() - dt.timedelta(minutes=1))
    attempt = attempt_start(case=hamartoma, by=people[4])
    attempt_commit(attempt=attempt, by=people[4], lines=["Zebra syndrome"], confidence=70)
    client.force_login(educator)
    got = client.get(f"/teaching/courses/{course.pk}/progress/export/")
    assert got["Content-Type"] == "text/csv"
    text = b"".join(got.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(names) * 2
    assert {row["learner"] for row in rows} == {f"'{name}" for name in names[:4]} | {"ada"}
    assert {row["cohort"] for row in rows} == {"'=Autumn"}
    done = [row for row in rows if row["done"] == "True"]
    assert [(row["learner"], row["kind"], row["result"], row["late"]) for row in done] == [
        ("ada", "case", "missed", "True")
    ]
    assert "amartoma" not in text
    assert "Zebra" not in text
