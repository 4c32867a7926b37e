import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from cdss.accounts.demo import USERNAMES
from cdss.accounts.models import User
from cdss.indexing.engine import forget_engine
from cdss.indexing.models import IndexVersion
from cdss.library.models import LibraryItem
from cdss.management.commands import setup_site

CASE = {
    "id": "demo-1",
    "title": "A synthetic case",
    "findings": "A nodule with popcorn calcification.",
    "diagnosis": "Hamartoma",
    "source": {"name": "demo", "id": "demo-1"},
}
DOCUMENT = {
    "id": "doc-1",
    "kind": "guideline",
    "title": "A synthetic digest",
    "text": "Popcorn calcification suggests a hamartoma.",
    "source": {"name": "demo", "id": "doc-1"},
}


@pytest.fixture
def site(db: None, settings, tmp_path: Path) -> Path:
    """An empty site with a small demonstration library."""
    settings.CDSS_HOME = tmp_path / "home"
    settings.STATIC_ROOT = tmp_path / "home/static"
    settings.INDEX_ROOT = tmp_path / "home/indexes"
    settings.MEDIA_ROOT = tmp_path / "home/media"
    settings.DEMO_ROOT = tmp_path / "fixtures"
    settings.DEMO_ROOT.mkdir()
    (settings.DEMO_ROOT / "demo_cases.jsonl").write_text(json.dumps(CASE) + "\n")
    (settings.DEMO_ROOT / "demo_documents.jsonl").write_text(json.dumps(DOCUMENT) + "\n")
    forget_engine()
    return tmp_path


@pytest.fixture
def run(site: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        call_command("setup_site", *arguments)
        return capsys.readouterr().out

    return run


def passwords(text: str) -> dict[str, str]:
    lines = [line.split() for line in text.splitlines() if line.startswith("  demo-")]
    return dict(lines)


def test_an_empty_site_becomes_one_that_can_be_used(run: Callable[..., str]) -> None:
    made = passwords(run())
    assert set(made) == set(USERNAMES.values())
    assert all(Client().login(username=name, password=password) for name, password in made.items())
    assert set(LibraryItem.objects.values_list("source_id", "state", "synthetic")) == {
        ("demo-1", "published", True),
        ("doc-1", "published", True),
    }
    assert IndexVersion.objects.count() == 1


def test_passwords_are_kept_nowhere_in_clear(run: Callable[..., str], site: Path) -> None:
    made = passwords(run())
    stored = str(list(User.objects.values())) + (site / "home/setup.json").read_text()
    assert not any(password in stored for password in made.values())


def test_a_second_run_does_nothing(run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    run()

    def refuse(name: str, *_: object, **__: object) -> None:
        raise AssertionError(f"{name} was run again")

    monkeypatch.setattr(setup_site, "call_command", refuse)
    text = run()
    assert passwords(text) == {}
    assert "demo_passwords" in text


def test_a_changed_library_is_loaded_and_indexed_again(run: Callable[..., str], settings) -> None:
    run()
    with (settings.DEMO_ROOT / "demo_cases.jsonl").open("a") as file:
        file.write(json.dumps(CASE | {"id": "demo-2", "source": {"name": "demo", "id": "demo-2"}}) + "\n")
    run()
    assert LibraryItem.objects.count() == 3
    assert IndexVersion.objects.count() == 2


def test_lost_notes_cost_time_and_change_nothing(run: Callable[..., str], site: Path) -> None:
    run()
    (site / "home/setup.json").write_text("{half")
    assert passwords(run()) == {}
    assert LibraryItem.objects.count() == 2
    assert IndexVersion.objects.count() == 1


def test_a_lost_index_is_built_again(run: Callable[..., str], site: Path) -> None:
    run()
    version = IndexVersion.objects.get()
    (site / "home/indexes" / version.name).rename(site / "elsewhere")
    run()
    newest = IndexVersion.objects.first()
    assert (site / "home/indexes" / newest.name).is_dir()


def test_production_settings_make_no_demonstration_accounts(run: Callable[..., str], settings) -> None:
    settings.HTTPS = True
    text = run()
    assert not User.objects.exists()
    assert "create_user" in text
    assert set(passwords(run("--demo-accounts"))) == set(USERNAMES.values())


def test_passwords_are_printed_even_when_the_rest_fails(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: setup_site.Command) -> None:
        raise CommandError("No space left on device")

    monkeypatch.setattr(setup_site.Command, "load_library", broken)
    with pytest.raises(CommandError, match="No space"):
        call_command("setup_site")
    made = passwords(capsys.readouterr().out)
    assert all(Client().login(username=name, password=password) for name, password in made.items())
    assert len(made) == len(USERNAMES)
