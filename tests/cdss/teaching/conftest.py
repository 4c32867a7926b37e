import json
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.management import call_command

from cdss.accounts.models import Role, User
from cdss.library.models import Case
from cdss.teaching.models import Quiz
from cdss.teaching.quizzing import QuestionData, question_save, quiz_create, quiz_publish
from tests.cdss.consultations.conftest import run_queue, small_library

__all__ = ["run_queue", "small_library"]


@pytest.fixture
def learner(make_user) -> User:
    return make_user("learner", Role.LEARNER)


@pytest.fixture
def hamartoma(small_library: None) -> Case:
    return Case.objects.get(source_id="c1")


@pytest.fixture
def calculus(small_library: None) -> Case:
    return Case.objects.get(source_id="c2")


@pytest.fixture
def media(settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def demo_library(db: None, media: None) -> list[Case]:
    """The demonstration cases, with their images."""
    path = site.DEMO_ROOT / "demo_cases.jsonl"
    call_command(
        "import_library", str(path), collection="Demonstration library", synthetic=True, publish=True, verbosity=0
    )
    return list(Case.objects.order_by("pk"))


def choice(case: Case | None, right: str = "Pulmonary hamartoma", wrong: str = "Carcinoid tumor") -> QuestionData:
    options = [
        {"id": "a", "text": right, "correct": True, "origin": {"kind": "written"}},
        {"id": "b", "text": wrong, "correct": False, "origin": {"kind": "written"}},
    ]
    return QuestionData(kind="choice", prompt="What is it?", case=case, options=options)


@pytest.fixture
def quiz(educator: User, hamartoma: Case) -> Quiz:
    """Published: one choice, one short answer."""
    made = quiz_create(by=educator, title="Nodules", open_to_all=True)
    question_save(quiz=made, by=educator, data=choice(hamartoma))
    short = QuestionData(kind="short", prompt="Name it.", case=hamartoma, accepted=["Pulmonary hamartoma"])
    question_save(quiz=made, by=educator, data=short)
    quiz_publish(quiz=made, by=educator)
    made.refresh_from_db()
    return made


def demo_rows() -> list[dict[str, object]]:
    return [json.loads(line) for line in (site.DEMO_ROOT / "demo_cases.jsonl").read_text().splitlines()]
