"""The exported pages in a browser, from a folder: no server, no network, the policy of the pages in force."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page

from cdss.accounts.models import User
from tests.cdss.cast import library_case
from tests.cdss.consultations.test_pages_e2e import AXE, RULES, browser, pytestmark  # noqa: F401
from tests.cdss.exchange.conftest import write_lines, write_png

DEMO = Path(settings.DEMO_ROOT) / "demo_cases.jsonl"


@pytest.fixture
def site(tmp_path: Path, importing: Callable, exporting: Callable) -> Path:
    importing(DEMO, "--collection", "Demonstration library", "--synthetic", "--publish")
    for number in range(3):
        write_png(tmp_path / f"in/{number}.png", number)
    frames = [f"{number}.png" for number in range(3)]
    row = {
        "id": "stack", "title": "Zebraitis", "diagnosis": "<b>Zebraitis</b>", "findings": "<i>A</i> stack.",
        "images": [{"path": "0.png", "frames": frames, "modality": "CT"}],
    }  # fmt: skip
    importing(write_lines(tmp_path / "in/cases.jsonl", row), "--publish", "--trust-pixels")
    assert exporting("--format", "html", "--output", tmp_path / "site").code == 0
    return tmp_path / "site"


def opened(browser: Browser, site: Path, **options: object) -> tuple[Page, list[str]]:  # noqa: F811
    context = browser.new_context(offline=True, **options)
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith("file:") else wrong.append(request.url))
    page.goto((site / "index.html").as_uri())
    return page, wrong


def test_a_class_searches_and_reveals(browser: Browser, site: Path) -> None:  # noqa: F811
    page, wrong = opened(browser, site)
    assert page.inner_text(".count") == "89 of 89 cases"
    page.keyboard.press("/")
    page.keyboard.type("meningioma")
    assert page.inner_text(".count") == "0 of 89 cases"
    assert page.is_visible(".none")
    page.check("[name=answers]")
    assert page.inner_text(".count").startswith("6 of")
    assert "Meningioma" in page.inner_text("[data-case]:not([hidden])")
    page.uncheck("[name=answers]")
    page.fill("[name=q]", "popcorn calcif")
    shown = page.locator("[data-case]:not([hidden])")
    assert shown.count() >= 1
    assert "hamartoma" not in page.inner_text("body").lower()
    shown.first.locator("a").click()
    assert page.locator("h1").inner_text().startswith("Case ")
    assert "hamartoma" not in page.inner_text("body").lower()
    page.locator("summary").press("Enter")
    assert "hamartoma" in page.inner_text(".answer").lower()
    assert wrong == []
    page.context.close()


def test_a_stack_scrolls_and_an_image_zooms(browser: Browser, site: Path) -> None:  # noqa: F811
    page, wrong = opened(browser, site)
    page.click("[data-case='89'] a")
    image = page.locator("figure img")
    assert str(image.get_attribute("src")).endswith("-0001.png")
    page.locator("input[type=range]").press("ArrowRight")
    assert str(image.get_attribute("src")).endswith("-0002.png")
    assert page.inner_text("figure output") == "3 / 3"
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 40
    page.click("button[data-do=in]")
    assert "scale(1.5)" in str(image.get_attribute("style"))
    page.click("button[data-do=fit]")
    assert "scale" not in str(image.get_attribute("style"))
    page.click("summary")
    assert page.inner_text(".answer strong") == "<b>Zebraitis</b>"
    assert wrong == []
    page.context.close()


def test_the_policy_of_the_pages_holds(browser: Browser, site: Path) -> None:  # noqa: F811
    page, wrong = opened(browser, site)
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      const image = new Image();
      image.src = "https://example.org/x.png";
      document.body.append(image);
    }""")
    assert page.evaluate("window.ran") is None
    assert len([said for said in wrong if "Content Security Policy" in said]) == 2
    page.context.close()


def test_the_list_is_there_without_scripts(browser: Browser, site: Path) -> None:  # noqa: F811
    page, _ = opened(browser, site, java_script_enabled=False)
    page.click("[data-case='1'] a")
    page.click("summary")
    assert page.locator(".answer h2").is_visible()
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_accessible_and_nothing_cut(browser: Browser, site: Path, width: int, scheme: str) -> None:  # noqa: F811
    size = {"width": width, "height": 900}
    page, _ = opened(browser, site, viewport=size, color_scheme=scheme, bypass_csp=True)
    for path in ("index.html", "cases/00001.html", "cases/00089.html"):
        page.goto((site / path).as_uri())
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        page.evaluate(AXE.read_text())
        found = page.evaluate("rules => axe.run(document, {runOnly: rules, preload: false})", RULES)["violations"]
        assert [(path, rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
    page.context.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_the_form(browser: Browser, live_server, client: Client, educator: User, width: int) -> None:  # noqa: F811
    case = library_case(None)
    client.force_login(educator)
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/library/cases/{case.pk}/")
    page.click("text=Export")
    assert "1 case fits" in page.inner_text("[role=status]")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(AXE.read_text())
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
    with page.expect_download() as download:
        page.click("main .button-primary")
    assert download.value.suggested_filename.startswith("cases-jsonl-")
    context.close()
