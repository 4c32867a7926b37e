import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from cdss.accounts.models import Role, User
from cdss.authoring import pictures, services
from cdss.authoring.checklist import ITEMS, tick_set
from cdss.authoring.content import digest, value_of
from cdss.authoring.models import Manuscript
from cdss.library.models import Collection
from cdss.library.services import collection_ensure

FINDINGS = "A well-circumscribed nodule of 2 cm in the right lower lobe with popcorn calcification and fat."
WHOLE = {
    "title": "Hamartoma of the lung",
    "alternative_title": "A nodule found by chance",
    "history": "Incidental finding in an adult without symptoms, who never smoked.",
    "findings": FINDINGS,
    "diagnosis": "Hamartoma",
    "certainty": "probable",
    "discussion": "Popcorn calcification and fat suggest a hamartoma.",
    "licence": "CC BY 4.0",
}


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.CDSS_HOME = tmp_path
    settings.MODELS_ROOT = tmp_path / "models"
    return tmp_path


@pytest.fixture
def collection(db: None) -> Collection:
    return collection_ensure(name="Teaching cases", synthetic=True)


@pytest.fixture
def second(make_user: Callable[..., User]) -> User:
    return make_user("second", Role.EDUCATOR, department="radiology")


@pytest.fixture
def manuscript(collection: Collection, educator: User) -> Manuscript:
    made = services.case_new(by=educator, title="A synthetic case", collection=collection, visibility="public")
    return write(made, educator)


def png(seed: int = 0, size: tuple[int, int] = (40, 30)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0]), dtype=np.uint8)
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "PNG")
    return made.getvalue()


def upload(seed: int = 0, name: str = "image.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, png(seed), "image/png")


def base_of(manuscript: Manuscript, *names: str) -> dict[str, str]:
    """Digests of what stands there now: what an author who opens the page starts from."""
    manuscript.refresh_from_db()
    return {name: digest(value_of(manuscript.content, name)) for name in names}


def write(manuscript: Manuscript, by: User, **fields: Any) -> Manuscript:
    said = fields or WHOLE
    base = base_of(manuscript, *said)
    saved = services.manuscript_save(manuscript=manuscript, by=by, fields=said, base=base)
    assert not saved.conflicts
    assert not saved.problems
    return Manuscript.objects.get(pk=manuscript.pk)


def with_pictures(manuscript: Manuscript, by: User, count: int = 2) -> Manuscript:
    uploads = [upload(seed) for seed in range(count)]
    assert pictures.pictures_add(manuscript=manuscript, uploads=uploads, by=by) == (count, [])
    return Manuscript.objects.get(pk=manuscript.pk)


def ticked(manuscript: Manuscript, by: User) -> Manuscript:
    for item in ITEMS:
        tick_set(manuscript=manuscript, item=item, on=True, by=by)
    return Manuscript.objects.get(pk=manuscript.pk)


def published(manuscript: Manuscript, author: User, reviewer: User) -> Manuscript:
    from cdss.authoring.workflow import case_publish, case_submit

    case_submit(manuscript=manuscript, by=author)
    case_publish(manuscript=ticked(manuscript, reviewer), by=reviewer)
    return Manuscript.objects.get(pk=manuscript.pk)
