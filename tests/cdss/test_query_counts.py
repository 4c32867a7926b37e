"""Every page asks the database as often with thirty rows of everything as with the first few."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cdss.consultations.models import Consultation
from cdss.feedback.models import Feedback
from cdss.library.models import LibraryItem
from cdss.teaching.lti.keys import tool_key
from tests.cdss.cast import parts
from tests.cdss.rows import models_of_the_site, more, one_of_each, rows_there
from tests.cdss.test_access import PEOPLE, TABLE, World, media, world

__all__ = ["media", "world"]

# A newer version of its quiz does not hold the question.
NOT_THERE = {"teaching:question_edit"}
# Pages that show more when there is more: the proof that the rows are of those who ask.
LISTS = {
    "accounts:groups", "accounts:users", "audit:anchors", "audit:list", "authoring:collections", "authoring:history",
    "authoring:list", "consultations:detail", "consultations:list", "consultations:replays", "drills:list",
    "evaluation:list", "feedback:gaps", "feedback:list", "indexing:state", "learning:list", "library:case",
    "library:disputes", "library:doubts", "library:gamuts", "library:list", "library:quarantines", "library:sources",
    "notices:list", "regions:structures", "studies:viewer", "teaching:course_edit", "teaching:course_progress",
    "teaching:courses", "teaching:home", "teaching:platforms", "teaching:progress", "teaching:quizzes",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    queries: int
    status: int
    size: int


@pytest.fixture
def full_world(world: World) -> World:
    consultation = Consultation.objects.get(pk=world.objects["consultation"])
    diagnosis, statement, evidence = parts(consultation)
    for about in ({"diagnosis": diagnosis}, {"statement": statement}, {"evidence": evidence}):
        Feedback.objects.create(
            consultation=consultation, user=consultation.user, role="clinician", verdict="agree", **about
        )
    tool_key()
    one_of_each()
    return world


def of_every_page(world: World) -> dict[tuple[str, str], Asked]:
    """By name of the URL and who asks: the first and the last of those who may."""
    found = {}
    for row in TABLE:
        allowed = [person for person, status in zip(PEOPLE, row.expected, strict=True) if status == 200]
        for person in {*allowed[:1], *allowed[-1:]} if row.method == "GET" else ():
            client = world.client(person)
            with transaction.atomic(), CaptureQueriesContext(connection) as asked:
                response = client.get(world.url(row.name, row.args), row.data)
                content = b"".join(response.streaming_content) if response.streaming else response.content
                transaction.set_rollback(True)
            found[str(row), row.name, person] = Asked(len(asked.captured_queries), response.status_code, len(content))
    return found


def test_every_page_asks_as_often_with_thirty_rows_as_with_few(full_world: World) -> None:
    few = of_every_page(full_world)
    made = more(rows_there(), 29)
    assert {model for model in models_of_the_site() if made[model] < 29} == {LibraryItem}
    many = of_every_page(full_world)
    assert {page[1] for page, asked in [*few.items(), *many.items()] if asked.status != 200} <= NOT_THERE
    assert {
        page: (few[page].queries, each.queries) for page, each in many.items() if each.queries > few[page].queries
    } == {}
    assert LISTS - {page[1] for page, each in many.items() if each.size > 1.1 * few[page].size} == set()
