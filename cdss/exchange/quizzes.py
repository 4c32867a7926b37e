"""The quizzes of an imported teaching file as plain data, for whoever makes exercises of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cdss.exchange.models import Carried
from cdss.library.importers.mirc_fields import paragraphs
from cdss.library.importers.xml_tree import element_of
from cdss.library.models import Case

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def quizzes_of(case: Case) -> list[dict[str, Any]]:
    """`[{"context", "questions": [{"body", "answers": [{"body", "response", "correct"}]}]}]`, all plain text.

    `correct` is True or False where an attribute of that name says so, else None: MIRC leaves it to the response.
    """
    carried: Carried | None = Carried.objects.filter(case=case, format=Carried.Format.MIRC).first()
    return [_quiz(each) for each in element_of(carried.tree).iter("quiz")] if carried else []


def _quiz(quiz: "Element") -> dict[str, Any]:
    questions = [
        {"body": paragraphs(each.find("question-body")), "answers": list(_answers(each))}
        for each in quiz.iter("question")
    ]
    return {"context": paragraphs(quiz.find("quiz-context")), "questions": questions}


def _answers(question: "Element") -> Iterator[dict[str, Any]]:
    for answer in question.iterfind("answer"):
        said = answer.get("correct", "").strip().lower()
        yield {
            "body": paragraphs(answer.find("answer-body")),
            "response": paragraphs(answer.find("response")),
            "correct": {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}.get(said),
        }
