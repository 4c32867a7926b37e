"""Files from people who mean harm, or whose disk is failing: no error page, little room, nothing beside the store."""

import gc
import itertools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cdss.accounts.models import User
from cdss.authoring.models import Manuscript, Picture, PlannedImport
from cdss.authoring.services import case_new
from cdss.library.field_values import RowError
from cdss.library.importers.archive import unpacked
from cdss.library.importers.base import FormatError
from cdss.library.importers.registry import IMPORTERS
from cdss.library.models import LibraryItem
from cdss.library.services import collection_ensure
from cdss.reading import door
from retrieval.errors import UnreadableError
from retrieval.sandbox import Part, Pool, Spending
from tests.cdss.security import broken_files
from tests.figures import Figure

MEGABYTE = 1024 * 1024
UPLOADS = int(os.environ.get("CDSS_FAULT_UPLOADS", "10000"))
PICTURES = (".png", ".jpg", ".tif", ".webp", ".bmp", ".dcm")
FORMATS = {".pdf": "pdf", ".xml": "mirc", ".jsonl": "cases"}
# Made in a moment, and one of each kind.
SOME_BOMBS = (
    "13,000 squared.png", "16,383 squared.webp", "30,000 squared.png", "50,000 squared.tif", "60,000 squared.bmp",
    "65,535 squared.dcm", "2 thousand million frames.dcm", "5,000 sequences deep.dcm", "JPEG 2000 of another size.dcm",
    "overlapping.zip", "a ZIP in a ZIP.zip", "pages of pages.pdf", "columns.pdf", "laughs.xml", "wide.xml",
    "brackets.jsonl",
)  # fmt: skip


@pytest.fixture(autouse=True)
def site(settings: Any, tmp_path: Path) -> Path:
    home = tmp_path / "outside" / "home"
    home.mkdir(parents=True)
    settings.CDSS_HOME, settings.MEDIA_ROOT, settings.INDEX_ROOT = home, home / "media", home / "indexes"
    return home


@pytest.fixture
def manuscript(educator: User) -> Manuscript:
    collection = collection_ensure(name="Teaching cases", synthetic=True)
    return case_new(by=educator, title="A synthetic case", collection=collection, visibility="public")


@pytest.fixture
def teacher(client: Client, educator: User) -> Client:
    client.force_login(educator)
    client.raise_request_exception = False
    return client


@pytest.fixture
def send(teacher: Client, manuscript: Manuscript) -> Callable[[str, bytes], Any]:
    """An upload where a person would send it: pictures to a case, the rest to an import."""

    def sent(name: str, data: bytes) -> Any:
        file = SimpleUploadedFile("x", data)
        # As the browser says it, whatever Django would make of it.
        file._name = name
        if name.endswith(PICTURES):
            return teacher.post(f"/authoring/{manuscript.pk}/pictures/", {"images": file})
        if name.endswith((".zip", ".jsonl")):
            return teacher.post("/authoring/import/", {"file": file, "collection": "Set", "visibility": "private"})
        fields = {"collection": "Set", "format": "auto", "visibility": "private"}
        return teacher.post("/library/import/", fields | {"file": file})

    return sent


def of_broken_files(
    send: Callable[[str, bytes], Any], files: Iterable[tuple[str, bytes]]
) -> tuple[Counter[int], list[float]]:
    answered: Counter[int] = Counter()
    seconds = []
    for name, data in files:
        started = time.perf_counter()
        answered[send(name, data).status_code] += 1
        seconds.append(time.perf_counter() - started)
    return answered, sorted(seconds)


def test_broken_files_get_an_answer(send: Callable[[str, bytes], Any]) -> None:
    answered, _ = of_broken_files(send, broken_files.mutated(84, seed=2))
    assert set(answered) <= {200, 302}
    assert door._readers.peak <= 512 * MEGABYTE


@pytest.mark.faults
def test_ten_thousand_broken_files_get_an_answer(send: Callable[[str, bytes], Any], figure: Figure) -> None:
    headers = [(f"{number}.dcm", data) for number, data in enumerate(broken_files.header_classes().values())]
    answered, seconds = of_broken_files(send, itertools.chain(headers, broken_files.mutated(UPLOADS, seed=1)))
    figure(
        "broken uploads over HTTP",
        sent=answered.total(),
        errors=sum(number for status, number in answered.items() if status >= 500),
        by_status=dict(answered),
        median_s=f"{seconds[len(seconds) // 2]:.3f}",
        p99_s=f"{seconds[int(0.99 * len(seconds))]:.2f}",
        slowest_s=f"{seconds[-1]:.2f}",
        child_peak_MB=door._readers.peak // MEGABYTE,
        pictures_taken=Picture.objects.count(),
        items_taken=LibraryItem.objects.count(),
    )
    assert set(answered) <= {200, 302}
    assert door._readers.peak <= 512 * MEGABYTE


def test_dicom_headers_that_lie_are_refused_or_harmless() -> None:
    files = broken_files.header_classes()
    answers = list(door.read_each(f"{door.IMAGES}:image", [(data, {"kept_frames": 2}) for data in files.values()]))
    assert len(answers) == len(files) > 20
    read = {name: answer for name, (_, answer) in zip(files, answers, strict=True) if isinstance(answer, Part)}
    assert [name for name, part in read.items() if part.facts["width"] * part.facts["height"] > 1024 * 1024] == []
    assert len(read) < len(files) / 2


def outcome_of(path: Path) -> str:
    """ "taken", or what was said."""
    try:
        if path.suffix in PICTURES:
            door.read(f"{door.IMAGES}:image", path, kept_frames=24)
            return "taken"
        if path.suffix == ".zip":
            with unpacked(path):
                return "taken"
        form = "pubmed" if "article" in path.name else FORMATS[path.suffix]
        reads = list(IMPORTERS[form].read(path))
        return "taken" if any(read.row for read in reads) else reads[0].reason
    except (UnreadableError, FormatError, RowError) as error:
        return str(error)


@contextmanager
def grown() -> Iterator[list[int]]:
    """Bytes that this process has come to hold at most, beyond what it held."""
    gc.collect()
    before, most, over = resident(), [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], resident() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def of_bombs(folder: Path, names: list[str]) -> tuple[dict[str, tuple[str, float]], int]:
    """Eight at once: of each what was said and how long it took; how much this process has grown."""
    for name in names:
        (folder / name).write_bytes(broken_files.bomb(name))
    door.read(f"{door.IMAGES}:header", broken_files.sound()["png"][0])

    def timed(name: str) -> tuple[str, tuple[str, float]]:
        started = time.perf_counter()
        return name, (outcome_of(folder / name), time.perf_counter() - started)

    with grown() as most, ThreadPoolExecutor(8) as threads:
        said = dict(threads.map(timed, names))
    return said, most[0]


def test_bombs_are_refused(tmp_path: Path) -> None:
    said, _ = of_bombs(tmp_path, list(SOME_BOMBS))
    assert [name for name, (words, _) in said.items() if words == "taken" or not words] == []


@pytest.mark.faults
def test_fifty_bombs_are_refused(tmp_path: Path) -> None:
    said, most = of_bombs(tmp_path, list(broken_files.BOMBS))
    slowest = max(said.items(), key=lambda each: each[1][1])
    taken = [name for name, (words, _) in said.items() if words == "taken" or not words]
    print(f"\nbombs: {len(said)}, eight at once, taken {taken}, slowest {slowest[1][1]:.1f} s ({slowest[0]}); "
          f"this process grew by {most / MEGABYTE:.0f} MB, "
          f"a child held at most {door._readers.peak // MEGABYTE} MB")  # fmt: skip
    assert len(said) == 50
    assert taken == []
    assert most <= 50 * MEGABYTE


STEPS = ("../../../escaped", "..\\..\\escaped", "/escaped", "....//....//escaped", "%2e%2e%2fescaped",
         "a/../../../escaped",
         "C:\\escaped", "~/escaped", "file:///escaped", "\u2025/escaped", "a\x00escaped", "\u202egnp.exe",
         "<img src=x onerror=alert(1)>", "-rf", "CON", ".htaccess", "a" * 300, "\U0001fac1",
         "name\r\nX-Injected: yes", "'; DROP TABLE library_libraryitem; --")  # fmt: skip
DISGUISES: dict[str, bytes] = {
    "html": b"<!DOCTYPE html><script>alert(1)</script>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "php": b"<?php system($_GET['c']); ?>",
    "exe": b"MZ\x90\0" + bytes(200),
    "elf": b"\x7fELF" + bytes(200),
    "javascript": b"alert(document.cookie)",
    "a picture with a page behind": broken_files.sound()["png"][0] + b"<script>alert(1)</script>",
    "a picture with a ZIP behind": broken_files.sound()["png"][0] + broken_files.zipped(("../escaped", b"x")),
    "a page that begins like a GIF": b"GIF89a/*<script>alert(1)</script>*/",
    "a picture": broken_files.sound()["png"][0],
    "a photograph": broken_files.sound()["jpg"][0],
}
ENDINGS = (".png", ".dcm", ".zip", ".pdf", ".jsonl", ".png.php")


def spoofed(count: int) -> list[tuple[str, bytes]]:
    """Names and files that belong together nowhere; and ZIP files whose members have such names."""
    pairs = [(f"{step}{ending}", data) for step in STEPS for ending in ENDINGS for data in DISGUISES.values()]
    packed = [("pack.zip", broken_files.zipped((f"{step}.png", DISGUISES["a picture"]))) for step in STEPS]
    return [*packed, *random.Random(6).sample(pairs, count - len(packed))]


def files_beside(site: Path) -> set[Path]:
    """Whatever lies around the store, and where names that lead out would lead to."""
    around = {path for path in site.parent.parent.rglob("*") if path.is_file() and not path.is_relative_to(site)}
    return around | {path for path in (Path("/escaped"), Path("escaped"), Path.home() / "escaped") if path.exists()}


def of_spoofed(send: Callable[[str, bytes], Any], teacher: Client, site: Path, count: int) -> Counter[int]:
    before, answered = files_beside(site), Counter[int]()
    for name, data in spoofed(count):
        response = send(name, data)
        answered[response.status_code] += 1
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "X-Injected" not in response.headers
    assert files_beside(site) == before
    # What lies in the store has a name of the store's own.
    stored = [path for path in site.rglob("*") if path.is_file() and "media" in path.parts]
    assert all(path.suffix == ".png" and len(path.stem) in (4, 32) for path in stored)
    for picture in Picture.objects.all():
        served = teacher.get(f"/authoring/{picture.manuscript_id}/pictures/{picture.pk}/")
        assert (served.status_code, served.headers["Content-Type"]) == (200, "image/png")
        assert served.headers["X-Content-Type-Options"] == "nosniff"
        assert b"script" not in served.content
    return answered


def test_names_that_lead_out_lead_nowhere(send: Callable[[str, bytes], Any], teacher: Client, site: Path) -> None:
    answered = of_spoofed(send, teacher, site, 50)
    assert set(answered) <= {200, 302, 400}


@pytest.mark.faults
def test_five_hundred_names_and_files_lead_nowhere(
    send: Callable[[str, bytes], Any], teacher: Client, site: Path, figure: Figure
) -> None:
    answered = of_spoofed(send, teacher, site, 500)
    figure(
        "names and files",
        sent=answered.total(),
        errors=sum(number for status, number in answered.items() if status >= 500),
        by_status=dict(answered),
        pictures=Picture.objects.count(),
        plans=PlannedImport.objects.count(),
        files_beside_the_store=0,
    )
    assert set(answered) <= {200, 302, 400}


def test_children_know_neither_the_site_nor_its_libraries() -> None:
    modules = (door.IMAGES, door.DATASETS, door.ARCHIVES, door.DOCUMENTS, "tests.retrieval.sandbox_jobs")
    with_a_look = Pool(modules, size=1)
    known = with_a_look.run("tests.retrieval.sandbox_jobs:world", b"", {}, spending=Spending()).facts["modules"]
    with_a_look.close()
    heavy = ("django", "torch", "faiss", "transformers", "sentence_transformers", "onnxruntime", "langchain", "sqlite3")
    assert [name for name in heavy if name in known] == []
