"""Two people in one case at once: nothing that either wrote is lost."""

import random

from cdss.accounts.models import User
from cdss.authoring import presenters, services
from cdss.authoring.content import FIELDS, content_of, digest, empty_content, form_value, read_value, value_of
from cdss.authoring.merging import merged
from cdss.authoring.models import Conflict, Manuscript, Revision
from tests.cdss.authoring.conftest import base_of, with_pictures, write


def two(manuscript: Manuscript, first: User, second: User) -> None:
    from cdss.authoring.workflow import co_author_set

    co_author_set(manuscript=manuscript, user=second, on=True, by=first)


def test_different_fields_are_both_taken(manuscript: Manuscript, educator: User, second: User) -> None:
    base = base_of(manuscript, *FIELDS)
    for by, fields in ((educator, {"history": "Cough."}), (second, {"discussion": "It is benign."})):
        saved = services.manuscript_save(manuscript=manuscript, by=by, fields=fields, base=base)
        assert saved.taken == tuple(fields)
    manuscript.refresh_from_db()
    assert (manuscript.content["history"], manuscript.content["discussion"]) == ("Cough.", "It is benign.")


def test_the_same_field_keeps_both_texts_until_somebody_chooses(
    manuscript: Manuscript, educator: User, second: User
) -> None:
    base = base_of(manuscript, "history")
    services.manuscript_save(manuscript=manuscript, by=educator, fields={"history": "Cough."}, base=base)
    saved = services.manuscript_save(manuscript=manuscript, by=second, fields={"history": "Fever."}, base=base)
    assert not saved.taken
    (view,) = presenters.conflicts(Manuscript.objects.get(pk=manuscript.pk))
    assert (view.mine, view.theirs) == ("Fever.", "Cough.")
    # Typing on in it, without having chosen, is kept too.
    services.manuscript_save(manuscript=manuscript, by=second, fields={"history": "Fever, chills."}, base=base)
    conflict = Conflict.objects.get()
    assert conflict.value == "Fever, chills."
    services.conflict_settle(conflict=conflict, by=second, value="Cough, fever and chills.")
    manuscript.refresh_from_db()
    assert manuscript.content["history"] == "Cough, fever and chills."
    assert not Conflict.objects.exists()
    texts = [revision.content["history"] for revision in manuscript.revisions.order_by("number")]
    assert "Cough." in texts


def test_the_same_words_twice_are_no_conflict(manuscript: Manuscript, educator: User, second: User) -> None:
    base = base_of(manuscript, "history")
    for by in (educator, second):
        saved = services.manuscript_save(manuscript=manuscript, by=by, fields={"history": "Cough."}, base=base)
        assert not saved.conflicts


def test_a_form_that_sends_everything_changes_what_was_touched_alone(
    manuscript: Manuscript, educator: User, second: User
) -> None:
    base = base_of(manuscript, *FIELDS)
    whole = {name: form_value(field, value_of(manuscript.content, name)) for name, field in FIELDS.items()}
    write(manuscript, second, findings="Nothing abnormal is seen in this examination.")
    saved = services.manuscript_save(
        manuscript=manuscript, by=educator, fields=whole | {"history": "Cough."}, base=base
    )
    assert saved.taken == ("history",)
    assert not saved.conflicts
    assert saved.manuscript.content["findings"] == "Nothing abnormal is seen in this examination."


def test_captions_are_merged_by_image(manuscript: Manuscript, educator: User, second: User) -> None:
    manuscript = with_pictures(manuscript, educator)
    first, other = (each["picture"] for each in manuscript.content["images"])
    names = (f"image-{first}-caption", f"image-{other}-caption")
    base = base_of(manuscript, *names)
    for by, name in zip((educator, second), names, strict=True):
        services.manuscript_save(manuscript=manuscript, by=by, fields={name: f"Seen by {by.role}."}, base=base)
    manuscript.refresh_from_db()
    assert all(each["caption"] for each in manuscript.content["images"])


def test_a_caption_of_an_image_that_went_is_told(manuscript: Manuscript, educator: User) -> None:
    from cdss.authoring.pictures import picture_take_out

    manuscript = with_pictures(manuscript, educator, 1)
    picture = manuscript.content["images"][0]["picture"]
    name = f"image-{picture}-caption"
    base = base_of(manuscript, name)
    picture_take_out(manuscript=manuscript, picture=picture, by=educator)
    saved = services.manuscript_save(manuscript=manuscript, by=educator, fields={name: "A nodule."}, base=base)
    assert saved.gone == (name,)


def test_any_interleaving_of_two_loses_no_text() -> None:
    """Each writes words nobody else has: every one of them is in the text or beside it at the end."""
    for seed in range(60):
        chance = random.Random(seed)
        content, beside, written = empty_content(), set[str](), dict[tuple[int, str], str]()
        bases = {who: {name: digest(value_of(content, name)) for name in FIELDS} for who in (0, 1)}
        for turn in range(30):
            who, name = chance.randrange(2), chance.choice(("history", "findings", "discussion"))
            text = f"{value_of(content, name)} w{turn}" if chance.random() < 0.5 else f"w{turn}"
            result = merged(content, {name: text}, bases[who])
            beside |= set(result.refused.values())
            replaced = value_of(content, name)
            content = result.content
            # What was written over was seen by who wrote over it, or is written again.
            if result.taken and digest(replaced) != bases[who][name]:
                raise AssertionError((seed, turn))
            written[(who, name)] = text
            assert value_of(content, name) == text or text in beside
            if chance.random() < 0.4:
                bases[who] = {each: digest(value_of(content, each)) for each in FIELDS}
            elif result.taken:
                bases[who][name] = digest(text)


def test_the_form_gives_back_what_it_was_given(manuscript: Manuscript, educator: User) -> None:
    said = {
        "authors": "Jane Roe | Department of Radiology | jane@example.org\nJohn Doe",
        "codes": "HPO | HP:0002113 | Pulmonary infiltrates",
        "references": "Roe J. On nodules. Journal 2015 doi:10.1000/xyz.123 PMID 12345 https://example.org/a",
        "keywords": "nodule\nhamartoma",
        "learning_points": "Fat settles it.",
        "differential": "Carcinoid\nGranuloma",
    }
    manuscript = write(manuscript, educator, **said)
    for name, field in FIELDS.items():
        value = value_of(manuscript.content, name)
        assert read_value(field, form_value(field, value)) == value
    assert manuscript.content["references"] == [
        {"text": "Roe J. On nodules. Journal 2015", "doi": "10.1000/xyz.123", "pmid": "12345",
         "url": "https://example.org/a"}
    ]  # fmt: skip
    assert manuscript.content["authors"][1] == {"name": "John Doe", "affiliation": "", "contact": ""}


def test_one_go_of_one_author_is_one_revision(manuscript: Manuscript, educator: User, second: User) -> None:
    before = manuscript.revisions.count()
    for text in ("a", "ab", "abc"):
        write(manuscript, educator, history=text)
    assert manuscript.revisions.count() == before
    write(manuscript, second, history="abcd")
    assert manuscript.revisions.count() == before + 1
    assert manuscript.revisions.first().why == Revision.Why.EDITED


def test_content_of_an_imported_case_is_what_is_published(manuscript: Manuscript) -> None:
    content = content_of(manuscript.case)
    assert set(content) == {*FIELDS, "images"}
