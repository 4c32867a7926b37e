"""Whether the library holds a case already, said to each reader as far as they may know."""

from django.test import Client

from cdss.accounts.models import User
from cdss.authoring.duplicates import duplicates_of
from cdss.authoring.models import Manuscript
from cdss.authoring.services import case_new
from cdss.library.models import Case, Collection, LibraryItem, Visibility
from tests.cdss.authoring.conftest import WHOLE, published, with_pictures, write


def other(collection: Collection, by: User, visibility: str = "private") -> Manuscript:
    return case_new(by=by, title="Another", collection=collection, visibility=visibility)


def test_by_words(manuscript: Manuscript, collection: Collection, educator: User, second: User) -> None:
    case = published(manuscript, educator, second).case
    copied = {name: WHOLE[name] for name in ("history", "findings", "discussion")}
    mine = write(other(collection, second), second, **copied)
    (found,) = duplicates_of(mine, second).shown
    assert found.case.pk == case.pk
    assert "100%" in found.why
    story = "Seen after a fall from a ladder while painting the gutters; walked in, no other complaint."
    copied = write(other(collection, second), second, findings=WHOLE["findings"], history=story, discussion=story)
    (found,) = (each for each in duplicates_of(copied, second).shown if each.case.pk == case.pk)
    assert found.why == "100% of the words of the findings are the same"
    unlike = write(
        other(collection, second), second, findings="A fracture of the distal radius with dorsal tilt of it."
    )
    assert not duplicates_of(unlike, second)


def test_by_image_in_a_draft_of_somebody_else_only_a_count(
    manuscript: Manuscript, collection: Collection, educator: User, second: User, client: Client
) -> None:
    with_pictures(manuscript, educator, 2)
    mine = with_pictures(other(collection, second), second, 1)
    found = duplicates_of(mine, second)
    assert (found.shown, found.hidden) == ((), 1)
    client.force_login(second)
    page = client.get(f"/authoring/{mine.pk}/review/").content.decode()
    assert "1 more that you may not open" in page
    assert manuscript.content["title"] not in page
    # Its author is shown it.
    assert [each.manuscript for each in duplicates_of(mine, educator).shown] == [manuscript.pk]


def test_a_private_case_is_counted_alone(
    manuscript: Manuscript, collection: Collection, educator: User, second: User
) -> None:
    case = published(manuscript, educator, second).case
    LibraryItem.objects.filter(pk=case.pk).update(visibility=Visibility.PRIVATE)
    Manuscript.objects.filter(case=case).delete()
    mine = write(other(collection, second), second, **{name: WHOLE[name] for name in ("history", "findings")})
    mine = write(mine, second, discussion=WHOLE["discussion"])
    assert Case.objects.filter(pk=case.pk).exists()
    found = duplicates_of(mine, second)
    assert (found.shown, found.hidden) == ((), 1)
