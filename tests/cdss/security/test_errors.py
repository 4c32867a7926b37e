"""An error in any view: neither the page nor the log holds a word of the case, of a password or of a key."""

import io
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection
from django.test import Client

from cdss.logs import PlaceFormatter
from tests.cdss.test_access import TABLE, Row, World, media, world

__all__ = ["media", "world"]

CANARY = "Erna-Canary-4711"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the site's own handler would write, of every logger."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    assert site.LOGGING["formatters"]["line"]["()"] == "cdss.logs.PlaceFormatter"
    handler.setFormatter(PlaceFormatter(site.LOGGING["formatters"]["line"]["format"], style="{"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def failing(after: int) -> Any:
    """The database says what it was asked to store, as databases do."""
    asked = iter(range(10_000))

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if next(asked) >= after:
            raise RuntimeError(f"value too long: {CANARY} {params}")
        return execute(sql, params, many, context)

    return fail


def errors_of(world: World, row: Row) -> Iterator[tuple[int, Any]]:
    """The view's answers where its first, its fourth, … query fails."""
    person = "owner"
    for candidate, status in zip(("owner", "auditor", "administrator", "educator"), (1, 4, 5, 3), strict=True):
        if row.expected[status] in (200, 302):
            person = candidate
            break
    client: Client = world.client(person)
    client.raise_request_exception = False
    url = world.url(row.name, row.args)
    data = {**row.data, "findings": CANARY, "password": CANARY, "q": CANARY, "paste": CANARY, "reason": CANARY}
    try:
        for after in (0, 2, 3, 5, 9):
            with connection.execute_wrapper(failing(after)):
                send = client.get if row.method == "GET" else client.post
                yield after, send(url, data)
    finally:
        client.raise_request_exception = True


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_no_word_of_a_case_in_error_pages_and_logs(world: World, log: io.StringIO, settings: Any, row: Row) -> None:
    settings.DEBUG = False
    failed = 0
    for _, response in errors_of(world, row):
        failed += response.status_code == 500
        if response.status_code == 500:
            assert CANARY.encode() not in response.content
            assert b"Traceback" not in response.content
    assert failed or row.name.startswith("openid_connect")
    assert CANARY not in log.getvalue()
    assert site.SECRET_KEY not in log.getvalue()


def test_the_log_still_says_where_it_happened() -> None:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise ValueError(CANARY) from error
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "failed", (), (ValueError, error, error.__traceback__)
        )
        said = PlaceFormatter("{levelname} {message}", style="{").format(record)
    assert "test_errors.py" in said
    assert "builtins.ValueError" in said
    assert "builtins.KeyError" in said
    assert CANARY not in said
