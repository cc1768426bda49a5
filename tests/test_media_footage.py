"""Footage of every container and stream that people have is read frame by frame, and written whole."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.media_clips import make_clip, number_in, read_all, scene, write
from tests.media_footage import CONTAINERS, FRAMES, make_dahua, make_footage

from passerby.media import ClipReader, ContentKind, OutputJob, expand_inputs, plan_outputs, probe_clip, sniff_file


def shown(path: Path) -> tuple[list[int], list[float]]:
    """Return which frames a clip shows, and how long after the one before, in seconds."""
    with ClipReader(path) as clip:
        found = [(number_in(frame.picture), frame.time_s) for frame in clip.frames()]
    return [number for number, _ in found], [round(b - a, 3) for (_, a), (_, b) in itertools.pairwise(found)]


def job(path: Path) -> OutputJob:
    return plan_outputs(expand_inputs([str(path)]))[0]


@pytest.mark.parametrize(("name", "suffix", "muxer", "codec", "pix_fmt", "size", "audio"), CONTAINERS)
def test_every_frame_is_read_in_order_and_written_at_its_time(
    tmp_path: Path,
    name: str,
    suffix: str,
    muxer: str | None,
    codec: str,
    pix_fmt: str,
    size: tuple[int, int],
    audio: str | None,
) -> None:
    source = make_footage(tmp_path / f"a{suffix}", muxer, codec, pix_fmt, size, audio)
    assert sniff_file(source).name == name
    numbers, gaps = shown(source)
    assert numbers == list(range(FRAMES))
    assert set(gaps) == {0.04}
    target = job(source).target
    report = write(source, target, *range(FRAMES))
    assert (report.frames, report.lost_frames, report.covered_frames) == (FRAMES, 0, 0)
    numbers, gaps = shown(target)
    assert numbers == list(range(FRAMES))
    assert set(gaps) == {0.04}


@pytest.mark.parametrize("row", [row for row in CONTAINERS if row[6] in {"aac", "ac3", "mp2", "pcm_s16le"}])
def test_sound_stays_in_step(
    tmp_path: Path, row: tuple[str, str, str | None, str, str, tuple[int, int], str | None]
) -> None:
    source = make_footage(tmp_path / f"a{row[1]}", *row[2:])
    target = job(source).target
    write(source, target, 0, keep_audio=True)
    with av.open(str(target)) as container:
        starts = {
            stream.type: float((stream.start_time or 0) * (stream.time_base or 0)) for stream in container.streams
        }
        assert container.streams.audio[0].codec_context.name in {row[6], f"{row[6]}float", "mp3float"}
    with av.open(str(source)) as container:
        was = {stream.type: float((stream.start_time or 0) * (stream.time_base or 0)) for stream in container.streams}
    assert starts["video"] - starts["audio"] == pytest.approx(was["video"] - was["audio"], abs=0.03)


@pytest.mark.parametrize("begins", [b"", b"DAHUA" + bytes(0x400 - 5)])
def test_recordings_of_dahua_are_read_by_the_wall_clock(tmp_path: Path, begins: bytes) -> None:
    source = make_dahua(tmp_path / "a.dav", begins=begins)
    assert sniff_file(source).name == "Dahua recording"
    numbers, gaps = shown(source)
    assert numbers == list(range(FRAMES))
    assert set(gaps) == {0.04}
    assert job(source).target.suffix == ".mp4"
    assert write(source, tmp_path / "out.mp4", 3).frames == FRAMES


def behind(folder: Path, *parts: Path) -> Path:
    joined = folder / f"joined{parts[0].suffix}"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    return joined


def stream_of(
    folder: Path, name: str, codec: str = "libx264", size: tuple[int, int] = (96, 64), **options: str
) -> Path:
    return make_clip(
        folder / name, codec=codec, size=size, frames=FRAMES, format_="mpegts", muxer=options, audio="mp2",
        options={"b": "3M", "g": "8"} if codec == "mpeg2video" else None,
    )  # fmt: skip


def test_recordings_of_hikvision_are_read_behind_their_head(tmp_path: Path) -> None:
    """Their recorders put 40 bytes before a programme stream, under names as ``.mp4``."""
    plain = make_footage(tmp_path / "a.mpg", None, "mpeg2video", "yuv420p", (96, 64), "mp2")
    source = tmp_path / "hik.mp4"
    source.write_bytes(b"IMKH\x01\x02" + bytes(34) + plain.read_bytes())
    assert sniff_file(source).name == "Hikvision recording"
    numbers, gaps = shown(source)
    assert (numbers, set(gaps)) == (list(range(FRAMES)), {0.04})


def test_the_last_picture_of_a_tape_is_shown_as_long_as_the_others(tmp_path: Path) -> None:
    """What reads DV tells ticks where others tell frames."""
    source = make_footage(tmp_path / "a.dv", None, "dvvideo", "yuv420p", (720, 576), "pcm_s16le")
    assert probe_clip(source).rate == 25
    target = job(source).target
    write(source, target, 0)
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert float((stream.duration or 0) * (stream.time_base or 0)) == pytest.approx(FRAMES / 25)


def test_a_clock_that_jumps_or_wraps_goes_on(tmp_path: Path) -> None:
    first = stream_of(tmp_path, "a.ts")
    late = stream_of(tmp_path, "b.ts", output_ts_offset="5000")
    for source in [behind(tmp_path, first, first), behind(tmp_path, first, late), behind(tmp_path, late, first)]:
        numbers, gaps = shown(source)
        assert numbers == [*range(FRAMES), *range(FRAMES)]
        assert set(gaps) == {0.04}
        report = write(source, tmp_path / "out.mp4", 0, keep_audio=True, overwrite=True)
        assert "the clip's clock jumps 1 times: what follows a jump goes on at once" in report.notes
        with av.open(str(tmp_path / "out.mp4")) as container:
            ends = [float((stream.duration or 0) * (stream.time_base or 0)) for stream in container.streams]
        assert ends[0] == pytest.approx(ends[1], abs=0.2)
    wraps = stream_of(tmp_path, "c.ts", output_ts_offset=str((1 << 33) / 90000 - 0.5))
    numbers, gaps = shown(wraps)
    assert (numbers, set(gaps)) == (list(range(FRAMES)), {0.04})


def test_a_picture_that_changes_its_size_is_fitted_into_the_first(tmp_path: Path) -> None:
    wide = stream_of(tmp_path, "b.ts", size=(256, 96))
    source = behind(tmp_path, stream_of(tmp_path, "a.ts"), wide)
    record = read_all(source)
    assert record.resized == ("256x96 from 0.97 s (frame 24)",)
    with ClipReader(source) as clip:
        sizes = {(frame.picture.width, frame.picture.height) for frame in clip.frames()}
        assert sizes == {(96, 64)}
    report = write(source, tmp_path / "out.mp4", *range(2 * FRAMES))
    assert report.copied_frames == 0
    assert any("fitted to the first: 256x96 from 0.97 s" in note for note in report.notes)
    with av.open(str(tmp_path / "out.mp4")) as container:
        last = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][-1]
    assert (last.shape, last[:8].max() < 24, last[24:40, 60:].mean() > 60) == ((64, 96), True, True), (
        "black above, shape kept"
    )


@pytest.mark.parametrize(("first", "second"), [("libx264", "mpeg2video"), ("mpeg2video", "libx264")])
def test_a_recording_of_another_codec_put_behind_is_read_on(tmp_path: Path, first: str, second: str) -> None:
    source = behind(tmp_path, stream_of(tmp_path, "a.ts", first), stream_of(tmp_path, "b.ts", second))
    numbers, _ = shown(source)
    assert numbers[-FRAMES:] == list(range(FRAMES))
    assert len(numbers) >= 2 * FRAMES - 1, "FFmpeg's parser drops what it holds where the codec changes"


def test_a_recording_in_another_track_put_behind_is_read_on(tmp_path: Path) -> None:
    other = stream_of(tmp_path, "b.ts", mpegts_start_pid="512")
    source = behind(tmp_path, *[stream_of(tmp_path, "a.ts")] * 2, *[other] * 2)
    numbers, _ = shown(source)
    assert len(numbers) >= 4 * FRAMES - 2
    assert numbers[-2 * FRAMES :] == [*range(FRAMES), *range(FRAMES)]


def test_two_programmes_side_by_side_are_not_mixed(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.ts"), "w") as container:
        tracks = []
        for size in ((96, 64), (128, 96)):
            track = container.add_stream("mpeg2video", rate=25, options={"b": "3M", "g": "8"})
            track.width, track.height, track.pix_fmt = *size, "yuv420p"
            tracks.append(track)
        for index in range(4 * FRAMES):
            for track in tracks:
                frame = av.VideoFrame.from_ndarray(
                    np.full((track.height, track.width, 3), 90, np.uint8), format="rgb24"
                )
                frame.pts = index
                container.mux(track.encode(frame))
        for track in tracks:
            container.mux(track.encode(None))
    record = read_all(tmp_path / "a.ts")
    assert (len(record.pts), record.resized) == (4 * FRAMES, ())
    assert "video track 1" in probe_clip(tmp_path / "a.ts").beside


def test_a_transport_stream_may_begin_inside_a_packet(tmp_path: Path) -> None:
    whole = stream_of(tmp_path, "a.ts").read_bytes()
    (tmp_path / "b.ts").write_bytes(whole[100:])
    assert sniff_file(tmp_path / "b.ts").kind is ContentKind.CLIP
    assert len(read_all(tmp_path / "b.ts").pts) >= FRAMES - 8


@pytest.mark.parametrize(("suffix", "name"), [(".gif", "animated GIF"), (".png", "animated PNG")])
def test_animations_are_clips(tmp_path: Path, suffix: str, name: str) -> None:
    pictures = [Image.fromarray(scene(index, 96, 64).to_ndarray(format="rgb24")) for index in range(8)]
    source = tmp_path / f"a{suffix}"
    pictures[0].save(source, save_all=True, append_images=pictures[1:], duration=[40, 80] * 4, loop=0)
    assert sniff_file(source).name == name
    numbers, gaps = shown(source)
    assert numbers == list(range(8))
    assert gaps == [0.04, 0.08] * 3 + [0.04]
    target = job(source).target
    assert target.suffix == ".mp4"
    assert write(source, target, *range(8)).frames == 8
    assert shown(target) == (numbers, gaps)
