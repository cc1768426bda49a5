from __future__ import annotations

import threading

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.media import cover_whole, frame_planes, scaled_luma, scaled_rgb

# Kr and Kb of the colour matrices, by their code in ITU-T H.273
WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p12le"]


def flat(pix_fmt: str, colour: tuple[int, int, int], *, matrix: int = 1, full: bool = False) -> av.VideoFrame:
    """Make a frame of one colour by the formulas of H.273, 8.3."""
    red, green, blue = (value / 255 for value in colour)
    kr, kb = WEIGHTS[matrix]
    y = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - y) / (1 - kb) / 2, (red - y) / (1 - kr) / 2
    frame = av.VideoFrame(128, 96, pix_fmt)
    frame.colorspace, frame.color_range = matrix, 2 if full else 1
    depth = frame.format.components[0].bits
    step = 1 << (depth - 8)
    values = (255 * y, 255 * cb + 128, 255 * cr + 128) if full else (219 * y + 16, 224 * cb + 128, 224 * cr + 128)
    for plane, value in zip(frame_planes(frame), values, strict=True):
        plane[:] = round(value * step)
    return frame


@pytest.mark.parametrize(
    ("pix_fmt", "full"), [(f, full) for f in FORMATS for full in (False, True) if full or "j" not in f]
)
@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (200, 30, 60), (20, 180, 240)])
def test_rgb_follows_matrix_range_and_depth(
    pix_fmt: str, matrix: int, full: bool, colour: tuple[int, int, int]
) -> None:
    small = scaled_rgb(flat(pix_fmt, colour, matrix=matrix, full=full), 40, 30)
    assert (small.shape, str(small.dtype), small.flags.c_contiguous) == ((30, 40, 3), "uint8", True)
    assert np.abs(small.astype(int) - colour).max() <= 3


@pytest.mark.parametrize("pix_fmt", FORMATS)
@pytest.mark.parametrize("full", [False, True])
def test_luma_is_full_range(pix_fmt: str, full: bool) -> None:
    full = full or pix_fmt.startswith("yuvj")
    for level in (0, 128, 255):
        small = scaled_luma(flat(pix_fmt, (level, level, level), full=full), 37, 21)
        assert (small.shape, str(small.dtype), small.flags.c_contiguous) == ((21, 37), "uint8", True)
        assert np.abs(small.astype(int) - level).max() <= 2


def test_shrinking_averages_and_keeps_places() -> None:
    frame = av.VideoFrame(256, 192, "yuv420p")
    for plane, value in zip(frame_planes(frame), (16, 128, 128), strict=True):
        plane[:] = value
    frame_planes(frame)[0][96:, 128:] = 235
    small = scaled_luma(frame, 16, 12)
    assert small[:5, :7].max() <= 2
    assert small[7:, 9:].min() >= 253
    frame_planes(frame)[0][:] = np.where(np.indices((192, 256)).sum(0) % 2, 235, 16)
    assert np.abs(scaled_luma(frame, 16, 12).astype(int) - 127).max() <= 6


def test_scaling_leaves_the_frame_as_it_was() -> None:
    frame = flat("yuv420p", (90, 120, 30))
    frame.color_trc, frame.color_primaries = 13, 9
    before = [plane.copy() for plane in frame_planes(frame)]
    scaled_rgb(frame, 20, 20)
    scaled_luma(frame, 128, 96)
    assert all((a == b).all() for a, b in zip(before, frame_planes(frame), strict=True))
    assert (frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range) == (13, 9, 1, 1)


def test_threads_do_not_mix_up_their_pictures() -> None:
    wrong: list[int] = []

    def work(level: int) -> None:
        frame = flat("yuv420p", (level, level, level))
        means = [int(scaled_rgb(frame, size, size).mean()) for size in (16, 24, 40) * 20]
        wrong.extend(mean for mean in means if abs(mean - level) > 2)

    threads = [threading.Thread(target=work, args=(level,)) for level in (10, 90, 170, 250)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("pix_fmt", [*FORMATS, "nv12", "gray", "gray10le", "rgb24", "gbrp", "yuva420p", "yuyv422"])
def test_blank_leaves_one_tone(pix_fmt: str) -> None:
    rng = np.random.default_rng(3)
    frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (50, 66, 3), np.uint8), "rgb24").reformat(format=pix_fmt)
    cover_whole(frame)
    picture = frame.to_ndarray(format="rgb24")
    assert int(picture.max()) - int(picture.min()) <= 2
    assert 100 < picture.mean() < 160


@given(width=st.integers(1, 70), height=st.integers(1, 50), pix_fmt=st.sampled_from(FORMATS))
@settings(max_examples=60, deadline=None)
def test_planes_are_views_without_padding(width: int, height: int, pix_fmt: str) -> None:
    frame = av.VideoFrame(width, height, pix_fmt)
    views = frame_planes(frame)
    assert views[0].shape == (height, width)
    for number, view in enumerate(views):
        view[:] = number + 1
    for number, view in enumerate(frame_planes(frame)):
        assert (view == number + 1).all()
        assert view.dtype == (np.uint16 if "le" in pix_fmt else np.uint8)
