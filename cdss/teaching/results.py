"""What was answered to a quiz: figures of its questions, and rows that leave as a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from django.utils.crypto import salted_hmac

from cdss.accounts.permissions import ROLE_ACTIONS, Action
from cdss.exports import Exported, Pieces, Row, csv_pieces, export_write, jsonl_pieces
from cdss.teaching.item_analysis import ItemFigures, figures
from cdss.teaching.models import Question, Quiz, QuizRun, Response

FORMATS = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
COLUMNS = ("learner", "run", "version", "submitted", "question", "question_id", "kind", "given", "right")
TEACHERS = tuple(role for role, actions in ROLE_ACTIONS.items() if Action.TEACH in actions)


@dataclass(frozen=True, slots=True)
class QuestionFigures:
    question: Question
    figures: ItemFigures
    # Of a choice: how often each answer was chosen.
    chosen: list[tuple[str, bool, int]]


def counted_runs(quiz: Quiz) -> list[QuizRun]:
    """The first run of each learner: a second one knows the answers. Those who teach are no learners."""
    first: dict[int, QuizRun] = {}
    rows = QuizRun.objects.submitted().filter(version__quiz=quiz).exclude(learner__role__in=TEACHERS)
    for run in rows.order_by("submitted", "pk"):
        first.setdefault(run.learner_id, run)
    return list(first.values())


def question_figures(quiz: Quiz) -> list[QuestionFigures]:
    """Of the questions that are asked now, over every version in which they were the same."""
    version = quiz.current
    if version is None:
        return []
    runs = {run.pk: run for run in counted_runs(quiz)}
    answered: dict[Any, list[Response]] = defaultdict(list)
    for response in Response.objects.filter(run__in=runs).select_related("question").order_by("run"):
        answered[response.question.key].append(response)
    found = []
    for question in version.questions.all():
        responses = answered[question.key]
        rest = [_rest(runs[response.run_id], response) for response in responses]
        chosen = [
            (option["text"], option["correct"], sum(r.given.get("option") == option["id"] for r in responses))
            for option in question.options
        ]
        found.append(QuestionFigures(question, figures([r.right for r in responses], rest), chosen))
    return found


def _rest(run: QuizRun, response: Response) -> float:
    others = run.asked - 1
    return ((run.right or 0) - response.right) / others if others > 0 else 0.0


def rows(quiz: Quiz) -> Iterator[Row]:
    """One answer a row. Learners go by a number that is theirs in this quiz alone."""
    found = Response.objects.filter(run__version__quiz=quiz, run__submitted__isnull=False)
    for response in found.select_related("run__version", "question").order_by("run", "pk").iterator(500):
        run, question = response.run, response.question
        submitted = run.submitted.isoformat(timespec="seconds") if run.submitted else ""
        values = (
            learner_number(quiz, run.learner_id), str(run), run.version.number, submitted, question.position + 1,
            str(question.key), question.kind, given_text(response), response.right,
        )  # fmt: skip
        yield dict(zip(COLUMNS, values, strict=True))


def learner_number(quiz: Quiz, learner: int) -> str:
    return f"L-{salted_hmac('cdss.teaching.results', f'{quiz.pk}|{learner}', algorithm='sha256').hexdigest()[:10]}"


def given_text(response: Response) -> str:
    given = response.given
    if "option" in given:
        return next((o["text"] for o in response.question.options if o["id"] == given["option"]), "")
    if "x" in given:
        return f"{given['x']:g} {given['y']:g}"
    return str(given.get("text", ""))


WRITERS: dict[str, Callable[[Iterable[Row]], Pieces]] = {"csv": partial(csv_pieces, COLUMNS), "jsonl": jsonl_pieces}


def write(quiz: Quiz, form: str, file: IO[bytes]) -> Exported:
    return export_write(WRITERS[form](rows(quiz)), file)
