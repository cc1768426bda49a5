from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.media_clips import decoded, ffmpeg, make_clip, number_in, paint, read_all, scene, times_of, write

from passerby.errors import BitstreamError
from passerby.media import ClipReader, WriteSettings, frame_planes, h264, probe_clip, transcode
from passerby.media.clips.smartcopy import Copyable, Group, free_number, joined_sets, plan_segments
from passerby.media.h264 import NalType, nal_type, parse_avcc, split_lengths

SECRET = b"a name that must not come out"


def units_of(path: Path) -> list[list[bytes]]:
    """Return the units of each video packet."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        size = parse_avcc(stream.codec_context.extradata or b"").length_bytes
        return [
            [bytes(u) for u in split_lengths(memoryview(bytes(packet)), size)]
            for packet in container.demux(stream)
            if packet.size
        ]


def rewrite(source: Path, target: Path, change: Callable[[int, list[bytes]], list[bytes]]) -> Path:
    """Copy a clip packet for packet with other units."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = container.streams.video[0]
        track = out.add_stream_from_template(stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
        for index, packet in enumerate(packets):
            units = change(index, [bytes(u) for u in split_lengths(memoryview(bytes(packet)), 4)])
            fresh = av.Packet(h264.with_lengths(units))
            fresh.pts, fresh.dts, fresh.duration = packet.pts, packet.dts, packet.duration
            fresh.time_base = packet.time_base
            fresh.is_keyframe = packet.is_keyframe
            fresh.stream = track
            out.mux(fresh)
    return target


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four groups of eight frames, with B-frames."""
    return make_clip(tmp_path / "in.mp4", frames=32, options={"preset": "veryfast", "g": "8", "bf": "2"})


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_untouched_groups_come_out_pixel_for_pixel_and_on_time(tmp_path: Path, suffix: str) -> None:
    source = make_clip(
        tmp_path / f"in{suffix}", frames=32, options={"preset": "veryfast", "g": "8", "bf": "3", "b-pyramid": "normal"}
    )
    target = tmp_path / f"out{suffix}"
    report = write(source, target, 12, 13)
    assert (report.copied_frames, report.encoded_frames) == (24, 8)
    before, after = decoded(source), decoded(target)
    assert [time for time, _ in before] == [time for time, _ in after]
    same = [a == b for a, b in zip(before, after, strict=True)]
    assert [k for k, equal in enumerate(same) if not equal] == list(range(8, 16))


@pytest.mark.tool
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_another_ffmpeg_decodes_the_same_pixels_and_times(tmp_path: Path, suffix: str) -> None:
    source = make_clip(tmp_path / f"in{suffix}", frames=32, options={"preset": "veryfast", "g": "8", "bf": "2"})
    target = tmp_path / f"out{suffix}"
    write(source, target, 0, 20)
    sums = []
    for path in (source, target):
        ffmpeg("-i", path, "-map", "0:v", "-f", "framemd5", path.with_suffix(".md5"))
        lines = path.with_suffix(".md5").read_text().splitlines()
        sums.append([line.split(",")[-1] for line in lines if not line.startswith("#")])
    assert [k for k in range(32) if sums[0][k] != sums[1][k]] == [*range(8), *range(16, 24)]
    assert times_of(source) == times_of(target)


def test_varying_times_and_a_late_start_survive_copying(tmp_path: Path) -> None:
    pts = [7 + k * k for k in range(24)]
    source = make_clip(tmp_path / "in.mp4", frames=24, pts=pts, time_base=Fraction(1, 1000))
    target = tmp_path / "out.mp4"
    assert write(source, target, 9).copied_frames == 16
    assert [time for time, _ in decoded(target)] == [time for time, _ in decoded(source)]


def test_runs_at_both_ends_and_between_are_encoded(source: Path, tmp_path: Path) -> None:
    report = write(source, tmp_path / "out.mp4", 0, 31)
    assert (report.copied_frames, report.encoded_frames) == (16, 16)
    assert len(decoded(tmp_path / "out.mp4")) == 32


def test_nothing_but_slices_is_copied(source: Path, tmp_path: Path) -> None:
    def add(_: int, units: list[bytes]) -> list[bytes]:
        message = b"\x06\x05" + bytes((16 + len(SECRET),)) + b"\x11" * 16 + SECRET + b"\x80"
        return [b"\x09\xf0", message, *units, b"\x0c\xff\xff\x80"]

    laden = rewrite(source, tmp_path / "laden.mp4", add)
    assert SECRET in laden.read_bytes()
    target = tmp_path / "out.mp4"
    report = write(laden, target, 0)
    assert report.copied_frames == 24
    assert SECRET not in target.read_bytes()
    assert {nal_type(unit) for packet in units_of(target) for unit in packet} == {NalType.SLICE, NalType.IDR}
    assert [pixels for _, pixels in decoded(target)][8:] == [pixels for _, pixels in decoded(source)][8:]


@pytest.mark.parametrize("kind", [2, 13, 14, 15, 19, 20, 21, 0, 31])
def test_a_group_with_a_unit_outside_the_allow_list_is_encoded(source: Path, tmp_path: Path, kind: int) -> None:
    def add(index: int, units: list[bytes]) -> list[bytes]:
        return [*units, bytes((0x60 | kind,)) + SECRET] if index == 10 else units

    laden = rewrite(source, tmp_path / "laden.mp4", add)
    copyable = read_all(laden).copyable
    assert [group.start for group in copyable.groups] in ([0, 16, 24], [])
    target = tmp_path / "out.mp4"
    write(laden, target, 0)
    assert SECRET not in target.read_bytes()


def test_a_group_whose_grain_is_drawn_by_message_is_encoded(source: Path, tmp_path: Path) -> None:
    grain = b"\x06\x06\x01\x80\x13\x02\x80\x80\x80"
    laden = rewrite(source, tmp_path / "laden.mp4", lambda k, units: [grain, *units] if k == 10 else units)
    assert 8 not in {group.start for group in read_all(laden).copyable.groups}


def test_two_pictures_in_one_packet_are_not_copied(source: Path, tmp_path: Path) -> None:
    groups = units_of(source)

    def double(index: int, units: list[bytes]) -> list[bytes]:
        return [*units, groups[11][-1]] if index == 10 else units

    laden = rewrite(source, tmp_path / "laden.mp4", double)
    assert 8 not in {group.start for group in read_all(laden).copyable.groups}


def test_changing_parameter_set_spoils_its_group(source: Path, tmp_path: Path) -> None:
    with av.open(str(source)) as container:
        config = parse_avcc(container.streams.video[0].codec_context.extradata or b"")
    same = rewrite(source, tmp_path / "same.mp4", lambda k, u: [config.sps[0], config.pps[0], *u] if k == 8 else u)
    assert len(read_all(same).copyable.groups) == 4
    target = tmp_path / "out.mp4"
    write(same, target, 31)
    assert {nal_type(unit) for packet in units_of(target) for unit in packet} == {NalType.SLICE, NalType.IDR}
    other = config.pps[0] + b"\x80"
    changed = rewrite(source, tmp_path / "other.mp4", lambda k, u: [other, *u] if k == 9 else u)
    assert 8 not in {group.start for group in read_all(changed).copyable.groups}


def test_open_groups_are_not_cut(tmp_path: Path) -> None:
    options = {"preset": "veryfast", "g": "8", "bf": "2", "x264-params": "open-gop=1"}
    source = make_clip(tmp_path / "in.mp4", frames=32, options=options)
    report = write(source, tmp_path / "out.mp4", 20)
    assert report.copied_frames == 0
    assert "nothing was copied: no group of pictures stays as it is" in report.notes


@pytest.mark.parametrize(
    ("codec", "options", "pix_fmt", "reason"),
    [
        ("libx265", None, "yuv420p", "only H.264"),
        ("libx264", {"x264-params": "tff=1", "flags": "+ildct"}, "yuv420p", "only frames of 4:2:0"),
        ("libx264", {"preset": "ultrafast"}, "yuv422p", "only frames of 4:2:0"),
        ("libx264", {"preset": "ultrafast", "x264-params": "crop-rect=0,0,0,16"}, "yuv420p", "cropping hides"),
        ("libx264", {"preset": "ultrafast", "x264-params": "crop-rect=2,0,0,0"}, "yuv420p", "cropping hides"),
    ],
)
def test_what_is_not_plain_is_encoded_anew(
    tmp_path: Path, codec: str, options: dict[str, str] | None, pix_fmt: str, reason: str
) -> None:
    source = make_clip(tmp_path / "in.mp4", codec=codec, options=options, pix_fmt=pix_fmt, frames=12)
    report = write(source, tmp_path / "out.mp4", 11)
    assert report.copied_frames == 0
    assert any(reason in note for note in report.notes), report.notes


def test_a_picture_in_rows_that_cropping_hides_is_not_copied(tmp_path: Path) -> None:
    def draw(index: int, width_px: int, height_px: int, pix_fmt: str) -> av.VideoFrame:
        picture = scene(index, width_px, height_px, pix_fmt)
        if index < 8:
            frame_planes(picture)[0][-12:, 40:60] = np.arange(12)[:, None] % 4 * 60
        return picture

    options = {"preset": "veryfast", "g": "8", "x264-params": "crop-rect=0,0,0,12"}
    source = make_clip(tmp_path / "in.mp4", frames=24, options=options, draw=draw)
    assert probe_clip(source).height_px == 52
    assert [group.start for group in read_all(source).copyable.groups] == [8, 16]
    assert write(source, tmp_path / "out.mp4", 20).copied_frames == 8


def test_rows_that_only_fill_a_block_do_not_hinder_copying(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", size=(90, 54), frames=24)
    report = write(source, tmp_path / "out.mp4", 0)
    assert report.copied_frames == 16
    with ClipReader(source) as clip:
        frame = next(clip.frames())
        assert (frame.picture.width, frame.picture.height) == (90, 54)


@pytest.mark.tool
def test_frames_hidden_by_an_edit_list_stay_hidden(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4", frames=40, options={"preset": "veryfast", "g": "20", "bf": "2"})
    cut = tmp_path / "cut.mp4"
    ffmpeg("-ss", "0.36", "-i", whole, "-c", "copy", cut)
    with av.open(str(cut)) as container:
        assert sum(packet.size > 0 for packet in container.demux(video=0)) == 40
    seen = read_all(cut)
    assert len(seen.pts) == 31
    assert seen.copyable.reason == "an edit list hides frames"
    report = write(cut, tmp_path / "out.mp4", 3)
    assert (report.frames, report.copied_frames) == (31, 0)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(packet.size > 0 for packet in container.demux(video=0)) == 31


@pytest.mark.parametrize(("skipped", "kept", "shown"), [(0, 768, range(20)), (6400, 576, range(13, 27))])
def test_both_ends_of_an_edit_list_stay_hidden(tmp_path: Path, skipped: int, kept: int, shown: range) -> None:
    whole = make_clip(tmp_path / "in.mp4", frames=48, options={"preset": "veryfast", "g": "8", "bf": "2"})
    data = bytearray(whole.read_bytes())
    at = data.index(b"elst") + 12  # after version, flags and the number of entries
    first = int.from_bytes(data[at + 4 : at + 8], "big")
    data[at : at + 8] = kept.to_bytes(4, "big") + (first + skipped).to_bytes(4, "big")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data)
    seen = read_all(cut)
    assert (len(seen.pts), seen.truncated, seen.copyable.reason) == (len(shown), False, "an edit list hides frames")
    write(cut, tmp_path / "out.mp4", 1)
    with ClipReader(tmp_path / "out.mp4") as clip:
        assert [number_in(frame.picture) for frame in clip.frames()] == list(shown)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(packet.size > 0 for packet in container.demux(video=0)) == len(shown)


def test_without_a_first_pass_nothing_is_copied(source: Path, tmp_path: Path) -> None:
    assert write(source, tmp_path / "out.mp4", recorded=False).copied_frames == 0


def test_full_reencode_copies_nothing(source: Path, tmp_path: Path) -> None:
    assert write(source, tmp_path / "out.mp4", full_reencode=True).copied_frames == 0


def test_output_of_copying_can_be_copied_again(source: Path, tmp_path: Path) -> None:
    write(source, tmp_path / "once.mp4", 1)
    report = write(tmp_path / "once.mp4", tmp_path / "twice.mp4", 30)
    assert (report.frames, report.copied_frames) == (32, 24)
    once, twice = decoded(tmp_path / "once.mp4"), decoded(tmp_path / "twice.mp4")
    assert [a == b for a, b in zip(once, twice, strict=True)] == [True] * 24 + [False] * 8
    assert write(tmp_path / "twice.mp4", tmp_path / "thrice.mp4", 12).copied_frames == 24
    with av.open(str(tmp_path / "thrice.mp4")) as container:
        assert len(parse_avcc(container.streams.video[0].codec_context.extradata or b"").sps) == 4


def test_edit_is_asked_for_the_encoded_groups_only(source: Path, tmp_path: Path) -> None:
    edited: list[int] = []

    def edit(index: int, picture: av.VideoFrame) -> None:
        edited.append(index)
        paint(index, picture)

    transcode(source, tmp_path / "out.mp4", edit=edit, needs_edit=lambda a, b: a <= 17 < b,
              settings=WriteSettings(), record=read_all(source))  # fmt: skip
    assert edited == [17]


def test_segments_cover_the_span_without_gap_or_overlap() -> None:
    groups = tuple(Group(k * 10, k * 10 + 10, k * 10, k * 10 + 10) for k in range(6))
    copyable = Copyable(groups, "", 60, 1)
    segments = list(plan_segments(copyable, 60, (5, 47), lambda a, b: not a <= 22 < b))
    assert [(s.start, s.stop, s.copy) for s in segments] == [
        (0, 10, False), (10, 20, True), (20, 30, False), (30, 40, True), (40, 50, False),
    ]  # fmt: skip
    segments = list(plan_segments(copyable, 60, (31, 60), lambda a, b: not a <= 52 < b))
    assert [(s.start, s.stop, s.copy) for s in segments] == [(30, 40, False), (40, 50, True), (50, 60, False)]
    assert not any(group.copy for group in plan_segments(copyable, 60, (0, 60), lambda _a, _b: False))
    gaps = Copyable(groups[1:3], "", 60, 1)
    segments = list(plan_segments(gaps, 60, (0, 60), lambda _a, _b: True))
    assert [(s.start, s.stop, s.copy) for s in segments] == [
        (0, 10, False), (10, 20, True), (20, 30, True), (30, 60, False),
    ]  # fmt: skip


def test_sets_that_clash_are_refused(source: Path) -> None:
    with av.open(str(source)) as container:
        config = parse_avcc(container.streams.video[0].codec_context.extradata or b"")
    assert free_number(config) == 1
    with pytest.raises(BitstreamError, match="clash"):
        joined_sets(config, b"\x00\x00\x00\x01" + config.sps[0] + b"\x00\x00\x00\x01" + config.pps[0])
