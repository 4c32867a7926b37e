from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from cdss.accounts.models import User
from cdss.library.models import Case
from cdss.studies.models import Series, StudyUpload
from cdss.studies.services import draft_begin
from cdss.studies.shown import Shown, of_series
from cdss.studies.uploads import upload_add, upload_begin, upload_read
from tests.cdss.studies.dicoms import study


@pytest.fixture(autouse=True)
def site(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.CDSS_HOME = tmp_path
    return tmp_path


@pytest.fixture
def draft(educator: User) -> Case:
    return draft_begin(title="A nodule", by=educator)


Files = Sequence[tuple[str, bytes]]


def read_files(case: Case, by: User, files: Files) -> StudyUpload:
    upload = upload_begin(case=case, by=by)
    upload_add(upload=upload, files=[SimpleUploadedFile(name, content) for name, content in files])
    StudyUpload.objects.filter(pk=upload.pk).update(state="waiting")
    upload_read(upload=StudyUpload.objects.select_related("case", "owner").get(pk=upload.pk))
    upload.refresh_from_db()
    return upload


@pytest.fixture
def upload(draft: Case, educator: User) -> Callable[[Files], StudyUpload]:
    return lambda files: read_files(draft, educator, files)


@pytest.fixture
def series(upload: Callable[[Files], StudyUpload]) -> Series:
    """Five slices of a CT with Hounsfield units."""
    assert upload(study(5)).state == "done"
    return Series.objects.get()


@pytest.fixture
def shown(series: Series) -> Shown:
    return of_series(series)
