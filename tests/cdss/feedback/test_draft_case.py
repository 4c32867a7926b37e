from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, RaterInvitation
from cdss.feedback.drafting import DraftError, case_draft
from cdss.feedback.models import CaseDraft
from cdss.feedback.services import feedback_give
from cdss.library.image_files import frame_paths, write_image
from cdss.library.models import Case, LibraryItem
from tests.cdss.cast import PIXEL, answered_consultation


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def confirmed(clinician: User) -> Consultation:
    row = answered_consultation(clinician, with_image=True)
    row.history = "Seen by Dr. Miller on 12/03/2024, MRN 4433221."
    row.save()
    feedback_give(
        by=clinician, consultation=row, verdict="final", final_diagnosis="Carcinoid tumor", confirmed_by="histology"
    )
    return row


def test_a_draft_that_nothing_finds(client: Client, clinician: User, confirmed: Consultation) -> None:
    client.force_login(clinician)
    answer = client.post(f"/feedback/consultations/{confirmed.pk}/case/")
    case = Case.objects.get()
    assert answer["Location"] == f"/library/cases/{case.pk}/"
    assert (case.state, case.owner, case.diagnosis) == ("draft", clinician, "Carcinoid tumor")
    assert case.diagnosis_by == "Histology or cytology"
    assert "4433221" not in case.text
    assert case.images.count() == 1
    assert not LibraryItem.objects.searchable_by(clinician).exists()
    event = Event.objects.get(action="consultation.case_drafted")
    assert (event.object_id, event.details) == (str(confirmed.pk), {"case": case.pk, "images": 1})


def test_an_image_that_is_stored_encrypted_goes_along(clinician: User, confirmed: Consultation) -> None:
    image = confirmed.images.get()
    image.file.name = write_image(folder="consultations", pngs=[PIXEL])
    image.save()
    assert not frame_paths(name=image.file.name, frames=1)[0].read_bytes().startswith(b"\x89PNG")
    case = case_draft(consultation=confirmed, by=clinician)
    assert case.images.count() == 1
    assert not list((Path(settings.CDSS_HOME) / "uploads").glob("copies-*"))


def test_linked_both_ways(client: Client, clinician: User, confirmed: Consultation) -> None:
    case = case_draft(consultation=confirmed, by=clinician)
    client.force_login(clinician)
    assert f'href="/library/cases/{case.pk}/"' in client.get(f"/consultations/{confirmed.pk}/").content.decode()
    assert f'href="/consultations/{confirmed.pk}/"' in client.get(f"/library/cases/{case.pk}/").content.decode()


def test_asked_twice_it_is_one(clinician: User, confirmed: Consultation) -> None:
    assert case_draft(consultation=confirmed, by=clinician) == case_draft(consultation=confirmed, by=clinician)
    assert Case.objects.count() == CaseDraft.objects.count() == 1
    assert Event.objects.filter(action="consultation.case_drafted").count() == 1


def test_without_a_confirmed_diagnosis_there_is_no_case(clinician: User) -> None:
    row = answered_consultation(clinician)
    feedback_give(by=clinician, consultation=row, verdict="final", final_diagnosis="Carcinoid tumor")
    with pytest.raises(DraftError, match="how it was confirmed"):
        case_draft(consultation=row, by=clinician)
    assert not Case.objects.exists()


def test_an_educator_who_may_read_it_but_no_other_rater(
    client: Client, make_user, educator: User, confirmed: Consultation
) -> None:
    other = make_user("other")
    for rater in (other, educator):
        RaterInvitation.objects.create(consultation=confirmed, rater=rater)
    client.force_login(other)
    assert client.post(f"/feedback/consultations/{confirmed.pk}/case/").status_code == 403
    assert case_draft(consultation=confirmed, by=educator).owner == educator
