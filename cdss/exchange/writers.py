"""One case after the other into a bundle. A writer holds no case longer than it writes it."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from cdss.exchange import mirc_out, tce_items, tce_out
from cdss.exchange.bundles import Adds, Bundle
from cdss.exchange.models import Carried
from cdss.exchange.pictures import Pictures, frame_bytes, shows_no_text
from cdss.exchange.values import case_values, image_values
from cdss.library.importers.jsonlines import CASES_FILE
from cdss.library.keepers import given_of
from cdss.library.models import Case

IN_MEMORY = 1024 * 1024


def carried_of(case: Case, form: str = "") -> Carried | None:
    """What the case carries; of one format alone where one is named."""
    found: Carried | None = getattr(case, "carried", None)
    return found if found is not None and form in ("", found.format) else None


def spooled() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)


@dataclass(slots=True)
class Lines:
    """Case JSON lines, images beside them."""

    bundle: Bundle
    many: bool
    whole: bool = True
    lines: IO[bytes] = field(default_factory=spooled)

    def case(self, case: Case, number: int, pictures: Pictures) -> None:
        rows = []
        for place, (image, paths) in enumerate(pictures, 1):
            names = picture_names(f"images/{number:05}-{place:03}", len(paths))
            for name, path in zip(names, paths, strict=True):
                self.bundle.add(name, frame_bytes(path))
            frames = {"frames": names} if len(names) > 1 else {}
            rows.append({"path": names[0], **frames, **image_values(image)})
        beside = put_beside(self.bundle, self.whole, case, pictures, folder=f"images/{number:05}-")
        self.lines.write(json.dumps(line_of(case, rows) | beside, ensure_ascii=False).encode() + b"\n")

    def end(self) -> None:
        with self.lines:
            self.bundle.add_file(CASES_FILE, self.lines)


def put_beside(
    bundle: Adds, whole: bool, case: Case, pictures: Pictures, *, folder: str = "", under: str = ""
) -> dict[str, Any]:
    """What other rooms hold of the case: their files go into the bundle, and what names them is returned.

    `folder` is part of the names, `under` is where the document that names them lies."""
    said: dict[str, Any] = {}
    if not whole:
        return said
    for given in given_of(case=case, images=[image for image, _ in pictures], folder=folder):
        for name, data in given.files:
            bundle.add(under + name, data)
        said |= given.said
    return said


def line_of(case: Case, images: list[dict[str, Any]]) -> dict[str, Any]:
    values = case_values(case)
    name, number = values.pop("source_name"), values.pop("source_id")
    said = {key: value for key, value in values.items() if value}
    carried = carried_of(case)
    beside = {"carried": _carried(carried, case)} if carried else {}
    return {"id": number, **said, "images": images, "source": {"name": name, "id": number}, **beside}


def _carried(carried: Carried, case: Case) -> dict[str, Any]:
    """Images are named by their places in the line."""
    places = {image.sha256: f"#{place}" for place, image in enumerate(case.images.all())}

    def renamed(tree: list[Any]) -> list[Any]:
        tag, attributes, children = tree
        source = attributes.get("src", "")
        if source.startswith("#"):
            attributes = attributes | {"src": places.get(mirc_out.digest_of(carried, source), "#gone")}
        return [tag, attributes, [child if isinstance(child, str) else renamed(child) for child in children]]

    files = {"files": carried.files} if carried.files else {}
    return {"format": carried.format, "tree": renamed(carried.tree), **files}


@dataclass(slots=True)
class Mirc:
    """MIRC documents, each in a folder of its own when there are several."""

    bundle: Bundle
    many: bool
    whole: bool = True

    def case(self, case: Case, number: int, pictures: Pictures) -> None:
        folder = f"{number:05}/" if self.many else ""
        named = []
        for place, (image, paths) in enumerate(pictures, 1):
            names = picture_names(f"{place:03}", len(paths))
            for name, path in zip(names, paths, strict=True):
                self.bundle.add(folder + name, frame_bytes(path))
            named.append((image, names))
        beside = put_beside(self.bundle, self.whole, case, pictures, under=folder)
        for name, data in mirc_out.mirc_files(case, carried_of(case, "mirc"), named, beside).items():
            self.bundle.add(folder + name, data)

    def end(self) -> None:
        pass


@dataclass(slots=True)
class Tce:
    """IHE teaching files: a selection, its information and Secondary Captures in a folder for each case."""

    bundle: Bundle
    many: bool
    whole: bool = True

    def case(self, case: Case, number: int, pictures: Pictures) -> None:
        folder = f"{number:05}/" if self.many else ""
        named = []
        for place, (image, paths) in enumerate(pictures):
            for frame, path in enumerate(paths):
                data = tce_out.capture(
                    case,
                    image,
                    place=place,
                    number=frame,
                    png=frame_bytes(path),
                    shows_no_text=shows_no_text(case, image),
                )
                self.bundle.add(f"{folder}image-{place + 1:03}-{frame + 1:04}.dcm", data)
            named.append((image, [tce_out.frame_uid(case, image, frame) for frame in range(len(paths))]))
        objects = tce_out.Objects()
        beside = put_beside(objects.noted(self.bundle), self.whole, case, pictures, under=folder)
        root = tce_items.information(case, carried_of(case, "tce"), named, beside)
        self.bundle.add(folder + tce_out.INFORMATION, tce_out.report(case, root, named))
        self.bundle.add(folder + tce_out.SELECTION, tce_out.selection(case, named, objects))

    def end(self) -> None:
        pass


def picture_names(stem: str, frames: int) -> list[str]:
    return [f"{stem}.png"] if frames == 1 else [f"{stem}-{number:04}.png" for number in range(frames)]


WRITERS: dict[str, Callable[[Bundle, bool, bool], Any]] = {"jsonl": Lines, "mirc": Mirc, "tce": Tce}
