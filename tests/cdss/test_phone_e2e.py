"""Lists and menus on a phone: nothing is cut, and nothing but a labelled region scrolls sideways."""

import pytest
from playwright.sync_api import Browser, Page

from cdss.accounts.models import Role, User
from cdss.audit.services import record
from cdss.library.models import SavedSearch, Visibility
from tests.cdss.cast import answered_consultation, library_case, library_document
from tests.cdss.consultations.test_pages_e2e import AXE, RULES, browser, pytestmark  # noqa: F401

PATHS = {
    Role.AUDITOR: ["/audit/", "/feedback/", "/consultations/", "/library/?view=table", "/library/sources/"],
    Role.ADMINISTRATOR: ["/accounts/users/", "/library/?view=table&q=synthetic"],
    Role.CLINICIAN: ["/library/?q=synthetic", "/library/?view=table&kind=case"],
}
OUTSIDE = """() => [...document.querySelectorAll('body *')].filter(element => {
  const box = element.getBoundingClientRect();
  return box.width > 1 && box.right > innerWidth + 1 && !element.closest('[role=region][tabindex="0"][aria-label]');
}).map(element => element.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("role", PATHS)
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_cut(
    browser: Browser, live_server, client, make_user, settings, tmp_path, role: str, width: int  # noqa: F811
) -> None:  # fmt: skip
    settings.MEDIA_ROOT = tmp_path
    user: User = make_user(f"some-{role}", role)
    answered_consultation(user)
    library_case(None, Visibility.PUBLIC)
    library_document(None, Visibility.PUBLIC)
    SavedSearch.objects.create(
        user=user, name="A search with a name that is rather long for a phone", filters={"q": "x"}
    )
    record(action="account.created", by=user, obj=user, details={"sha256": "f" * 64})
    client.force_login(user)
    context = browser.new_context(viewport={"width": width, "height": 844}, bypass_csp=True)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    context.add_cookies([cookie])
    page: Page = context.new_page()
    for path in PATHS[Role(role)]:
        page.goto(live_server.url + path)
        assert page.evaluate(OUTSIDE) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.locator(".topbar").evaluate("bar => bar.offsetHeight") < 120, path
        parts = page.locator(".topnav" if width > 700 else ".parts nav")
        if width <= 700:
            page.locator(".parts summary").click()
        assert parts.locator("a:visible").count() >= 2
        assert parts.evaluate("menu => menu.getBoundingClientRect().right <= innerWidth"), path
        page.keyboard.press("Escape")
        page.evaluate(AXE.read_text())
        found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
        assert [(path, rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
    context.close()


def test_a_row_on_a_phone_names_its_values(browser: Browser, live_server, client, make_user) -> None:  # noqa: F811
    user = make_user("someone", Role.AUDITOR)
    record(action="account.created", by=user, obj=user)
    client.force_login(user)
    context = browser.new_context(viewport={"width": 390, "height": 844})
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(live_server.url + "/audit/")
    cell = page.locator("td[data-label=Action]").first
    assert cell.evaluate("cell => getComputedStyle(cell, '::before').content") == '"Action"'
    assert cell.evaluate(
        "cell => cell.closest('.table-scroll').scrollWidth <= cell.closest('.table-scroll').clientWidth"
    )
    context.close()
