"""The viewer in a real browser: scrolling, windows, measures, comparison, keys, and what axe finds."""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from cdss.accounts.models import User
from cdss.library.models import Case, CaseImage
from cdss.studies.models import Mark, Series
from cdss.studies.services import draft_begin
from cdss.studies.shown import of_series
from tests.cdss.cast import library_case
from tests.cdss.consultations.test_pages_e2e import AXE, RULES, browser, pytestmark  # noqa: F401
from tests.cdss.studies.conftest import read_files
from tests.cdss.studies.dicoms import ct, study, written

SIZE = 128


def disc(number: int) -> np.ndarray:
    """A disc of 100 + number HU on −1000."""
    y, x = np.mgrid[:SIZE, :SIZE]
    inside = (x - 64) ** 2 + (y - 64) ** 2 < 40**2
    return np.where(inside, 100 + number, -1000).astype(np.int16)


@pytest.fixture
def stack(educator: User) -> Series:
    case = draft_begin(title="A disc", by=educator)
    files = [(f"{n}", written(ct(n, pixels=disc(n), PixelSpacing=[0.5, 0.5]))) for n in range(20)]
    assert read_files(case, educator, files).state == "done"
    return Series.objects.get()


@pytest.fixture
def open_as(browser: Browser, live_server: Any, client: Any, educator: User) -> Any:  # noqa: F811
    contexts = []

    def opened(path: str, *, width: int = 1440, theme: str = "light", axe: bool = False) -> Page:
        client.force_login(educator)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=axe)
        contexts.append(context)
        context.add_cookies([cookie])
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page = context.new_page()
        page.complaints = []  # type: ignore[attr-defined]
        page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
        page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))  # type: ignore[attr-defined]
        page.goto(live_server.url + path)
        if "/studies/series" in path or "/studies/images" in path:
            page.locator("[data-first][data-seen]:not([data-seen='-1'])").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def number(page: Page) -> Any:
    return page.locator("[data-first] [data-number]")


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the picture is on the screen: it is fitted to the stage."""
    box = page.locator("[data-first] [data-stage]").bounding_box()
    assert box is not None
    scale = min(box["width"], box["height"]) / SIZE
    return box["x"] + box["width"] / 2 + (x - SIZE / 2) * scale, box["y"] + box["height"] / 2 + (y - SIZE / 2) * scale


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*place(page, *start))
    page.mouse.down()
    page.mouse.move(*place(page, *end), steps=4)
    page.mouse.up()


def grey(page: Page, x: float, y: float) -> int:
    picture = Image.open(io.BytesIO(page.locator("[data-first] [data-stage]").screenshot())).convert("L")
    box = page.locator("[data-first] [data-stage]").bounding_box()
    assert box is not None
    left, top = place(page, x, y)
    return int(picture.getpixel((left - box["x"], top - box["y"])))


@pytest.mark.parametrize("surface", ["2d", "webgl2"])
def test_frames_and_windows_show_the_values(open_as: Any, stack: Series, surface: str) -> None:
    page = open_as(f"/studies/series/{stack.pk}/?surface={surface}")
    assert page.locator("[data-first]").get_attribute("data-surface") == surface
    page.keyboard.press("Home")
    expect(number(page)).to_have_text("1 / 20")
    page.locator("[data-first] [data-stage]").hover()
    page.mouse.wheel(0, 100)
    expect(number(page)).to_have_text("2 / 20")
    page.keyboard.press("End")
    expect(number(page)).to_have_text("20 / 20")
    # L 40 W 400: 119 HU is (119 − 40) / 400 + 0.5 of white.
    assert grey(page, 80, 80) == pytest.approx(255 * ((119 - 40) / 400 + 0.5), abs=2)
    assert grey(page, 8, 64) == 0
    page.keyboard.press("i")
    expect(page.locator("[data-first] [data-window]")).to_contain_text("inverted")
    assert grey(page, 8, 64) == 255
    page.keyboard.press("i")
    drag(page, (64, 64), (90, 64))
    expect(page.locator("[data-first] [data-window]")).to_contain_text("set by hand")
    page.locator("[data-presets]").select_option(label="3  Soft tissue (40 / 400)")
    expect(page.locator("[data-first] [data-window]")).to_have_text("L 40 W 400 · Soft tissue")
    assert page.complaints == []


def test_a_length_by_dragging_and_by_typing_is_the_true_one(open_as: Any, stack: Series) -> None:
    page = open_as(f"/studies/series/{stack.pk}/")
    page.keyboard.press("l")
    drag(page, (24, 64), (104, 64))
    expect(page.locator("[data-saved]")).to_have_text("All saved.")
    dragged = Mark.objects.get()
    # The disc is 80 pixels of half a millimetre across.
    assert dragged.values["length"] == pytest.approx(40, abs=0.3)
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.keyboard.press("Tab")
    for value in ("11", "24", "64", "104", "64"):
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type(value)
        page.keyboard.press("Tab")
    page.keyboard.type("across")
    page.keyboard.press("Enter")
    expect(page.locator("[data-mark-list]")).to_contain_text("11 · length: across · 40.0 mm")
    expect(page.locator("[data-saved]")).to_have_text("All saved.")
    typed = Mark.objects.latest("pk")
    assert (typed.values["length"], typed.frame, typed.label) == (40.0, 10, "across")
    page.reload()
    expect(page.locator("[data-mark-list] li")).to_have_count(2)
    assert page.complaints == []


def test_points_are_clicked_as_well_as_dragged(open_as: Any, stack: Series) -> None:
    page = open_as(f"/studies/series/{stack.pk}/")
    page.keyboard.press("Home")
    page.keyboard.press("a")
    expect(page.locator("[data-said]")).to_contain_text("click")
    for point in ((24, 64), (64, 64), (64, 24)):
        page.mouse.click(*place(page, *point))
    page.keyboard.press("l")
    for point in ((24, 100), (64, 100)):
        page.mouse.click(*place(page, *point))
    expect(page.locator("[data-mark-list] li")).to_have_count(2)
    expect(page.locator("[data-saved]")).to_have_text("All saved.")
    angle, length = Mark.objects.order_by("kind")
    assert angle.values["angle"] == pytest.approx(90, abs=1)
    assert length.values["length"] == pytest.approx(20, abs=0.5)
    # A point that was set and is not wanted is let go of.
    page.mouse.click(*place(page, 30, 30))
    page.keyboard.press("Escape")
    page.mouse.click(*place(page, 90, 90))
    page.keyboard.press("Escape")
    assert Mark.objects.count() == 2
    assert page.complaints == []


def test_a_text_leaves_the_mark_that_was_chosen_before_as_it_is(open_as: Any, stack: Series) -> None:
    page = open_as(f"/studies/series/{stack.pk}/")
    page.keyboard.press("l")
    drag(page, (24, 64), (104, 64))
    expect(page.locator("[data-mark-list]")).to_contain_text("length: 40")
    page.keyboard.press("t")
    page.mouse.click(*place(page, 50, 20))
    page.keyboard.type("A disc")
    page.keyboard.press("Enter")
    expect(page.locator("[data-mark-list]")).to_contain_text("text: A disc")
    expect(page.locator("[data-saved]")).to_have_text("All saved.")
    assert sorted(Mark.objects.values_list("kind", flat=True)) == ["length", "text"]


def test_a_phone_shows_the_picture_on_its_first_screen(open_as: Any, stack: Series) -> None:
    page = open_as(f"/studies/series/{stack.pk}/", width=390, theme="dark")
    box = page.locator("[data-first] [data-stage]").bounding_box()
    assert box is not None
    assert box["y"] < 400
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_an_ellipse_shows_while_it_is_drawn_what_is_stored(open_as: Any, stack: Series) -> None:
    page = open_as(f"/studies/series/{stack.pk}/")
    page.keyboard.press("Home")
    page.keyboard.press("e")
    page.mouse.move(*place(page, 20, 50))
    page.mouse.down()
    page.mouse.move(*place(page, 90, 100), steps=4)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    drawn = page.locator("[data-first] .mark-ellipse text").all_text_contents()
    page.mouse.up()
    expect(page.locator("[data-saved]")).to_have_text("All saved.")
    said = Mark.objects.get().values
    values = of_series(stack).values(0)
    assert (said["min"], said["max"]) == (values.min(), values.max())
    assert drawn[0] == f"mean {said['mean']:.1f} HU · SD {said['sd']:.0f}"


def test_marks_go_out_and_come_back(open_as: Any, stack: Series, tmp_path: Path) -> None:
    page = open_as(f"/studies/series/{stack.pk}/")
    page.keyboard.press("h")
    drag(page, (30, 30), (60, 60))
    expect(page.locator("[data-saved]")).to_have_text("All saved.")
    with page.expect_download() as started:
        page.get_by_role("link", name="GSPS").click()
    file = tmp_path / "gsps.dcm"
    started.value.save_as(file)
    assert pydicom.dcmread(file).Modality == "PR"
    page.keyboard.press("Delete")
    expect(page.locator("[data-mark-list] li")).to_have_count(0)
    page.locator("[data-import]").set_input_files(file)
    expect(page.locator("[data-said]")).to_have_text("1 mark taken.")
    expect(page.locator("[data-mark-list]")).to_contain_text("arrow")


def test_what_could_not_be_saved_is_kept_and_saved_later(open_as: Any, stack: Series) -> None:
    page = open_as(f"/studies/series/{stack.pk}/")
    address = re.compile(r"/marks/$")
    page.route(address, lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.keyboard.press("l")
    drag(page, (24, 64), (104, 64))
    expect(page.locator("[data-saved]")).to_contain_text("Not saved yet")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.unroute(address)
    page.reload()
    expect(page.locator("[data-saved]")).to_have_text("All saved.")
    assert Mark.objects.count() == 1
    assert asked == ["beforeunload"]


def test_two_pages_that_change_one_mark_lose_nothing(open_as: Any, stack: Series) -> None:
    first = open_as(f"/studies/series/{stack.pk}/")
    first.keyboard.press("l")
    drag(first, (24, 64), (104, 64))
    expect(first.locator("[data-saved]")).to_have_text("All saved.")
    second = open_as(f"/studies/series/{stack.pk}/")
    for page, label in ((first, "of the first"), (second, "of the second")):
        page.locator(".mark-pick").first.click()
        page.get_by_label("Label").fill(label)
        page.get_by_role("button", name="Save the changes").click()
        expect(page.locator("[data-mark-list]")).to_contain_text(label)
        expect(page.locator("[data-mark-list]")).not_to_contain_text("not saved yet")
    assert sorted(mark.label for mark in Mark.objects.all()) == ["of the first", "of the second"]


def test_two_pictures_scroll_together(open_as: Any, stack: Series, educator: User) -> None:
    other = draft_begin(title="A prior", by=educator)
    files = [(f"{n}", written(ct(n, z=n * 2, SeriesInstanceUID="1.2.3.4", pixels=disc(n)))) for n in range(10)]
    read_files(other, educator, files)
    page = open_as(f"/studies/series/{stack.pk}/")
    page.locator("[data-compare]").select_option(index=1)
    second = page.locator("[data-second] [data-number]")
    page.locator("[data-first] [data-stage]").focus()
    page.keyboard.press("End")
    expect(number(page)).to_have_text("20 / 20")
    # Opening the second moves nothing in the first. By place: slice 20 lies at 19 mm, beside the one at 18.
    expect(second).to_have_text("10 / 10")
    expect(number(page)).to_have_text("20 / 20")
    page.keyboard.press("PageUp")
    expect(number(page)).to_have_text("10 / 20")
    expect(second).to_have_text("5 / 10")
    page.get_by_role("button", name="Linked by place").click()
    page.keyboard.press("Home")
    expect(second).to_have_text("5 / 10")
    expect(page.get_by_role("button", name="Not linked")).to_have_attribute("aria-pressed", "false")
    # Each has its own window, until one is asked for.
    windows = [page.locator(f"[data-{which}] [data-window]") for which in ("first", "second")]
    page.keyboard.press("2")
    expect(windows[0]).to_have_text("L -600 W 1500 · As stored 2")
    expect(windows[1]).to_have_text("L 40 W 400 · As stored")
    page.keyboard.press("u")
    expect(windows[1]).to_have_text("L -600 W 1500 · As stored 2")
    assert page.complaints == []


def test_pictures_of_two_spaces_scroll_by_share_or_from_where_they_were_linked(
    open_as: Any, stack: Series, educator: User
) -> None:
    other = draft_begin(title="A prior", by=educator)
    elements = {"SeriesInstanceUID": "1.2.3.4", "FrameOfReferenceUID": "1.2.3.5"}
    files = [(f"{n}", written(ct(n, z=100 + n * 4, pixels=disc(n), **elements))) for n in range(10)]
    read_files(other, educator, files)
    prior = Series.objects.get(case=other)
    page = open_as(f"/studies/series/{stack.pk}/?with=series:{prior.pk}")
    first, second = number(page), page.locator("[data-second] [data-number]")
    expect(page.get_by_role("button", name="Linked by share")).to_be_visible()
    expect(page.locator("[data-said]")).to_contain_text("by their share of the stack")
    page.keyboard.press("Home")
    expect(second).to_have_text("1 / 10")
    # Unlinked, the second is put beside another slice; linked again, both go on by millimetres.
    for key in ("s", "x", "ArrowDown", "ArrowDown", "s", "x", *["ArrowDown"] * 8):
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="Linked by distance")).to_be_visible()
    expect(first).to_have_text("9 / 20")
    expect(second).to_have_text("5 / 10")
    assert page.complaints == []


def test_a_picture_beside_it_that_is_not_there_is_said(open_as: Any, stack: Series) -> None:
    for key, said in (("series:999", "may not open it"), ("nonsense", "not named as one here")):
        page = open_as(f"/studies/series/{stack.pk}/?with={key}")
        expect(page.locator("[data-said]")).to_contain_text(said)
        expect(page.locator("[data-second]")).to_be_hidden()


def test_everything_but_drawing_by_keys(open_as: Any, stack: Series) -> None:
    page = open_as(f"/studies/series/{stack.pk}/")
    window, zoom = page.locator("[data-first] [data-window]"), page.locator("[data-first] [data-zoom-now]")
    page.keyboard.press("2")
    expect(window).to_have_text("L -600 W 1500 · As stored 2")
    page.keyboard.press("w")
    expect(window).to_have_text("L 40 W 400 · Soft tissue")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    expect(window).to_have_text("L 60 W 440 · set by hand")
    page.keyboard.press("+")
    expect(zoom).to_have_text("1.3×")
    page.keyboard.press("Alt+ArrowLeft")
    page.keyboard.press("f")
    expect(zoom).to_have_text("1.0×")
    page.keyboard.press("o")
    expect(page.locator("[data-first] [data-identity]")).to_be_hidden()
    page.reload()
    page.locator("[data-first][data-seen]:not([data-seen='-1'])").wait_for()
    expect(page.locator("[data-first] [data-identity]")).to_be_hidden()
    page.keyboard.press("o")
    expect(page.locator("[data-first] [data-identity]")).to_contain_text("de-identified")
    page.keyboard.press("c")
    expect(number(page)).not_to_have_text("11 / 20")
    page.keyboard.press("c")
    expect(page.locator("[data-cine]")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("?")
    expect(page.locator("#keymap")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    assert page.evaluate("document.activeElement.matches('[data-compare]')")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('[data-first] [data-stage]')")
    page.keyboard.press("m")
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    expect(number(page)).to_have_text("1 / 20")
    assert page.complaints == []


def test_a_key_image_by_key(open_as: Any, stack: Series) -> None:
    page = open_as(f"/studies/series/{stack.pk}/")
    page.keyboard.press("k")
    expect(page.locator("[data-said]")).to_have_text("Frame 11 is image 1 of the case now.")
    assert CaseImage.objects.get().key_of.frame == 10


def test_a_folder_becomes_a_series_that_opens(open_as: Any, tmp_path: Path, db: None) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    for name, content in study(7):
        (folder / name).write_bytes(content)
    page = open_as("/studies/upload/")
    page.get_by_label("Title of the new draft").fill("From a folder")
    page.get_by_label("Or a whole folder").set_input_files(folder)
    expect(page.locator("[data-upload-said]")).to_contain_text("7 files")
    page.get_by_role("button", name="Send the study").click()
    expect(page.get_by_text("1 series with 7 frames were stored")).to_be_visible()
    page.get_by_role("link", name="Open in viewer").click()
    expect(number(page)).to_have_text("4 / 7")
    assert Case.objects.get().title == "From a folder"
    assert page.complaints == []


def test_another_part_of_the_page_hears_of_a_region(open_as: Any, stack: Series) -> None:
    page = open_as(f"/studies/series/{stack.pk}/")
    page.evaluate(
        """() => { document.querySelector('[data-tool=box]').hidden = false;
        document.addEventListener('cdss:region', (event) => {
          document.body.dataset.heard = JSON.stringify(event.detail); }); }"""
    )
    page.get_by_role("button", name="Region").click()
    drag(page, (30, 40), (60, 90))
    heard = json.loads(page.locator("body").get_attribute("data-heard") or "{}")
    assert (heard["kind"], heard["id"], heard["frame"], heard["case"]) == ("series", stack.pk, 10, stack.case_id)
    assert heard["box"] == pytest.approx({"left": 30, "top": 40, "width": 30, "height": 50}, abs=0.5)


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 390), ("contrast", 1440)])
def test_axe_finds_nothing(open_as: Any, stack: Series, educator: User, theme: str, width: int) -> None:
    Mark.objects.create(series=stack, owner=educator, kind="length", points=[[1, 1], [9, 9]], label="x" * 60, frame=10)
    image = library_case(educator).images.get()
    key = f"/studies/series/{stack.pk}/"
    for path in (
        key,
        f"/studies/images/{image.pk}/",
        f"/studies/upload/?case={stack.case_id}",
        f"/library/cases/{stack.case_id}/",
    ):
        page = open_as(path, width=width, theme=theme, axe=True)
        if path == key:
            page.locator(".mark-pick").first.click()
        page.evaluate(AXE.read_text())
        found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
        assert [(path, rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
