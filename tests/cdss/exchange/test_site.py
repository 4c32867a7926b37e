"""The web pages of an export: everything escaped, nothing inline, no address but its own and those of DOI and PMID."""

import json
import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cdss.exchange.html_out import index_entry, words
from cdss.library.models import Case, CaseImage
from tests.cdss.exchange.conftest import write_lines, write_png

MARKUP = "\"'><script>alert(1)</script><img src=x onerror=alert(1)> {{ x }} {% x %} "
HOSTILE = MARKUP + "</title></script><!-- javascript:alert(1)"
TEXTS = ("title", "age", "sex", "history", "exam", "findings", "diagnosis", "diagnosis_by", "discussion", "treatment",
         "category", "licence", "abstract", "alternative_title", "alternative_abstract", "region", "organ_system",
         "pathology")  # fmt: skip
ROW: dict[str, Any] = {
    "id": "x", **dict.fromkeys(TEXTS, HOSTILE), "differential": [HOSTILE], "keywords": [HOSTILE],
    "learning_points": [HOSTILE], "authors": [{"name": HOSTILE, "affiliation": HOSTILE, "contact": "jane@example.org"}],
    "codes": [{"system": HOSTILE, "code": HOSTILE, "display": HOSTILE}],
    "references": [
        {"text": HOSTILE, "doi": "10.1000/a\"onclick=alert(1) b", "pmid": "1<2", "url": "javascript:alert(1)"},
        {"text": "A paper", "doi": "10.1000/a(b)<c>", "pmid": "123", "url": "https://elsewhere.example.org/"},
    ],
    "images": [{"path": "a.png", "caption": HOSTILE, "modality": HOSTILE, "plane": HOSTILE, "region": HOSTILE,
                "licence": HOSTILE, "attribution": HOSTILE}],
}  # fmt: skip


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inside.append(tag)

    def handle_data(self, data: str) -> None:
        if self.inside and data.strip():
            raise AssertionError(f"text inside <{self.inside[-1]}>: {data[:80]!r}")

    def handle_endtag(self, tag: str) -> None:
        if self.inside and tag == self.inside[-1]:
            self.inside.pop()


def site(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def exported(exporting: Callable, path: Path, *more: str) -> dict[str, bytes]:
    assert exporting("--format", "html", "--output", path, *more).code == 0
    return site(path)


@pytest.fixture
def hostile(tmp_path: Path, importing: Callable, exporting: Callable) -> dict[str, bytes]:
    write_png(tmp_path / "in/a.png")
    importing(write_lines(tmp_path / "in/cases.jsonl", ROW), "--publish", "--trust-pixels")
    CaseImage.objects.update(caption=HOSTILE)
    return exported(exporting, tmp_path / "out.zip", "--title", HOSTILE)


def pages(files: dict[str, bytes]) -> dict[str, Page]:
    return {name: Page(data.decode()) for name, data in files.items() if name.endswith(".html")}


def test_hostile_texts_stay_texts(hostile: dict[str, bytes]) -> None:
    assert set(pages(hostile)) == {"index.html", "cases/00001.html"}
    for page in pages(hostile).values():
        tags = {tag for tag, _ in page.tags}
        assert not tags & {"iframe", "object", "embed", "base", "style", "svg", "form"} - {"form"}
        for tag, attributes in page.tags:
            assert not [name for name in attributes if name.startswith("on")]
            assert "style" not in attributes
            if tag == "script":
                assert str(attributes["src"]).rpartition("/")[2] in ("index.js", "list.js", "case.js")
            if tag == "img":
                assert "images/" in str(attributes["src"])


def test_addresses_are_relative_or_of_a_doi_or_pmid(hostile: dict[str, bytes]) -> None:
    outside = []
    for name, page in pages(hostile).items():
        for _, attributes in page.tags:
            for address in filter(None, (attributes.get("href"), attributes.get("src"))):
                if ":" in address or address.startswith("/"):
                    outside.append(address)
                elif not address.startswith("#"):
                    folder = Path(name).parent
                    assert str((Path("/") / folder / address).resolve())[1:] in hostile, address
    assert outside == ["https://doi.org/10.1000/a(b)%3Cc%3E", "https://pubmed.ncbi.nlm.nih.gov/123/"]


def test_a_strict_policy_on_each_page(hostile: dict[str, bytes]) -> None:
    for page in pages(hostile).values():
        (policy,) = [
            about["content"] for tag, about in page.tags if about.get("http-equiv") == "Content-Security-Policy"
        ]
        rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == "'self' file:"
        assert "unsafe" not in str(policy)


def test_the_index_is_strings_in_a_script(hostile: dict[str, bytes]) -> None:
    first, *lines = hostile["assets/index.js"].decode().splitlines()
    assert first == "window.CASES = [];"
    for line in lines:
        found = re.fullmatch(r"CASES\.push\((.*)\);", line)
        assert found
        assert set(json.loads(found[1])) == {"n", "open", "answer", "title"}
    assert hostile["assets/index.js"].isascii()


def test_no_contact_of_an_author_leaves(hostile: dict[str, bytes]) -> None:
    assert not [name for name, data in hostile.items() if b"jane@example.org" in data]


SECRET = {
    "id": "s", "title": "Zebraitis of the lung", "alternative_title": "A cough", "age": "40", "history": "Cough.",
    "findings": "A nodule.", "diagnosis": "Zebraitis", "discussion": "Zebraitis is rare.", "keywords": ["zebraitis"],
    "differential": ["Horseosis"], "images": [{"path": "zebraitis.png", "modality": "CT", "caption": "Zebraitis"}],
}  # fmt: skip


@pytest.fixture
def unknown(tmp_path: Path, importing: Callable) -> None:
    write_png(tmp_path / "in/zebraitis.png")
    importing(write_lines(tmp_path / "in/cases.jsonl", SECRET), "--publish", "--trust-pixels")


def test_nothing_outside_the_answer_tells_it(tmp_path: Path, unknown: None, exporting: Callable) -> None:
    files = exported(exporting, tmp_path / "out.zip")
    page = files["cases/00001.html"].decode()
    before, answer = page.split("<details", 1)
    answer, after = answer.split("</details>", 1)
    assert "zebra" not in (before + after + files["index.html"].decode() + " ".join(files)).lower()
    assert "Zebraitis" in answer
    assert " open" not in answer.split(">", 1)[0]
    entry = index_entry(Case.objects.get(), 1)
    assert "zebra" not in entry["open"]
    assert " zebraitis" in entry["answer"]
    assert "A cough" in before


def test_answers_may_be_shown_at_once(tmp_path: Path, unknown: None, exporting: Callable) -> None:
    page = exported(exporting, tmp_path / "out.zip", "--show-answers")["cases/00001.html"].decode()
    assert "<h1>Zebraitis of the lung</h1>" in page
    assert "data-answer open" in page


def test_it_says_that_hidden_is_not_locked(tmp_path: Path, unknown: None, exporting: Callable) -> None:
    files = exported(exporting, tmp_path / "out.zip")
    for name in ("index.html", "cases/00001.html", "README.txt"):
        assert b"can read them" in files[name]


def test_large_images_are_made_smaller(tmp_path: Path, importing: Callable, exporting: Callable) -> None:
    from io import BytesIO

    from PIL import Image

    write_png(tmp_path / "in/a.png", size=(2000, 20))
    row = {"id": "x", "findings": "Wide.", "images": [{"path": "a.png"}]}
    importing(write_lines(tmp_path / "in/cases.jsonl", row), "--publish", "--trust-pixels")
    with Image.open(BytesIO(exported(exporting, tmp_path / "out.zip")["images/00001-001.png"])) as image:
        assert image.size == (1600, 16)


def test_words_are_folded_once() -> None:
    assert words("Ödème, œdème; T2-weighted", "oedeme T2") == " odeme oedeme t2 weighted œdeme"
