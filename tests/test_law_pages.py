"""The pages in a real browser: nothing loaded, no sideways scrolling, readable colours, usable by keyboard, whole on paper."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.needs import chromium

from passerby import law

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
EXAMPLES = Path(__file__).parent.parent / "docs" / "examples" / "law"
PAGES = ("depends", "permitted", "matrix", "beside", "depends-fr", "permitted-de", "beside-de")
CONTRAST = """() => {
  const parse = text => { const m = text.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m };
  const light = rgb => { const [r, g, b] = rgb.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const behind = node => { for (; node; node = node.parentElement) { const c = parse(getComputedStyle(node).backgroundColor);
    if (c[3] === 1) return c } return [255, 255, 255, 1] };
  const bad = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !node.checkVisibility()) continue;
    const style = getComputedStyle(node), size = parseFloat(style.fontSize);
    const [a, b] = [light(parse(style.color).slice(0, 3)), light(behind(node).slice(0, 3))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.push([ratio.toFixed(2), walker.currentNode.textContent.trim().slice(0, 40)]);
  }
  return bad;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    positions = law.positions()
    rows = tuple(law.assess_deployment(one, positions) for one in law.read_deployments(EXAMPLES))
    by_name = {Path(row.name).stem: row for row in rows}
    texts = {
        "depends": law.assessment_to_html(by_name["station-not-yet-decided"]),
        "permitted": law.assessment_to_html(by_name["christmas-market"]),
        "matrix": law.comparison_to_html(rows, "Examples"),
        "beside": law.comparison_to_html((by_name["christmas-market"],), "Christmas market"),
        "depends-fr": law.assessment_to_html(by_name["station-not-yet-decided"], "fr"),
        "permitted-de": law.assessment_to_html(by_name["christmas-market"], "de"),
        "beside-de": law.comparison_to_html((by_name["christmas-market"],), "Weihnachtsmarkt", "de"),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in texts}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_page_asks_for_nothing_and_says_nothing_to_the_console(name: str, page: Page, pages: dict[str, str]) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(pages[name])
    assert asked == [pages[name]]
    assert said == []


@pytest.mark.parametrize("width", [320, 380, 768, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_sideways(name: str, width: int, page: Page, pages: dict[str, str]) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(pages[name])
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_word_stands_out_enough_from_what_is_behind_it(
    name: str, scheme: str, page: Page, pages: dict[str, str]
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(pages[name])
    behind = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert behind == ("rgb(20, 22, 26)" if scheme == "dark" else "rgb(255, 255, 255)")
    assert page.evaluate(CONTRAST) == []


def test_reasons_and_duties_are_reached_and_worked_by_keyboard(page: Page, pages: dict[str, str]) -> None:
    page.goto(pages["permitted"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    seen: list[str] = []
    for _ in range(400):
        page.keyboard.press("Tab")
        tag = page.evaluate("document.activeElement.tagName")
        if tag == "SUMMARY" and "SUMMARY" not in seen:
            before = page.evaluate("document.activeElement.parentElement.open")
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.parentElement.open") is not before
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        if tag == "INPUT" and "INPUT" not in seen:
            page.keyboard.press("Space")
            assert page.evaluate("document.activeElement.checked") is True
            assert page.evaluate("document.activeElement.labels[0].textContent").strip()
        seen.append(tag)
        if {"A", "SUMMARY", "INPUT"} <= set(seen):
            break
    assert {"A", "SUMMARY", "INPUT"} <= set(seen)


def test_paper_shows_reasons_that_are_closed_on_the_screen(page: Page, pages: dict[str, str]) -> None:
    page.goto(pages["permitted"])
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = false)")
    leaf = page.locator(".tree ul .leaf").first
    assert not leaf.is_visible()
    page.emulate_media(media="print")
    assert leaf.evaluate("node => node.getBoundingClientRect().height") > 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CONTRAST) == []
    assert page.pdf()[:5] == b"%PDF-"


def test_headings_go_down_without_a_gap_and_the_title_is_set(page: Page, pages: dict[str, str]) -> None:
    for name in PAGES:
        page.goto(pages[name])
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
        assert page.title()
        assert page.locator("main").count() == 1
