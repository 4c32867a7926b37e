"""The pages in a real browser: what scripts do, and what axe finds."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cdss.accounts.models import User
from cdss.consultations.models import Consultation, Status, Step
from tests.cdss.consultations import page_rows as rows

CHROMIUM = shutil.which("chromium")
AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js"))
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's event loop runs in this thread, where Django would refuse to touch the database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            yield playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)


@pytest.fixture
def open_page(browser: Browser, live_server, client, clinician: User):  # type: ignore[no-untyped-def]
    client.force_login(clinician)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    contexts = []

    def opened(path: str, *, width: int = 1440, theme: str = "light", axe: bool = False) -> Page:
        # axe is put into the page from outside; everything else is tried under the policy as it is.
        context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=axe)
        contexts.append(context)
        context.add_cookies([cookie])
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page = context.new_page()
        page.complaints = []  # type: ignore[attr-defined]
        page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
        page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))  # type: ignore[attr-defined]
        page.goto(live_server.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("contrast", 1024), ("dark", 390)])
def test_axe_finds_nothing(open_page, clinician: User, theme: str, width: int) -> None:
    answered = rows.whole(clinician, size=3)
    abstained = rows.consultation(clinician, Status.ABSTAINED, abstention={"reason": "below_floor"})
    running = rows.whole(clinician, size=1, status=Status.RUNNING)
    draft = rows.consultation(clinician, Status.REVIEW, findings="A 2 cm mass in the left lung. No fat.")
    paths = ["/", "/consultations/", "/consultations/new/", f"/consultations/{answered.pk}/print/"]
    paths += [f"/consultations/{draft.pk}/review/"]
    paths += [f"/consultations/{row.pk}/" for row in (answered, abstained, running)]
    for path in paths:
        page = open_page(path, width=width, theme=theme, axe=True)
        page.evaluate(AXE.read_text())
        found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
        assert [(path, rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_citation_shows_its_quote_and_leads_to_its_span(open_page, clinician: User) -> None:
    page = open_page(f"/consultations/{rows.whole(clinician, size=3).pk}/")
    chip = page.locator("#pane-differential .cite").nth(4)
    chip.hover()
    page.locator("#citation-popover", has_text=rows.QUOTE).wait_for()
    page.keyboard.press("Escape")
    page.locator("#citation-popover").wait_for(state="hidden")
    chip.click()
    assert page.evaluate("document.activeElement.id") == chip.get_attribute("data-span").split("-")[0]
    assert page.locator("mark.lit").count() == 1
    assert page.complaints == []


def test_a_link_to_what_is_folded_away_unfolds_it(open_page, clinician: User) -> None:
    row = rows.consultation(clinician)
    cited, given = rows.evidence(row), rows.answer(row)
    rows.diagnosis(given, "Hamartoma", [("Fat is seen.", "for", "supported")], cites=cited)
    alone = [(f"The source states “{rows.QUOTE}”.", "for", "supported")]
    rows.diagnosis(given, "Embolism", alone, cites=cited, must_not_miss=True)
    page = open_page(f"/consultations/{row.pk}/")
    folded = page.locator(".diagnosis", has_text="Embolism")
    assert not folded.is_visible()
    page.locator(".must-not-miss a").click()
    folded.wait_for()
    assert page.complaints == []


def test_a_session_that_has_ended_leads_to_the_sign_in_page(open_page, clinician: User) -> None:
    page = open_page(f"/consultations/{rows.whole(clinician, size=1).pk}/")
    page.context.clear_cookies(name="sessionid")
    page.locator("#pane-differential button[value=agree]").first.click()
    page.wait_for_url("**/accounts/sign-in/**")


def test_keys(open_page, clinician: User) -> None:
    page = open_page(f"/consultations/{rows.whole(clinician, size=3).pk}/")
    focused = "document.activeElement.id"
    for key, expected in (("j", "E1"), ("j", "E2"), ("k", "E1"), ("5", "E5")):
        page.keyboard.press(key)
        assert page.evaluate(focused) == expected
    page.keyboard.press("?")
    assert page.locator("#keymap").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate(focused) == "topbar-search"
    assert page.complaints == []


def test_the_page_fills_itself_while_the_work_goes_on(open_page, clinician: User) -> None:
    row = rows.consultation(clinician, Status.RUNNING)
    page = open_page(f"/consultations/{row.pk}/")
    cited = rows.evidence(row)
    page.locator("article.evidence").wait_for(timeout=8000)
    rows.diagnosis(rows.answer(row), "Hamartoma", [("Fat is seen.", "for", "supported")], cites=cited)
    Consultation.objects.filter(pk=row.pk).update(status=Status.DONE)
    page.locator(".diagnosis", has_text="Hamartoma").wait_for(timeout=8000)
    assert "ready" in page.inner_text("#announce")


def test_a_theme_is_kept_and_never_touches_an_image(open_page, clinician: User) -> None:
    page = open_page(f"/consultations/{rows.whole(clinician, size=2).pk}/", theme="dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    images = page.evaluate("[...document.images].map(image => getComputedStyle(image).filter)")
    assert images
    assert set(images) == {"none"}


def test_steps_are_shown_while_they_run(open_page, clinician: User) -> None:
    row = rows.consultation(clinician, Status.RUNNING)
    page = open_page(f"/consultations/{row.pk}/")
    Step.objects.create(consultation=row, name="understand", started=row.created, duration_ms=12.0)
    page.locator('[data-step="understand"][data-state="done"]', has_text="12 ms").wait_for(timeout=8000)


def test_a_finding_is_flipped_by_keyboard_alone(open_page, clinician: User) -> None:
    row = rows.consultation(clinician, Status.REVIEW, findings="A mass. No fat.")
    page = open_page(f"/consultations/{row.pk}/review/")
    page.locator("fieldset", has_text="fat").locator("input[value=denied]").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("fieldset", has_text="fat").locator("[name$=-measure]").press("Enter", no_wait_after=True)
    page.wait_for_url(f"**/consultations/{row.pk}/", timeout=120_000)
    row.refresh_from_db()
    assert [(one["text"], one["assertion"]) for one in row.corrections] == [("fat", "present")]
    assert page.complaints == []
