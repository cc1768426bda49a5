"""Frames are shown when FFmpeg would show them, and steadily where a clip's own times cannot be those of showing."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer
from av.stream import Stream
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.media_clips import ffmpeg, ffprobe, make_clip, number_in, read_all, times_of, write

from passerby.media import ClipReader, predict_record, probe_clip


def retimed(source: Path, target: Path, *, start: int = 0, audio: bool = False) -> Path:
    """Copy a clip, and from some packet on say that each is shown when it is decoded."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        tracks: dict[int, Stream] = {old.streams.video[0].index: new.add_stream_from_template(old.streams.video[0])}
        if audio:
            tracks[old.streams.audio[0].index] = new.add_stream_from_template(old.streams.audio[0])
        packets = [packet for packet in old.demux() if packet.size and packet.stream.index in tracks]
        own = [packet for packet in packets if packet.stream.type == "video"]
        showing = sorted(packet.pts or 0 for packet in own)
        for index, (packet, time) in enumerate(zip(own, showing, strict=True)):
            if start == 0:
                packet.pts = packet.dts = time
            elif index >= start:
                packet.pts = packet.dts
        for packet in packets:
            packet.stream = tracks[packet.stream.index]
            new.mux(packet)
    return target


def flat_clip(folder: Path, suffix: str = ".mp4", *, codec: str = "libx264", audio: bool = False) -> Path:
    """Make a clip with B-frames whose packets say that they are shown when they are decoded."""
    options = {"preset": "veryfast", "g": "12", "bf": "3", "b-adapt": "0"} if codec == "libx264" else None
    source = make_clip(
        folder / "plain.mp4", codec=codec, frames=48, options=options, audio="aac" if audio else None, audio_s=1.92
    )
    return retimed(source, folder / f"flat{suffix}", audio=audio)


def shown(path: Path) -> tuple[list[float], list[int]]:
    """Return times in seconds and numbers of the frames."""
    with ClipReader(path) as clip:
        found = [(round(frame.time_s, 4), number_in(frame.picture)) for frame in clip.frames()]
    return [time for time, _ in found], [number for _, number in found]


def gaps(times: Sequence[float]) -> list[float]:
    """Return how far each time lies behind the one before."""
    return [round(b - a, 4) for a, b in itertools.pairwise(times)]


STEADY = [number / 25 for number in range(48)]
NUMBERS = [number % 32 for number in range(48)]


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_times_of_decoding_are_taken_in_order(tmp_path: Path, suffix: str, codec: str) -> None:
    def with_b_frames(_: OutputContainer, stream: av.VideoStream) -> None:
        if codec == "mpeg4":
            stream.codec_context.options = {"bf": "2", "b": "3M"}

    source = make_clip(tmp_path / "plain.mp4", codec=codec, frames=48, prepare=with_b_frames)
    path = retimed(source, tmp_path / f"flat{suffix}")
    assert probe_clip(path).decode_timed
    assert shown(path)[0] == STEADY


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("full", [False, True])
def test_what_is_written_of_them_is_steady_copied_or_not(tmp_path: Path, suffix: str, full: bool) -> None:
    source = flat_clip(tmp_path, suffix)
    report = write(source, tmp_path / f"out{suffix}", 30, full_reencode=full)
    assert report.copied_frames == (0 if full else 36)
    assert shown(tmp_path / f"out{suffix}") == (STEADY, NUMBERS)


@pytest.mark.tool
def test_other_programs_see_copied_groups_steady(tmp_path: Path) -> None:
    source = flat_clip(tmp_path)
    write(source, tmp_path / "out.mp4", 30)
    frames = ffprobe(tmp_path / "out.mp4", "-show_frames", "-select_streams", "v")["frames"]
    assert [float(frame["best_effort_timestamp_time"]) for frame in frames] == pytest.approx(STEADY)


def test_a_part_of_such_a_clip_starts_where_it_was_cut(tmp_path: Path) -> None:
    source = flat_clip(tmp_path)
    write(source, tmp_path / "out.mp4", 30, start_s=0.4, end_s=1.6)
    times, numbers = shown(tmp_path / "out.mp4")
    assert numbers == NUMBERS[10:40]
    assert times == STEADY[:30]


@pytest.mark.tool
def test_sound_of_such_a_clip_stays_in_step(tmp_path: Path) -> None:
    source = flat_clip(tmp_path, audio=True)
    write(source, tmp_path / "out.mp4", 30, keep_audio=True)
    assert shown(tmp_path / "out.mp4") == (STEADY, NUMBERS)
    assert times_of(tmp_path / "out.mp4", "a") == pytest.approx(times_of(source, "a"), abs=1e-3)


def test_packets_alone_tell_the_order_of_such_a_clip(tmp_path: Path) -> None:
    path = flat_clip(tmp_path)
    record, predicted = read_all(path), predict_record(path, probe_clip(path))
    assert predicted is not None
    assert predicted.pts.tolist() == record.pts.tolist()
    assert predicted.copyable == record.copyable
    assert len(predicted.copyable.groups) == 4


def test_varied_gaps_of_such_a_clip_are_kept(tmp_path: Path) -> None:
    times = list(itertools.accumulate([1, 2, 1, 3] * 6, initial=0))
    source = make_clip(tmp_path / "plain.mp4", frames=25, pts=times)
    path = retimed(source, tmp_path / "flat.mp4")
    assert [round(time * 25) for time in shown(path)[0]] == times


def test_times_that_fall_on_the_way_go_on_at_the_clips_rate(tmp_path: Path) -> None:
    options = {"preset": "veryfast", "g": "48", "bf": "3", "b-adapt": "0"}
    source = make_clip(tmp_path / "plain.mp4", frames=48, options=options)
    path = retimed(source, tmp_path / "falls.mp4", start=24)
    assert not probe_clip(path).decode_timed
    found = gaps(shown(path)[0])
    assert min(found) == 0.04
    assert found.count(0.04) >= 44  # one gap is longer where decoding times begin
    record = read_all(path)
    assert record.copyable.reason == "times of its frames fall"
    write(path, tmp_path / "out.mp4", 30)
    assert gaps(shown(tmp_path / "out.mp4")[0]) == found


def test_a_lost_packet_does_not_shift_what_follows_the_next_key_frame(tmp_path: Path) -> None:
    source, path = flat_clip(tmp_path), tmp_path / "lost.mp4"
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        for index, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            packet.stream = video
            if index == 5:
                broken = av.Packet(bytes(64))
                broken.pts, broken.dts, broken.time_base, broken.stream = (
                    packet.pts,
                    packet.dts,
                    packet.time_base,
                    video,
                )
                new.mux(broken)
            else:
                new.mux(packet)
    times, numbers = shown(path)
    assert min(gaps(times)) > 0.03
    late = [time for time, number in zip(times, numbers, strict=True) if number in range(14, 24)]
    assert late[:10] == STEADY[14:24]


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, str, int, tuple[int, ...]]:
    """Draw codec, suffix, B-frames and times of showing."""
    codec = draw(st.sampled_from(["libx264", "libx264", "libx265", "mpeg4", "libvpx-vp9"]))
    suffix = draw(st.sampled_from([".mkv", ".webm"] if codec == "libvpx-vp9" else [".mp4", ".mov", ".mkv"]))
    between = draw(st.lists(st.integers(1, 3), min_size=1, max_size=18))
    times = itertools.accumulate(between, initial=draw(st.integers(0, 9)))
    return codec, suffix, draw(st.integers(0, 3)), tuple(times)


def drawn_clip(path: Path, codec: str, b_frames: int, times: Sequence[int]) -> Path:
    """Make a clip as drawn."""
    options = {
        "libx264": {"preset": "ultrafast", "bf": str(b_frames), "b-adapt": "0", "g": "7"},
        "libx265": {"preset": "ultrafast", "x265-params": f"log-level=none:bframes={b_frames}:b-adapt=0:keyint=7"},
        "mpeg4": {"bf": str(b_frames)},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": str(2 * b_frames)},
    }[codec]
    return make_clip(path, codec=codec, frames=len(times), pts=times, options=options)


def guessed_by_ffmpeg(path: Path) -> list[int]:
    """Return the times at which FFmpeg shows the frames, in ticks."""
    frames = ffprobe(path, "-select_streams", "v:0", "-show_frames", "-show_entries", "frame=best_effort_timestamp")
    return [int(frame["best_effort_timestamp"]) for frame in frames["frames"]]


@pytest.mark.tool
@settings(max_examples=25, deadline=None)
@given(streams(), st.booleans())
def test_frames_are_shown_when_ffmpeg_shows_them(stream: tuple[str, str, int, tuple[int, ...]], cut: bool) -> None:
    codec, suffix, b_frames, times = stream
    with tempfile.TemporaryDirectory() as folder:
        path = drawn_clip(Path(folder) / f"a{suffix}", codec, b_frames, times)
        if cut and suffix in {".mp4", ".mov"} and len(times) > 9:  # an edit list then hides frames
            ffmpeg("-ss", "0.2", "-i", path, "-c", "copy", Path(folder) / f"b{suffix}")
            path = Path(folder) / f"b{suffix}"
        record = read_all(path)
        assert record.pts.tolist() == guessed_by_ffmpeg(path)
        write(path, Path(folder) / "out.mkv", 1)
        span = (record.pts - record.pts[0]) * float(probe_clip(path).time_base)
        out = np.array(times_of(Path(folder) / "out.mkv"))
        assert out - out[0] == pytest.approx(span, abs=1.5e-3)


@pytest.mark.tool
@settings(max_examples=25, deadline=None)
@given(streams())
def test_flat_streams_are_shown_with_the_gaps_that_ffmpeg_shows(stream: tuple[str, str, int, tuple[int, ...]]) -> None:
    """FFmpeg shows such frames late by what the codec reorders, once it has noticed, and errs in the last ones."""
    codec, suffix, b_frames, times = stream
    with tempfile.TemporaryDirectory() as folder:
        source = drawn_clip(Path(folder) / f"a{suffix}", codec, b_frames, times)
        path = retimed(source, Path(folder) / f"flat{suffix}")
        record = read_all(path)
        ticks = probe_clip(path).time_base * 25
        asked = [Fraction(time - times[0]) for time in times]
        own = [(int(time) - int(record.pts[0])) * ticks for time in record.pts]
        assert own == pytest.approx(asked, abs=float(ticks) * 1.01)
        if codec in {"libx264", "libx265"} and suffix != ".mkv":
            noticed = guessed_by_ffmpeg(path)[4:-4]
            assert "," + ",".join(map(str, noticed)) in "," + ",".join(map(str, record.pts.tolist()))
