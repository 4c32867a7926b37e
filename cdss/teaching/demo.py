"""A small course of demonstration cases, so that a new site has something to learn from. All of it is synthetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from cdss.accounts.models import Role, User
from cdss.library.models import Case
from cdss.teaching.coursing import course_create, course_state, item_add
from cdss.teaching.hotspots import read_shapes, stored
from cdss.teaching.masking import masked, names_of
from cdss.teaching.models import Course, Quiz, QuizState
from cdss.teaching.quizzing import QuestionData, question_save, quiz_create, quiz_publish

SOURCE = "Demonstration library (synthetic)"
TITLE = "First steps (synthetic)"
DESCRIPTION = "Made of demonstration cases, of no patient: for trying courses, unknown cases and quizzes out."
OBJECTIVES = (
    "Commit to a diagnosis before reading it",
    "Tell look-alikes of the chest and the abdomen apart",
    "Mark a finding on an image",
)
UNKNOWNS = ("demo-chest-01", "demo-neuro-03", "demo-abdomen-13", "demo-msk-07")
NODULE = "ellipse 24.2 60.3 5.5 6"
# Quiz → questions: kind, case, and what is asked. Wrong answers are of the case's own differential diagnosis.
QUIZZES: Mapping[str, Sequence[Mapping[str, str]]] = {
    "Chest: nodule, clot or air (synthetic)": (
        {"kind": "choice", "case": "demo-chest-03"},
        {"kind": "choice", "case": "demo-chest-11"},
        {"kind": "short", "case": "demo-chest-15"},
    ),
    "Abdomen: stone, cyst or mass (synthetic)": (
        {"kind": "choice", "case": "demo-abdomen-07"},
        {"kind": "short", "case": "demo-abdomen-05"},
        {"kind": "choice", "case": "demo-abdomen-15"},
    ),
    "Where is it? (synthetic)": (
        {
            "kind": "hot_spot",
            "case": "demo-chest-01",
            "region": NODULE,
            "prompt": "Mark the nodule.",
        },
        {"kind": "short", "case": "demo-chest-01"},
    ),
}
PROMPTS = {"choice": "What is the most likely diagnosis?", "short": "Name the diagnosis."}
MOST_WRONG = 4


@transaction.atomic
def demo_course_make() -> Course | None:
    """Once; nothing where the demonstration cases are not there or a course of this name is."""
    if Course.objects.filter(title=TITLE).exists():
        return None
    cases = {case.source_id: case for case in Case.objects.filter(source_name=SOURCE).prefetch_related("images")}
    wanted = {*UNKNOWNS, *(row["case"] for rows in QUIZZES.values() for row in rows)}
    if not wanted <= cases.keys():
        return None
    owner = User.objects.filter(username=f"demo-{Role.EDUCATOR.value}").first()
    course = course_create(
        by=owner, title=TITLE, description=DESCRIPTION, objectives=OBJECTIVES, open_to_all=True, synthetic=True
    )
    for source_id in UNKNOWNS:
        item_add(course=course, by=owner, case=cases[source_id])
    for title, rows in QUIZZES.items():
        item_add(course=course, by=owner, quiz=_quiz(title, rows, cases, owner))
    course_state(course=course, by=owner, state=QuizState.PUBLISHED)
    return course


def _quiz(title: str, rows: Sequence[Mapping[str, str]], cases: Mapping[str, Case], owner: User | None) -> Quiz:
    quiz = quiz_create(by=owner, title=title, open_to_all=True, synthetic=True)
    for row in rows:
        question_save(quiz=quiz, by=owner, data=_question(row, cases[row["case"]]))
    quiz_publish(quiz=quiz, by=owner)
    return quiz


def _question(row: Mapping[str, str], case: Case) -> QuestionData:
    image = next(iter(case.images.all()), None)
    kind = row["kind"]
    names = names_of(case)
    told = [piece.text for text in (case.history, case.findings) for piece in masked(text, names) if piece.text]
    vignette = "\n\n".join(part.strip() for part in told)
    prompt = row.get("prompt") or f"{vignette}\n\n{PROMPTS[kind]}"
    if kind == "hot_spot":
        return QuestionData(
            kind=kind, prompt=prompt, case=case, image=image, regions=stored(read_shapes(row["region"])),
            explanation=image.caption if image else "",
        )  # fmt: skip
    if kind == "short":
        return QuestionData(kind=kind, prompt=prompt, case=case, image=image, accepted=[case.diagnosis])
    return QuestionData(kind=kind, prompt=prompt, case=case, image=image, options=_options(case))


def _options(case: Case) -> list[dict[str, Any]]:
    """The right one among the others, in the order of the alphabet."""
    written, listed = {"kind": "written"}, {"kind": "differential", "case": case.pk}
    found = [(case.diagnosis, True, written), *((str(name), False, listed) for name in case.differential[:MOST_WRONG])]
    return [
        {"id": "abcdefgh"[place], "text": text, "correct": correct, "origin": origin}
        for place, (text, correct, origin) in enumerate(sorted(found, key=lambda each: each[0].casefold()))
    ]
