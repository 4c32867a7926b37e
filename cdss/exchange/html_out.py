"""Cases as web pages that need no server: a list that is searched in the browser, a page for each case, its images.

Templates escape everything; scripts get their data as a file of strings and write it as text.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from django.conf import settings
from django.template.loader import render_to_string

from cdss.exchange.bundles import Bundle
from cdss.exchange.pictures import Pictures, frame_bytes
from cdss.exchange.writers import picture_names, spooled
from cdss.library.image_files import png_size
from cdss.library.models import Case, CaseImage
from cdss.library.thumbnails import thumbnail
from cdss.reading import door

LONGEST_SIDE = 1600
ASSETS = {
    "tokens.css": "css/tokens.css",
    "site.css": "site/site.css",
    "list.js": "site/list.js",
    "case.js": "site/case.js",
}
INDEX = "assets/index.js"
WORD = re.compile(r"[^\W_]+")
DOI = re.compile(r"10\.\d{4,9}/\S+")
PMID = re.compile(r"\d{1,9}")
SHOWN = (("History", "history"), ("Examination", "exam"), ("Findings", "findings"))
OPEN = ("alternative_title", "alternative_abstract", "history", "exam", "findings", "region", "organ_system")
HIDDEN = ("title", "diagnosis", "abstract", "discussion", "pathology", "category", "keywords", "differential")


@dataclass(slots=True)
class Site:
    bundle: Bundle
    title: str
    total: int
    hides_answers: bool = True
    rows: IO[bytes] = field(default_factory=spooled)
    index: IO[bytes] = field(default_factory=spooled)

    def case(self, case: Case, number: int, pictures: Pictures) -> None:
        shown = [self._picture(image, paths, number, place) for place, (image, paths) in enumerate(pictures, 1)]
        context = (
            self._about()
            | case_context(case, number)
            | {
                "pictures": shown,
                "previous": page_name(number - 1) if number > 1 else "",
                "next": page_name(number + 1) if number < self.total else "",
                "root": "../",
            }
        )
        self.bundle.add(f"cases/{page_name(number)}", render_to_string("exchange/site/case.html", context).encode())
        self.rows.write(render_to_string("exchange/site/_row.html", context | {"root": ""}).encode())
        self.index.write(f"CASES.push({json.dumps(index_entry(case, number))});\n".encode())

    def end(self) -> None:
        with self.rows, self.index, spooled() as page:
            context = self._about() | {"root": ""}
            page.write(render_to_string("exchange/site/_list_head.html", context).encode())
            _copy(self.rows, page)
            page.write(render_to_string("exchange/site/_list_end.html", context).encode())
            self.bundle.add_file("index.html", page)
            with spooled() as index:
                index.write(b"window.CASES = [];\n")
                _copy(self.index, index)
                self.bundle.add_file(INDEX, index)
        for name, source in ASSETS.items():
            self.bundle.add(f"assets/{name}", (Path(settings.BASE_DIR) / "static" / source).read_bytes())

    def _about(self) -> dict[str, Any]:
        return {"site_title": self.title, "total": self.total, "hides_answers": self.hides_answers}

    def _picture(self, image: CaseImage, paths: Sequence[Path], number: int, place: int) -> dict[str, Any]:
        names = picture_names(f"images/{number:05}-{place:03}", len(paths))
        for name, path in zip(names, paths, strict=True):
            self.bundle.add(name, sensible(frame_bytes(path)))
        small = f"images/{number:05}-{place:03}-small.jpg"
        self.bundle.add(small, thumbnail(image))
        about = " ".join(part for part in (image.modality, image.plane.lower(), image.region) if part)
        return {
            "first": names[len(names) // 2],
            "stem": names[0].removesuffix("0000.png"),
            "frames": len(names),
            "middle": len(names) // 2,
            "small": small,
            "width": image.width,
            "height": image.height,
            # Captions may tell the answer: they stand with it.
            "alt": f"Image {place}" + (f": {about}" if about else ""),
            "caption": image.caption,
            "licence": image.licence,
            "attribution": image.attribution,
        }


def case_context(case: Case, number: int) -> dict[str, Any]:
    return {
        "case": case,
        "number": number,
        "page": f"cases/{page_name(number)}",
        "name": case.alternative_title or f"Case {number}",
        "patient": ", ".join(part for part in (case.age_said, case.sex) if part),
        "shown": [(heading, getattr(case, name)) for heading, name in SHOWN if getattr(case, name)],
        "references": [_reference(each) for each in case.references],
        "authors": [each for each in case.authors if each.get("name")],
        "licence": case.licence or case.collection.licence,
    }


def index_entry(case: Case, number: int) -> dict[str, Any]:
    """What the browser searches: words alone; the answer's are apart, so that hidden answers are not found either."""
    return {
        "n": number,
        "open": words(f"{number}", *(_said(case, name) for name in OPEN), *case.modalities, *_image_words(case)),
        "answer": words(*(_said(case, name) for name in HIDDEN)),
        "title": " · ".join(part for part in dict.fromkeys((case.title, case.diagnosis)) if part),
    }


def words(*texts: str) -> str:
    folded = unicodedata.normalize("NFKD", " ".join(texts))
    plain = "".join(character for character in folded if not unicodedata.combining(character)).lower()
    return " ".join(["", *sorted(set(WORD.findall(plain)))])


def sensible(png: bytes) -> bytes:
    """The image, smaller where it is larger than a screen shows."""
    if max(png_size(png)) <= LONGEST_SIDE:
        return png
    return door.read(f"{door.IMAGES}:small", png, side=LONGEST_SIDE, kind="PNG").blobs[0]


def page_name(number: int) -> str:
    return f"{number:05}.html"


def _said(case: Case, name: str) -> str:
    value = getattr(case, name)
    return " ".join(value) if isinstance(value, list) else str(value)


def _image_words(case: Case) -> list[str]:
    return [text for image in case.images.all() for text in (image.modality, image.region, image.plane)]


def _reference(said: dict[str, str]) -> dict[str, str]:
    """No address goes into a link but those of DOI and PMID."""
    doi, pmid = said.get("doi", "").strip(), said.get("pmid", "").strip()
    return {
        "text": said.get("text", ""),
        "doi": doi,
        "pmid": pmid,
        "url": said.get("url", ""),
        "doi_address": f"https://doi.org/{quote(doi, safe='/().;:-_')}" if DOI.fullmatch(doi) else "",
        "pmid_address": f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/" if PMID.fullmatch(pmid) else "",
    }


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    source.seek(0)
    while block := source.read(1024 * 1024):
        target.write(block)
