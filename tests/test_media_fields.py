"""Frames that hold two fields are known, and nothing else is taken for them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from passerby.media import FieldGauge, Frame, moments, one_field, progressive_frames
from passerby.media.fields import FIRST_FRAMES, is_combed, unweave

WIDTH, HEIGHT = 192, 96


def texture(seed: int, smooth: int) -> NDArray[np.uint8]:
    """Draw a ground four times as large as a frame, as rough as white noise (0) or smoother."""
    levels = np.random.default_rng(seed).integers(0, 256, (2 * HEIGHT, 2 * WIDTH)).astype(np.float64)
    for axis in (0, 1):
        for _ in range(smooth):
            levels = (np.roll(levels, 1, axis) + 2 * levels + np.roll(levels, -1, axis)) / 4
    low, high = levels.min(), levels.max()
    return np.asarray((levels - low) * (255 / (high - low)), np.uint8)


def shown(ground: NDArray[np.uint8], across: int, down: int) -> NDArray[np.uint8]:
    return np.roll(ground, (-down, -across), (0, 1))[:HEIGHT, :WIDTH]


def woven(first: NDArray[np.uint8], second: NDArray[np.uint8], *, upper_first: bool) -> NDArray[np.uint8]:
    frame = first.copy()
    frame[int(upper_first) :: 2] = second[int(upper_first) :: 2]
    return frame


def frame_of(luma: NDArray[np.uint8], *, flagged: bool = False, pix_fmt: str = "gray") -> av.VideoFrame:
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(luma), format="gray").reformat(format=pix_fmt)
    picture.pts, picture.time_base = 0, Fraction(1, 25)
    if flagged:
        graph = av.filter.Graph()
        ends = [
            graph.add_buffer(
                width=luma.shape[1], height=luma.shape[0], format=av.VideoFormat(pix_fmt), time_base=Fraction(1, 25)
            ),
            graph.add("setfield", "tff"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*ends).configure()
        graph.push(picture)
        pulled = graph.pull()
        assert isinstance(pulled, av.VideoFrame)
        return pulled
    return picture


def pan(steps: int, *, fields: str, speed: int = 4, seed: int = 1) -> Iterator[NDArray[np.uint8]]:
    """Draw a pan of ``speed`` pixels a field: progressive, or upper or lower field first."""
    ground = texture(seed, 12)
    for step in range(steps):
        one, two = (shown(ground, (2 * step + half) * speed, 0) for half in (0, 1))
        yield one if fields == "none" else woven(one, two, upper_first=fields == "upper")


def verdicts(lumas: Iterator[NDArray[np.uint8]], *, flagged: bool = False, pix_fmt: str = "gray") -> list[bool]:
    gauge = FieldGauge()
    return [gauge.woven(frame_of(luma, flagged=flagged, pix_fmt=pix_fmt)) for luma in lumas]


@pytest.mark.parametrize("pix_fmt", ["gray", "yuv420p", "yuv422p10le", "rgb24", "nv12", "yuyv422"])
@pytest.mark.parametrize("fields", ["upper", "lower"])
def test_two_fields_are_known_by_what_moves_without_a_flag(fields: str, pix_fmt: str) -> None:
    assert verdicts(pan(8, fields=fields), pix_fmt=pix_fmt)[3:] == [True] * 5


def test_a_flag_counts_at_once_and_while_nothing_moves() -> None:
    assert all(verdicts(pan(8, fields="upper"), flagged=True))
    assert all(verdicts((shown(texture(1, 3), 0, 0) for _ in range(8)), flagged=True))


def test_a_flag_that_lies_counts_until_enough_has_moved() -> None:
    said = verdicts(pan(8, fields="none"), flagged=True)
    assert said[0]
    assert not any(said[5:])


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "rgb24"])
def test_what_lies_behind_the_end_of_a_row_says_nothing(pix_fmt: str) -> None:
    """It is what memory held before: a picture that stands still was taken for two fields by it."""
    gauge, ground = FieldGauge(), np.full((HEIGHT, 200), 90, np.uint8)
    for number in range(12):
        picture = frame_of(ground, pix_fmt=pix_fmt)
        plane = picture.planes[0]
        rows = np.frombuffer(cast("bytes", plane), np.uint8).reshape(-1, plane.line_size)
        behind = rows[:, 200 * (3 if pix_fmt == "rgb24" else 1) :]
        assert behind.size
        behind[number % 2 :: 2] = 255
        behind[1 - number % 2 :: 2] = 0
        assert not gauge.woven(picture)
    assert not gauge.decided


def test_a_few_progressive_frames_do_not_change_the_verdict() -> None:
    def mixed() -> Iterator[NDArray[np.uint8]]:
        yield from pan(20, fields="upper")
        yield from pan(5, fields="none", seed=2)
        yield from pan(20, fields="upper")

    assert all(verdicts(mixed())[3:])


def test_many_do_and_the_way_back_is_open() -> None:
    def mixed() -> Iterator[NDArray[np.uint8]]:
        yield from pan(20, fields="upper")
        yield from pan(40, fields="none", seed=2)
        yield from pan(40, fields="lower")

    said = verdicts(mixed())
    assert (said[19], said[59], said[99]) == (True, False, True)


@given(
    seed=st.integers(0, 99),
    smooth=st.integers(0, 4),
    across=st.integers(-40, 40),
    down=st.integers(-40, 40),
)
@settings(max_examples=60, deadline=None)
def test_a_progressive_pan_is_never_taken_for_two_fields(seed: int, smooth: int, across: int, down: int) -> None:
    ground = texture(seed, smooth)
    assert not any(verdicts(shown(ground, step * across, step * down) for step in range(12)))


@given(seed=st.integers(0, 99), smooth=st.integers(0, 4))
@settings(max_examples=30, deadline=None)
def test_a_drawn_still_is_never_taken_for_two_fields(seed: int, smooth: int) -> None:
    still = shown(texture(seed, smooth), 0, 0)
    assert not is_combed(still)
    assert not any(verdicts(iter([still] * 6)))
    assert len(moments(np.repeat(still[:, :, None], 3, axis=2))) == 1


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("height", [1, 2, 3, 8, 9])
def test_rows_of_the_kept_field_stay_and_the_others_lie_between_their_neighbours(height: int, lower: bool) -> None:
    rows = np.random.default_rng(3).integers(0, 256, (height, 5), dtype=np.uint8)
    target = np.zeros_like(rows)
    unweave(rows, target, lower=lower)
    kept = int(lower)
    if height <= kept:
        assert (target == rows).all()
        return
    assert (target[kept::2] == rows[kept::2]).all()
    for at in range(1 - kept, height, 2):
        near = rows[[n for n in (at - 1, at + 1) if 0 <= n < height]]
        expected = np.clip(rows[at], near.min(axis=0), near.max(axis=0))
        assert (target[at] == expected).all()


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "rgb24", "nv12", "yuyv422", "gbrp"])
def test_one_field_shows_one_moment_and_leaves_the_frame_alone(pix_fmt: str) -> None:
    luma = np.zeros((16, 16), np.uint8)
    luma[1::2] = 200
    frame = frame_of(luma, pix_fmt=pix_fmt)
    before = [bytes(plane) for plane in frame.planes]
    upper, lower = (one_field(frame, lower=lower).reformat(format="gray").to_ndarray() for lower in (False, True))
    assert [bytes(plane) for plane in frame.planes] == before
    assert upper.max() <= 20
    assert lower.min() >= 180


def test_a_format_without_plain_rows_is_shown_as_it_is() -> None:
    frame = av.VideoFrame(16, 16, "pal8")
    assert one_field(frame) is frame
    assert not FieldGauge().woven(frame)


def test_a_picture_of_two_fields_is_seen_whole_and_as_both_moments() -> None:
    rgb = np.repeat(next(pan(1, fields="upper", speed=12))[:, :, None], 3, axis=2)
    seen = moments(rgb)
    assert len(seen) == 3
    assert seen[0] is rgb
    assert (seen[1][::2] == rgb[::2]).all()
    assert (seen[2][1::2] == rgb[1::2]).all()


def frames(lumas: Iterator[NDArray[np.uint8]]) -> Iterator[Frame]:
    for index, luma in enumerate(lumas):
        yield Frame(index, index, Fraction(1, 25), frame_of(luma, pix_fmt="yuv420p"), corrupt=False)


def test_the_first_frames_of_a_clip_wait_for_what_moves() -> None:
    pairs = list(progressive_frames(frames(pan(12, fields="upper"))))
    assert [frame.index for frame, _ in pairs] == list(range(12))
    assert all(seen is not frame and seen.index == frame.index and seen.pts == frame.pts for frame, seen in pairs)


def test_progressive_frames_are_handed_on_themselves() -> None:
    assert all(seen is frame for frame, seen in progressive_frames(frames(pan(12, fields="none"))))
    assert list(progressive_frames(iter(()))) == []


def test_no_more_frames_wait_than_a_few() -> None:
    taken: list[int] = []

    def noted() -> Iterator[Frame]:
        for frame in frames(shown(texture(1, 3), 0, 0) for _ in range(30)):
            taken.append(frame.index)
            yield frame

    next(progressive_frames(noted()))
    assert len(taken) == FIRST_FRAMES
