from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.media_clips import make_clip, scene

from passerby.errors import UsageError
from passerby.media import WriteSettings, probe_clip, transcode
from passerby.media.clips.clip import ClipInfo
from passerby.media.clips.encoder import MAX_CRF, create_encoder, plan_encoding
from passerby.media.frames import frame_planes

INFO = ClipInfo(
    container="mp4", codec="h264", width_px=96, height_px=64, pix_fmt="yuv420p", bit_depth=8,
    time_base=Fraction(1, 12800), rate=Fraction(25), duration_s=1.0, frames_estimate=25,
)  # fmt: skip
TEN_BITS = replace(INFO, codec="hevc", pix_fmt="yuv420p10le", bit_depth=10)
DECODERS = {"libx264": "h264", "libx265": "hevc", "libvpx-vp9": "vp9", "libsvtav1": "libdav1d"}


@pytest.mark.parametrize(
    ("info", "target", "encoder", "pix_fmt"),
    [
        (INFO, "a.mp4", "libx264", "yuv420p"),
        (INFO, "a.MOV", "libx264", "yuv420p"),
        (INFO, "a.webm", "libvpx-vp9", "yuv420p"),
        (replace(INFO, codec="av1"), "a.webm", "libsvtav1", "yuv420p"),
        (replace(INFO, codec="av1"), "a.mkv", "libx264", "yuv420p"),
        (TEN_BITS, "a.mp4", "libx265", "yuv420p10le"),
        (TEN_BITS, "a.avi", "libx264", "yuv420p10le"),
        (TEN_BITS, "a.webm", "libsvtav1", "yuv420p10le"),
        (replace(TEN_BITS, interlaced=True), "a.mkv", "libx264", "yuv420p10le"),
        (replace(TEN_BITS, width_px=8), "a.mkv", "libx264", "yuv420p10le"),
        (replace(TEN_BITS, pix_fmt="yuv422p12le", bit_depth=12), "a.mkv", "libx265", "yuv422p10le"),
        (replace(INFO, pix_fmt="yuv422p"), "a.mp4", "libx264", "yuv422p"),
        (replace(INFO, pix_fmt="yuv444p"), "a.mp4", "libx264", "yuv444p"),
        (replace(INFO, pix_fmt="yuvj422p", codec="mjpeg"), "a.mp4", "libx264", "yuvj420p"),
        (replace(INFO, pix_fmt="gray"), "a.mp4", "libx264", "yuv420p"),
        (replace(INFO, pix_fmt="nv12"), "a.mp4", "libx264", "yuv420p"),
        (replace(INFO, pix_fmt="yuva420p", codec="vp9"), "a.webm", "libvpx-vp9", "yuv420p"),
        (replace(INFO, pix_fmt="gbrp", codec="h264"), "a.mp4", "libx264", "yuv444p"),
        (replace(INFO, width_px=97), "a.mp4", "libx264", "yuv444p"),
        (replace(INFO, width_px=97, pix_fmt="yuv422p"), "a.mp4", "libx264", "yuv444p"),
        (replace(INFO, height_px=65, pix_fmt="yuv422p"), "a.mp4", "libx264", "yuv422p"),
        (replace(INFO, width_px=97), "a.webm", "libvpx-vp9", "yuv420p"),
    ],
)
def test_encoder_fits_picture_and_container(info: ClipInfo, target: str, encoder: str, pix_fmt: str) -> None:
    plan = plan_encoding(info, Path(target), preset="veryfast", crf=20)
    assert (plan.encoder, plan.pix_fmt) == (encoder, pix_fmt)
    assert create_encoder(plan, info, {}).is_open


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (replace(INFO, width_px=97), "97x64 is odd"),
        (replace(INFO, pix_fmt="yuvj422p", codec="mjpeg"), "colour written as 4:2:0"),
        (replace(TEN_BITS, pix_fmt="yuv420p12le", bit_depth=12), "written with 10 bits, was 12"),
        (replace(INFO, pix_fmt="yuva420p"), "transparency dropped"),
        (replace(INFO, interlaced=True), "interlaced, and written as interlaced"),
        (replace(INFO, interlaced=True, height_px=62), "interlaced; written as whole pictures"),
    ],
)
def test_what_changes_is_said(info: ClipInfo, said: str) -> None:
    notes = plan_encoding(info, Path("a.mp4"), preset="veryfast", crf=20).notes
    assert any(said in note for note in notes), notes


def test_plain_clip_needs_no_note() -> None:
    assert plan_encoding(INFO, Path("a.mp4"), preset="veryfast", crf=20).notes == ()


@pytest.mark.parametrize("crf", [-1, MAX_CRF + 1, 51])
def test_crf_that_lets_covers_fade_is_refused(crf: int) -> None:
    with pytest.raises(UsageError, match=f"crf must be 0 to {MAX_CRF}, got {crf}"):
        WriteSettings(crf=crf)


@pytest.mark.parametrize("size", [(96, 64), (202, 110)])
@pytest.mark.parametrize(
    ("info", "target"), [(INFO, "a.mp4"), (INFO, "a.webm"), (TEN_BITS, "a.mp4"), (TEN_BITS, "a.webm")]
)
def test_a_cover_painted_for_one_frame_is_in_that_frame(info: ClipInfo, target: str, size: tuple[int, int]) -> None:
    """Encoders may skip a small change and show what was there before: here, the face."""
    info = replace(info, width_px=size[0], height_px=size[1])
    plan = plan_encoding(info, Path(target), preset="veryfast", crf=20)
    encoder = create_encoder(plan, info, {})
    rng = random.Random(7)
    covers: dict[int, tuple[int, int, int, int]] = {}
    packets = []
    for index in range(24):
        frame = scene(index, *size, plan.pix_fmt)
        frame.pts = index * 512
        if index % 4 == 3:
            side = rng.choice([8, 16, 32])
            x, y = rng.choice([(size[0] - side, size[1] - side), (0, 0), (size[0] // 3, size[1] // 3)])
            covers[index] = (x, y, side, rng.choice([16, 128, 235]))
            _fill(frame, covers[index])
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create(DECODERS[plan.encoder], "r")
    decoder.extradata = encoder.extradata
    assert isinstance(decoder, av.VideoCodecContext)
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    assert len(frames) == 24
    for index, (x, y, side, level) in covers.items():
        luma = frame_planes(frames[index])[0].astype(int) >> (2 if info.bit_depth == 10 else 0)
        inner = luma[y + 2 : y + side - 2, x + 2 : x + side - 2]
        assert np.abs(inner - level).max() < 30, (index, x, y, side, level)


def _fill(frame: av.VideoFrame, cover: tuple[int, int, int, int]) -> None:
    x, y, side, level = cover
    for number, plane in enumerate(frame_planes(frame)):
        scale = 2 if number else 1
        value = 128 if number else level
        rows, columns = slice(y // scale, (y + side) // scale), slice(x // scale, (x + side) // scale)
        plane[rows, columns] = value << (2 if plane.dtype == np.uint16 else 0)


def test_same_plan_for_the_clip_as_it_reads_back(tmp_path: Path) -> None:
    info = probe_clip(make_clip(tmp_path / "a.mp4"))
    plan = plan_encoding(info, Path("b.mp4"), preset="veryfast", crf=20)
    assert (plan.encoder, plan.pix_fmt, plan.notes, plan.time_base) == ("libx264", "yuv420p", (), info.time_base)


def test_no_encoder_leaves_the_process_at_real_time_priority(tmp_path: Path) -> None:
    # SVT-AV1 does that where it may; what a process starts then would starve the machine
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libsvtav1", rate=25, options={"preset": "12"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        frame = av.VideoFrame(64, 64, "yuv420p10le")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    transcode(source, tmp_path / "out.webm", edit=lambda _, __: None, needs_edit=lambda _, __: False)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


TRANSCODED = """
import sys
from pathlib import Path
from passerby.media import transcode
transcode(Path(sys.argv[1]), Path(sys.argv[2]), edit=lambda *_: None, needs_edit=lambda *_: True)
"""


def test_what_lies_in_memory_changes_no_byte(tmp_path: Path) -> None:
    # x264's AVX-512 code for macroblock trees read what nobody had written; glibc fills memory with what it is told
    grain = np.random.default_rng(1)
    still = np.kron(grain.integers(64, 192, (60, 110)), np.ones((4, 4)))
    with av.open(str(tmp_path / "in.mp4"), "w") as clip:
        stream = clip.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.options = 320, 192, "yuv420p", {"crf": "14"}
        for step in range(40):
            luma = still[step // 2 :, 2 * step :][:192, :320].copy()
            luma[60:140, 100 + 3 * step : 180 + 3 * step] += 30
            planes = np.concatenate([luma + grain.normal(0, 4, luma.shape), np.full((96, 320), 128)])
            frame = av.VideoFrame.from_ndarray(np.clip(planes, 0, 255).astype(np.uint8), format="yuv420p")
            frame.pts, frame.time_base = step, Fraction(1, 25)
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))
    for fill in ("90", "165"):
        run = [sys.executable, "-c", TRANSCODED, str(tmp_path / "in.mp4"), str(tmp_path / f"{fill}.mp4")]
        subprocess.run(run, check=True, env=os.environ | {"MALLOC_PERTURB_": fill})
    assert (tmp_path / "90.mp4").read_bytes() == (tmp_path / "165.mp4").read_bytes()
