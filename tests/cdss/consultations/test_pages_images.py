import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, ConsultationImage
from tests.cdss.cast import PIXEL, answered_consultation


@pytest.fixture
def row(clinician: User) -> Consultation:
    return answered_consultation(clinician, with_image=True)


def address(image: ConsultationImage) -> str:
    return f"/consultations/{image.consultation_id}/images/{image.pk}/"


def test_an_image_is_served_as_what_it_is_and_to_its_owner_alone(client: Client, clinician: User, row) -> None:
    client.force_login(clinician)
    response = client.get(address(row.images.get()))
    assert response.content == PIXEL
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"].startswith("private")
    assert Event.objects.filter(action="consultation.image_viewed", object_id=str(row.pk)).exists()


def test_an_image_is_not_found_through_another_consultation(client: Client, clinician: User, row) -> None:
    other = answered_consultation(clinician)
    client.force_login(clinician)
    assert client.get(f"/consultations/{other.pk}/images/{row.images.get().pk}/").status_code == 404


@pytest.mark.parametrize("frame", ["1", "-1", "x", "99999999999999999999"])
def test_a_frame_there_is_not_is_not_found(client: Client, clinician: User, row, frame: str) -> None:
    client.force_login(clinician)
    assert client.get(address(row.images.get()) + f"?frame={frame}").status_code == 404


def test_a_file_that_is_gone_is_not_found(client: Client, clinician: User, row) -> None:
    image = row.images.get()
    image.file.storage.delete(image.file.name)
    client.force_login(clinician)
    assert client.get(address(image)).status_code == 404
