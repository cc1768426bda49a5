"""The desk's first page in a real browser: by mouse, by keyboard, by touch, in three languages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.desk_choosing import PNG, Desk, choosing_desk
from tests.desk_site import drop_file
from tests.needs import chromium

from passerby.web.desk.pages import desk_words

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with choosing_desk(tmp_path) as made:
        (made.home / "Videos").mkdir()
        (made.home / "Videos" / "a.png").write_bytes(PNG)
        (made.home / "Videos" / "b.pdf").write_bytes(b"%PDF-1.7\n")
        (made.home / "Videos" / "slow.png").write_bytes(PNG)
        yield made


@contextmanager
def opened(browser: Browser, desk: Desk, *, locale: str = "en", touch: bool = False) -> Iterator[Page]:
    """Open the desk by its address; in the end nothing may have gone wrong in the page or been asked for elsewhere."""
    size = {"width": 390, "height": 844} if touch else {"width": 1100, "height": 900}
    wrong: list[str] = []
    asked: list[str] = []
    with browser.new_context(locale=locale, has_touch=touch, viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(desk.site.address)
        page.wait_for_selector("#entries li")
        assert page.url == desk.site.entry.origin + "/", "the word that works once is gone from the address"
        yield page
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
    assert [one for one in asked if not one.startswith(desk.site.entry.origin)] == []
    assert [text for text in wrong if "400" not in text] == [], "what is refused is said in the page"


def test_by_mouse_a_file_is_three_clicks_away(browser: Browser, desk: Desk) -> None:
    with opened(browser, desk) as page:
        page.click("text=Videos/")
        page.click("text=a.png")
        link = page.locator("#files a.button")
        link.wait_for()
        assert link.get_attribute("href") == "/look/1"
        assert "Done, faces: 1" in page.inner_text("#files")
        assert str(desk.home / "Videos" / "a_veiled.png") in page.inner_text("#files")


def test_what_cannot_be_veiled_says_which_command_helps(browser: Browser, desk: Desk) -> None:
    with opened(browser, desk) as page:
        page.click("text=Videos/")
        assert page.locator("text=b.pdf").count() == 0
        page.check("#everything")
        page.click("text=b.pdf")
        page.wait_for_selector("#files .bad")
        assert "pdftoppm" in page.inner_text("#files code")


def test_progress_is_shown_and_a_file_is_stopped_and_begun_again(browser: Browser, desk: Desk) -> None:
    with opened(browser, desk) as page:
        page.click("text=Videos/")
        page.click("text=slow.png")
        page.wait_for_selector("#files :text('25 %')")
        said = page.inner_text("#files .state")
        assert "Hiding faces" in said
        assert "frames a second" in said
        assert "left" in said
        assert page.locator("#files progress").get_attribute("value") == "0.25"
        page.click("#files :text('Stop')")
        page.click("#files :text('Start again')")
        page.wait_for_selector("#files :text('25 %')")


def test_several_are_ticked_and_a_folder_is_taken_whole_by_keyboard_alone(browser: Browser, desk: Desk) -> None:
    def go_to(page: Page, what: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("(document.activeElement.ariaLabel || document.activeElement.textContent).trim()") == what:
                return
        raise AssertionError(f"{what} is not reached by Tab")

    with opened(browser, desk) as page:
        go_to(page, "Videos/")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=a.png")
        page.evaluate("document.activeElement.blur()")
        go_to(page, "Tick a.png")
        page.keyboard.press("Space")
        page.locator("#open-chosen:not([disabled])").wait_for()
        assert page.inner_text("#open-chosen") == "Veil what is ticked (1)"
        page.evaluate("document.activeElement.blur()")
        go_to(page, "Veil what is ticked (1)")
        page.keyboard.press("Enter")
        page.wait_for_selector("#files a.button")
        page.evaluate("document.activeElement.blur()")
        go_to(page, "Veil the whole folder")
        page.keyboard.press("Enter")
        page.wait_for_selector("#files li:nth-child(3)")
        assert sorted(one["name"] for one in desk_files(page)) == ["a.png", "b.pdf", "slow.png"]


def desk_files(page: Page) -> list[dict[str, str]]:
    found: list[dict[str, str]] = page.evaluate(
        "fetch('/api/files').then((one) => one.json()).then((one) => one.files)"
    )
    return found


def test_a_dropped_file_is_veiled_into_the_folder_that_is_shown(browser: Browser, desk: Desk) -> None:
    with opened(browser, desk) as page:
        page.click("text=Videos/")
        page.locator("#into", has_text=str(desk.home / "Videos")).wait_for()
        drop_file(page, "party.png", PNG)
        page.wait_for_selector("#files a.button")
        assert (desk.home / "Videos" / "party_veiled.png").exists()
        drop_file(page, "huge.mp4", bytes((1 << 20) + 1))
        page.wait_for_selector("#wrong:not([hidden])")
        assert "larger than the 1 MB" in page.inner_text("#wrong")
        assert "from the list" in page.inner_text("#wrong")


@pytest.mark.parametrize("locale", ["fr-FR", "de-DE"])
def test_what_went_wrong_is_said_in_the_readers_language_and_then_exactly(
    browser: Browser, desk: Desk, locale: str
) -> None:
    lead = desk_words(locale[:2]).text("script.error.UnsupportedError")
    with opened(browser, desk, locale=locale) as page:
        drop_file(page, "papers.pdf", b"%PDF-1.7")
        page.wait_for_selector("#files code")
        assert f"{lead} input must be" in page.inner_text("#files")


@pytest.mark.parametrize("locale", ["fr-FR", "de-DE"])
def test_by_touch_on_a_narrow_screen_in_the_readers_language(browser: Browser, desk: Desk, locale: str) -> None:
    words = desk_words(locale[:2])
    with opened(browser, desk, locale=locale, touch=True) as page:
        assert page.inner_text("h1") == words.text("choose.title")
        page.tap("text=Videos/")
        page.tap("text=a.png")
        page.wait_for_selector("#files a.button")
        assert page.inner_text("#files a.button") == words.text("script.look", name="a.png")
        small = page.evaluate(
            "[...document.querySelectorAll('button, a.button, label.check')].filter((one) => one.offsetHeight && "
            "one.offsetHeight < 40).map((one) => one.textContent)"
        )
        assert small == [], "what is tapped is large enough for a finger"


def test_the_button_ends_the_desk_and_the_page_says_so(browser: Browser, desk: Desk) -> None:
    with opened(browser, desk) as page:
        page.click("#end")
        page.wait_for_selector("text=The desk has ended. You can close this page.")
        assert desk.site.ended.is_set()
