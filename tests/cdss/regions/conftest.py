"""Cases with phantoms of four kinds, encoded without weights."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from io import BytesIO
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from django.conf import Settings
from django.core.files.base import ContentFile
from PIL import Image

from cdss.accounts.models import User
from cdss.indexing.encoding.encoders import forget
from cdss.indexing.encoding.patches import patches_build
from cdss.library.models import Case, CaseImage, Collection, Kind, State, Visibility
from cdss.library.phantoms.masked import STRUCTURES, MaskedPhantom, masked_phantom
from retrieval.types import Pixels

SIZE = 96
MakeImage = Callable[..., CaseImage]
LIVER = next(structure for structure in STRUCTURES if structure.name == "liver, CT")


def liver(seed: int) -> MaskedPhantom:
    return masked_phantom(LIVER, seed, size=SIZE)


def png(pixels: Pixels) -> bytes:
    data = BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    settings.INDEX_ROOT = tmp_path / "indexes"
    settings.MEDIA_ROOT = tmp_path / "media"
    forget()
    yield tmp_path
    forget()


@pytest.fixture
def make_image(db: None) -> MakeImage:
    numbers = count(1)

    def make(
        pixels: Pixels, *, owner: User | None = None, visibility: str = Visibility.PUBLIC, state: str = State.PUBLISHED,
        masked: bool = False, case: Case | None = None, **fields: object,
    ) -> CaseImage:  # fmt: skip
        collection, _ = Collection.objects.get_or_create(
            name=f"Synthetic {masked}", defaults={"synthetic": True, "mask_overlays": masked}
        )
        number = next(numbers)
        case = case or Case.objects.create(
            kind=Kind.CASE, title=f"Synthetic case {number}", text="", collection=collection, owner=owner,
            visibility=visibility, state=state, source_name="tests", source_id=f"case-{number}", synthetic=True,
            content_hash="0" * 64, **fields,
        )  # fmt: skip
        data = png(pixels)
        image = CaseImage(
            case=case, position=number, width=pixels.shape[1], height=pixels.shape[0], sha256=sha256(data).hexdigest()
        )
        image.file.save(f"{number}.png", ContentFile(data))
        return image

    return make


@pytest.fixture
def livers(make_image: MakeImage) -> list[CaseImage]:
    return [make_image(liver(seed).pixels) for seed in (1, 2, 3)]


@pytest.fixture
def prepared(livers: list[CaseImage]) -> list[CaseImage]:
    patches_build()
    return livers


def other_picture(seed: int = 5) -> Pixels:
    return np.random.default_rng(seed).integers(0, 255, (64, 80, 3), dtype=np.uint8)
