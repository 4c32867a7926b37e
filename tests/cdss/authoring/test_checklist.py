"""What has to hold before publishing: found by the program, or ticked for exactly what was there."""

import pytest

from cdss.accounts.models import User
from cdss.authoring.checklist import ITEMS, checklist_of, tick_set
from cdss.authoring.completeness import completeness_of
from cdss.authoring.content import FIELDS, empty_content, read_value, reference_problems
from cdss.authoring.models import Manuscript
from cdss.authoring.pictures import picture_move, picture_take_out
from cdss.authoring.services import AuthoringError
from cdss.library.models import Doubt
from tests.cdss.authoring.conftest import ticked, with_pictures, write


def open_items(manuscript: Manuscript) -> set[str]:
    return {check.item or check.text for check in checklist_of(Manuscript.objects.get(pk=manuscript.pk)).open}


def test_a_tick_says_who_and_falls_when_the_text_changes(manuscript: Manuscript, educator: User) -> None:
    assert open_items(manuscript) == set(ITEMS)
    manuscript = ticked(manuscript, educator)
    assert checklist_of(manuscript).passes
    assert {check.tick.by for check in checklist_of(manuscript).checks if check.tick} == {educator}
    write(manuscript, educator, history="Changed since.")
    assert open_items(manuscript) == {"texts-read", "not-singled-out"}
    assert any(check.outdated for check in checklist_of(Manuscript.objects.get()).checks)


def test_what_was_ticked_for_the_images_falls_when_another_comes(manuscript: Manuscript, educator: User) -> None:
    manuscript = ticked(with_pictures(manuscript, educator, 2), educator)
    first = manuscript.content["images"][0]["picture"]
    picture_move(manuscript=manuscript, picture=first, by=1, who=educator)
    # In another order they are the same images.
    assert open_items(manuscript) == set()
    picture_take_out(manuscript=manuscript, picture=first, by=educator)
    assert open_items(manuscript) == {"pixels-seen", "may-be-used"}


def test_a_place_that_may_be_text_has_to_be_decided(manuscript: Manuscript, educator: User) -> None:
    manuscript = ticked(with_pictures(manuscript, educator, 1), educator)
    picture = manuscript.pictures.get()
    doubt = Doubt.objects.create(
        name=str(picture.file), owner=educator, left=0, top=0, width=1, height=1, score=0.4, crop="x"
    )
    assert len(open_items(manuscript)) == 1
    doubt.delete()
    assert not open_items(manuscript)


def test_a_text_that_came_in_another_way_is_looked_at_again(manuscript: Manuscript, educator: User) -> None:
    manuscript.content = manuscript.content | {"history": "Seen by Dr. John Smith, MRN 12345678."}
    manuscript.save(update_fields=["content"])
    (check,) = checklist_of(ticked(manuscript, educator)).open
    assert "History" in check.why
    assert "Smith" not in check.why


def test_an_unknown_item_is_refused(manuscript: Manuscript, educator: User) -> None:
    with pytest.raises(AuthoringError):
        tick_set(manuscript=manuscript, item="everything", on=True, by=educator)


def test_completeness_says_what_is_missing_and_why() -> None:
    empty = completeness_of(empty_content())
    assert {part.field for part in empty.needed} == {"title", "findings", "diagnosis", "licence"}
    assert all(part.why and (part.field in FIELDS or part.field == "images") for part in empty.parts)
    said = empty_content() | {"diagnosis": "Pulmonary hamartoma", "alternative_title": "A hamartoma, pulmonary"}
    assert "The title while unknown keeps the diagnosis" in [part.name for part in completeness_of(said).missing]


def test_an_empty_draft_is_not_called_half_complete() -> None:
    assert completeness_of(empty_content()).percent == 0
    assert completeness_of(empty_content() | {"title": "A swelling"}).percent < 10
    image = {"picture": 1, "caption": "", "modality": "", "region": "", "licence": "", "key": False}
    missing = [part.name for part in completeness_of(empty_content() | {"images": [image]}).missing]
    assert {"A key image", "A caption for every image", "A licence for every image"} <= set(missing)


def test_a_wrongly_written_pmid_is_said_to_be() -> None:
    read = read_value(FIELDS["references"], "A paper. PMID 99x\nAnother, PMID: 12345678.\nPMID")
    assert [each["pmid"] for each in read] == ["99x", "12345678", ""]
    assert reference_problems(read) == ["Reference 1: “99x” has not the form of a PMID (1 to 8 digits)."]
    assert read[2]["text"] == "PMID"
