"""Teaching in a real browser: with the keyboard alone, by drawing, and what axe finds."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from cdss.accounts.models import Role, User
from cdss.library.models import Case
from cdss.teaching.attempting import attempt_commit, attempt_reveal, attempt_start
from cdss.teaching.coursing import cohort_create
from cdss.teaching.demo import demo_course_make
from cdss.teaching.lti.platforms import platform_add
from cdss.teaching.models import Attempt, Course, Question, Quiz, QuizRun
from cdss.teaching.running import run_start, run_submit
from tests.cdss.consultations.test_pages_e2e import AXE, CHROMIUM, RULES, browser
from tests.cdss.feedback.test_feedback_e2e import open_as

__all__ = ["browser", "open_as"]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
SHOTS = os.environ.get("CDSS_SHOTS", "")


@pytest.fixture
def course(demo_library: list[Case], educator: User) -> Course:
    made = demo_course_make()
    assert made
    Course.objects.update(owner=educator)
    Quiz.objects.update(owner=educator)
    return made


def tab_to(page: Page, matching: str) -> None:
    """Presses Tab until what has the focus fits; the mouse is never used."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector)", matching):
            return
    raise AssertionError(f"the keyboard does not reach {matching}")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def test_an_unknown_case_by_keyboard_alone(
    open_as: Callable[..., Page], make_user: Any, demo_library: list[Case]
) -> None:
    case = next(case for case in demo_library if case.source_id == "demo-chest-01")
    page = open_as(make_user("ada", Role.LEARNER), f"/teaching/cases/{case.pk}/")
    tab_to(page, "main .button-primary")
    page.keyboard.press("Enter")
    # The lists of names are read with the first case of a process.
    expect(page.get_by_role("heading", name="What is it?")).to_be_visible(timeout=30_000)
    for heading in ("Examination", "Images", "Findings"):
        tab_to(page, "article form .button")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator("[data-image]")).to_have_js_property("complete", True)
    assert "amartoma" not in page.content()
    tab_to(page, "input[name=answer1]")
    page.keyboard.type("hamartoma of the lung")
    tab_to(page, "input[name=confidence]")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    tab_to(page, "form .button-primary")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Pulmonary hamartoma", level=1)).to_be_visible()
    row = Attempt.objects.get()
    assert (row.place, row.steps.count()) == (1, 4)
    assert row.confidence in (50, 70, 90)
    assert page.complaints == []  # type: ignore[attr-defined]


def test_a_hot_spot_by_keyboard_alone(open_as: Callable[..., Page], make_user: Any, course: Course) -> None:
    quiz = Quiz.objects.get(title__startswith="Where is it?")
    page = open_as(make_user("ada", Role.LEARNER), quiz.get_absolute_url())
    tab_to(page, "main .button-primary")
    page.keyboard.press("Enter")
    expect(page.locator("[data-stage]")).to_be_visible()
    tab_to(page, "input[data-x]")
    page.keyboard.type("24")
    page.keyboard.press("ArrowUp")
    tab_to(page, "input[data-y]")
    page.keyboard.type("60")
    expect(page.locator("[data-spot]")).to_be_visible()
    tab_to(page, "input[type=text][name^=q]")
    page.keyboard.type("Hamartoma")
    tab_to(page, ".actions-bar .button-primary")
    page.keyboard.press("Enter")
    expect(page.locator("strong", has_text="2 of 2")).to_be_visible()
    assert page.complaints == []  # type: ignore[attr-defined]


def stage_box(page: Page) -> dict[str, float]:
    """Where the image is, once it is there: until then its stage is as small as its alternative text."""
    page.locator("[data-stage] img").evaluate("image => image.decode()")
    box = page.locator("[data-stage]").bounding_box()
    assert box
    return dict(box)


def test_a_hot_spot_by_clicking(open_as: Callable[..., Page], make_user: Any, course: Course) -> None:
    quiz = Quiz.objects.get(title__startswith="Where is it?")
    page = open_as(make_user("ada", Role.LEARNER), quiz.get_absolute_url())
    page.get_by_role("button", name="Begin").click()
    stage, box = page.locator("[data-stage]"), stage_box(page)
    stage.click(position={"x": box["width"] * 0.242, "y": box["height"] * 0.603})
    page.get_by_role("button", name="Hand in").click()
    expect(page.locator("strong", has_text="1 of 2")).to_be_visible()
    assert QuizRun.objects.get().responses.first().given["x"] == pytest.approx(24.2, abs=0.5)  # type: ignore[union-attr]


def test_an_educator_makes_a_quiz(open_as: Callable[..., Page], educator: User, demo_library: list[Case]) -> None:
    case = next(case for case in demo_library if case.source_id == "demo-chest-01")
    page = open_as(educator, "/teaching/quizzes/")
    page.get_by_label("Title").fill("Nodules")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("link", name="Hot spot").click()
    page.get_by_label("Find a case").fill("popcorn-like")
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("link", name=case.diagnosis).first.click()
    page.locator("[data-draw]").scroll_into_view_if_needed()
    box = stage_box(page)
    for tool, corner in (("Rectangle", 0.2), ("Ellipse", 0.5)):
        page.get_by_role("button", name=tool).click()
        x, y = box["x"] + box["width"] * corner, box["y"] + box["height"] * corner
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 50, y + 40, steps=4)
        page.mouse.up()
    page.get_by_role("button", name="Polygon").click()
    for dx, dy in ((0.7, 0.7), (0.8, 0.7)):
        page.mouse.click(box["x"] + box["width"] * dx, box["y"] + box["height"] * dy)
    page.mouse.dblclick(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.8)
    typed = page.get_by_label("Regions that are right").input_value().split("\n")
    assert [line.split()[0] for line in typed] == ["rectangle", "ellipse", "polygon"]
    assert page.locator("[data-shapes] > *").count() == 3
    shot(page, "question-hot-spot")
    page.get_by_role("button", name="Save the question").click()
    page.get_by_role("link", name="Single best answer").click()
    page.get_by_label("Find a case").fill("popcorn-like")
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("link", name=case.diagnosis).first.click()
    page.get_by_role("textbox", name="Answer 1").fill(case.diagnosis)
    page.get_by_role("radio", name="Answer 1 is the best").check()
    for _ in range(2):
        page.locator("[data-propose]:enabled").first.click()
    shot(page, "question-choice")
    page.get_by_role("button", name="Save the question").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 1 is asked from now on.")).to_be_visible()
    spot, choice = Question.objects.all()
    assert len(spot.regions) == 3
    assert [option["origin"]["kind"] for option in choice.options] == ["diagnosis", "differential", "differential"]
    assert page.complaints == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390), ("contrast", 1440)])
def test_axe_finds_nothing(
    open_as: Callable[..., Page], make_user: Any, educator: User, administrator: User, course: Course, theme: str,
    width: int,
) -> None:  # fmt: skip
    learner = make_user("ada", Role.LEARNER)
    cases = [item.case for item in course.items.filter(case__isnull=False)]
    done, open_one = (attempt_start(case=case, by=learner) for case in cases[:2])
    for _ in range(3):
        attempt_reveal(attempt=open_one, by=learner)
        attempt_reveal(attempt=done, by=learner)
    attempt_commit(attempt=done, by=learner, lines=["Bronchial carcinoid", "Granuloma"], confidence=70)
    quiz = Quiz.objects.get(title__startswith="Where is it?")
    chest = Quiz.objects.get(title__startswith="Chest")
    handed_in, begun = run_start(quiz=quiz, by=learner), run_start(quiz=chest, by=learner)
    spot = quiz.current.questions.first()  # type: ignore[union-attr]
    run_submit(run=handed_in, by=learner, sent={f"q{spot.pk}-x": "30", f"q{spot.pk}-y": "55"})  # type: ignore[union-attr]
    again = run_start(quiz=quiz, by=learner)
    cohort_create(course=course, by=educator, name="Autumn")
    platform_add(by=None, name="Campus", issuer="https://lms.example.org", client_id="cdss", deployments=["1"],
                 login_url="https://lms.example.org/a", token_url="https://lms.example.org/t",
                 keys_url="https://lms.example.org/k")  # fmt: skip
    pages = [
        (learner, "/teaching/"), (learner, f"/teaching/cases/{cases[2].pk}/"), (learner, open_one.get_absolute_url()),
        (learner, done.get_absolute_url()), (learner, "/teaching/progress/"), (learner, quiz.get_absolute_url()),
        (learner, begun.get_absolute_url()), (learner, again.get_absolute_url()),
        (learner, handed_in.get_absolute_url()), (learner, course.get_absolute_url()),
        (learner, "/teaching/courses/join/"), (educator, "/teaching/quizzes/"),
        (educator, f"/teaching/quizzes/{quiz.pk}/edit/"), (educator, f"/teaching/quizzes/{quiz.pk}/preview/"),
        (educator, f"/teaching/quizzes/{quiz.pk}/questions/{spot.pk}/"),  # type: ignore[union-attr]
        (educator, f"/teaching/quizzes/{chest.pk}/questions/new/?kind=choice&case={cases[0].pk}"),
        (educator, f"/teaching/quizzes/{quiz.pk}/results/"), (educator, "/teaching/courses/"),
        (educator, f"/teaching/courses/{course.pk}/edit/?q=nodule"),
        (educator, f"/teaching/courses/{course.pk}/progress/"), (administrator, "/teaching/platforms/"),
    ]  # fmt: skip
    found = {}
    for number, (user, path) in enumerate(pages):
        page = open_as(user, path, width=width, theme=theme, axe=True)
        shot(page, f"{number:02}-{theme}-{width}")
        page.evaluate(AXE.read_text())
        violations = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
        if violations:
            found[path] = [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in violations]
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if overflow > 0:
            found[f"{path} is wider than the screen"] = [overflow]
        assert page.complaints == [], path  # type: ignore[attr-defined]
        page.context.close()
    assert found == {}
