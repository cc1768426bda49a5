"""The pages in a real browser: what a visitor sees, hears, and can trust."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.types import ASGIApp

from passerby.register import Fault, Log
from passerby.web.register.follow import LogFollower
from passerby.web.register.server import register_app

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route
    from tests.web_register.conftest import City, Site, Visit

pytestmark = pytest.mark.browser
Visitor = Callable[..., "Visit"]
Serving = Callable[[ASGIApp], AbstractContextManager[str]]
SCREENSHOTS = os.environ.get("PASSERBY_SCREENSHOTS")
"""Folder that pictures of the pages go to, for people to look at."""

CONTRASTS = r"""() => {
  const parse = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const part = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest("svg, script, style, title") || element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const [a, b] = [light(parse(style.color)), light(ground(element))].sort((x, y) => y - x);
    found.push({ text: element.textContent.trim().slice(0, 40), ratio: (a + 0.05) / (b + 0.05), wanted: large ? 3 : 4.5 });
  }
  for (const text of document.querySelectorAll("svg.map a text")) {
    const shape = text.parentElement.querySelector("circle, path");
    const [a, b] = [parse(getComputedStyle(text).fill), parse(getComputedStyle(shape).fill)].map(light).sort((x, y) => y - x);
    found.push({ text: "map " + text.textContent, ratio: (a + 0.05) / (b + 0.05), wanted: 4.5 });
  }
  return found;
}"""


def change(page: Page, pattern: str, alter: Callable[[str], str]) -> None:
    """Let somebody between server and browser change what is sent."""

    def handle(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=alter(answer.text()))

    page.route(re.compile(pattern), handle)


def shoot(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)


def test_browser_checks_every_entry_of_a_good_page_by_itself(site: Site, visit: Visitor) -> None:
    seen = visit().open(site.camera(0))
    assert seen.checked() == "good"
    marks = seen.page.eval_on_selector_all(
        "[data-mark]", "all => all.map(e => [e.dataset.state, e.hidden, e.textContent])"
    )
    assert len(marks) > 30
    assert {tuple(mark) for mark in marks} == {("good", False, "✓ checked")}
    assert re.search(r"Your browser has checked \d\d entries", seen.page.inner_text("#checked"))


def test_each_section_says_once_that_it_was_checked_and_shows_entries_on_request(site: Site, visit: Visitor) -> None:
    seen = visit().open(site.camera(0))
    seen.checked()
    assert not seen.page.is_visible("#purpose .where")
    assert seen.page.inner_text("section:has(#purpose) > .proofs").endswith("✓ checked")
    seen.page.click("section:has(#purpose) > .proofs summary")
    assert seen.page.is_visible("#purpose .where")
    assert not seen.page.is_visible("#mode .where"), "of the other sections nothing"
    phone = visit(viewport={"width": 390, "height": 844}).open(site.camera(0))
    phone.checked()
    assert phone.page.evaluate("document.documentElement.scrollHeight") < 5000


def test_many_faults_are_folded_and_shown_where_one_is_wrong(own_site: Site, visit: Visitor) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    with Log.open(own_site.folder) as log:
        fault = Fault(
            at=at, camera=own_site.city.name(0), begin=at, end=at, what="covered-whole", cause="detector-behind"
        )
        first = log.append_many([fault] * 20)[0].index
    phone = visit(viewport={"width": 390, "height": 844}).open(own_site.camera(0))
    assert phone.checked() == "good"
    assert phone.page.evaluate("document.documentElement.scrollHeight") < 5500
    section = phone.page.locator("section:has(#list-faults)")
    assert section.locator("li:visible").count() == 5
    section.locator(".earlier summary").click()
    assert section.locator("li:visible").count() == 20
    seen = visit()
    change(seen.page, rf"/proof/{first + 1}$", lambda text: text.replace("index", "Index", 1))
    assert seen.open(own_site.camera(0)).checked() == "bad"
    assert seen.page.locator(".earlier li:visible").count() > 0


@pytest.mark.parametrize(("zone", "shown"), [("Europe/Paris", True), ("UTC", False)])
def test_local_time_stands_beside_utc(site: Site, visit: Visitor, zone: str, shown: bool) -> None:
    seen = visit(timezone_id=zone, locale="en-GB").open(site.camera(0))
    words = seen.page.inner_text(".light")
    assert bool(re.search(r"\d\d:\d\d UTC \(([^)]*, )?\d\d:\d\d (CET|CEST|GMT\+\d)\)", words)) is shown, words


@pytest.mark.parametrize(
    "path", ["", "fr/", "de/c/{}/", "fr/c/{}/letters.html", "c/{}/sign.html", "verify.html", "nothing/here"]
)
def test_pages_ask_nobody_else_and_break_no_policy(site: Site, visit: Visitor, path: str) -> None:
    seen = visit().open(site.url + path.format(site.city.name(0)))
    seen.page.wait_for_timeout(700)
    assert seen.asked
    assert all(url.startswith((site.url, "data:,")) for url in seen.asked), seen.asked
    wanted = ["404"] if path == "nothing/here" else []
    assert [line for line in seen.complaints if not any(word in line for word in wanted)] == []
    assert seen.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_page_that_shows_something_else_than_its_entry_fails_visibly(site: Site, visit: Visitor) -> None:
    seen = visit()
    change(seen.page, r"/c/\w+/$", lambda text: text.replace("Crowd safety on the platform", "Counting of pigeons"))
    seen.open(site.camera(0))
    assert seen.checked() == "bad"
    assert seen.page.is_visible("text=Counting of pigeons")
    assert "CHECK FAILED: The page shows something other than the entry says." in seen.page.inner_text("#purpose")
    assert "FAILED" in seen.page.inner_text("#checked")
    assert "✓ checked" in seen.page.inner_text("#position"), "the same entry's other words are as they should be"
    assert seen.page.locator("#checked").bounding_box()["y"] < 800, "the warning stands on the first screen"  # type: ignore[index]
    shoot(seen.page, "tampered")


@pytest.mark.parametrize(
    ("what", "pattern", "alter", "reason"),
    [
        ("path", r"/proof/\d+$", lambda t: re.sub(r"(index \d+\n)(.)", lambda m: m[1] + "BA"[m[2] == "B"], t), "inclusion"),
        ("entry", r"/proof/\d+$", lambda t: t.replace("extra ", "extra AAAA"), "inclusion"),
        ("signature", r"/proof/\d+$", lambda t: t[:-10] + ("A" if t[-10] != "A" else "B") + t[-9:], "signature"),
        ("size", r"/proof/\d+$", lambda t: t.replace("\n98\n", "\n97\n"), "signature"),
        ("form", r"/proof/\d+$", lambda t: t.replace("index ", "index 0"), "format"),
        ("nothing", r"/proof/\d+$", lambda _: "", "format"),
        ("key", r"/c/\w+/$", lambda t: t, "unsigned"),
        ("other proof", r"/proof/\d+$", None, "index"),
    ],
)  # fmt: skip
def test_forged_proof_fails_visibly(
    site: Site, visit: Visitor, tmp_path: Path, what: str, pattern: str, alter: Callable[[str], str] | None, reason: str
) -> None:
    seen = visit()
    if what == "key":
        other = site.city.write(tmp_path / "other")
        change(seen.page, pattern, lambda text: text.replace(f'data-vkey="{site.key}"', f'data-vkey="{other}"'))
    elif alter is None:
        seen.page.route(
            re.compile(pattern), lambda route: route.fulfill(response=route.fetch(url=f"{site.url}proof/50"))
        )
    else:
        change(seen.page, pattern, alter)
    seen.open(site.camera(0))
    assert seen.checked() == "bad"
    words = {
        "inclusion": "does not stand in the signed register", "signature": "signature of the operator's key is wrong",
        "format": "does not have the form", "unsigned": "expected key did not sign", "index": "about another entry",
    }  # fmt: skip
    assert words[reason] in seen.page.inner_text("#purpose")


def test_page_is_complete_without_script(site: Site, visit: Visitor) -> None:
    last_word = site.city.begin + timedelta(hours=21)
    silent_h = [(datetime.now(UTC) - last_word) // timedelta(hours=1)]
    plain, scripted = visit(java_script_enabled=False).open(site.camera(2)), visit().open(site.camera(2))
    scripted.checked()
    for summary in plain.page.locator(".proofs summary").all():
        summary.click()
    scripted.page.eval_on_selector_all(".proofs", "all => all.forEach(e => (e.open = true))")
    words = plain.page.inner_text("main")
    for told in (
        "Not known",
        "The operator states",
        "Unwitnessed",
        "Crowd safety",
        "entry 0",
    ):
        assert told in words
    # the city is drawn once, and an hour may end before the page is asked for
    silent_h.append((datetime.now(UTC) - last_word) // timedelta(hours=1))
    assert any(f"it has been silent for {hours} h" in words for hours in silent_h)
    assert "checking the proofs" not in words
    assert len(words) > 0.8 * len(scripted.page.inner_text("main"))
    plain.page.click("[aria-labelledby=hours] > details:not(.proofs) > summary")
    assert plain.page.is_visible("table")
    shoot(plain.page, "no-script")


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1280, "dark")])
def test_pages_fit_the_screen_and_can_be_read(site: Site, visit: Visitor, scheme: str, width: int) -> None:
    for name, path in {
        "all": "",
        "camera": f"c/{site.city.name(2)}/",
        "verify": "verify.html",
        "missing": "nothing",
    }.items():
        seen = visit(viewport={"width": width, "height": 800}, color_scheme=scheme).open(site.url + path)
        if name in {"all", "camera"}:
            seen.checked()
            seen.page.evaluate("document.querySelectorAll('details').forEach(d => (d.open = true))")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, name
        contrasts = seen.page.evaluate(CONTRASTS)
        assert len(contrasts) > (20 if name in {"all", "camera"} else 3)
        assert [text for text in contrasts if text["ratio"] < text["wanted"]] == [], name
        shoot(seen.page, f"{name}-{width}-{scheme}")


def test_targets_are_large_enough_for_a_finger(site: Site, visit: Visitor) -> None:
    seen = visit().open(site.camera(0))
    boxes = seen.page.eval_on_selector_all(
        "a:not(.skip), summary, button", "all => all.map(e => [e.textContent, e.getBoundingClientRect().height])"
    )
    # WCAG 2.2, 2.5.8: 24 pixels; links within a sentence are exempt
    assert [
        box for box in boxes if box[1] < 24 and "proof" not in box[0] and "entry" not in box[0] and "SVG" not in box[0]
    ] == []


def test_page_can_be_used_with_the_keyboard_alone(site: Site, visit: Visitor) -> None:
    seen = visit(viewport={"width": 1280, "height": 800}).open(site.url)
    seen.checked()
    seen.page.keyboard.press("Tab")
    skip = seen.page.evaluate(
        "[document.activeElement.className, document.activeElement.getBoundingClientRect().left >= 0]"
    )
    assert skip == ["skip", True]
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("document.activeElement.id") == "content"
    reached, outlined = [], []
    for _ in range(200):
        seen.page.keyboard.press("Tab")
        href, outline = seen.page.evaluate(
            "[(e => e.getAttribute('href') || e.tagName)(document.activeElement),"
            " parseFloat(getComputedStyle(document.activeElement).outlineWidth)]"
        )
        if href == "BODY":
            break
        reached.append(href)
        outlined.append(outline)
        if href == "SUMMARY":
            seen.page.keyboard.press("Enter")
    wanted = seen.page.eval_on_selector_all("main a", "all => all.map(e => e.getAttribute('href'))")
    assert set(wanted) <= set(reached)
    assert min(outlined) >= 2
    seen.page.focus(f"main .cameras a[href*='{site.city.name(0)}']")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url(f"**/c/{site.city.name(0)}/")


@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_language_of_the_page_is_that_of_the_browser_and_can_be_changed(
    site: Site, visit: Visitor, language: str
) -> None:
    seen = visit(locale=language).open(site.camera(0))
    assert seen.page.get_attribute("html", "lang") == language
    other = "de" if language != "de" else "fr"
    seen.page.click(f"header a[hreflang={other}]")
    assert seen.page.get_attribute("html", "lang") == other
    assert seen.checked() == "good"
    assert f"/{other}/c/" in seen.page.url


def test_page_has_landmarks_one_heading_and_named_links(site: Site, visit: Visitor) -> None:
    for path in ("", f"c/{site.city.name(0)}/"):
        page = visit().open(site.url + path).page
        assert page.locator("main").count() == page.locator("h1").count() == 1
        levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(e => Number(e.tagName[1]))")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
        assert (
            page.eval_on_selector_all("a", "all => all.filter(e => !e.textContent.trim() && !e.ariaLabel).length") == 0
        )
        assert page.eval_on_selector_all("svg", "all => all.filter(e => !e.getAttribute('aria-label')).length") == 0


def test_page_that_was_kept_too_long_no_longer_says_on(site: Site, visit: Visitor) -> None:
    seen = visit()
    seen.page.clock.set_fixed_time(site.city.now + timedelta(hours=3))
    change(seen.page, r"/c/\w+/$", lambda text: text)
    seen.open(site.camera(0))
    assert seen.page.inner_text("[data-light-word]") == "Not known"
    assert seen.page.is_visible("text=This page is out of date.")


def test_script_in_the_operators_words_does_not_run(
    city_now: City, tmp_path: Path, serving: Serving, visit: Visitor
) -> None:
    hostile = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    city = city_now.usual(name=hostile, label=hostile)
    city.write(tmp_path / "log")
    with serving(register_app(LogFollower(tmp_path / "log"))) as url:
        for path in (
            "",
            f"c/{city.name(0)}/",
            f"c/{city.name(0)}/sign.html",
            f"c/{city.name(0)}/sign.svg",
            "feed.atom",
        ):
            seen = visit().open(url + path)
            seen.page.wait_for_timeout(300)
            assert "owned" not in seen.page.title().split("'")[0] or "<img" in seen.page.title()
            assert seen.page.evaluate("document.querySelectorAll('img').length") == 0, path
            assert [line for line in seen.complaints if "policy" in line] == []


def test_sign_prints_on_its_own(site: Site, visit: Visitor) -> None:
    seen = visit().open(f"{site.camera(0)}sign.html")
    assert seen.page.is_visible("header nav")
    seen.page.emulate_media(media="print")
    assert not seen.page.is_visible("header nav")
    assert seen.page.is_visible(".plate svg")
    shoot(seen.page, "sign")
