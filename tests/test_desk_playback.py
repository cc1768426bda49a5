"""The desk's frames: the right one, in any order, within bounds, and never on disk."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.media_clips import make_clip, number_in

from passerby.desk.playback.frame_server import ClipServer, open_frames
from passerby.errors import UnreadableError, UsageError

X264 = {"preset": "veryfast", "g": "12", "bf": "3"}


def number_of(jpeg: bytes) -> int:
    """Read back which frame of ``media_clips.scene`` a JPEG is."""
    rgb = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
    block = rgb[2 : rgb.shape[0] // 2 - 4, 2 : rgb.shape[1] // 2 - 4]
    return round((float(block.mean()) - 40) / 6)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("playback") / "a.mp4", frames=30, options=X264)


@settings(max_examples=30, deadline=None)
@given(asked=st.lists(st.integers(0, 29), min_size=1, max_size=20), held=st.integers(1, 12))
def test_any_order_gives_the_frame_asked_for_however_few_are_held(clip: Path, asked: list[int], held: int) -> None:
    server = ClipServer(clip, frames=30, cache_bytes=held * 96 * 64 * 3 // 2)
    assert [number_of(server.jpeg(index)) for index in asked] == asked
    server.close()


def test_several_may_ask_at_once(clip: Path) -> None:
    server = open_frames(clip, frames=30)
    asked = [(7 * k) % 30 for k in range(60)]
    with ThreadPoolExecutor(4) as pool:
        assert [number_of(jpeg) for jpeg in pool.map(server.jpeg, asked)] == asked


def test_every_page_of_a_picture_is_a_frame_with_its_pixels_where_they_are(tmp_path: Path) -> None:
    pages = [Image.new("RGB", size, (40 + 50 * n, 0, 0)) for n, size in enumerate([(60, 40), (80, 30), (60, 40)])]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    server = open_frames(tmp_path / "a.tif", frames=3)
    assert ((server.width_px, server.height_px), server.times_s) == ((80, 40), [0.0, 1.0, 2.0])
    for index in range(3):
        rgb = np.asarray(Image.open(io.BytesIO(server.jpeg(index))))
        assert abs(int(rgb[10, 20, 0]) - 40 - 50 * index) < 4
        assert server.frame_at(index).to_ndarray(format="rgb24")[29, 59, 0] == 40 + 50 * index
    with pytest.raises(UsageError, match="frame must be 0 to 2, got 3"):
        server.jpeg(3)
    server.close()


def test_frames_are_scaled_down_and_never_up(clip: Path) -> None:
    server = open_frames(clip, frames=30)
    sizes = [Image.open(io.BytesIO(server.jpeg(3, width))).size for width in (None, 48, 4000)]
    assert sizes == [(96, 64), (48, 32), (96, 64)]


def test_decoded_frames_are_given_in_the_coded_size(clip: Path) -> None:
    server = open_frames(clip, frames=30)
    picture = server.frame_at(5)
    assert ((picture.width, picture.height), number_in(picture)) == ((96, 64), 5)
    for index in (-1, 30):
        with pytest.raises(IndexError):
            server.frame_at(index)


def test_what_is_not_there_is_refused(clip: Path) -> None:
    server = open_frames(clip, frames=30)
    with pytest.raises(UsageError, match="frame must be 0 to 29, got 30"):
        server.jpeg(30)
    with pytest.raises(UsageError, match="frame must be 0 to 29, got -1"):
        server.jpeg(-1)
    with pytest.raises(UnreadableError):
        open_frames(clip.with_name("none.mp4"))


def test_a_still_picture_is_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 20), (200, 30, 30)).save(path)
    server = open_frames(path)
    assert (server.width_px, server.height_px, server.times_s) == (40, 20, [0.0])
    shown = Image.open(io.BytesIO(server.jpeg(0, 20)))
    assert (shown.size, shown.format) == ((20, 10), "JPEG")
    with pytest.raises(UsageError, match="frame must be 0, got 1"):
        server.jpeg(1)
