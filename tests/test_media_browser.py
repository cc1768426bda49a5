"""A clip joined from copied and encoded groups, played by a browser: parameter sets of both stand in its header."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.media_clips import make_clip, write
from tests.needs import chromium

pytestmark = pytest.mark.browser
PLAY = """async () => {
  const video = document.querySelector("video");
  video.playbackRate = 4;
  await new Promise((done) => { video.onended = done; video.onerror = done; video.play(); setTimeout(done, 20000); });
  return [video.ended, video.error && video.error.message, video.getVideoPlaybackQuality().totalVideoFrames];
}"""


@pytest.mark.parametrize("delay", [{"bf": "0"}, {"bf": "2", "b-pyramid": "none"}, {"bf": "3", "b-pyramid": "normal"}])
@pytest.mark.parametrize("edits", [[12, 30], list(range(48))], ids=["some", "all"])
def test_a_browser_plays_it_to_its_end(tmp_path: Path, delay: dict[str, str], edits: list[int]) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=48, size=(160, 96), options={"preset": "veryfast", "g": "8"} | delay)
    report = write(source, tmp_path / "out.mp4", *edits)
    assert report.copied_frames == (32 if len(edits) == 2 else 0)
    page_file = tmp_path / "page.html"
    page_file.write_text('<video src="out.mp4" muted></video>', encoding="utf-8")
    with chromium("--autoplay-policy=no-user-gesture-required") as browser:
        page = browser.new_page()
        page.goto(page_file.as_uri())
        ended, error, frames = page.evaluate(PLAY)
    assert (ended, error) == (True, None)
    assert frames >= 44  # a few may be dropped at four times the speed
