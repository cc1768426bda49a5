"""Hardware encodes where it is asked for, takes the clip and works; software encodes otherwise, and the reason is said.

No machine that these tests ran on has such hardware: software stands in for it.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from tests.media_clips import decoded, make_clip, scene, write

from passerby.media import ClipReader, HwAccel, hardware_encoders, probe_clip
from passerby.media.clips.clip import ClipInfo
from passerby.media.clips.encoder import EncoderPlan, plan_encoding
from passerby.media.clips.hardware import FAMILIES, UNMEASURED, HardwareFamily, choose_encoder, try_encoder
from passerby.media.clips.muxing import ClipWriter
from passerby.media.clips.output_track import VideoTrack

INFO = ClipInfo("mp4", "h264", 96, 64, "yuv420p", 8, Fraction(1, 25), Fraction(25), None, None)
STAND_IN = HardwareFamily({"libx264": "libx264"}, {"yuv420p": "nv12"}, "crf", {"preset": "ultrafast"})


def plan_for(info: ClipInfo, target: str = "a.mp4") -> EncoderPlan:
    return plan_encoding(info, Path(target), preset="superfast", crf=20)


def needs_absent_hardware() -> None:
    if not all(why for _, why in hardware_encoders()):
        pytest.skip("hardware encodes here")


@pytest.mark.parametrize("wanted", [HwAccel.NVENC, HwAccel.QSV, HwAccel.AUTO])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".avi"])
def test_without_hardware_the_output_is_what_software_makes(tmp_path: Path, suffix: str, wanted: HwAccel) -> None:
    needs_absent_hardware()
    source = make_clip(tmp_path / "in.mp4", frames=30)
    plain = write(source, tmp_path / f"plain{suffix}", 3)
    report = write(source, tmp_path / f"out{suffix}", 3, hwaccel=wanted)
    assert (report.encoder, plain.no_hardware) == ("libx264", "")
    tried = ["h264_nvenc", "h264_qsv"] if wanted is HwAccel.AUTO else [f"h264_{wanted}"]
    reasons = report.no_hardware.split("; ")
    assert [reason.split()[0] for reason in reasons] == tried
    assert all("does not open here: " in reason for reason in reasons)
    assert report == replace(plain, no_hardware=report.no_hardware)
    with av.open(str(tmp_path / f"out{suffix}")) as out, av.open(str(tmp_path / f"plain{suffix}")) as same:
        # not by bytes: x264 in several threads does not always write the same
        for made, meant in zip(out.decode(video=0), same.decode(video=0), strict=True):
            assert made.pts == meant.pts
            difference = made.to_ndarray(format="gray").astype(np.int16) - meant.to_ndarray(format="gray")
            assert np.abs(difference).mean() < 1


def test_ten_bits_fall_back_too(tmp_path: Path) -> None:
    needs_absent_hardware()
    source = make_clip(tmp_path / "in.mp4", codec="libx265", pix_fmt="yuv420p10le", frames=5)
    report = write(source, tmp_path / "out.mp4", 3, hwaccel=HwAccel.AUTO)
    assert report.encoder == "libx265"
    assert report.no_hardware.startswith("hevc_nvenc does not open here: ")


def test_software_is_not_tried_unless_asked(tmp_path: Path) -> None:
    choice = choose_encoder(plan_for(INFO), INFO, HwAccel.NONE, crf=20)
    assert (choice.plan, choice.no_hardware) == (plan_for(INFO), "")
    report = write(make_clip(tmp_path / "in.mp4", frames=9), tmp_path / "out.mp4", 3)
    assert UNMEASURED not in report.notes


@pytest.mark.parametrize(
    ("changes", "target", "words"),
    [
        ({}, "a.webm", "webm is written by libvpx-vp9"),
        ({"interlaced": True}, "a.mp4", "interlaced pictures are not given to it"),
        ({"pix_fmt": "yuv444p"}, "a.mp4", "yuv444p is not given to it"),
        ({"pix_fmt": "yuvj420p"}, "a.mp4", "yuvj420p is not given to it"),
        ({"width_px": 97}, "a.mp4", "yuv444p is not given to it"),
        ({"pix_fmt": "yuv420p10le", "bit_depth": 10}, "a.avi", "H.264 in yuv420p10le is not given to it"),
        (
            {"pix_fmt": "yuv420p10le", "bit_depth": 10, "content_light": bytes(8)},
            "a.mp4",
            "HDR10's messages would be lost",
        ),
    ],
)
def test_what_hardware_may_not_take_stays_with_software(changes: dict[str, Any], target: str, words: str) -> None:
    info = replace(INFO, **changes)
    plan = plan_for(info, target)
    choice = choose_encoder(plan, info, HwAccel.AUTO, crf=20, families={HwAccel.NVENC: STAND_IN})
    assert (choice.plan, choice.no_hardware) == (plan, words)


def test_hardware_that_works_is_taken_with_its_own_layout_and_options() -> None:
    choice = choose_encoder(plan_for(INFO), INFO, HwAccel.AUTO, crf=23, families={HwAccel.QSV: STAND_IN})
    assert choice.no_hardware == ""
    plan = choice.plan
    assert (plan.encoder, plan.pix_fmt, plan.surface) == ("libx264", "yuv420p", "nv12")
    assert dict(plan.options) == {"preset": "ultrafast", "crf": "23", "g": "50", "bf": "0"}
    assert UNMEASURED in plan.notes


def test_the_next_hardware_is_tried_when_the_first_fails() -> None:
    broken = replace(STAND_IN, encoders={"libx264": "h264_nonesuch"})
    families = {HwAccel.NVENC: broken, HwAccel.QSV: STAND_IN}
    assert choose_encoder(plan_for(INFO), INFO, HwAccel.AUTO, crf=20, families=families).plan.surface == "nv12"
    only = choose_encoder(plan_for(INFO), INFO, HwAccel.NVENC, crf=20, families=families)
    assert (only.plan, only.no_hardware) == (plan_for(INFO), "this build of FFmpeg has no h264_nonesuch")


def test_an_encoder_that_swallows_frames_is_not_taken() -> None:
    plan = replace(plan_for(INFO), options=(("preset", "ultrafast"), ("x264-params", "slow-firstpass=1")))
    assert try_encoder(plan, INFO) == ""
    gif = replace(plan, encoder="libx264", surface="rgb24")
    assert try_encoder(gif, INFO).startswith("libx264 does not open here: ")


def test_painted_pixels_reach_an_encoder_of_another_layout_unchanged(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=12)
    info = probe_clip(source)
    plan = plan_for(info)
    found = {}
    for name, surface in (("plain", None), ("laid", "nv12")):
        own = replace(plan, surface=surface, options=(("preset", "ultrafast"), ("crf", "0"), ("bf", "0")))
        with ClipReader(source) as clip, ClipWriter(tmp_path / name, tmp_path / "o.mp4", own, info, {}) as writer:
            track = VideoTrack(writer, own, info, 0)
            for frame in clip.frames():
                track.write_frame(frame)
            track.end_run()
        found[name] = decoded(tmp_path / name)
    assert found["laid"] == found["plain"]
    assert len(found["laid"]) == 12


@pytest.mark.parametrize(
    ("painted", "surface"), sorted({pair for family in FAMILIES.values() for pair in family.surfaces.items()})
)
@pytest.mark.parametrize("color_range", [1, 2])
def test_surfaces_hold_the_same_samples(painted: str, surface: str, color_range: int) -> None:
    picture = scene(5, 96, 64, painted)
    picture.color_range = color_range
    there = VideoReformatter().reformat(picture, format=surface, threads=1)
    back = VideoReformatter().reformat(there, format=painted, threads=1)
    assert np.array_equal(back.to_ndarray(), picture.to_ndarray())


def test_every_family_names_encoders_for_the_formats_that_it_takes() -> None:
    for name, family in FAMILIES.items():
        for software, encoder in family.encoders.items():
            assert encoder.endswith(name)
            if encoder in av.codecs_available:
                formats = {form.name for form in av.codec.Codec(encoder, "w").video_formats or ()}
                assert family.surfaces["yuv420p" if software == "libx264" else "yuv420p10le"] in formats
