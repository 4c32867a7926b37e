from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from django.conf import Settings
from PIL import Image

from cdss.indexing.encoding.encoders import forget
from cdss.indexing.engine import forget_engine
from cdss.library.models import Case, CaseImage, Collection, Document, Kind, LibraryItem, State

MakeItem = Callable[..., LibraryItem]


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """Folders of this test's own, and no engine left from another."""
    settings.INDEX_ROOT = tmp_path / "indexes"
    settings.MEDIA_ROOT = tmp_path / "media"
    forget_engine()
    forget()
    yield tmp_path
    forget_engine()


@pytest.fixture
def collection(db: None) -> Collection:
    return Collection.objects.create(name="Synthetic", synthetic=True)


@pytest.fixture
def make_case(collection: Collection) -> MakeItem:
    numbers = count(1)

    def make(title: str, text: str, **fields: object) -> LibraryItem:
        defaults = {"kind": Kind.CASE, "source_id": f"case-{next(numbers)}", "state": State.PUBLISHED}
        return Case.objects.create(
            title=title, text=text, **{"collection": collection, "source_name": "tests", **defaults, **fields}
        )

    return make


@pytest.fixture
def make_document(collection: Collection) -> MakeItem:
    numbers = count(1)

    def make(title: str, text: str, **fields: object) -> LibraryItem:
        defaults = {"kind": Kind.LITERATURE, "source_id": f"paper-{next(numbers)}", "state": State.PUBLISHED}
        return Document.objects.create(
            title=title, text=text, **{"collection": collection, "source_name": "tests", **defaults, **fields}
        )

    return make


@pytest.fixture
def make_image(site: Path) -> Callable[..., CaseImage]:
    def make(case: LibraryItem, seed: int, position: int = 0) -> CaseImage:
        cells = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
        path = site / "media" / "cases" / f"{case.pk}-{position}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.kron(cells, np.ones((8, 8), np.uint8))).save(path)
        return CaseImage.objects.create(
            case_id=case.pk, position=position, file=f"cases/{path.name}", width=64, height=64, sha256=f"{seed:064}"
        )

    return make


@pytest.fixture
def library(make_case: MakeItem, make_document: MakeItem) -> dict[str, LibraryItem]:
    """Two cases and a paper, published for everyone."""
    return {
        "embolism": make_case(
            "Pulmonary embolism",
            "History:\nAcute chest pain.\n\nFindings:\nFilling defect in the right pulmonary artery.",
        ),
        "fracture": make_case(
            "Colles fracture", "History:\nFall on the hand.\n\nFindings:\nFracture of the distal radius."
        ),
        "paper": make_document(
            "Reduction of the distal radius", "Closed reduction of a fracture. A cast for six weeks."
        ),
    }
