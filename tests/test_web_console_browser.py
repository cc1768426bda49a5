"""The console in a real browser: it is looked at, used by keyboard, on a phone's width, in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.gateway_site import PASSWORDS, TEXT, ConsoleSite
from tests.gateway_tools import wait_for
from tests.needs import chromium

from passerby.gateway.access.accounts import Role
from passerby.gateway.stream.gops import Gop, GopCutter
from passerby.gateway.stream.readers import AccessUnit
from passerby.gateway.stream.recording_files import RecordingFile
from passerby.gateway.values import CoverReason
from passerby.web.console.days import instant_text

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.browser
PAGES = ("", "camera/hall", "camera/hall/recordings", "events", "access", "accounts", "me")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    made = ConsoleSite(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--autoplay-policy=no-user-gesture-required") as found:
        yield found


def log_in(page: Page, site: ConsoleSite, role: Role) -> None:
    page.goto(site.url + "/console/")
    page.fill("#name", "chief" if role is Role.ADMIN else str(role))
    page.fill("#password", PASSWORDS[role])
    page.keyboard.press("Enter")
    page.wait_for_selector(".wall")


def complaints(page: Page) -> list[str]:
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def test_live_view_plays_and_state_follows(site: ConsoleSite, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        wrong = complaints(page)
        log_in(page, site, Role.VIEWER)
        # the page's policy forbids waiting inside it
        wait_for(lambda: page.evaluate("document.querySelector('video').currentTime") > 0.5)
        assert page.evaluate("document.querySelector('video').videoWidth") == 320
        page.wait_for_selector("body[data-seen=yes]")
        assert page.locator("h2").first.inner_text() == "Hall <&> 'one'"
        assert page.locator("text=Access log").count() == 0, "a viewer is not shown what it may not read"
        assert wrong == []


def test_times_are_the_server_s_wherever_the_reader_is(site: ConsoleSite, browser: Browser) -> None:
    """The page is written by the server, and renewed by the script: both in one time, with its offset."""
    with browser.new_context(timezone_id="Pacific/Auckland") as context:
        page = context.new_page()

        def with_fault(route: Route) -> None:
            told = route.fetch().json()
            for camera in told["cameras"]:
                camera |= {"last_fault": "no picture", "last_fault_ns": 10**18, "last_fault_at": instant_text(10**18)}
            route.fulfill(json=told)

        page.route("**/api/cameras", with_fault)
        log_in(page, site, Role.VIEWER)
        wanted = f"no picture, {instant_text(10**18)}"
        wait_for(lambda: page.locator("[data-show=last_fault]").first.text_content() == wanted)


# many cameras

MANY = "\n".join(
    f'  c{number:02d}: {{source: "test://portrait?size=320x192", friendly_name: Camera {number}, group: {group}}}'
    for number, group in enumerate(["Station north"] * 6 + ["Harbour <&>"] * 5)
)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    made = ConsoleSite(tmp_path_factory.mktemp("large"), TEXT.rstrip() + "\n" + MANY + "\n")
    yield made
    made.close()


def shown(page: Page) -> list[str]:
    return [text for text in page.locator(".camera:visible a:not(.view a)").all_inner_texts() if text]


def test_beyond_nine_cameras_the_wall_shows_veiled_snapshots_in_groups(large: ConsoleSite, browser: Browser) -> None:
    with browser.new_context(viewport={"width": 1200, "height": 900}) as context:
        page = context.new_page()
        wrong = complaints(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        log_in(page, large, Role.VIEWER)
        assert page.locator("video").count() == 0
        assert page.locator(".group > h2").all_inner_texts() == ["Station north", "Harbour <&>", "Other cameras"]
        stills = page.locator("img[data-still]")
        assert stills.count() == 12
        wait_for(lambda: page.evaluate("document.querySelector('img[data-still]').naturalWidth") > 0)
        first = stills.first.get_attribute("src")
        wait_for(lambda: stills.first.get_attribute("src") != first)
        assert not [url for url in asked if "/live/" in url and not url.endswith(".js")], "no live view is opened"
        below = page.locator("[data-camera=c10] img")
        assert "at=" not in (below.get_attribute("src") or ""), "what is out of sight is not asked for again"
        below.scroll_into_view_if_needed()
        wait_for(lambda: "at=" in (below.get_attribute("src") or ""))
        assert wrong == []


def test_cameras_are_found_by_name_group_and_state_with_and_without_script(
    large: ConsoleSite, browser: Browser
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        log_in(page, large, Role.VIEWER)
        page.wait_for_selector("body[data-seen=yes]")
        page.fill("#q", "harbour 7")
        assert shown(page) == ["Camera 7"]
        assert page.locator("#count").inner_text() == "1 of 12 cameras"
        assert page.locator(".group:visible").count() == 1
        page.fill("#q", "hall")
        assert shown(page) == ["Hall <&> 'one'"]
        page.fill("#q", "")
        assert len(shown(page)) == 12
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        log_in(page, large, Role.VIEWER)
        page.fill("#q", "north 3")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=north*")
        assert shown(page) == ["Camera 3"]
        page.fill("#q", "nowhere")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=No camera has all of these words.")


def test_operator_covers_with_the_keyboard_alone(site: ConsoleSite, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        log_in(page, site, Role.OPERATOR)
        page.goto(site.url + "/console/camera/hall")
        page.locator("[data-cover=on]").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-said]:has-text('Covered whole')")
        assert CoverReason.OPERATOR in site.camera.supervisor.held
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-said]:has-text('faces stay veiled')")
        assert not site.camera.supervisor.held


def test_first_tab_leads_past_the_navigation(site: ConsoleSite, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        log_in(page, site, Role.VIEWER)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(site: ConsoleSite, browser: Browser, scheme: str) -> None:
    with browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        wrong = complaints(page)
        log_in(page, site, Role.ADMIN)
        for path in PAGES:
            page.goto(f"{site.url}/console/{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
            assert page.evaluate("getComputedStyle(document.body).color") != page.evaluate(
                "getComputedStyle(document.body).backgroundColor"
            )
        assert [text for text in wrong if "Content Security Policy" in text] == []


def test_recordings_stand_at_their_hour_with_what_is_covered_whole_and_play(
    site: ConsoleSite, browser: Browser
) -> None:
    folder = site.runtime.city.cameras["hall"].record.folder / "hall"
    folder.mkdir(parents=True, exist_ok=True)
    day = datetime.now().astimezone().replace(hour=10, minute=10, second=0, microsecond=0) - timedelta(days=40)
    wall_ns = int(day.timestamp()) * 10**9
    units: list[AccessUnit] = []
    site.camera.relay.subscribe(units.append)
    wait_for(lambda: sum(unit.key for unit in units) > 2)
    gops: list[Gop] = []
    cutter = GopCutter(gops.append)
    for unit in units:
        cutter(replace(unit, whole=CoverReason.PTZ))
    file = RecordingFile(folder, replace(gops[0], wall_ns=wall_ns))
    for gop in gops:
        file.write(gop)
    file.close()
    with browser.new_context() as context:
        page = context.new_page()
        wrong = complaints(page)
        log_in(page, site, Role.OPERATOR)
        page.goto(f"{site.url}/console/camera/hall/recordings?day={day.date()}")
        clip = page.locator("[data-clip]")
        assert clip.get_attribute("title") == "100 % covered whole: the camera is moving"
        assert clip.inner_text().startswith("10:10")
        clip.click()
        wait_for(lambda: page.evaluate("document.querySelector('#player video').currentTime") > 0.3)
        assert wrong == []
        for impossible in ("0001-01-01", "9999-12-31", "2026-02-30"):
            answer = page.goto(f"{site.url}/console/camera/hall/recordings?day={impossible}")
            assert answer is not None
            assert answer.status == 400


def test_accounts_are_made_in_the_page(site: ConsoleSite, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        log_in(page, site, Role.ADMIN)
        page.goto(site.url + "/console/accounts")
        page.fill("#name", "late.shift")
        page.select_option("#role", "auditor")
        page.fill("#password", "long enough")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-remove='late.shift']")
        page.on("dialog", lambda dialog: dialog.accept())
        page.click("[data-remove='late.shift']")
        page.wait_for_selector("[data-remove='late.shift']", state="detached")
        assert site.runtime.accounts.find("late.shift") is None


def test_an_auditor_sees_no_picture(site: ConsoleSite, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        log_in(page, site, Role.AUDITOR)
        assert page.locator("video").count() == 0
        page.click("text=Access log")
        page.wait_for_selector("td")
        assert page.locator("td", has_text="login").count() > 0
