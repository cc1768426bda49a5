from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.media_clips import (
    complaints,
    decoded,
    ffmpeg,
    ffprobe,
    make_clip,
    number_in,
    paint,
    read_all,
    times_of,
    video_of,
    write,
)

from passerby.errors import PasserbyError, UnreadableError, UnsupportedError, UsageError
from passerby.media import ClipReader, WriteSettings, probe_clip, scaled_luma, scaled_rgb, transcode

VARIABLE = [0, 3, 4, 9, 20, 21, 22, 40, 41, 60, 61, 90]


def corner(path: Path) -> list[bool]:
    """Tell for each frame whether its corner is painted."""
    found = []
    with ClipReader(path) as clip:
        for frame in clip.frames():
            grey = scaled_luma(frame.picture, clip.info.width_px, clip.info.height_px)
            found.append(bool(grey[-12:-4, -12:-4].min() > 225))
    return found


@pytest.mark.parametrize(
    ("name", "codec", "encoder"),
    [
        ("a.mp4", "libx264", "libx264"),
        ("a.mov", "libx264", "libx264"),
        ("a.mkv", "libx264", "libx264"),
        ("a.avi", "mpeg4", "libx264"),
        ("b.avi", "mjpeg", "libx264"),
        ("b.mov", "mjpeg", "libx264"),
        ("b.mp4", "mpeg4", "libx264"),
        ("c.mp4", "libx265", "libx264"),
        ("d.mkv", "libvpx-vp9", "libx264"),
        ("d.webm", "libvpx-vp9", "libvpx-vp9"),
        ("e.webm", "libsvtav1", "libsvtav1"),
        ("e.mp4", "libsvtav1", "libx264"),
    ],
)
def test_each_codec_and_container_comes_out_with_the_same_frames(
    tmp_path: Path, name: str, codec: str, encoder: str
) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    source = make_clip(tmp_path / name, codec=codec, pix_fmt=pix_fmt, frames=12)
    target = tmp_path / f"out{source.suffix}"
    report = write(source, target, 3, 7, full_reencode=True)
    assert report.encoder == encoder
    assert (report.frames, report.encoded_frames, report.copied_frames) == (12, 12, 0)
    assert corner(target) == [index in {3, 7} for index in range(12)]
    with ClipReader(target) as clip:
        assert [number_in(frame.picture) for frame in clip.frames()] == list(range(12))
        assert (clip.info.width_px, clip.info.height_px) == (96, 64)
    assert [t for t, _ in decoded(target)] == pytest.approx([t for t, _ in decoded(source)], abs=0.0006)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("full", [True, False])
def test_varying_frame_rate_is_kept_exactly(tmp_path: Path, suffix: str, full: bool) -> None:
    source = make_clip(tmp_path / f"in{suffix}", frames=12, pts=VARIABLE, time_base=Fraction(1, 100))
    target = tmp_path / f"out{suffix}"
    write(source, target, 1, full_reencode=full)
    assert [frame.time_s for frame in ClipReader(target).frames()] == [tick / 100 for tick in VARIABLE]


def test_avi_rounds_times_and_says_so(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=12, pts=VARIABLE, time_base=Fraction(1, 100))
    report = write(source, tmp_path / "out.avi")
    assert any("AVI holds one steady frame rate" in note for note in report.notes)
    assert len(decoded(tmp_path / "out.avi")) == 12


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_turn_is_kept(tmp_path: Path, degrees: int, suffix: str) -> None:
    source = make_clip(tmp_path / f"in{suffix}", prepare=lambda _, s: s.set_display_rotation(degrees))
    assert probe_clip(source).rotation_deg == degrees
    write(source, tmp_path / f"out{suffix}", 0, full_reencode=True)
    write(source, tmp_path / f"mixed{suffix}", 0)
    for name in ("out", "mixed"):
        assert probe_clip(tmp_path / f"{name}{suffix}").rotation_deg == degrees
        assert probe_clip(tmp_path / f"{name}{suffix}").display_matrix == probe_clip(source).display_matrix


def test_pixel_shape_and_colours_are_kept(tmp_path: Path) -> None:
    def prepare(_: object, stream: av.VideoStream) -> None:
        context = stream.codec_context
        context.sample_aspect_ratio = Fraction(4, 3)
        context.color_range, context.color_primaries, context.color_trc, context.colorspace = 2, 9, 14, 9

    source = make_clip(tmp_path / "in.mp4", prepare=prepare)
    info = probe_clip(source)
    assert (info.sample_aspect, info.colour.full_range, info.colour.primaries) == (Fraction(4, 3), True, 9)
    for full in (True, False):
        target = tmp_path / f"out{full}.mp4"
        write(source, target, 0, full_reencode=full)
        assert probe_clip(target).colour == info.colour
        assert probe_clip(target).sample_aspect == info.sample_aspect


@pytest.mark.tool
def test_pixel_shape_and_colours_are_what_ffprobe_says_of_the_input(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=0.5", "-vf", "setsar=16/11", "-c:v", "libx264",
           "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv", source)  # fmt: skip
    write(source, tmp_path / "out.mp4", 0, full_reencode=True)
    was, came = video_of(source), video_of(tmp_path / "out.mp4")
    keys = ("width", "height", "pix_fmt", "sample_aspect_ratio", "color_range", "color_space", "color_transfer",
            "color_primaries", "avg_frame_rate", "duration", "nb_frames", "field_order", "time_base")  # fmt: skip
    assert {key: came.get(key) for key in keys} == {key: was.get(key) for key in keys}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".avi", ".webm"])
@pytest.mark.parametrize("size", [(97, 65), (97, 64), (96, 65)])
def test_odd_sizes_are_neither_cropped_nor_padded(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    source = make_clip(tmp_path / "in.webm", codec="libvpx-vp9", size=size, frames=3)
    write(source, tmp_path / f"out{suffix}", 0)
    info = probe_clip(tmp_path / f"out{suffix}")
    assert (info.width_px, info.height_px) == size


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "hevc"), (".mkv", "hevc"), (".avi", "h264"), (".webm", "av1"), (".mov", "hevc")]
)
def test_ten_bits_stay_ten_bits(tmp_path: Path, suffix: str, codec: str) -> None:
    source = make_clip(tmp_path / "in.mkv", codec="libx265", pix_fmt="yuv420p10le", frames=12)
    write(source, tmp_path / f"out{suffix}", 2)
    info = probe_clip(tmp_path / f"out{suffix}")
    assert (info.bit_depth, info.pix_fmt, info.codec) == (10, "yuv420p10le", codec)
    assert corner(tmp_path / f"out{suffix}") == [index == 2 for index in range(12)]


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 30])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_ten_bit_clips_of_a_few_frames_have_times(tmp_path: Path, frames: int, suffix: str) -> None:
    source = make_clip(tmp_path / "in.mkv", codec="ffv1", pix_fmt="yuv420p10le", frames=frames)
    for _ in range(3):  # x265 makes some up, not always
        write(source, tmp_path / f"out{suffix}", 0, overwrite=True)
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
        assert sorted(float(p.pts * p.time_base) for p in packets if p.pts is not None) == pytest.approx(
            [k / 25 for k in range(frames)]
        )
        assert all(p.dts is None or p.pts is None or p.dts <= p.pts for p in packets)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm"])
def test_hdr10_keeps_its_colours_and_mastering_display(tmp_path: Path, name: str) -> None:
    master = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    options = {"x265-params": f"log-level=none:hdr10=1:master-display={master}:max-cll=1000,400", "preset": "ultrafast"}

    def prepare(_: object, stream: av.VideoStream) -> None:
        context = stream.codec_context
        context.color_range, context.color_primaries, context.color_trc, context.colorspace = 1, 9, 16, 9

    source = make_clip(
        tmp_path / "in.mp4", codec="libx265", pix_fmt="yuv420p10le", options=options, prepare=prepare, frames=12
    )
    write(source, tmp_path / name, 0)
    was, came = probe_clip(source), probe_clip(tmp_path / name)
    assert came.colour == was.colour
    assert came.content_light == was.content_light
    assert was.mastering_display is not None
    assert came.mastering_display is not None
    values = [
        np.frombuffer(raw[:80], np.int32).reshape(-1, 2) for raw in (was.mastering_display, came.mastering_display)
    ]
    ratios = [pair[:, 0] / pair[:, 1] for pair in values]
    assert ratios[0] == pytest.approx(ratios[1], abs=0.0001)


@pytest.mark.tool
@pytest.mark.parametrize("order", ["tff", "bff"])
def test_interlaced_stays_interlaced_and_is_said(tmp_path: Path, order: str) -> None:
    source = tmp_path / "in.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=50:duration=0.4",
           "-vf", f"interlace=scan={order},setfield={order}",
           "-c:v", "libx264", "-flags", "+ildct+ilme", "-x264-params", f"{order}=1", source)  # fmt: skip
    assert probe_clip(source).interlaced
    report = write(source, tmp_path / "out.mkv", 0)
    assert any("interlaced" in note for note in report.notes)
    assert report.copied_frames == 0
    asked = ("-show_frames", "-show_entries", "frame=interlaced_frame,top_field_first")
    was, came = ffprobe(source, *asked)["frames"], ffprobe(tmp_path / "out.mkv", *asked)["frames"]
    assert [(f["interlaced_frame"], f["top_field_first"]) for f in came] == [
        (f["interlaced_frame"], f["top_field_first"]) for f in was
    ]


@pytest.mark.tool
@pytest.mark.parametrize(
    ("suffix", "audio"), [(".mp4", "aac"), (".mkv", "libopus"), (".webm", "libopus"), (".mov", "aac")]
)
def test_audio_is_dropped_unless_kept_and_then_copied_in_step(tmp_path: Path, suffix: str, audio: str) -> None:
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    source = make_clip(tmp_path / f"in{suffix}", codec=codec, audio=audio)
    silent, kept = tmp_path / f"silent{suffix}", tmp_path / f"kept{suffix}"
    assert "1 audio track" in write(source, silent, 0).dropped
    assert ffprobe(silent, "-show_streams", "-select_streams", "a")["streams"] == []
    assert "1 audio track" not in write(source, kept, 0, keep_audio=True).dropped
    asked = (
        "-select_streams",
        "a",
        "-show_packets",
        "-show_data_hash",
        "md5",
        "-show_entries",
        "packet=pts_time,data_hash",
    )
    assert ffprobe(kept, *asked)["packets"] == ffprobe(source, *asked)["packets"]
    assert times_of(kept) == times_of(source)


@pytest.mark.parametrize("copying", [True, False])
def test_start_and_end_cut_frames_exactly_and_audio_with_them(tmp_path: Path, copying: bool) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=24, audio="aac")
    target = tmp_path / "out.mp4"
    report = write(source, target, 10, start_s=0.2, end_s=0.8, keep_audio=True, full_reencode=not copying)
    with ClipReader(target) as clip:
        numbers = [number_in(frame.picture) for frame in clip.frames()]
    assert numbers == list(range(5, 20))
    assert report.frames == 15
    assert [t for t, _ in decoded(target)] == pytest.approx([k / 25 for k in range(15)])
    assert corner(target) == [number == 10 for number in numbers]
    with av.open(str(target)) as container:
        times = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.pts is not None]
    assert -0.03 < times[0] < 0.03
    assert times[-1] < 0.6


@pytest.mark.tool
@pytest.mark.parametrize("codec", [("mpeg4", "-bf", "2", "-b:v", "2M"), ("copy",)])
def test_avi_with_reordered_frames_starts_on_time(tmp_path: Path, codec: tuple[str, ...]) -> None:
    plain = make_clip(tmp_path / "plain.mp4", frames=24, options={"preset": "veryfast", "bf": "2"})
    source = tmp_path / "in.avi"
    ffmpeg("-i", plain, "-c:v", *codec, source)
    for name in ("out.avi", "out.mp4"):
        write(source, tmp_path / name, 3, full_reencode=True)
        with ClipReader(tmp_path / name) as clip:
            found = [(round(frame.time_s * 25, 3), number_in(frame.picture)) for frame in clip.frames()]
        assert found == [(number, number) for number in range(24)]


@pytest.mark.parametrize(
    "pix_fmt", ["bgr0", "gbrp10le", "gray", "yuv410p", "yuv444p", "yuv422p10le", "yuva420p", "yuv440p"]
)
@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_colours_stay_when_the_pixel_format_changes(tmp_path: Path, pix_fmt: str, suffix: str) -> None:
    source = make_clip(tmp_path / "in.mkv", codec="ffv1", pix_fmt=pix_fmt, frames=3)
    target = tmp_path / f"out{suffix}"
    write(source, target)
    with ClipReader(source) as before, ClipReader(target) as after:
        for old, new in zip(before.frames(), after.frames(), strict=True):
            shown = [scaled_rgb(frame.picture, 24, 16).astype(int)[2:6, 14:22].mean((0, 1)) for frame in (old, new)]
            assert np.abs(shown[0] - shown[1]).max() < 6, shown


def test_full_range_groups_are_copied_too(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pix_fmt="yuvj420p")
    target = tmp_path / "out.mp4"
    assert write(source, target, 1).copied_frames == 16
    assert probe_clip(target).colour == probe_clip(source).colour
    assert [number_in(frame.picture) for frame in ClipReader(target).frames()] == list(range(24))


def test_avi_does_not_take_turned_pictures(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=2, prepare=lambda _, s: s.set_display_rotation(90))
    with pytest.raises(UnsupportedError, match="AVI cannot say that a picture is turned"):
        write(source, tmp_path / "out.avi")


def test_span_without_frames_is_refused(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4")
    with pytest.raises(UsageError, match="lies between start and end"):
        write(source, tmp_path / "out.mp4", start_s=50)
    with pytest.raises(UsageError, match="end must be after start"):
        write(source, tmp_path / "out.mp4", start_s=2, end_s=1)
    assert list(tmp_path.iterdir()) == [source]


def test_output_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=2)
    with pytest.raises(UsageError, match=r"output must end in \.mp4"):
        write(source, tmp_path / "out.flv")
    with pytest.raises(UsageError, match="crf must be 0 to 28"):
        write(source, tmp_path / "out.mp4", crf=99)
    with pytest.raises(UnsupportedError, match="libx264 does not take"):
        write(source, tmp_path / "out.mp4", preset="swift", full_reencode=True)
    with pytest.raises(UsageError, match="output must not be an input"):
        write(source, source, overwrite=True)
    assert list(tmp_path.iterdir()) == [source]


def test_audio_that_the_container_cannot_hold_is_refused_by_name(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", audio="aac", frames=4)
    with pytest.raises(UnsupportedError, match=r"\.webm cannot hold aac audio"):
        write(source, tmp_path / "out.webm", keep_audio=True)
    assert list(tmp_path.iterdir()) == [source]


def test_audio_of_an_unknown_codec_is_left_out_and_named(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "plain.mp4", audio="aac", frames=8).read_bytes()
    source = tmp_path / "in.mp4"
    source.write_bytes(data.replace(b"mp4a", b"zzzz").replace(b"esds", b"free"))
    report = write(source, tmp_path / "out.mp4", keep_audio=True)
    assert "1 audio track" in report.dropped
    assert report.frames == 8


def test_edit_sees_pixels_that_the_decoder_no_longer_needs(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=16, options={"preset": "veryfast", "g": "99", "bf": "2"})
    write(source, tmp_path / "clean.mp4", full_reencode=True, crf=0)
    write(source, tmp_path / "out.mp4", 2, full_reencode=True, crf=0)
    clean, out = decoded(tmp_path / "clean.mp4"), decoded(tmp_path / "out.mp4")
    assert [index for index in range(16) if clean[index] != out[index]] == [2]


def test_changed_input_is_noticed(tmp_path: Path) -> None:
    record = read_all(make_clip(tmp_path / "a.mp4", frames=10))
    other = make_clip(tmp_path / "b.mp4", frames=11)
    with pytest.raises(UnreadableError, match="decodes differently from before"):
        transcode(other, tmp_path / "out.mp4", edit=paint, needs_edit=lambda _a, _b: True,
                  settings=WriteSettings(full_reencode=True), record=record)  # fmt: skip
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("full", [True, False])
def test_failing_edit_leaves_nothing(tmp_path: Path, error: type[BaseException], full: bool) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=24)

    def edit(index: int, _: av.VideoFrame) -> None:
        if index > 10:
            raise error

    with pytest.raises(error):
        transcode(source, tmp_path / "out.mp4", edit=edit, needs_edit=lambda a, b: a <= 13 < b or a == 13,
                  settings=WriteSettings(full_reencode=full), record=read_all(source))  # fmt: skip
    assert list(tmp_path.iterdir()) == [source]


def test_progress_counts_to_all_frames(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=24)
    counts: list[int] = []
    transcode(source, tmp_path / "out.mp4", edit=paint, needs_edit=lambda _a, _b: False, progress=counts.append)
    assert counts == sorted(counts)
    assert counts[-1] == 24


@pytest.mark.tool
def test_ffmpeg_has_nothing_to_complain_of(tmp_path: Path) -> None:
    for suffix in (".mp4", ".mkv", ".mov", ".avi"):
        source = make_clip(tmp_path / f"in{suffix}")
        for full in (True, False):
            target = tmp_path / f"out{full}{suffix}"
            write(source, target, 1, full_reencode=full)
            assert complaints(target) == ""


def test_every_error_is_ours(tmp_path: Path) -> None:
    with pytest.raises(PasserbyError, match="there is no file"):
        write(tmp_path / "none.mp4", tmp_path / "out.mp4", recorded=False)
