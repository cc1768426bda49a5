"""Somebody who has never seen the desk: veil a clip, find the face that was missed, cover it, keep one person, export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tests.desk_site import DeskSite, desk_site, place_on_screen
from tests.needs import chromium

from passerby.config import PORTRAIT
from passerby.desk import DeskFiles, Places, VeilJobs
from passerby.veil.tools.demo_clip import PORTRAIT_HEAD
from passerby.web.desk.app import DeskParts
from passerby.web.desk.entry import DeskEntry
from passerby.web.desk.opened import OpenedFiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
SIZE = (640, 360)
FRAMES = 30
MISSED = (70, 96)
"""Size of a head without a face, which no detector finds."""


def kept_at(index: int) -> tuple[int, int]:
    return 60 + 2 * index, 40


def missed_at(index: int) -> tuple[int, int]:
    return 260 + index, 200


def street(path: Path) -> Path:
    """Draw two people whose faces are found, and between them a yellow head that is missed."""
    noise = np.random.default_rng(1)
    coarse = noise.integers(90, 160, (SIZE[1] // 20, SIZE[0] // 20, 3), dtype=np.uint8)
    ground = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
    person = Image.open(PORTRAIT).convert("RGB").crop(PORTRAIT_HEAD).resize((80, 110))
    spots = np.where(noise.integers(0, 2, (13, 9, 1)), (240, 210, 0), (200, 160, 60)).astype(np.uint8)
    head, mask = Image.fromarray(spots).resize(MISSED, Image.Resampling.BICUBIC), Image.new("L", MISSED, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, MISSED[0] - 1, MISSED[1] - 1), fill=255)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast", "g": "15"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for index in range(FRAMES):
            picture = ground.copy()
            picture.paste(person, kept_at(index))
            picture.paste(person, (500 - index, 220))
            picture.paste(head, missed_at(index), mask)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def shown(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


def yellow(picture: NDArray[np.uint8], index: int) -> int:
    """Count the pixels of the head that was missed."""
    x, y = missed_at(index)
    red, _, blue = (picture[y : y + MISSED[1], x : x + MISSED[0], channel].astype(int) for channel in range(3))
    return int(np.count_nonzero((red > 185) & (blue < 90)))


@dataclass
class Newcomer:
    """A served desk, one clip in the folder that it lists, and a page."""

    site: DeskSite
    folder: Path
    page: Page
    actions: int = 0

    def click(self, selector: str) -> None:
        """Click, which is one action."""
        self.page.wait_for_selector(selector, timeout=60_000)
        self.page.click(selector)
        self.actions += 1

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where on the screen a place of the coded picture is."""
        return place_on_screen(self.page, x / SIZE[0], y / SIZE[1])

    def drag(self, *places: tuple[float, float]) -> None:
        """Press at the first place and let go at the last, which is one action."""
        self.page.mouse.move(*self.at(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(*place), steps=4)
        if len(places) == 1:
            self.page.wait_for_selector("#stage[data-bare=over]")
        self.page.mouse.up()
        self.actions += 1

    def tab_to(self, found: Callable[[], bool]) -> None:
        """Press Tab until it is where it should be."""
        for _ in range(80):
            if found():
                return
            self.page.keyboard.press("Tab")
        raise AssertionError("the keyboard does not lead there")

    def on(self, text: str) -> bool:
        """Whether the focus is on a control with this text."""
        return text in str(
            self.page.evaluate("document.activeElement.matches('a, button') ? document.activeElement.textContent : ''")
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def newcomer(tmp_path: Path, browser: Browser) -> Iterator[Newcomer]:
    street(tmp_path / "street.mp4")
    with ExitStack() as stack:
        files = stack.enter_context(DeskFiles(stack.enter_context(VeilJobs(1))))
        edited = stack.enter_context(OpenedFiles(files.get))

        def parts(entry: DeskEntry, end: Callable[[], None]) -> DeskParts:
            return DeskParts(entry=entry, end=end, files=files, places=Places(tmp_path), edited=edited)

        site = stack.enter_context(desk_site(parts))
        context = stack.enter_context(browser.new_context(viewport={"width": 1280, "height": 900}, locale="en"))
        page = context.new_page()
        page.goto(site.address)
        page.wait_for_url("**/")
        yield Newcomer(site, tmp_path, page)


def check(folder: Path) -> None:
    """The head that was missed is covered, one person is clear, the other is not."""
    before, after = shown(folder / "street.mp4"), shown(folder / "street_veiled.mp4")
    assert len(after) == FRAMES
    assert min(yellow(picture, index) for index, picture in enumerate(before)) > 1500
    assert max(yellow(picture, index) for index, picture in enumerate(after)) < 50
    for index in (0, FRAMES // 2, FRAMES - 1):
        x, y = kept_at(index)
        kept, other = (slice(y + 25, y + 70), slice(x + 25, x + 55)), (slice(250, 285), slice(530 - index, 550 - index))
        assert np.abs(before[index][kept].astype(int) - after[index][kept]).mean() < 12
        assert np.abs(before[index][other].astype(int) - after[index][other]).mean() > 25
    assert sorted(path.name for path in folder.iterdir() if path.suffix in {".jpg", ".png", ".tmp"}) == []


def test_by_mouse_in_under_twenty_actions(newcomer: Newcomer) -> None:
    page = newcomer.page
    newcomer.click("#entries >> text=street.mp4")
    newcomer.click("#files a")
    page.wait_for_selector("#stage[data-frame]:not([data-frame=''])")
    newcomer.click("#tab-mend")
    x, y = missed_at(int(page.get_attribute("#stage", "data-frame") or 0))
    newcomer.drag((x - 4, y - 4), (x + MISSED[0] + 4, y + MISSED[1] + 4))
    newcomer.click("#draft-follow")
    page.wait_for_selector("#said:has-text('Covered from')")
    newcomer.click("#tab-keep")
    x, y = kept_at(int(page.get_attribute("#stage", "data-frame") or 0))
    newcomer.drag((x + 40, y + 45))
    page.wait_for_selector("#kept:has-text('One person')")
    newcomer.click("#tab-export")
    newcomer.click("#export")
    page.wait_for_selector("#export-said:has-text('Exported.')", timeout=60_000)
    assert newcomer.actions < 20
    check(newcomer.folder)


def test_by_keyboard_alone(newcomer: Newcomer) -> None:
    page, press = newcomer.page, newcomer.page.keyboard.press
    page.wait_for_selector("#entries >> text=street.mp4")
    newcomer.tab_to(lambda: newcomer.on("street.mp4"))
    press("Enter")
    page.wait_for_selector("#files a", timeout=60_000)
    newcomer.tab_to(lambda: bool(page.evaluate("document.activeElement.matches('#files a')")))
    press("Enter")
    page.wait_for_selector("body[data-ready]")
    for key in (
        "Home",
        "b",
        *["ArrowDown"] * 8,
        *["ArrowLeft"] * 3,
        *["Shift+ArrowDown"] * 5,
        *["Shift+ArrowRight"] * 5,
    ):
        press(key)
    press("Enter")
    page.wait_for_selector("#said:has-text('Covered from')")
    press("n")
    press("k")
    page.wait_for_selector("#kept:has-text('One person')")
    press("e")
    page.wait_for_selector("#export-said:has-text('Exported.')", timeout=60_000)
    check(newcomer.folder)
