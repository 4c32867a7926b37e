"""The editor without scripts, what scripts are answered, and what others are shown of a case."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.authoring import workflow
from cdss.authoring.differences import word_difference
from cdss.authoring.models import Manuscript
from cdss.consultations.models import Evidence
from cdss.library.models import LibraryItem
from tests.cdss.authoring.conftest import published, with_pictures, write
from tests.cdss.cast import answered_consultation

FIELD = re.compile(
    r'<(?:input type="text"|textarea) name="([\w-]+)"[^>]*?(?:value="([^"]*)"[^>]*>|>\n?(.*?)</textarea>)', re.S
)


def form_of(page: str) -> dict[str, str]:
    """What a browser would send of the page without anybody touching it."""
    said = {name: unescape(value or text) for name, value, text in FIELD.findall(page)}
    for name, options in re.findall(r'<select name="([\w-]+)"[^>]*>(.*?)</select>', page, re.S):
        if chosen := re.search(r'value="([^"]*)" selected', options):
            said[name] = chosen[1]
    base = re.search(r'name="base" value="([^"]*)"', page)
    assert base
    return said | {"base": unescape(base[1])}


def test_a_form_that_nobody_touched_changes_nothing(client: Client, manuscript: Manuscript, educator: User) -> None:
    manuscript = with_pictures(write(manuscript, educator, authors="Jane Roe | Radiology", keywords="a\nb"), educator)
    client.force_login(educator)
    before = manuscript.content
    said = form_of(client.get(f"/authoring/{manuscript.pk}/").content.decode())
    assert len(said) > 25
    client.post(f"/authoring/{manuscript.pk}/", said)
    manuscript.refresh_from_db()
    assert manuscript.content == before


def test_without_scripts_a_form_is_saved_and_a_clash_is_shown(
    client: Client, manuscript: Manuscript, educator: User, second: User
) -> None:
    workflow.co_author_set(manuscript=manuscript, user=second, on=True, by=educator)
    client.force_login(educator)
    said = form_of(client.get(f"/authoring/{manuscript.pk}/").content.decode())
    write(manuscript, second, history="Written by the second.")
    answer = client.post(
        f"/authoring/{manuscript.pk}/", said | {"history": "Written by the first.", "exam": "Clear."}, follow=True
    )
    page = answer.content.decode()
    assert "Two texts of one field" in page
    assert "Written by the first." in page
    assert "Written by the second." in page
    conflict = manuscript.conflicts.get()
    client.post(f"/authoring/{manuscript.pk}/conflicts/{conflict.pk}/", {"choice": "mine"})
    manuscript.refresh_from_db()
    assert (manuscript.content["history"], manuscript.content["exam"]) == ("Written by the first.", "Clear.")


def ask(client: Client, manuscript: Manuscript, base: Any, **fields: str) -> Any:
    return client.post(
        f"/authoring/{manuscript.pk}/", {"base": json.dumps(base), **fields}, headers={"accept": "application/json"}
    )


def test_a_script_is_told_what_became_of_it(client: Client, manuscript: Manuscript, educator: User) -> None:
    client.force_login(educator)
    said = form_of(client.get(f"/authoring/{manuscript.pk}/").content.decode())
    base = json.loads(said["base"])
    answer = ask(client, manuscript, base, history="Mrs. Jane Roe coughs.", difficulty="hard", nonsense="x").json()
    assert answer["taken"] == ["history"]
    assert "Roe" not in answer["values"]["history"]
    assert answer["removed"] == {"name": 1}
    assert "not one of the choices" in answer["problems"]["difficulty"]
    assert "Jane" not in str(list(Event.objects.values_list("details", flat=True)))
    for wrong in ("[]", "nonsense", '{"a": 1}'):
        reply = client.post(f"/authoring/{manuscript.pk}/", {"base": wrong}, headers={"accept": "application/json"})
        assert reply.status_code == 200


def test_what_is_in_review_answers_that_it_is(
    client: Client, manuscript: Manuscript, educator: User, second: User
) -> None:
    workflow.case_submit(manuscript=manuscript, by=educator, reviewers=[second])
    client.force_login(educator)
    assert ask(client, manuscript, {}, history="x").status_code == 409
    assert client.get(f"/authoring/{manuscript.pk}/").status_code == 302
    client.force_login(second)
    page = client.get(f"/authoring/{manuscript.pk}/review/").content.decode()
    assert "Publish" in page
    assert client.post(f"/authoring/{manuscript.pk}/", {"history": "x"}).status_code == 403


@pytest.mark.parametrize("text", ["x" * 100_001, "a\x00b", "\ud800".encode("utf-8", "replace").decode()])
def test_odd_texts_are_stored_or_refused_by_name(
    client: Client, manuscript: Manuscript, educator: User, text: str
) -> None:
    client.force_login(educator)
    base = json.loads(form_of(client.get(f"/authoring/{manuscript.pk}/").content.decode())["base"])
    answer = ask(client, manuscript, base, history=text).json()
    assert bool(answer["problems"]) == (len(text) > 100)


def test_an_answer_that_cites_a_retired_case_says_so(
    client: Client, manuscript: Manuscript, educator: User, second: User, clinician: User
) -> None:
    manuscript = published(manuscript, educator, second)
    consultation = answered_consultation(clinician)
    item = LibraryItem.objects.get(pk=manuscript.case_id)
    Evidence.objects.filter(consultation=consultation).update(item=item, item_hash=item.content_hash)
    client.force_login(clinician)
    path = f"/consultations/{consultation.pk}/"
    assert "retired since" not in client.get(path).content.decode()
    workflow.case_retire(manuscript=manuscript, by=second)
    assert "the case was retired since" in client.get(path).content.decode()
    assert "The case was retired since" in client.get(f"{path}print/").content.decode()


def test_the_library_leads_to_the_editor_and_hides_what_is_retired(
    client: Client, manuscript: Manuscript, educator: User, second: User
) -> None:
    manuscript = published(manuscript, educator, second)
    path = f"/library/cases/{manuscript.case_id}/"
    client.force_login(second)
    assert f"/authoring/{manuscript.pk}/" in client.get(path).content.decode()
    assert "/unpublish/" not in client.get(path).content.decode()
    workflow.case_retire(manuscript=manuscript, by=second)
    assert manuscript.title not in client.get("/library/").content.decode()
    assert manuscript.title in client.get("/library/?state=retired").content.decode()


def test_a_draft_of_somebody_else_is_in_no_list(client: Client, manuscript: Manuscript, second: User) -> None:
    client.force_login(second)
    for path in ("/library/", "/library/?state=draft", "/authoring/", "/authoring/?tab=review"):
        assert manuscript.title not in client.get(path).content.decode()
    assert client.get(f"/library/cases/{manuscript.case_id}/").status_code == 404


def test_the_list_asks_as_much_for_many_as_for_few(client: Client, educator: User, collection: Any) -> None:
    from cdss.authoring.services import case_new

    client.force_login(educator)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get("/authoring/")
        return len(found)

    case_new(by=educator, title="One", collection=collection, visibility="public")
    queries()
    few = queries()
    for number in range(8):
        case_new(by=educator, title=str(number), collection=collection, visibility="public")
    assert queries() == few


def test_a_difference_gives_both_texts_back() -> None:
    before, after = "A nodule of 2 cm, in the left lung.", "A smooth nodule of 3 cm in the left upper lobe."
    pieces = word_difference(before, after)
    assert "".join(each.text for each in pieces if each.change != "added") == before
    assert "".join(each.text for each in pieces if each.change != "removed") == after
    assert ("3", "added") in [(each.text, each.change) for each in pieces]
    long = "\n".join(f"line {number} of many words" for number in range(2000))
    assert "".join(each.text for each in word_difference(long, long + "\nmore") if each.change != "removed").endswith(
        "more"
    )
