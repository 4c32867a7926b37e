"""The fixed cast of the tests."""

from collections import Counter
from collections.abc import Callable, Iterator

import hypothesis
import pytest
from django.db import connection
from django.test import TransactionTestCase
from pytest_socket import disable_socket

from cdss.accounts.models import Role, User
from cdss.audit import triggers
from cdss.indexing.versions import triggers as index_triggers
from cdss.reasoning.breaker import BREAKER
from tests.figures import Figure
from tests.postgres import postgres

# A busy machine is no reason to fail a property.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sets", type=int, metavar="N", help="of each test no more than its first N sets of parameters")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    most = config.getoption("sets")
    if most is None:
        return
    seen: Counter[str] = Counter()
    kept, left_out = [], []
    for item in items:
        test = item.nodeid.partition("[")[0]
        seen[test] += 1
        (kept if seen[test] <= most else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest) -> None:
    """The default lane opens no sockets but those inside this machine's own processes."""
    if not any(request.node.get_closest_marker(lane) for lane in ("e2e", "pg", "llm", "faults")):
        disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True, scope="session")
def tables_can_be_emptied() -> Iterator[None]:
    """Emptying the tables after a transactional test is the one change of the audit trail that is let through."""
    empty = TransactionTestCase._fixture_teardown

    def without_triggers(case: TransactionTestCase) -> None:
        triggers.remove(connection)
        index_triggers.remove(connection)
        try:
            empty(case)
        finally:
            triggers.install(connection)
            index_triggers.install(connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", without_triggers)
        yield


@pytest.fixture(autouse=True)
def no_pause_of_the_model() -> None:
    """No test is told of the failures of the one before."""
    BREAKER.forget()


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Says what was measured; `make faults` prints it at its end."""

    def say(name: str, **values: object) -> None:
        record_property("figure", f"{name}: " + ", ".join(f"{key} {value}" for key, value in values.items()))

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
    lines = [text for report in reports for name, text in report.user_properties if name == "figure"]
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(str(line))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """For tests with the marker pg: a PostgreSQL of this session's own."""
    with postgres() as url:
        yield url


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    def make(username: str, role: str = Role.CLINICIAN, **fields: object) -> User:
        return User.objects.create_user(username=username, password="correct horse battery", role=role, **fields)

    return make


@pytest.fixture
def clinician(make_user: Callable[..., User]) -> User:
    return make_user("clinician", Role.CLINICIAN, department="radiology")


@pytest.fixture
def educator(make_user: Callable[..., User]) -> User:
    return make_user("educator", Role.EDUCATOR, department="radiology")


@pytest.fixture
def auditor(make_user: Callable[..., User]) -> User:
    return make_user("auditor", Role.AUDITOR)


@pytest.fixture
def administrator(make_user: Callable[..., User]) -> User:
    return make_user("administrator", Role.ADMINISTRATOR)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A browser asks for several things at once: threads of a live server need a connection each, hence a file."""
    chosen = request.config.getoption("markexpr")
    if "e2e" in chosen and "not e2e" not in chosen and connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
