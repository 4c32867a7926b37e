"""In the browser: a correction, the shadow run it leads to, the promotion, the changed answer, and the way back."""

import os
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cdss.accounts.models import User
from cdss.consultations.models import Consultation
from tests.cdss.consultations.test_pages_e2e import ARGS, AXE, CHROMIUM, RULES
from tests.cdss.learning.conftest import PAIRS, findings_of

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
# Where pictures of the pages are wanted.
PICTURES = os.environ.get("CDSS_TEST_PICTURES", "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's event loop runs in this thread, where Django would refuse to touch the database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            yield playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)


@pytest.fixture
def opened(browser: Browser, live_server) -> Iterator[Callable[..., Page]]:  # type: ignore[no-untyped-def]
    contexts = []

    def page_of(user: User, path: str, *, width: int = 1440, theme: str = "light", axe: bool = False) -> Page:
        client = Client()
        client.force_login(user)
        context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=axe)
        contexts.append(context)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page = context.new_page()
        page.goto(live_server.url + path)
        return page

    yield page_of
    for context in contexts:
        context.close()


def looked_at(opened: Callable[..., Page], user: User, name: str, path: str) -> None:
    """Nothing hangs out of the page, axe finds nothing, at both widths and in both themes."""
    for width in (1440, 390):
        for theme in ("light", "dark"):
            page = opened(user, path, width=width, theme=theme, axe=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            page.add_script_tag(path=AXE)
            found = page.evaluate("rules => axe.run({runOnly: rules})", RULES)
            assert not [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]], (name, width, theme)
            if PICTURES:
                page.screenshot(path=str(Path(PICTURES) / f"{name}-{width}-{theme}.png"), full_page=True)


def first_of(opened: Callable[..., Page], user: User, row: Consultation) -> str:
    page = opened(user, f"/consultations/{row.pk}/")
    return page.locator("[id^=diagnosis-] h3, .diagnosis h3").first.inner_text()


@pytest.mark.usefixtures("planted")
def test_from_a_correction_to_a_changed_answer_and_back(
    ask: Callable[..., Consultation],
    confirm: Callable[..., None],
    opened: Callable[..., Page],
    clinician: User,
    administrator: User,
    auditor: User,
) -> None:
    past = [ask(findings_of(n, 1)) for n in range(len(PAIRS))]
    for n, row in enumerate(past[1:], start=1):
        confirm(row, PAIRS[n][1])
    written, seen = PAIRS[0]
    assert written in first_of(opened, clinician, past[0])
    page = opened(clinician, f"/consultations/{past[0].pk}/")
    page.get_by_text("Enter it when it is known").click()
    page.locator("[name=final_diagnosis]").fill(seen)
    page.locator("[name=confirmed_by]").select_option("histology")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("body")).to_contain_text("Histology")

    call_command("learn_ranking", stdout=StringIO(), stderr=StringIO())
    page = opened(administrator, "/learning/")
    page.get_by_role("link", name="Version 1").click()
    expect(page.locator("body")).to_contain_text("manage.py shadow_ranking 1")
    call_command("shadow_ranking", "1", stdout=StringIO(), stderr=StringIO())
    looked_at(opened, auditor, "shadow", "/learning/1/")
    page.reload()
    expect(page.locator("body")).to_contain_text("The confirmed diagnosis rises")
    looked_at(opened, administrator, "promote", "/learning/1/")
    page.get_by_label("Why these weights should answer").fill("Better on the cases of this site.")
    page.get_by_role("button", name="Let version 1 answer").click()
    expect(page.locator("body")).to_contain_text("Version 1 answers from now on.")
    looked_at(opened, administrator, "versions", "/learning/")

    changed = ask(findings_of(0, 2))
    assert seen in first_of(opened, clinician, changed)
    page.get_by_role("button", name="Roll back to the packaged weights").click()
    expect(page.locator("body")).to_contain_text("the packaged weights answer from now on")
    assert written in first_of(opened, clinician, ask(findings_of(0, 2)))
