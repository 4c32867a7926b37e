"""Files of the program go by names that hold their hash, of the version that runs and of no other."""

import os
import re
import time
from pathlib import Path

import pytest
from django.conf import settings as chosen
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.test import Client, RequestFactory

from cdss import static_files
from cdss.management.commands.serve import Command
from cdss.static_files import HASHED, KEPT_SECONDS, StaticFilesMiddleware, static_files_collect
from cdss.templatetags.icons import _icon

IMMUTABLE = "max-age=315360000, public, immutable"
IMPORTED = re.compile(r"""(?:from\s*|import\s*|URL\()["'](\.[^"']+)["']""")
USED = re.compile(r"""static\s*\(?\s*["']([\w./-]+)["']""")


@pytest.fixture
def source(settings, tmp_path: Path) -> Path:
    """A small program: a page's module, what it imports, and a worker."""
    folder = tmp_path / "source"
    (folder / "js").mkdir(parents=True)
    (folder / "js/page.js").write_text('import { a } from "./part.js";\nimport "./part.js";\n')
    (folder / "js/part.js").write_text('new Worker(new URL("./worker.js", import.meta.url), { type: "module" });\n')
    (folder / "js/worker.js").write_text("onmessage = () => {};\n")
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATICFILES_DIRS = [folder]
    settings.STATIC_ROOT = tmp_path / "home/static"
    return folder


def not_found(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=404)


def served(path: str) -> HttpResponse:
    return StaticFilesMiddleware(not_found)(RequestFactory().get(path))


def text_of(response: HttpResponse) -> str:
    return b"".join(response.streaming_content).decode()


def test_a_module_names_what_it_imports_by_hash(source: Path, settings) -> None:
    assert static_files_collect()
    page = text_of(served(static("js/page.js")))
    part = text_of(served(static("js/part.js")))
    assert f'from ".{static("js/part.js").removeprefix("/static/js")}"' in page
    assert f'import".{static("js/part.js").removeprefix("/static/js")}"' in page
    assert f'URL(".{static("js/worker.js").removeprefix("/static/js")}", import.meta.url)' in part
    assert all(
        HASHED.search(str(path).removesuffix(".gz"))
        for path in settings.STATIC_ROOT.rglob("*.js*")
        if path.suffix != ".json"
    )


def test_a_file_is_kept_by_browsers_for_ever_and_sent_packed(source: Path) -> None:
    (source / "long.css").write_text("a { color: red }\n" * 500)
    static_files_collect()
    answer = StaticFilesMiddleware(not_found)(
        RequestFactory().get(static("long.css"), headers={"Accept-Encoding": "gzip"})
    )
    assert (answer.status_code, answer["Cache-Control"], answer["Content-Encoding"]) == (200, IMMUTABLE, "gzip")
    assert int(answer["Content-Length"]) < 500


def test_nothing_is_made_a_second_time(source: Path, settings) -> None:
    assert static_files_collect()
    before = {path: path.stat().st_mtime_ns for path in settings.STATIC_ROOT.rglob("*")}
    assert not static_files_collect()
    assert {path: path.stat().st_mtime_ns for path in settings.STATIC_ROOT.rglob("*")} == before


def test_after_an_update_files_go_by_their_own_names_until_they_are_made_anew(source: Path) -> None:
    static_files_collect()
    old = {name: static(f"js/{name}.js") for name in ("page", "part", "worker")}
    (source / "js/worker.js").write_text("onmessage = () => 2;\n")
    staticfiles_storage._wrapped = static_files.HashedFiles()
    assert static("js/page.js") == "/static/js/page.js"
    assert 'from "./part.js"' in text_of(served("/static/js/page.js"))

    assert static_files_collect()
    new = {name: static(f"js/{name}.js") for name in old}
    # What names the worker changed with it, and what names that.
    assert not set(old.values()) & set(new.values())
    assert "=> 2" in text_of(served(new["worker"]))
    assert "=> {}" in text_of(served(old["worker"])), "pages opened before the update still ask for it"


@pytest.mark.parametrize("damage", ["gone", "cut", "no file", "a list"])
def test_what_is_damaged_is_not_used_and_made_anew(source: Path, settings, damage: str) -> None:
    static_files_collect()
    names, page = settings.STATIC_ROOT / "staticfiles.json", settings.STATIC_ROOT / static("js/page.js")[8:]
    if damage == "gone":
        names.unlink()
    elif damage == "cut":
        names.write_text(names.read_text()[:40])
    elif damage == "a list":
        names.write_text("[]")
    else:
        page.unlink()
    staticfiles_storage._wrapped = static_files.HashedFiles()
    assert static("js/page.js") == "/static/js/page.js"
    assert served("/static/js/page.js").status_code == 200
    assert static_files_collect()
    assert served(static("js/page.js")).status_code == 200


def test_a_stop_in_the_middle_leaves_the_names_as_they_were(source: Path, settings, monkeypatch) -> None:
    static_files_collect()
    before = (settings.STATIC_ROOT / "staticfiles.json").read_bytes()
    (source / "js/worker.js").write_text("onmessage = () => 3;\n")
    real, moved = Path.replace, []

    def stops(path: Path, target: Path) -> Path:
        moved.append(target)
        if len(moved) == 3:
            raise OSError(28, "No space left on device", str(target))
        return real(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stops)
        with pytest.raises(OSError, match="No space"):
            static_files_collect()
    assert (settings.STATIC_ROOT / "staticfiles.json").read_bytes() == before
    assert [path.name for path in settings.STATIC_ROOT.parent.iterdir()] == ["static"]
    assert static_files_collect()


def test_files_of_old_versions_go_in_time(source: Path, settings) -> None:
    static_files_collect()
    gone, kept = settings.STATIC_ROOT / "js/page.000000000000.js", settings.STATIC_ROOT / "js/page.111111111111.js"
    for path, age in ((gone, KEPT_SECONDS + 60), (kept, KEPT_SECONDS - 3600)):
        path.write_text("")
        os.utime(path, (time.time() - age,) * 2)
    (source / "js/worker.js").write_text("onmessage = () => 4;\n")
    static_files_collect()
    assert (gone.exists(), kept.exists()) == (False, True)


def test_a_name_of_another_version_leads_to_the_file_of_this_one(source: Path) -> None:
    static_files_collect()
    answer = served("/static/js/page.0123456789ab.js")
    assert (answer.status_code, answer["Location"], answer["Cache-Control"]) == (302, "/static/js/page.js", "no-store")
    assert served("/static/js/none.0123456789ab.js").status_code == 404
    assert served("/static/js/0123456789ab.js").status_code == 404
    assert served("/elsewhere/js/page.0123456789ab.js").status_code == 404


def test_a_script_of_a_package_may_name_what_it_does_not_bring(source: Path) -> None:
    (source / "js/odd.js").write_text('import x from "./absent.js";\n')
    static_files_collect()
    assert '"./absent.js"' in text_of(served(static("js/odd.js")))


def test_a_site_that_cannot_be_written_is_served_all_the_same(source: Path, settings, capsys) -> None:
    settings.STATIC_ROOT.parent.mkdir()
    settings.STATIC_ROOT.write_text("in the way")
    Command().name_static_files()
    said = capsys.readouterr().err
    assert "the pages work all the same" in said
    assert "CDSS_HOME" in said
    assert static("js/page.js") == "/static/js/page.js"


def test_what_our_pages_and_modules_name_is_there_by_hash(settings, tmp_path: Path, db: None) -> None:
    """All files of the program: a typing error in a template or an import would be a file that is not there."""
    settings.STATIC_ROOT = tmp_path / "static"
    static_files_collect()
    root, names = Path(chosen.BASE_DIR), static_files.HashedFiles().hashed_files
    texts = [*(root / "templates").rglob("*.html"), *(root / "cdss").rglob("*.py")]
    used = {
        name
        for path in texts
        if path.name != "static_files.py"
        for name in USED.findall(path.read_text())
        if "." in name
    }
    assert len(used) > 30
    assert used <= set(names)
    for path in (root / "static/js").rglob("*.js"):
        name = path.relative_to(root / "static").as_posix()
        made = (settings.STATIC_ROOT / names[name]).read_text()
        for imported in IMPORTED.findall(made):
            assert HASHED.search(imported), f"{name} names {imported}"
            assert ((settings.STATIC_ROOT / names[name]).parent / imported).resolve().is_file()
    _icon.cache_clear()
    page = Client().get("/accounts/sign-in/", follow=True).content.decode()
    _icon.cache_clear()
    links = re.findall(r'(?:src|href)="(/static/[^"#]+)', page)
    assert len(links) > 5
    assert not [link for link in links if not HASHED.search(link)]
    assert all(served(link)["Cache-Control"] == IMMUTABLE for link in links)
