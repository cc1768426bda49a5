"""The page of one file in a real browser: by mouse, by touch and by keyboard alone, in three languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.desk_site import DeskSite, desk_site, place_on_screen
from tests.desk_stand_in import StandIn
from tests.gateway_tools import wait_for
from tests.media_clips import make_clip
from tests.needs import chromium

from passerby.languages import LANGUAGES
from passerby.web.desk.app import DeskParts
from passerby.web.desk.pages import desk_words

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser
SIZE = (320, 180)


@dataclass
class Table:
    """A served desk with one file, and its page in a browser."""

    site: DeskSite
    number: str
    file: StandIn
    page: Page
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self) -> Table:
        """Open the page of the file."""
        page = self.page
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(f"{self.site.entry.origin}/look/{self.number}")
        page.wait_for_selector("body[data-ready]")
        self.shows(6)
        return self

    def shows(self, frame: int) -> None:
        """Wait until a frame is drawn."""
        self.page.wait_for_selector(f"#stage[data-frame='{frame}']")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where on the screen a place of the coded picture is."""
        return place_on_screen(self.page, x / SIZE[0], y / SIZE[1])

    def drag(self, *places: tuple[float, float]) -> None:
        """Drag the mouse from place to place in the coded picture."""
        self.page.mouse.move(*self.at(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(*place), steps=3)
        self.page.mouse.up()

    def press(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            self.page.keyboard.press(key)

    def get(self, path: str) -> dict[str, Any]:
        """Fetch something as the page would."""
        script = """async (path) => { const got = await fetch(path); const data = new Uint8Array(await got.arrayBuffer());
          return {status: got.status, type: got.headers.get("content-type"), cache: got.headers.get("cache-control"),
            data: [...data]}; }"""
        found: dict[str, Any] = self.page.evaluate(script, path)
        return found

    def did(self, count: int) -> dict[str, Any]:
        """Wait until so many edits were made, and the page knows; return the last."""
        wait_for(lambda: len(self.file.edits) == count)
        self.page.wait_for_selector("#undo:not([disabled])")
        return self.file.edits[-1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("desk") / "street.mp4"
    return make_clip(path, size=SIZE, frames=40, options={"preset": "veryfast", "g": "12"})


USUAL: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "locale": "en"}


@dataclass
class Desk:
    """A served desk, and a browser that was let in."""

    site: DeskSite
    browser: Browser
    files: dict[str, StandIn]
    context: BrowserContext


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[Desk]:
    files: dict[str, StandIn] = {}
    with (
        desk_site(lambda entry, end: DeskParts(entry=entry, end=end, edited=lambda number: files[number])) as site,
        browser.new_context(**USUAL) as context,
    ):
        page = context.new_page()
        page.goto(site.address)
        page.wait_for_url("**/")
        yield Desk(site, browser, files, context)


@pytest.fixture
def table(clip: Path, desk: Desk, request: pytest.FixtureRequest) -> Iterator[Table]:
    number = str(len(desk.files) + 1)
    file = desk.files[number] = StandIn(clip)
    wanted = getattr(request, "param", None)
    context = desk.context if wanted is None else desk.browser.new_context(**USUAL | wanted)
    if wanted is not None:
        context.add_cookies(desk.context.cookies())  # type: ignore[arg-type]  # as they come
    page = context.new_page()
    yield Table(desk.site, number, file, page)
    page.close()
    if wanted is not None:
        context.close()
    file.close()


def test_frames_are_stepped_played_and_gone_to(table: Table) -> None:
    page = table.open().page
    page.click("#forth")
    table.shows(7)
    page.focus("#stage")
    table.press("ArrowLeft", "ArrowLeft")
    table.shows(5)
    table.press("End")
    table.shows(39)
    assert page.locator("#where").inner_text() == "Frame 39 of 39, 0:01.56"
    table.press("Home", " ")
    table.shows(39)
    assert page.locator("#play").inner_text() == "Play"
    page.click("#slow")
    assert page.get_attribute("#slow", "aria-pressed") == "true"
    box = page.locator("#timeline").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 10.5 / 40, box["y"] + 3)
    table.shows(10)
    assert not [url for url in table.asked if "of=original" in url], "the original is asked for only while it is held"
    assert table.wrong == []


def bare_is_gone(page: Page) -> bool:
    script = """() => { const bare = document.getElementById("bare"); const pen = bare.getContext("2d");
      return bare.hidden && pen.getImageData(0, 0, bare.width, bare.height).data.every((one) => one === 0); }"""
    return bool(page.evaluate(script))


@pytest.mark.parametrize("way", ["mouse", "key", "button by key"])
def test_the_original_is_there_as_long_as_it_is_held_and_no_longer(table: Table, way: str) -> None:
    page = table.open().page
    if way == "mouse":
        page.hover("#original")
        page.mouse.down()
    elif way == "key":
        page.keyboard.down("o")
    else:
        page.focus("#original")
        page.keyboard.down(" ")
    page.wait_for_selector("#bare:not([hidden])")
    page.wait_for_selector("#stage[data-bare=beside]")
    if way == "mouse":
        page.mouse.up()
    else:
        page.keyboard.up("o" if way == "key" else " ")
    page.wait_for_selector("#bare", state="hidden")
    assert bare_is_gone(page)
    assert len([url for url in table.asked if "of=original" in url]) == 1
    assert page.evaluate("document.images.length") == 0
    assert table.wrong == []


def test_an_answer_with_pixels_is_never_kept(table: Table) -> None:
    table.open()
    answer = table.get(f"/api/files/{table.number}/frame/3.jpg?of=original")
    assert (answer["status"], answer["type"], answer["cache"]) == (200, "image/jpeg", "no-store")
    for path in (
        "/look/x",
        "/api/files/x/state",
        "/api/files/x/frame/1.jpg",
        f"/api/files/{table.number}/frame/40.jpg",
    ):
        assert table.get(path)["status"] == 404, path


def test_one_key_settles_a_doubt_and_the_next_is_shown(table: Table) -> None:
    page = table.open().page
    table.press("x")
    page.wait_for_selector("#uncover[open]")
    assert page.evaluate("document.activeElement.value") == "yes"
    table.press("Enter")
    assert table.did(1) == {"do": "settle", "doubt": "a", "as": "not a face"}
    table.shows(22)
    table.press("c")
    assert table.did(2) == {"do": "settle", "doubt": "b", "as": "covered"}
    page.wait_for_selector("#said:has-text('No place is open')")
    assert page.locator("#doubt-count").inner_text() == "0 of 2 places are open."
    table.press("Control+z")
    page.wait_for_selector("#doubt-count:has-text('1 of 2')")
    assert len(table.file.edits) == 1
    table.press("Control+y")
    page.wait_for_selector("#doubt-count:has-text('0 of 2')")
    assert table.wrong == []


def test_taking_away_is_asked_once_and_can_be_left(table: Table) -> None:
    page = table.open().page
    page.click("#doubt-no")
    page.click("#uncover >> text=Cancel")
    page.wait_for_selector("#uncover", state="hidden")
    assert table.file.edits == []


def test_a_box_is_dragged_followed_both_ways_and_covered(table: Table) -> None:
    page = table.open().page
    page.click("#tab-mend")
    table.drag((100, 60), (130, 100))
    page.click("#draft-follow")
    made = table.did(1)
    frames = [one["frame"] for one in made["boxes"]]
    assert frames == list(range(17)), "ten frames forward, and backwards to the first"
    assert (made["do"], made["style"], made["what"], made["origin"]) == ("cover", "solid", "face", "followed")
    drawn = made["boxes"][6]["box"]
    assert drawn == pytest.approx([100, 60, 130, 100], abs=1.5)
    assert page.locator("#said").inner_text() == "Covered from 0:00.00 to 0:00.64."
    page.wait_for_selector("#tracks li:nth-child(2)")
    table.shows(6)
    assert table.wrong == []


def test_following_stops_by_a_key_and_what_was_followed_stays(table: Table) -> None:
    page = table.open().page
    page.click("#tab-mend")
    table.file.going.clear()
    table.drag((100, 60), (130, 100))
    table.press("Enter")
    page.wait_for_selector("#stop-part:not([hidden])")
    table.press("Escape")
    page.wait_for_selector("#stop-said:has-text('backwards')")
    table.press("Escape")
    assert [one["frame"] for one in table.did(1)["boxes"]] == [6]
    table.file.going.set()


def test_a_cover_is_chosen_corrected_split_joined_and_taken_away(table: Table) -> None:
    page = table.open().page
    page.click("#tab-mend")
    page.mouse.click(*table.at(20, 20))
    page.wait_for_selector("#chosen-said:has-text('Chosen: 1 (1)')")
    table.drag((20, 20), (50, 30))
    made = table.did(1)
    assert (made["do"], made["track"], made["frame"]) == ("correct", 1, 6)
    assert made["box"] == pytest.approx([40, 20, 60, 44], abs=1.5)
    table.press("s")
    assert table.did(2) == {"do": "split", "track": 1, "frame": 6}
    page.click("#tracks >> text=Cover 3")
    table.press("j")
    assert table.did(3) == {"do": "join", "tracks": [1, 3]}
    page.select_option("#span", "on")
    page.click("#away")
    page.click("#uncover >> text=Take away")
    assert table.did(4) == {"do": "uncover", "tracks": [1], "first": 6, "last": 39}
    assert table.wrong == []


def test_several_false_covers_are_brushed_over(table: Table) -> None:
    page = table.open().page
    table.press("r", "End", "Home")
    for _ in range(12):
        table.press("ArrowRight")
    table.shows(12)
    table.drag((15, 20), (40, 25), (75, 25))
    page.wait_for_selector("#chosen-said:has-text('Chosen: 2')")
    table.press("Delete")
    page.wait_for_selector("#uncover[open]")
    table.press("Enter")
    assert table.did(1) == {"do": "uncover", "tracks": [1, 2], "first": 0, "last": 39}
    page.wait_for_selector("#tracks-none:not([hidden])")


def test_zones_text_and_plates(table: Table) -> None:
    page = table.open().page
    page.click("#tab-mend")
    page.click("#tool-zone")
    for place in ((200, 20), (300, 20), (300, 90)):
        page.mouse.click(*table.at(*place))
    page.click("#zone-close")
    made = table.did(1)
    assert made["name"] == "Zone 1"
    assert [edge for point in made["points"] for edge in point] == pytest.approx(
        [200 / 320, 20 / 180, 300 / 320, 20 / 180, 300 / 320, 90 / 180], abs=0.01
    )
    assert page.locator("#zones button").inner_text() == "Take away Zone 1"
    page.click("#tool-box")
    table.drag((100, 100), (180, 130))
    assert page.is_disabled("#style"), "faces are never blurred"
    page.select_option("#what", "plate")
    page.select_option("#style", "blur")
    page.select_option("#what", "face")
    assert page.input_value("#style") == "solid"
    page.select_option("#what", "text")
    page.select_option("#style", "mosaic")
    page.click("#draft-here")
    made = table.did(2)
    assert (made["what"], made["style"], made["origin"], len(made["boxes"])) == ("text", "mosaic", "drawn", 1)


def test_one_person_is_kept_by_pressing_the_picture(table: Table) -> None:
    page = table.open().page
    page.click("#tab-keep")
    page.mouse.move(*table.at(20, 20))
    page.mouse.down()
    page.wait_for_selector("#stage[data-bare=over]")
    page.mouse.up()
    assert table.did(1) == {"do": "keep", "tracks": [1], "why": "subject access"}
    assert bare_is_gone(page)
    page.wait_for_selector("#kept:has-text('One person is left clear')")
    table.press("End")
    table.shows(39)
    page.click("#people button")
    assert page.locator("#wrong").inner_text().startswith("Only one person")
    assert len(table.file.edits) == 1
    page.click("#unkeep")
    assert table.did(2) == {"do": "unkeep"}


def test_another_reason_is_given_in_words_before_anybody_is_kept(table: Table) -> None:
    page = table.open().page
    page.click("#tab-keep")
    page.select_option("#why", "other")
    page.click("#people button")
    assert page.locator("#wrong").inner_text() == "A reason must be given first."
    page.fill("#why-other", "asked at the <desk>")
    page.click("#people button")
    assert table.did(1) == {"do": "keep", "tracks": [1], "why": "asked at the <desk>"}


def test_an_export_ends_with_links_and_the_frames_of_the_new_result(table: Table) -> None:
    page = table.open().page
    table.press("c")
    table.did(1)
    page.click("#tab-export")
    assert page.locator("#export-what").inner_text() == "Frames to be written anew: 40."
    page.click("#export")
    page.wait_for_selector("#export-said:has-text('Exported.')")
    assert page.locator("#export-said").inner_text() == "Exported. · a note"
    assert page.locator("#noted").inner_text() == "one · two"
    assert page.locator("#outputs a").all_inner_texts() == ["Veiled result", "Statement"]
    assert page.locator("#export-what").inner_text() == "Nothing has changed since the last export."
    wait_for(lambda: any("of=veiled" in url and "v=1" in url for url in table.asked))
    assert bytes(table.get(page.get_attribute("#outputs a", "href") or "")["data"]) == table.file.clip.read_bytes()


def test_everything_is_done_by_keyboard_alone(table: Table) -> None:
    page = table.open().page
    table.press("c")
    table.did(1)
    table.press("b", "ArrowRight", "ArrowDown", "Shift+ArrowRight", "Alt+ArrowLeft", "Enter")
    made = table.did(2)
    assert (made["do"], made["origin"]) == ("cover", "followed")
    page.wait_for_selector("#said:has-text('Covered from')")
    table.press("n", "m", "ArrowRight", "Enter")
    assert table.did(3)["do"] == "correct"
    table.press("z", " ", "ArrowRight", " ", "ArrowDown", " ", "Enter")
    made = table.did(4)
    assert (made["do"], len(made["points"])) == ("zone", 3)
    table.press("n", "k")
    assert table.did(5)["do"] == "keep"
    table.press("u")
    wait_for(lambda: len(table.file.edits) == 4)
    table.press("Shift+U")
    table.did(5)
    table.press("e")
    page.wait_for_selector("#export-said:has-text('Exported.')")
    table.press("?")
    page.wait_for_selector("#keys[open]")
    assert page.locator("#keys-list dt").count() > 20
    table.press("Escape")
    page.wait_for_selector("#keys", state="hidden")
    assert table.wrong == []


@pytest.mark.parametrize("table", [{"viewport": {"width": 360, "height": 740}, "has_touch": True}], indirect=True)
def test_a_phone_is_wide_enough_and_fingers_do(table: Table) -> None:
    page = table.open().page
    for panel in ("doubts", "mend", "keep", "export"):
        page.tap(f"#tab-{panel}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, panel
    page.tap("#tab-doubts")
    page.tap("#doubt-cover")
    table.did(1)
    page.tap("#tab-mend")
    page.touchscreen.tap(*table.at(78, 24))
    page.tap("#tab-keep")
    page.touchscreen.tap(*table.at(78, 24))
    assert table.did(2)["do"] == "keep"
    assert bare_is_gone(page)
    assert table.wrong == []


@pytest.mark.parametrize("table", [{"locale": one} for one in LANGUAGES], indirect=True, ids=LANGUAGES)
def test_the_page_speaks_three_languages_and_every_control_has_a_name(table: Table) -> None:
    page = table.open().page
    language = page.get_attribute("html", "lang")
    assert language in LANGUAGES
    words = desk_words(language)
    assert page.locator("#original").inner_text() == words.text("look.original")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas, a")].filter((one) =>
          !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length || one.closest("[hidden]")))
          .map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    page.keyboard.press("?")
    shown = page.locator("#keys-list").inner_text()
    assert words.text("script.keys.original") in shown
    assert "keys." not in shown
    assert table.wrong == []


def test_texts_are_the_same_keys_in_every_language() -> None:
    tables = [desk_words(language).table for language in LANGUAGES]
    assert tables[0].keys() == tables[1].keys() == tables[2].keys()
