import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, Status
from tests.cdss.cast import answered_consultation


def aged(user: User, days: int, **fields: object) -> Consultation:
    consultation = answered_consultation(user, with_image=True)
    fields["created"] = timezone.now() - timedelta(days=days)
    Consultation.objects.filter(pk=consultation.pk).update(**fields)
    return consultation


def applied(*arguments: str) -> dict[str, int]:
    out = io.StringIO()
    call_command("apply_retention", "--json", *arguments, stdout=out)
    return dict(json.loads(out.getvalue()))


@pytest.fixture(autouse=True)
def rules(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RETAIN_CONSULTATIONS_DAYS, settings.RETAIN_IMAGES_DAYS = 100, 10  # type: ignore[attr-defined]
    settings.RETAIN_DRAFTS_DAYS = 5  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
def test_what_is_past_its_time_goes_and_the_rest_stays(clinician: User) -> None:
    old, middle, young = aged(clinician, 101), aged(clinician, 11), aged(clinician, 9)
    draft = aged(clinician, 6, status=Status.REVIEW)
    running = aged(clinician, 500, status=Status.RUNNING)
    picture = Path(middle.images.get().file.path)
    assert applied("--dry-run") == {"consultations": 1, "drafts": 1, "images": 1}
    assert Consultation.objects.count() == 5
    assert applied() == {"consultations": 1, "drafts": 1, "images": 1}
    left = set(Consultation.objects.values_list("pk", flat=True))
    assert left == {middle.pk, young.pk, running.pk}
    assert old.pk not in left
    assert draft.pk not in left
    assert not picture.exists()
    assert young.images.exists()
    assert Event.objects.filter(action="privacy.erased", details__reason="retention").count() == 3
    assert applied() == {"consultations": 0, "drafts": 0, "images": 0}


@pytest.mark.django_db
def test_without_rules_everything_stays(clinician: User, settings: object) -> None:
    settings.RETAIN_CONSULTATIONS_DAYS = settings.RETAIN_IMAGES_DAYS = settings.RETAIN_DRAFTS_DAYS = 0  # type: ignore[attr-defined]
    aged(clinician, 10_000)
    assert applied() == {"consultations": 0, "drafts": 0, "images": 0}
