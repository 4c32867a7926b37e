"""A case from nothing to published, by the keyboard alone; two people in one case; and what axe finds."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from cdss.accounts.models import Role, User
from cdss.authoring.models import Conflict, Manuscript
from cdss.library.models import Case, State
from cdss.library.services import collection_ensure
from tests.cdss.authoring.conftest import png, with_pictures, write
from tests.cdss.consultations.test_pages_e2e import AXE, CHROMIUM, RULES, browser

__all__ = ["browser"]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
MOST_TABS = 160


@pytest.fixture
def page_of(browser: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []

    def opened(user: User, path: str, *, width: int = 1440, theme: str = "light", axe: bool = False) -> Page:
        client = Client()
        client.force_login(user)
        context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=axe)
        contexts.append(context)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page = context.new_page()
        page.complaints = []  # type: ignore[attr-defined]
        page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
        page.goto(live_server.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()


def go(page: Page, target: Locator) -> None:
    """By Tab, as a person without a mouse does."""
    handle = target.element_handle()
    for _ in range(MOST_TABS):
        if page.evaluate("element => document.activeElement === element", handle):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{target} is not reached by Tab")


def press(page: Page, target: Locator) -> None:
    go(page, target)
    page.keyboard.press("Enter")


def type_into(page: Page, label: str, text: str) -> None:
    go(page, page.get_by_label(label, exact=True).first)
    page.keyboard.type(text)


def saved(page: Page) -> None:
    expect(page.locator("[data-saving]")).to_contain_text("Saved at", timeout=10_000)


def test_a_keyboard_alone_writes_a_case_and_a_reviewer_publishes_it(
    page_of: Callable[..., Page], make_user: Callable[..., User], tmp_path: Path
) -> None:
    author = make_user("author", Role.CLINICIAN, department="radiology")
    reviewer = make_user("reviewer", Role.EDUCATOR, department="radiology")
    page = page_of(author, "/authoring/")
    press(page, page.get_by_role("link", name="New case").first)
    type_into(page, "Title", "Hamartoma of the lung")
    press(page, page.get_by_role("button", name="Begin"))
    page.wait_for_selector("#manuscript-form")

    type_into(page, "Title while unknown", "A nodule found by chance")
    type_into(page, "Age", "58")
    type_into(page, "History", "Incidental finding. Mr. John Smith has no symptoms.")
    type_into(page, "Findings", "A well-circumscribed nodule of 2 cm with popcorn calcification and fat.")
    type_into(page, "Diagnosis", "Hamartoma")
    go(page, page.get_by_label("Certainty"))
    page.keyboard.type("Probable")
    type_into(page, "Discussion", "Popcorn calcification and fat suggest a hamartoma.")
    type_into(page, "References", "Synthetic, made for this test. doi:10.1000")
    go(page, page.get_by_role("combobox", name="Coded findings"))
    page.keyboard.type("pulmonary nod")
    expect(page.locator(".combobox [role=option]").first).to_be_visible(timeout=60_000)
    page.keyboard.press("ArrowDown")
    chosen = page.locator(".combobox [aria-selected=true]").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator(".coded")).to_contain_text("HP:")
    type_into(page, "Licence", "CC BY 4.0")
    saved(page)
    expect(page.locator("[data-references]")).to_contain_text("form of a DOI")
    # What names the patient was never stored, and is shown as it is stored.
    expect(page.get_by_label("History", exact=True)).not_to_have_value("John Smith")
    manuscript = Manuscript.objects.get()
    assert "Smith" not in str(manuscript.content)
    assert manuscript.content["codes"][0]["display"] in chosen

    image = tmp_path / "image.png"
    image.write_bytes(png(1, (120, 90)))
    go(page, page.get_by_label("Add images"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(image)
    press(page, page.get_by_role("button", name="Add", exact=True))
    page.wait_for_selector(".picture img")
    type_into(page, "Caption", "A nodule with calcification.")
    go(page, page.get_by_label("Key image"))
    page.keyboard.press("Space")
    saved(page)
    press(page, page.get_by_role("link", name="Review and hand in"))
    press(page, page.get_by_role("button", name="Hand in for review"))
    expect(page.locator(".badge", has_text="In review").first).to_be_visible()
    assert page.complaints == []  # type: ignore[attr-defined]

    other = page_of(reviewer, "/notices/")
    press(other, other.get_by_role("button").filter(has_text="asks for a review").first)
    other.wait_for_url("**/review/")
    expect(other.locator("article")).to_contain_text("popcorn calcification")
    press(other, other.get_by_role("button", name="Publish"))
    expect(other.locator(".messages")).to_contain_text("checklist does not pass")
    for _ in range(4):
        press(other, other.get_by_role("button", name="I have checked this").first)
        other.wait_for_load_state()
    press(other, other.get_by_role("button", name="Publish"))
    # In this process the index is brought up to date before the answer comes.
    expect(other.locator(".messages")).to_contain_text("Published", timeout=60_000)
    case = Case.objects.get()
    assert case.state == State.PUBLISHED
    assert "popcorn calcification" in case.text
    assert case.images.get().key
    assert other.complaints == []  # type: ignore[attr-defined]


def test_two_people_in_one_case_lose_nothing(
    page_of: Callable[..., Page], make_user: Callable[..., User], db: None
) -> None:
    from cdss.authoring.services import case_new
    from cdss.authoring.workflow import co_author_set

    first, second = (make_user(name, Role.EDUCATOR) for name in ("first", "second"))
    manuscript = case_new(by=first, title="Together", collection=collection_ensure(name="T"), visibility="public")
    co_author_set(manuscript=manuscript, user=second, on=True, by=first)
    pages = [page_of(user, f"/authoring/{manuscript.pk}/") for user in (first, second)]
    pages[0].get_by_label("Discussion").fill("Written by the first.")
    saved(pages[0])
    pages[1].get_by_label("Treatment and course").fill("Written by the second.")
    saved(pages[1])
    # What the first wrote has come in.
    expect(pages[1].get_by_label("Discussion")).to_have_value("Written by the first.")
    pages[0].get_by_label("History", exact=True).fill("A cough.")
    saved(pages[0])
    pages[1].get_by_label("History", exact=True).fill("A fever.")
    expect(pages[1].locator("[data-trouble]")).to_contain_text("Both texts are kept", timeout=10_000)
    late = pages[1]
    assert Conflict.objects.get().by == second
    late.get_by_role("link", name="Choose").click()
    box = late.locator("#conflicts")
    expect(box).to_contain_text("A cough.", timeout=30_000)
    expect(box).to_contain_text("A fever.")
    box.get_by_text("Write it anew from both").click()
    box.get_by_label("History").fill("A cough with fever.")
    box.get_by_role("button", name="Take what is written here").click()
    expect(late.locator("#conflicts")).to_have_count(0, timeout=30_000)
    manuscript.refresh_from_db()
    said = {name: manuscript.content[name] for name in ("discussion", "treatment", "history")}
    assert said == {
        "discussion": "Written by the first.",
        "treatment": "Written by the second.",
        "history": "A cough with fever.",
    }


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390), ("contrast", 1440)])
def test_axe_finds_nothing(
    page_of: Callable[..., Page], make_user: Callable[..., User], theme: str, width: int
) -> None:
    from cdss.authoring.comments import comment_add
    from cdss.authoring.services import case_new

    author = make_user("author", Role.EDUCATOR)
    collection = collection_ensure(name="Teaching cases")
    made = case_new(by=author, title="A synthetic case", collection=collection, visibility="public")
    made = with_pictures(write(made, author), author)
    write(made, author, codes="HPO | HP:0033608 | Pulmonary nodule")
    made.conflicts.create(field="history", by=author, value="Another text.")
    comment_add(manuscript=made, by=author, text="Which side?", field="findings")
    at = f"/authoring/{made.pk}/"
    paths = ["/authoring/", "/authoring/new/", at, f"{at}review/", f"{at}history/", "/authoring/import/",
             f"{at}history/difference/?a=1&b=1", "/authoring/collections/", "/authoring/collections/new/"]  # fmt: skip
    for path in paths:
        page = page_of(author, path, width=width, theme=theme, axe=True)
        page.evaluate(AXE.read_text())
        found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
        assert [(path, rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
