import os
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from itertools import product
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.library import browse
from cdss.library.image_files import forget_earlier_small_files, image_bytes, remove_images_on_commit
from cdss.library.models import Case, CaseImage, Collection, Document, LibraryItem, State, Visibility
from cdss.library.quarantine_services import quarantine_lift, source_quarantine
from cdss.library.rows import CaseRow, DocumentRow, ImageRow
from cdss.library.services import Target, case_upsert, collection_ensure, document_upsert, item_unpublish
from tests.cdss.cast import library_case, library_document
from tests.cdss.library.conftest import files_in, write_png

TEXT = "Objective\nTo tell <b>something</b>.\n\nResults:\nThe mass was large.\n\nIt grew."


@pytest.fixture
def as_clinician(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


@pytest.fixture
def as_educator(client: Client, educator: User) -> Client:
    client.force_login(educator)
    return client


@pytest.fixture
def make_case(target: Target, source: Path) -> Callable[..., Case]:
    def make(number: int = 1, *, region: str = "Thorax", modality: str = "CT", to: Target = target, **values) -> Case:
        image = ImageRow((write_png(source / f"{number}.png", number),), modality=modality, region=region)
        row = CaseRow("s", str(number), **({"history": "Pain.", "diagnosis": "Hamartoma"} | values), images=(image,))
        return Case.objects.get(pk=case_upsert(row=row, target=to).item)

    return make


@pytest.fixture
def document(target: Target) -> Document:
    row = DocumentRow(
        "PubMed", "42", "guideline", "On masses", TEXT, authors="Roe J", journal="Journal", published="2015",
        doi="10.1000/x", pmid="42", licence="CC BY", status="archived", pages=((0, 40, 1), (40, len(TEXT), 2)),
    )  # fmt: skip
    return Document.objects.get(pk=document_upsert(row=row, target=target).item)


def page(client: Client, url: str, **query: object) -> str:
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_shows_pictures_counts_and_facets(
    as_clinician: Client, make_case: Callable, document: Document
) -> None:
    case = make_case()
    html = page(as_clinician, reverse("library:list"))
    assert "2 items" in html
    assert f"{reverse('library:image', args=[case.images.get().pk])}?size=thumb" in html
    assert [facet in html for facet in ("Thorax", "CT", "Guideline", "Teaching")] == [True] * 4


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"kind": "guideline"}, {"On masses"}),
        ({"region": "Head"}, {"Stroke"}),
        ({"region": "Head", "modality": "CT"}, set()),
        ({"diagnosis": "hamar"}, {"Hamartoma"}),
        ({"q": "mass large"}, {"On masses"}),
        ({"q": "pain stroke"}, {"Stroke"}),
        ({"kind": "nonsense", "collection": "x", "state": "y", "page": "z"}, {"On masses", "Stroke", "Hamartoma"}),
        ({"q": "\x00"}, {"On masses", "Stroke", "Hamartoma"}),
        ({"collection": "999"}, set()),
    ],
)
@pytest.mark.parametrize("view", ["cards", "table"])
def test_filters(
    as_clinician: Client, make_case: Callable, document: Document, view: str, query: dict[str, str], found: set[str]
) -> None:
    make_case(1)
    make_case(2, region="Head", modality="MR", diagnosis="Stroke")
    response = as_clinician.get(reverse("library:list"), query | {"view": view})
    assert {item.title for item, _ in response.context["rows"]} == found


def test_a_list_costs_the_same_at_any_size(as_educator: Client, make_case: Callable, document: Document) -> None:
    # The first event of a trail makes its head.
    page(as_educator, reverse("library:list"))
    counts = []
    for numbers in (range(1, 3), range(3, 23)):
        for number in numbers:
            make_case(number)
        for url in (
            reverse("library:list"),
            reverse("library:list") + "?view=table&q=pain",
            reverse("library:sources"),
        ):
            with CaptureQueriesContext(connection) as queries:
                page(as_educator, url)
            counts.append(len(queries))
    assert counts[:3] == counts[3:]
    assert max(counts) <= 19


def test_a_case_costs_the_same_with_any_number_of_images(as_clinician: Client, target: Target, source: Path) -> None:
    counts = []
    for number in (1, 12):
        images = tuple(ImageRow((write_png(source / f"{number}-{n}.png", 100 * number + n),)) for n in range(number))
        pk = case_upsert(row=CaseRow("s", str(number), history="h", images=images), target=target).item
        # The first event of a trail costs more than the ones after it.
        page(as_clinician, reverse("library:case", args=[pk]))
        with CaptureQueriesContext(connection) as queries:
            page(as_clinician, reverse("library:case", args=[pk]))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_case_page_keeps_the_diagnosis_behind_a_fold(as_clinician: Client, make_case: Callable) -> None:
    html = page(as_clinician, reverse("library:case", args=[make_case().pk]))
    before, after = html.split("<details>", 1)[0], html.split("Diagnosis and discussion", 1)[1]
    assert "Pain." in before
    assert "Hamartoma" not in before.split("<main")[1]
    assert "Hamartoma" in after


def test_a_citation_of_the_diagnosis_opens_the_fold(as_clinician: Client, make_case: Callable) -> None:
    case = make_case()
    start = case.text.index("Hamartoma")
    html = page(as_clinician, reverse("library:case", args=[case.pk]), start=start, end=start + 9)
    assert '<mark id="cited">Hamartoma</mark>' in html
    assert "<details open>" in html


def test_a_document_opens_at_the_cited_span(as_clinician: Client, document: Document) -> None:
    start = TEXT.index("mass was")
    html = page(as_clinician, reverse("library:document", args=[document.pk]), start=start, end=start + 8)
    assert 'The <mark id="cited">mass was</mark> large.' in html
    assert "To the cited passage, page 2" in html
    assert [f">{heading}</a>" in html for heading in ("Objective", "Results")] == [True, True]
    assert "<b>" not in html
    assert "To tell <b>something</b>." in unescape(html)
    assert 'href="https://doi.org/10.1000/x" rel="noopener noreferrer external"' in html
    assert 'href="https://pubmed.ncbi.nlm.nih.gov/42/" rel="noopener noreferrer external"' in html
    assert [text in html for text in ("Roe J", "Journal", "2015", "CC BY", "archived")] == [True] * 5


def test_a_span_over_a_heading_has_one_anchor(as_clinician: Client, document: Document) -> None:
    html = page(as_clinician, reverse("library:document", args=[document.pk]), start=5, end=len(TEXT))
    assert html.count('id="cited"') == 1
    assert html.count("<mark") == 2


@pytest.mark.parametrize(
    "query", [{"start": "x", "end": "1"}, {"start": "5", "end": "5"}, {"start": "0", "end": "9999"}]
)
def test_a_span_that_is_not_there_is_said(as_clinician: Client, document: Document, query: dict[str, str]) -> None:
    html = page(as_clinician, reverse("library:document", args=[document.pk]), **query)
    assert "<mark" not in html
    assert "the document has changed since" in html


def test_synthetic_and_retracted_are_said(as_educator: Client, target: Target, make_case: Callable) -> None:
    synthetic = Target(collection_ensure(name="Demo", synthetic=True), publish=True)
    assert "Synthetic" in page(as_educator, reverse("library:case", args=[make_case(to=synthetic).pk]))
    row = DocumentRow("s", "r", "literature", "T", "Text.", status="retracted")
    pk = document_upsert(row=row, target=target).item
    assert "Retracted. Do not rely on it." in page(as_educator, reverse("library:document", args=[pk]))


def test_an_image_is_served_safely(as_clinician: Client, make_case: Callable, media: Path) -> None:
    image = make_case().images.get()
    response = as_clinician.get(reverse("library:image", args=[image.pk]))
    assert (response["Content-Type"], response["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert response["Cache-Control"] == "private, max-age=3600"
    assert response.content == image_bytes(media / str(image.file))
    for url in (f"{reverse('library:image', args=[image.pk])}?frame=1", reverse("library:frame", args=[image.pk, 7])):
        assert as_clinician.get(url).status_code == 404
    assert as_clinician.get(reverse("library:image", args=[image.pk]), {"frame": "../x"}).status_code == 404


def test_frames_of_a_stack(as_clinician: Client, target: Target, source: Path) -> None:
    files = tuple(write_png(source / f"{number}.png", number) for number in range(3))
    pk = case_upsert(row=CaseRow("s", "1", images=(ImageRow(files),)), target=target).item
    image = CaseImage.objects.get(case_id=pk)
    frames = [as_clinician.get(reverse("library:frame", args=[image.pk, number])).content for number in range(3)]
    assert len(set(frames)) == image.frames == 3
    assert as_clinician.get(reverse("library:image", args=[image.pk]) + "?frame=2").content == frames[2]


@pytest.mark.parametrize("with_words", [True, False])
def test_counts_are_those_of_the_rows(media: Path, clinician: User, with_words: bool) -> None:
    """Whatever is chosen: each facet counts as if it alone were open."""
    for number, state in enumerate((State.PUBLISHED, State.DRAFT, State.RETIRED, State.PUBLISHED)):
        LibraryItem.objects.filter(pk=library_case(clinician, state=state).pk).update(title=f"A nodule {number}")
        LibraryItem.objects.filter(pk=library_document(clinician, state=state).pk).update(title=f"A mass {number}")
    rows = LibraryItem.objects.all()
    collection = str(Collection.objects.earliest("pk").pk)
    words = ("", "nodule", "a", "mass no") if with_words else ("",)
    for q, kind, state, place in product(words, ("", "case"), ("", "published", "retired"), ("", collection, "999")):
        wanted = {"q": q, "kind": kind, "state": state, "collection": place, "region": "", "modality": ""}
        found, still = browse.read_once(rows, wanted)
        counts = browse.counted(found, still)
        assert counts.total == browse.filtered(rows, wanted).count()
        for name in browse.OWN_FACETS:
            straight = browse.filtered(rows, wanted, but=name).order_by().values_list(name).annotate(Count("pk"))
            assert dict(counts.by(name)) == {str(value): number for value, number in straight}, (wanted, name)
        seen = set(browse.filtered(found, still).values_list("pk", flat=True))
        assert seen == set(browse.filtered(rows, wanted).values_list("pk", flat=True))


def test_a_thumbnail_is_made_once(as_clinician: Client, make_case: Callable, media: Path) -> None:
    url = reverse("library:image", args=[make_case().images.get().pk]) + "?size=thumb"
    first = as_clinician.get(url)
    made = files_in(media / "thumbnails")
    assert first["Content-Type"] == "image/jpeg"
    assert [path.suffix for path in made] == [".jpg"]
    stamp = made[0].stat().st_mtime_ns
    assert as_clinician.get(url).content == first.content
    assert made[0].stat().st_mtime_ns == stamp


def test_a_lost_file_is_not_found(as_clinician: Client, make_case: Callable, media: Path) -> None:
    image = make_case().images.get()
    (media / str(image.file)).unlink()
    for query in ({}, {"size": "thumb"}):
        assert as_clinician.get(reverse("library:image", args=[image.pk]), query).status_code == 404


@pytest.mark.parametrize(
    ("visibility", "publish", "viewer", "seen"),
    [
        (Visibility.PRIVATE, True, "owner", True),
        (Visibility.PRIVATE, True, "colleague", False),
        (Visibility.DEPARTMENT, True, "colleague", True),
        (Visibility.DEPARTMENT, True, "stranger", False),
        (Visibility.PUBLIC, True, "stranger", True),
        (Visibility.PUBLIC, False, "owner", True),
        (Visibility.PUBLIC, False, "stranger", False),
        (Visibility.PUBLIC, False, "publisher", True),
        (Visibility.PRIVATE, False, "publisher", False),
    ],
)
def test_what_one_may_not_see_does_not_exist(
    client: Client, make_user, make_case, target: Target, visibility: str, publish: bool, viewer: str, seen: bool
) -> None:
    people = {
        "owner": make_user("owner", "clinician", department="radiology"),
        "colleague": make_user("colleague", "clinician", department="radiology"),
        "stranger": make_user("stranger", "clinician", department="surgery"),
        "publisher": make_user("publisher", "educator", department="surgery"),
    }
    case = make_case(to=replace(target, owner=people["owner"], visibility=Visibility(visibility), publish=publish))
    client.force_login(people[viewer])
    status = 200 if seen else 404
    assert client.get(reverse("library:case", args=[case.pk])).status_code == status
    assert client.get(reverse("library:image", args=[case.images.get().pk])).status_code == status
    assert client.get(reverse("library:image", args=[case.images.get().pk]) + "?size=thumb").status_code == status
    listed = client.get(reverse("library:list"))
    assert len(listed.context["rows"]) == int(seen)
    assert bool(listed.context["facets"]) == seen
    assert ("Teaching" in client.get(reverse("library:sources")).content.decode()) == seen


def test_opening_an_item_is_audited(as_clinician: Client, make_case: Callable, document: Document) -> None:
    case = make_case()
    page(as_clinician, reverse("library:case", args=[case.pk]))
    page(as_clinician, reverse("library:document", args=[document.pk]))
    viewed = Event.objects.filter(action="library.viewed").values_list("actor", "object_type", "object_id")
    assert list(viewed) == [
        ("clinician", "library.case", str(case.pk)),
        ("clinician", "library.document", str(document.pk)),
    ]


def test_publish_and_withdraw(as_educator: Client, make_case: Callable, educator: User) -> None:
    case = make_case()
    item_unpublish(item=case, by=educator)
    assert "Publish" in page(as_educator, reverse("library:case", args=[case.pk]))
    as_educator.post(reverse("library:publish", args=[case.pk]))
    assert LibraryItem.objects.get().state == State.PUBLISHED
    as_educator.post(reverse("library:unpublish", args=[case.pk]))
    assert LibraryItem.objects.get().state == State.DRAFT
    actions = Event.objects.filter(action__contains="publish").values_list("action", flat=True)
    assert list(actions) == ["library.unpublished", "library.published", "library.unpublished"]


def test_a_clinician_may_not_publish(as_clinician: Client, make_case: Callable) -> None:
    case = make_case()
    assert "Withdraw" not in page(as_clinician, reverse("library:case", args=[case.pk]))
    assert as_clinician.post(reverse("library:unpublish", args=[case.pk])).status_code == 403


def test_sources_count_what_one_may_see(as_clinician: Client, make_case: Callable, document: Document) -> None:
    make_case(1)
    make_case(2, to=Target(collection_ensure(name="Drafts")))
    rows = as_clinician.get(reverse("library:sources")).context["rows"]
    assert [(row.collection.name, row.cases, row.guidelines, row.licences) for row in rows] == [
        ("Teaching", 1, 1, ["CC BY"])
    ]


def test_an_empty_library_says_what_to_do(as_educator: Client) -> None:
    assert "The library is empty" in page(as_educator, reverse("library:list"))
    assert "Nothing in the library matches" in page(as_educator, reverse("library:list"), q="x")


def test_a_small_picture_is_kept_by_the_browser_under_what_it_was_made_of(
    as_clinician: Client, make_case: Callable, media: Path
) -> None:
    image = make_case().images.get()
    sent = as_clinician.get(image.small_url)
    assert sent["Cache-Control"] == "private, max-age=31536000, immutable"
    again = as_clinician.get(image.small_url, headers={"If-None-Match": sent["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    # An address of another content is answered, but not kept for good.
    assert "immutable" not in as_clinician.get(f"{image.small_url}0")["Cache-Control"]
    before = image.small_url
    stored = media / str(image.file)
    stored.write_bytes(stored.read_bytes())
    os.utime(stored, ns=(1, 1))
    assert image.small_url != before


def test_a_picture_that_is_there_is_asked_for_but_not_sent_again(
    as_clinician: Client, make_case: Callable, media: Path
) -> None:
    image = make_case().images.get()
    sent = as_clinician.get(image.get_absolute_url())
    before = Event.objects.filter(action="library.image_viewed").count()
    again = as_clinician.get(image.get_absolute_url(), headers={"If-None-Match": sent["ETag"]})
    assert (again.status_code, again.content, again["Cache-Control"]) == (304, b"", "private, max-age=3600")
    assert Event.objects.filter(action="library.image_viewed").count() == before + 1


@pytest.mark.parametrize("small", [True, False])
def test_who_may_see_a_case_no_more_is_not_told_that_its_picture_is_the_same(
    as_clinician: Client, make_case: Callable, media: Path, small: bool
) -> None:
    case = make_case()
    image = case.images.get()
    url = image.small_url if small else image.get_absolute_url()
    tag = as_clinician.get(url)["ETag"]
    Case.objects.filter(pk=case.pk).update(visibility=Visibility.PRIVATE)
    assert as_clinician.get(url, headers={"If-None-Match": tag}).status_code == 404


@pytest.mark.parametrize("small", [True, False])
def test_a_picture_in_quarantine_is_not_there_until_it_is_given_back(
    as_clinician: Client, make_case: Callable, educator: User, media: Path, small: bool
) -> None:
    image = make_case().images.get()
    url = image.small_url if small else image.get_absolute_url()
    assert as_clinician.get(url).status_code == 200
    quarantine = source_quarantine(by=educator, source_name="s", reason="altered")
    refused = as_clinician.get(url)
    # Nobody may keep the refusal either: it has to end with its reason.
    assert (refused.status_code, refused["Cache-Control"], "ETag" in refused) == (404, "no-store", False)
    quarantine_lift(quarantine=quarantine, by=educator)
    given = as_clinician.get(url)
    assert given.status_code == 200
    assert given["Cache-Control"].startswith("private, ")


@pytest.mark.parametrize("small", [True, False])
def test_a_picture_of_others_is_not_there_and_that_is_not_kept(
    as_clinician: Client, make_case: Callable, media: Path, small: bool
) -> None:
    case = make_case()
    image = case.images.get()
    Case.objects.filter(pk=case.pk).update(visibility=Visibility.PRIVATE)
    refused = as_clinician.get(image.small_url if small else image.get_absolute_url())
    assert (refused.status_code, refused["Cache-Control"]) == (404, "no-store")
    assert b"\xff\xd8" not in refused.content


def test_small_pictures_are_encrypted_and_go_with_their_pictures(
    as_clinician: Client, make_case: Callable, media: Path, django_capture_on_commit_callbacks: Callable
) -> None:
    earlier = media / "thumbnails" / "ab" / "earlier.jpg"
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(b"of a version before")
    forget_earlier_small_files.cache_clear()
    image = make_case().images.get()
    sent = as_clinician.get(image.small_url).content
    (made,) = files_in(media / "thumbnails")
    assert sent.startswith(b"\xff\xd8")
    assert sent not in made.read_bytes()
    assert image_bytes(made) == sent
    with django_capture_on_commit_callbacks(execute=True):
        remove_images_on_commit(names=[str(image.file)])
    assert files_in(media / "thumbnails") == []


def test_a_picture_that_cannot_be_read_has_no_small_one(as_clinician: Client, make_case: Callable, media: Path) -> None:
    image = make_case().images.get()
    (media / str(image.file)).write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    assert as_clinician.get(image.small_url).status_code == 404
    assert files_in(media / "thumbnails") == []
