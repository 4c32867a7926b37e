"""The page of similar regions, and the comparison of two."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation, ConsultationImage
from cdss.indexing.encoding.patches import patches_build
from cdss.indexing.models import PatchEmbedding
from cdss.library.models import CaseImage, Visibility
from cdss.regions import searching
from retrieval.errors import EncoderBusyError, EncoderUnavailableError
from tests.cdss.regions.conftest import MakeImage, liver, other_picture, png

SEARCH, COMPARE = "/regions/search/", "/regions/compare/"
BOX = {"x": "20", "y": "22", "w": "40", "h": "30"}


def page(client: Client, **data: object):
    return client.get(SEARCH, data)


@pytest.fixture
def reader(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


def own_image(user: User, **fields: object) -> ConsultationImage:
    consultation = Consultation.objects.create(user=user, findings="A mass of the liver.", **fields)
    image = ConsultationImage(consultation=consultation, width=96, height=96, sha256="1" * 64)
    image.file.save("own.png", ContentFile(png(liver(9).pixels)))
    return image


def test_a_region_of_a_library_image_finds_other_cases(reader: Client, prepared: list[CaseImage]) -> None:
    answer = page(reader, image=prepared[0].pk, frame=0, **BOX)
    assert answer.status_code == 200
    similar = answer.context["similar"]
    assert {each.place.row.pk for each in similar} == {image.pk for image in prepared[1:]}
    text = answer.content.decode()
    assert text.count('class="region-box"') == 3
    assert "Research and education" in text
    assert f'value="{BOX["w"]}"' in text
    event = Event.objects.get(action="regions.searched")
    assert event.details == {"image": prepared[0].pk, "frame": 0, "box": [20, 22, 40, 30], "found": 2}


def test_before_a_box_it_says_what_to_do(reader: Client, prepared: list[CaseImage]) -> None:
    answer = page(reader, image=prepared[0].pk)
    assert "similar" not in answer.context
    assert "Drag a box on it, or type four numbers" in answer.content.decode()


def test_without_an_image_it_says_where_to_begin(reader: Client, prepared: list[CaseImage]) -> None:
    text = page(reader).content.decode()
    assert "3 of 3 published images" in text
    assert "Find similar regions" in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"w": "0"}, "no area"),
        ({"h": "-3"}, "no area"),
        ({"x": "96"}, "outside the image"),
        ({"y": "-90"}, "outside the image"),
        ({"x": "nan"}, "not made of numbers"),
        ({"w": "inf"}, "not made of numbers"),
        ({"w": "wide"}, "four numbers"),
        ({"h": ""}, "all four numbers"),
        ({"x": "1e999999999999999999"}, "not made of numbers"),
    ],
)
def test_a_box_that_cannot_be_is_explained(reader: Client, prepared: list[CaseImage], change, says: str) -> None:
    answer = page(reader, image=prepared[0].pk, **BOX | change)
    assert answer.status_code == 422
    assert says in answer.content.decode()


def test_a_box_beyond_the_rim_is_cut(reader: Client, prepared: list[CaseImage]) -> None:
    answer = page(reader, image=prepared[0].pk, x="-50", y="-50", w="1e9", h="1e9")
    assert answer.status_code == 200
    assert answer.context["typed"] == {"x": "0", "y": "0", "w": "96", "h": "96"}


@pytest.mark.parametrize(
    "data",
    [
        {"image": "987654"}, {"image": "x"}, {"image": "-1"}, {"image": "9" * 40}, {"image": "²"}, {"image": ""},
        {"own": "987654"}, {"own": "0x1"}, {"frame": "1"}, {"frame": "-1"}, {"frame": "x"},
    ],
)  # fmt: skip
def test_what_is_not_there_is_no_error(reader: Client, prepared: list[CaseImage], data: dict[str, str]) -> None:
    known = {"image": prepared[0].pk} if "frame" in data else {}
    assert page(reader, **known, **data, **BOX).status_code == 404


def test_an_image_of_somebody_else_does_not_exist(
    reader: Client, make_user: Callable[..., User], make_image: MakeImage
) -> None:
    stranger = make_user("stranger", Role.CLINICIAN, department="surgery")
    private = make_image(other_picture(), owner=stranger, visibility=Visibility.PRIVATE)
    theirs = own_image(stranger)
    assert page(reader, image=private.pk, **BOX).status_code == 404
    assert page(reader, own=theirs.pk, **BOX).status_code == 404
    public = make_image(liver(1).pixels)
    patches_build()
    query = {"image": public.pk, **BOX, "other": private.pk, "ox": 1, "oy": 1, "ow": 9, "oh": 9}
    assert reader.get(COMPARE, query).status_code == 404


def test_before_anything_is_prepared_it_says_who_can(reader: Client, livers: list[CaseImage], educator: User) -> None:
    text = page(reader, image=livers[0].pk, **BOX).content.decode()
    assert "No image of the library is prepared" in text
    assert "An educator or administrator can prepare" in text
    reader.force_login(educator)
    assert "Prepare the images now" in page(reader, image=livers[0].pk, **BOX).content.decode()


def test_an_educator_prepares_the_library(client: Client, educator: User, clinician: User, livers: list) -> None:
    client.force_login(clinician)
    assert client.post("/regions/prepare/").status_code == 403
    client.force_login(educator)
    assert client.post("/regions/prepare/").status_code == 302
    assert PatchEmbedding.objects.count() == 3
    assert Event.objects.filter(action="regions.prepared", actor="educator").count() == 1


def test_a_consultations_own_image_is_searched_with(reader: Client, clinician: User, prepared: list[CaseImage]) -> None:
    image = own_image(clinician)
    answer = page(reader, own=image.pk, **BOX)
    assert len(answer.context["similar"]) == 3
    assert f"own={image.pk}" in answer.context["similar"][0].compare
    assert reader.get(f"{COMPARE}?{answer.context['similar'][0].compare}").status_code == 200


def test_the_case_it_was_started_from_and_the_same_picture_are_left_out(
    reader: Client, clinician: User, prepared: list[CaseImage]
) -> None:
    image = own_image(clinician, library_case=prepared[0].case)
    ConsultationImage.objects.filter(pk=image.pk).update(sha256=prepared[1].sha256)
    found = page(reader, own=image.pk, **BOX).context["similar"]
    assert [each.place.row.pk for each in found] == [prepared[2].pk]


def test_the_same_patient_is_left_out(reader: Client, clinician: User, make_image: MakeImage) -> None:
    one = make_image(liver(1).pixels, source_group="p" * 64)
    make_image(liver(2).pixels, source_group="p" * 64)
    other = make_image(liver(3).pixels)
    patches_build()
    found = page(reader, image=one.pk, **BOX).context["similar"]
    assert [each.place.row.pk for each in found] == [other.pk]
    mine = own_image(clinician, patient_key="p" * 64)
    assert [each.place.row.pk for each in page(reader, own=mine.pk, **BOX).context["similar"]] == [other.pk]


def test_an_answer_that_is_withheld_is_not_told_by_similar_cases(
    reader: Client, clinician: User, prepared: list[CaseImage]
) -> None:
    image = own_image(clinician, commit_first=True)
    answer = page(reader, own=image.pk, **BOX)
    assert (answer.status_code, answer["Location"]) == (302, image.consultation.get_absolute_url())
    query = {"own": image.pk, **BOX, "other": prepared[0].pk, "ox": 1, "oy": 1, "ow": 9, "oh": 9}
    assert reader.get(COMPARE, query).status_code == 404


def compare_query(image: CaseImage, other: CaseImage, **change: object) -> dict[str, object]:
    theirs = {f"o{side}": value for side, value in BOX.items()}
    return {"image": image.pk, **BOX, "other": other.pk, "other_frame": 0, **theirs} | change


def test_a_comparison_shows_what_matches_and_what_it_is_not(reader: Client, prepared: list[CaseImage]) -> None:
    answer = reader.get(COMPARE, compare_query(prepared[0], prepared[1]))
    found = answer.context["found"]
    assert 0 < len(found.pairs) <= 8
    assert all(0 <= square.strength <= 0.75 for square in found.other.squares)
    assert max(square.strength for square in found.other.squares) == 0.75
    # The box is a part of the picture, and only its squares are coloured there.
    assert 0 < len(found.query.squares) < len(found.other.squares) == 256
    assert found.query.width == 6.0
    text = answer.content.decode()
    for said in ("What this is not", "No proof of a lesion", "No probability", "6.0 × 6.0 pixels", "hashing-patches-1"):
        assert said in text
    assert "style=" not in text
    assert Event.objects.get(action="regions.compared").details["other"] == prepared[1].pk


@pytest.mark.parametrize("change", [{"other": ""}, {"other": "9" * 30}, {"other_frame": "4"}, {"other_frame": "x"}])
def test_a_comparison_with_nothing_does_not_exist(reader: Client, prepared: list[CaseImage], change: dict) -> None:
    assert reader.get(COMPARE, compare_query(prepared[0], prepared[1]) | change).status_code == 404


def test_a_comparison_of_a_bad_box_is_explained(reader: Client, prepared: list[CaseImage]) -> None:
    answer = reader.get(COMPARE, compare_query(prepared[0], prepared[1], w="0"))
    assert answer.status_code == 422
    assert "no area" in answer.content.decode()


def test_results_link_to_the_comparison_of_the_same_boxes(reader: Client, prepared: list[CaseImage]) -> None:
    first = page(reader, image=prepared[0].pk, **BOX).context["similar"][0]
    query = {name: values[0] for name, values in parse_qs(first.compare).items()}
    assert {side: query[side] for side in "xywh"} == BOX
    assert reader.get(f"{COMPARE}?{urlencode(query)}").context["other_box"].width == pytest.approx(
        first.box.width, rel=1e-3
    )


def test_the_page_asks_the_database_the_same_however_much_is_found(
    reader: Client, prepared: list[CaseImage], make_image: MakeImage, django_assert_max_num_queries
) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(60) as counted:
            page(reader, image=prepared[0].pk, **BOX)
        return len(counted)

    queries()  # The first one begins the audit trail.
    few = queries()
    for seed in range(4, 10):
        make_image(liver(seed).pixels)
    patches_build()
    assert queries() == few


def test_cases_and_consultations_lead_there(reader: Client, clinician: User, prepared: list[CaseImage]) -> None:
    text = reader.get(f"/library/cases/{prepared[0].case_id}/").content.decode()
    assert f"/regions/search/?image={prepared[0].pk}" in text


@pytest.mark.parametrize("error", [EncoderBusyError, EncoderUnavailableError])
def test_busy_encoders_are_told_and_the_box_is_kept(
    reader: Client, prepared: list[CaseImage], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def refuses(*args: object, **kwargs: object) -> None:
        raise error("The encoders are busy. Try again in a moment.")

    monkeypatch.setattr(searching, "patches_of", refuses)
    monkeypatch.setattr(searching, "regions_search", refuses)
    theirs = {f"o{side}": value for side, value in BOX.items()} | {"other": prepared[1].pk, "other_frame": 0}
    for path, more in ((SEARCH, {}), (COMPARE, theirs)):
        answer = reader.get(path, {"image": prepared[0].pk, "frame": 0} | BOX | more)
        text = answer.content.decode()
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "The encoders are busy. Try again in a moment. The region you chose is kept." in text
        assert f'href="{answer.wsgi_request.get_full_path().replace("&", "&amp;")}"' in text
        assert all(f'value="{BOX[side]}"' in text for side in "xywh")
        assert "Prepare the images" not in text
        assert "Nothing found" not in text
    assert not Event.objects.filter(action__in=("regions.searched", "regions.compared")).exists()
