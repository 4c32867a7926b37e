"""Whatever the umask: what holds data of patients is for the owner of the site alone, and what is not is told."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as chosen

from cdss import private_files
from cdss.checks import the_site_is_closed_to_others
from cdss.management.commands.serve import Command
from cdss.private_files import close_site

OPENED = ("", "cdss.sqlite3", "cdss.sqlite3-wal", "cdss.sqlite3-shm", "data_keys", "media", "exports", "indexes")
SCRIPT = """
import os, stat, sys
sys.argv = ["manage.py", "shell", "--no-imports", "-c", '''
from pathlib import Path
from django.conf import settings
from django.db import connection
from cdss.encryption import current_key
connection.cursor().execute("CREATE TABLE one (value)")
current_key()
(settings.CDSS_HOME / "exports").mkdir()
(settings.CDSS_HOME / "exports" / "file").write_text("")
for path in (settings.CDSS_HOME, *settings.CDSS_HOME.rglob("*")):
    print(oct(path.stat().st_mode & 0o777), path.name)
''']
import manage
manage.main()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def site(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As one that was made with a umask of 022."""
    settings.CDSS_HOME = tmp_path / "home"
    monkeypatch.setattr(private_files, "database_file", lambda: str(tmp_path / "home/cdss.sqlite3"))
    for name in OPENED:
        path = settings.CDSS_HOME / name
        path.write_text("") if "cdss" in name or "keys" in name else path.mkdir()
        path.chmod(0o644 if path.is_file() else 0o755)
    return settings.CDSS_HOME


def test_a_new_site_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    environment = os.environ | {"CDSS_HOME": str(tmp_path / "new"), "DJANGO_SETTINGS_MODULE": "cdss.settings"}
    for name in ("DATABASE_URL", "SECRET_KEY"):
        environment.pop(name, None)
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=chosen.BASE_DIR, env=environment, umask=0,
        capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    found = dict(reversed(line.split()) for line in told if line.startswith("0o"))
    folders = {"new": "0o700", "exports": "0o700"}
    files = (
        "cdss.sqlite3",
        "cdss.sqlite3-wal",
        "cdss.sqlite3-shm",
        "data_keys",
        "data_keys.made",
        "secret_key",
        "file",
    )
    assert found == folders | dict.fromkeys(files, "0o600")


def test_a_site_that_others_could_open_is_closed_and_it_is_said(site: Path, capsys) -> None:
    (warning,) = the_site_is_closed_to_others(None)
    assert warning.id == "cdss.W003"
    assert warning.msg == f"Other accounts of this machine can open {site} and {len(OPENED) - 1} more."
    assert all(str(site / name) in warning.hint for name in OPENED)
    Command().close()
    assert f"Other accounts could open {site}; now the owner of this site alone can." in capsys.readouterr().err
    assert {mode(site / name) for name in OPENED} == {0o600, 0o700}
    assert the_site_is_closed_to_others(None) == []
    Command().close()
    assert capsys.readouterr().err == ""


def test_what_a_link_leads_to_is_left_alone(site: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    (site / "models").symlink_to(shared)
    close_site()
    assert mode(shared) == 0o755
    assert the_site_is_closed_to_others(None) == []


def test_what_cannot_be_closed_is_still_told(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", refused)
    assert close_site() == []
    assert len(the_site_is_closed_to_others(None)) == 1


def test_a_site_that_is_not_there_yet_is_no_matter(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CDSS_HOME = tmp_path / "none"
    monkeypatch.setattr(private_files, "database_file", lambda: "")
    assert close_site() == the_site_is_closed_to_others(None) == []
