"""A box and a mask, drawn in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from cdss.accounts.models import User
from cdss.library.models import CaseImage
from cdss.regions.models import Origin, RegionMask, Structure
from tests.cdss.consultations.test_pages_e2e import AXE, CHROMIUM, RULES, browser, open_page
from tests.cdss.regions.conftest import SIZE

__all__ = ["browser", "open_page"]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]

# Decoded, or broken and so of its final size too; an image that waits to be scrolled to would keep the test waiting.
DECODED = """() => Promise.all([...document.images].filter(image => image.loading !== "lazy")
    .map(image => image.decode().catch(() => null)))"""


def box_of(page: Page, selector: str) -> dict[str, float]:
    """Where a surface is, once the images of its page are there and have their size."""
    page.evaluate(DECODED)
    place = page.locator(selector).bounding_box()
    assert place is not None
    return dict(place)


def drag(page: Page, selector: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From and to a share of the width and height."""
    place = box_of(page, selector)
    points = [(place["x"] + x * place["width"], place["y"] + y * place["height"]) for x, y in (start, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=6)
    page.mouse.up()


def box(page: Page) -> list[float]:
    return [float(page.locator(f"#box-{side}").input_value()) for side in "xywh"]


def test_a_box_is_drawn_typed_and_moved_and_its_heatmap_opened(open_page, prepared: list[CaseImage]) -> None:
    page = open_page(f"/library/cases/{prepared[0].case_id}/")
    page.get_by_role("link", name="Find similar regions").click()

    drag(page, "[data-box-surface]", (0.25, 0.25), (0.75, 0.5))
    x, y, width, height = box(page)
    assert [x, y, width, height] == pytest.approx([24, 24, 48, 24], abs=2)
    page.locator("[data-box-surface]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert box(page)[0] > x
    assert box(page)[3] > height
    page.get_by_role("button", name="Find similar regions").click()
    expect(page.locator(".region-results > li")).to_have_count(2)
    assert page.locator(".region-results .region-box").count() == 2

    page.get_by_label("Width").fill("30")
    page.get_by_label("Height").fill("20")
    assert page.locator("[data-box]").get_attribute("width") == "30"
    page.get_by_label("Height").press("Enter")
    expect(page.locator(".region-results > li")).to_have_count(2)
    assert "w=30&h=20" in page.url

    page.get_by_role("link", name="Compare").first.click()
    layer = page.locator("[data-heat-layer]").last
    expect(layer).to_be_visible()
    page.get_by_role("slider", name="Strength").fill("40")
    assert layer.evaluate("each => each.style.opacity") == "0.4"
    page.locator("h1").click()
    page.keyboard.press("h")
    expect(layer).to_be_hidden()
    page.keyboard.press("h")
    expect(layer).to_be_visible()
    page.locator("[data-pair-show='1']").click()
    assert page.locator("[data-pair][data-lit]").count() == 2
    expect(page.get_by_text("No proof of a lesion")).to_be_visible()
    assert page.complaints == []


def test_a_mask_is_drawn_and_what_is_proposed_corrected(
    open_page, client, livers: list[CaseImage], educator: User
) -> None:
    structure = Structure.objects.create(name="Liver", by=educator)
    page = open_page("/")
    client.force_login(educator)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": page.url}])
    page.goto(f"{page.url}regions/structures/{structure.pk}/draw/?image={livers[0].pk}&frame=0")
    page.keyboard.press("p")
    for across, down in ((0.2, 0.3), (0.5, 0.3), (0.5, 0.7), (0.2, 0.7)):
        place = box_of(page, "[data-canvas]")
        page.mouse.click(place["x"] + across * place["width"], place["y"] + down * place["height"])
    page.keyboard.press("Enter")
    page.keyboard.press("e")
    drag(page, "[data-canvas]", (0.3, 0.5), (0.4, 0.5))
    page.get_by_role("button", name="Save the mask").click()
    expect(page.get_by_text("Saved: drawn by hand.")).to_be_visible()
    area = RegionMask.objects.get().area
    assert 0.7 * 0.3 * 0.4 < area / SIZE**2 < 0.3 * 0.4

    page.goto(page.url.replace(f"structures/{structure.pk}/", f"structures/{structure.pk}/draw/?image={livers[1].pk}"))
    page.get_by_role("button", name="Propose a mask").click()
    expect(page.get_by_text("nobody has checked it")).to_be_visible()
    drag(page, "[data-canvas]", (0.8, 0.8), (0.9, 0.9))
    page.get_by_role("button", name="Save this mask").click()
    expect(page.get_by_text("Saved: proposed, corrected by hand.")).to_be_visible()
    assert RegionMask.objects.current().get(image=livers[1]).origin == Origin.CORRECTED
    assert page.complaints == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390), ("contrast", 1440)])
def test_axe_finds_nothing(open_page, prepared: list[CaseImage], theme: str, width: int) -> None:
    query = f"image={prepared[0].pk}&frame=0&x=20&y=20&w=40&h=30"
    page = open_page(f"/regions/search/?{query}", theme=theme, width=width, axe=True)
    addresses = [page.url, page.get_by_role("link", name="Compare").first.evaluate("each => each.href")]
    for address in addresses:
        page.goto(address)
        page.add_script_tag(path=str(AXE))
        found = page.evaluate("rules => axe.run({runOnly: rules})", RULES)["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_nothing_on_the_editor_and_a_keyboard_masks(
    open_page, client, livers: list[CaseImage], educator: User, theme: str, width: int
) -> None:
    structure = Structure.objects.create(name="Liver", by=educator)
    page = open_page("/", theme=theme, width=width, axe=True)
    client.force_login(educator)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": page.url}])
    top = page.url
    page.goto(f"{top}regions/structures/{structure.pk}/draw/?image={livers[0].pk}&frame=0")
    complaints(page)
    page.get_by_label("Outline, typed").fill("ellipse 48 48 20 12\n- box 44 44 4 4")
    page.get_by_role("button", name="Save the mask").press("Enter")
    expect(page.get_by_text("Saved: drawn by hand.")).to_be_visible()
    complaints(page)
    page.goto(f"{top}regions/structures/{structure.pk}/draw/?image={livers[1].pk}&frame=0")
    page.get_by_role("button", name="Propose a mask").press("Enter")
    expect(page.get_by_text("nobody has checked it")).to_be_visible()
    complaints(page)
    page.goto(f"{top}regions/structures/?image={livers[0].pk}&frame=0")
    complaints(page)


def complaints(page: Page) -> None:
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("rules => axe.run({runOnly: rules})", RULES)["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
