import pytest
from django.core.checks import run_checks
from django.test import override_settings


def told(url: str, *, hosts: list[str] | None = None) -> list[tuple[str | None, str]]:
    with override_settings(LLM_BASE_URL=url, LLM_ALLOWED_HOSTS=hosts or ["localhost"]):
        return [(problem.id, problem.msg) for problem in run_checks() if problem.id == "cdss.E002"]


@pytest.mark.parametrize("url", ["", "http://localhost:11434", "https://localhost/v1/", "http://LOCALHOST:1/v1"])
def test_an_address_that_can_be_used(url: str) -> None:
    assert told(url) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:11434", "must start with http"),
        ("http//localhost", "must start with http"),
        ("ftp://localhost", "must start with http"),
        ("http://", "must start with http"),
        ("http://user:secret@localhost/v1", "user name"),
        ("http://localhost:99999/v1", "cannot be read"),
        ("http://localhost /v1", "characters"),
        ("http://example.org/v1", "'example.org' is not in CDSS_LLM_ALLOWED_HOSTS"),
    ],
)
def test_an_address_that_cannot(url: str, said: str) -> None:
    [(_, message)] = told(url)
    assert message.startswith("CDSS_LLM_BASE_URL cannot be used")
    assert said in message
    assert "secret" not in message


def test_vectors_in_the_database_need_postgresql() -> None:
    sqlite = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
    with override_settings(VECTOR_BACKEND="pgvector", DATABASES=sqlite):
        [problem] = [each for each in run_checks() if each.id == "cdss.E010"]
    assert "DATABASE_URL" in (problem.hint or "")
    with override_settings(VECTOR_BACKEND="faiss", DATABASES=sqlite):
        assert not [each for each in run_checks() if each.id == "cdss.E010"]
