"""Frames taken in any order are those that a whole pass gives under the same index, whatever the clip."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.media_clips import decoded, make_clip, scene
from tests.media_footage import CONTAINERS, make_footage
from tests.test_media_clipread import damaged
from tests.test_media_times import drawn_clip, flat_clip, retimed, streams

from passerby.errors import UsageError
from passerby.media import ClipSeeker, frame_planes


def pixels(seeker: ClipSeeker, index: int) -> bytes:
    """Decode one frame."""
    run = seeker.run(index)
    try:
        for frame in run:
            if frame.index == index:
                return b"".join(plane.tobytes() for plane in frame_planes(frame.picture))
    finally:
        run.close()  # type: ignore[attr-defined]  # a generator
    raise AssertionError(f"frame {index} did not come")


def same_as_a_whole_pass(
    path: Path,
    order: list[int] | None = None,
    *,
    known: bool = True,
    is_guessed: Callable[[float], bool] = lambda _: False,
) -> ClipSeeker:
    whole = decoded(path)
    seeker = ClipSeeker(path, frames=len(whole) if known else None)
    asked = order if order is not None else list(reversed(range(len(whole))))
    for index in (index % len(whole) for index in asked):
        found = pixels(seeker, index)
        assert is_guessed(whole[index][0]) or found == whole[index][1], index
    assert len(seeker) == len(whole)
    assert seeker.times_s == pytest.approx([time for time, _ in whole], abs=1e-9)
    return seeker


@settings(max_examples=20, deadline=None)
@given(streams(), st.lists(st.integers(0, 40), min_size=1, max_size=6), st.booleans())
def test_drawn_streams(stream: tuple[str, str, int, tuple[int, ...]], order: list[int], known: bool) -> None:
    codec, suffix, b_frames, times = stream
    with tempfile.TemporaryDirectory() as folder:
        same_as_a_whole_pass(drawn_clip(Path(folder) / f"a{suffix}", codec, b_frames, times), order, known=known)


@settings(max_examples=20, deadline=None)
@given(
    suffix=st.sampled_from([".mp4", ".mkv", ".ts"]),
    lost=st.lists(st.integers(0, 35), min_size=1, max_size=5, unique=True),
    order=st.lists(st.integers(0, 40), min_size=1, max_size=6),
)
@example(suffix=".mp4", lost=[0, 1, 35], order=[0])  # what comes of it hangs on the decoder's threads
def test_damaged_clips(suffix: str, lost: list[int], order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        options = {"preset": "veryfast", "g": "12", "bf": "2", "x264-params": "scenecut=0"}
        whole = make_clip(Path(folder) / f"a{suffix}", frames=36, size=(320, 240), options=options)
        path = damaged(whole, Path(folder) / f"b{suffix}", *lost)
        # what the decoder guesses hangs on what it decoded before: frames of a damaged group must be there, no more
        groups = {number // 12 for number in lost}
        same_as_a_whole_pass(path, order, is_guessed=lambda time_s: round(time_s * 25) // 12 in groups)


@pytest.mark.parametrize("row", CONTAINERS, ids=lambda row: f"{row[1]}-{row[3]}")
def test_every_container(
    tmp_path: Path, row: tuple[str, str, str | None, str, str, tuple[int, int], str | None]
) -> None:
    same_as_a_whole_pass(make_footage(tmp_path / f"a{row[1]}", *row[2:]))


def falls(folder: Path) -> Path:
    options = {"preset": "veryfast", "g": "24", "bf": "3", "b-adapt": "0"}
    return retimed(make_clip(folder / "plain.mp4", frames=48, options=options), folder / "falls.mp4", start=24)


def hidden_start(folder: Path) -> Path:
    """Cut a clip within a group of pictures, so that an edit list hides frames."""
    source, target = make_clip(folder / "plain.mp4", frames=48, options=X264 | {"g": "24"}), folder / "cut.mp4"
    with av.open(str(source)) as old, av.open(str(target), "w", options={"use_editlist": "1"}) as new:
        video = new.add_stream_from_template(old.streams.video[0])
        tick = 1 / (25 * (old.streams.video[0].time_base or Fraction(1)))
        for packet in old.demux(video=0):
            if packet.size and packet.pts is not None and packet.dts is not None:
                packet.pts, packet.dts = packet.pts - round(10 * tick), packet.dts - round(10 * tick)
                packet.stream = video
                new.mux(packet)
    return target


def interlaced(folder: Path) -> Path:
    return make_clip(folder / "a.mp4", frames=24, options=X264 | {"flags": "+ildct+ilme", "x264-params": "tff=1"})


def resized(folder: Path) -> Path:
    path = folder / "a.mkv"
    with av.open(str(path), "w") as container:
        track = container.add_mux_stream("mjpeg", rate=25, width=96, height=64)
        for part, size in enumerate([(96, 64), (128, 80)]):
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt = *size, "yuvj420p"
            encoder.time_base = Fraction(1, 25)
            for index in range(4):
                frame = scene(index, *size, "yuvj420p")
                frame.pts = part * 4 + index
                for packet in encoder.encode(frame):
                    packet.stream = track
                    container.mux(packet)
    return path


def rotated(folder: Path) -> Path:
    def turn(_: OutputContainer, stream: av.VideoStream) -> None:
        stream.metadata["rotate"] = "90"

    return make_clip(folder / "a.mp4", prepare=turn)


X264 = {"preset": "veryfast", "bf": "3", "b-adapt": "0"}
ODD: dict[str, Callable[[Path], Path]] = {
    "times fall on the way": falls,
    "times of decoding": flat_clip,
    "an edit list hides frames": hidden_start,
    "interlaced": interlaced,
    "resized": resized,
    "rotated": rotated,
    "open groups": lambda folder: make_clip(
        folder / "a.mp4", frames=60, options=X264 | {"g": "9", "x264-params": "open-gop=1:scenecut=0"}
    ),
    "no key frames": lambda folder: make_clip(
        folder / "a.mp4", frames=60, size=(160, 96), options=X264 | {"bf": "0", "g": "12", "x264-params": "intra-refresh=1"}
    ),
    "odd height": lambda folder: make_clip(folder / "a.mp4", size=(98, 66), options=X264 | {"g": "6"}),
    "AVI with B-frames": lambda folder: make_clip(folder / "a.avi", codec="mpeg4", options={"bf": "2", "g": "6"}),
    "AV1": lambda folder: make_clip(folder / "a.mkv", codec="libsvtav1"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_odd_clips(tmp_path: Path, kind: str) -> None:
    same_as_a_whole_pass(ODD[kind](tmp_path))


def test_plain_clips_are_indexed_without_decoding(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", options=X264 | {"g": "8"})
    assert not same_as_a_whole_pass(path).index.is_decoded
    assert ClipSeeker(path).index.is_decoded, "where nobody says how many there are, they are counted"
    seeker = ClipSeeker(path, frames=24)
    assert [seeker.nearest_start(index) for index in (0, 7, 8, 23)] == [0, 0, 8, 16]
    with pytest.raises(UsageError, match="frame must be 0 to 23, got 24"):
        next(seeker.run(24))


def test_a_count_that_does_not_fit_is_not_believed(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", options=X264)
    seeker = ClipSeeker(path, frames=25)
    assert (len(seeker), seeker.index.is_decoded) == (24, True)
    assert np.array_equal(seeker.index.packets >= 0, np.ones(24, bool))


def test_two_runs_at_once_and_frames_that_are_still_held_do_not_disturb_one_another(tmp_path: Path) -> None:
    """The desk decodes input and output side by side, and holds frames of runs that ended."""
    clip = make_clip(tmp_path / "a.mp4", frames=30, options={"preset": "veryfast", "g": "12", "bf": "3"})
    one, other = ClipSeeker(clip, frames=30), ClipSeeker(clip, frames=30)
    ended = one.run(13)
    held = [next(ended), next(ended)]
    ended.close()  # type: ignore[attr-defined]  # a generator
    pairs = list(zip(one.run(12), other.run(12), strict=True))
    assert [(a.index, b.index) for a, b in pairs] == [(index, index) for index in range(12, 30)]
    assert [frame.index for frame in held] == [12, 13]
