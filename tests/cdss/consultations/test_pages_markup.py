"""What holds for the markup of every page, so that the content security policy never has to be loosened."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from cdss.accounts.models import User
from cdss.consultations.models import Status
from tests.cdss.consultations import page_rows as rows

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STYLES = sorted((ROOT / "static" / "css").glob("*.css"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch|lab)a?\(|:\s*(?:black|white|red|green|blue|gr[ae]y)\b", re.I)


class Ids(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "label" and found.get("for"):
            self.labels.append(str(found["for"]))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_inline_script_or_style(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=", text)
    assert "<style" not in text
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["'](?:https?:)?//""", text)
    assert "|safe" not in text or path.parent.name == "accounts"


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_only_the_tokens_name_colours(path: Path) -> None:
    without_comments = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    assert "url(" not in without_comments
    assert "@import" not in without_comments
    if path.name != "tokens.css":
        assert COLOUR.findall(without_comments) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_write_no_markup_and_load_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert not re.search(r"https?://", text)
    for name in re.findall(r'from "\./([^"]+)"|import "\./([^"]+)"', text):
        assert (path.parent / (name[0] or name[1])).is_file()


def test_every_icon_named_is_in_the_sprite() -> None:
    sprite = (ROOT / "static" / "icons" / "icons.svg").read_text()
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    named = {name for path in TEMPLATES for name in re.findall(r'_icon\.html" with name="([^"]+)"', path.read_text())}
    assert named <= known


@pytest.mark.parametrize("status", [Status.DONE, Status.RUNNING, Status.ABSTAINED, Status.FAILED, Status.CANCELLED])
def test_ids_are_unique_and_labels_lead_somewhere(client: Client, clinician: User, status: str) -> None:
    client.force_login(clinician)
    row = rows.whole(clinician, size=3, status=status)
    for path in (f"/consultations/{row.pk}/", f"/consultations/{row.pk}/print/", "/consultations/new/", "/"):
        found = Ids(client.get(path).content.decode())
        assert sorted(set(found.ids)) == sorted(found.ids)
        assert set(found.labels) <= set(found.ids)


def test_the_policy_allows_nothing_inline(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    policy = client.get("/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_standing_label_is_on_every_page(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    row = rows.whole(clinician, size=1)
    for path in ("/", "/consultations/", "/consultations/new/", f"/consultations/{row.pk}/", "/consultations/0/"):
        assert "Not a medical device" in client.get(path).content.decode()
