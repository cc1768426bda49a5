"""The report in a browser: readable on a telephone, pictures inside, nothing fetched from anywhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.needs import chromium

from passerby.values import Digest
from passerby.veil.review import report, report_page

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

pytestmark = pytest.mark.browser
DIGEST = Digest("sha256:" + "d" * 64)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 360, "height": 740})


def a_page(folder: Path) -> Path:
    data = io.BytesIO()
    Image.new("RGB", (176, 176), (112, 112, 112)).save(data, "PNG")
    place = report.ReviewPlace(
        "too faint to be covered", 3, 1.5, (1, 2, 31, 44), 0.1, covered=False, picture=data.getvalue()
    )
    made = report.VeilReport(
        "a_rather_long_name_of_a_clip_without_any_space_in_it_as_cameras_write_them_20260101.mp4", DIGEST,
        "a_rather_long_name_of_a_clip_without_any_space_in_it_as_cameras_write_them_20260101_veiled.mp4", DIGEST,
        "CenterFace on OpenVINO, CPU, f32, 2 threads", DIGEST, 3840, 2160, 15000, 9000, 8000, 0.031, 320.5,
        sizes=report.face_sizes([]), places=(place,) * 5, exclude_zones=(("poster", 0.05),), notes=("the input is interlaced",),
    )  # fmt: skip
    return report_page.write_report(folder / "r.html", [made, made], [("b.mp4", "file must decode, got nothing")])[0]


def test_report_fits_a_telephone_and_fetches_nothing(page: Page, tmp_path: Path) -> None:
    asked: list[Request] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request))
    page.on("console", lambda message: said.append(message.text))
    page.goto(a_page(tmp_path).as_uri())
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], "nothing sticks out to the side"
    shown = page.evaluate("[...document.images].map(image => image.complete && image.naturalWidth)")
    assert shown == [176] * 10
    assert all(request.url.startswith(("file:", "data:")) for request in asked)
    assert sum(request.url.startswith("file:") for request in asked) == 1
    assert said == []
    assert page.locator(".statement").is_visible()
    assert page.get_by_text("NOT covered").first.is_visible()
