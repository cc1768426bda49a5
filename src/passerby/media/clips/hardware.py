"""Encoders in hardware, on demand: tried on a few frames before a clip is given to them, else the software encoder stays.

Untried: written from FFmpeg's manual, on machines without such hardware. Sizes, pictures and colours that not all such
encoders take stay with software, and so does WebM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from passerby.errors import UnsupportedError
from passerby.media.clips.clip import ClipInfo
from passerby.media.clips.encoder import EncoderPlan, HwAccel, create_encoder, group_frames, plan_encoding

_TRIAL_FRAMES = 3
UNMEASURED = "encoded by hardware, which was never measured here: look whether covers stay as they were painted"


@dataclass(frozen=True, slots=True)
class HardwareFamily:
    """The encoders of one kind of hardware.

    Attributes:
        encoders: FFmpeg's name of each, by the software encoder whose place it takes.
        surfaces: The pixel format that they take, by the one that is painted on: the same samples.
        options: What they are told.
        quality: The option that is given the constant rate factor.

    Source: FFmpeg's manual and ``ffmpeg -h encoder=NAME``. ``quality`` is a constant quantiser (NVENC) and constant quality (QSV)
    on x264's scale; neither was compared with it.
    """

    encoders: Mapping[str, str]
    surfaces: Mapping[str, str]
    quality: str
    options: Mapping[str, str] = field(default_factory=dict)


FAMILIES: Mapping[HwAccel, HardwareFamily] = {
    HwAccel.NVENC: HardwareFamily(
        {"libx264": "h264_nvenc", "libx265": "hevc_nvenc"},
        {"yuv420p": "yuv420p", "yuv420p10le": "p010le"},
        "qp",
        {"preset": "p4", "rc": "constqp", "forced-idr": "1", "a53cc": "0", "udu_sei": "0"},
    ),
    HwAccel.QSV: HardwareFamily(
        {"libx264": "h264_qsv", "libx265": "hevc_qsv"},
        {"yuv420p": "nv12", "yuv420p10le": "p010le"},
        "global_quality",
        {"preset": "veryfast", "forced_idr": "1", "a53cc": "0"},
    ),
}


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """What encodes a clip.

    Attributes:
        plan: The encoder.
        no_hardware: Why it is not the hardware that was asked for, in words, or "".
    """

    plan: EncoderPlan
    no_hardware: str = ""


def choose_encoder(
    plan: EncoderPlan,
    info: ClipInfo,
    wanted: HwAccel,
    *,
    crf: int,
    families: Mapping[HwAccel, HardwareFamily] = FAMILIES,
) -> EncoderChoice:
    """Put hardware in the place of a plan's encoder, where it is wanted, fits and works.

    Args:
        plan: With a software encoder.
        info: The clip.
        wanted: Which hardware.
        crf: x264's constant rate factor.
        families: What is known of hardware.
    """
    if wanted is HwAccel.NONE:
        return EncoderChoice(plan)
    if reason := _unfit(plan, info):
        return EncoderChoice(plan, reason)
    reasons = []
    for name in families if wanted is HwAccel.AUTO else (wanted,):
        taken = hardware_plan(plan, info, families[name], crf=crf)
        reason = try_encoder(taken, info)
        if not reason:
            return EncoderChoice(taken)
        reasons.append(reason)
    return EncoderChoice(plan, "; ".join(reasons))


def _unfit(plan: EncoderPlan, info: ClipInfo) -> str:
    if plan.encoder not in {"libx264", "libx265"}:
        return f"{plan.muxer} is written by {plan.encoder}"
    if plan.interlaced:
        return "interlaced pictures are not given to it"
    if plan.pix_fmt not in {"yuv420p", "yuv420p10le"}:
        return f"{plan.pix_fmt} is not given to it"
    if plan.encoder == "libx264" and plan.pix_fmt != "yuv420p":
        return f"H.264 in {plan.pix_fmt} is not given to it"
    if info.mastering_display is not None or info.content_light is not None:
        return "HDR10's messages would be lost"
    return ""


def hardware_plan(plan: EncoderPlan, info: ClipInfo, family: HardwareFamily, *, crf: int) -> EncoderPlan:
    """Return a plan with the hardware's encoder in the place of the software's."""
    options = {**family.options, family.quality: str(crf), "g": str(group_frames(info)), "bf": "0"}
    surface = family.surfaces[plan.pix_fmt]
    return replace(
        plan,
        encoder=family.encoders[plan.encoder],
        options=tuple(options.items()),
        notes=(*plan.notes, UNMEASURED),
        surface=None if surface == plan.pix_fmt else surface,
    )


def try_encoder(plan: EncoderPlan, info: ClipInfo) -> str:
    """Encode a few grey frames of a clip's size, and say in words why that fails, or ""."""
    if plan.encoder not in av.codecs_available:
        return f"this build of FFmpeg has no {plan.encoder}"
    try:
        encoder = create_encoder(plan, info, {})
        packets = sum(bool(packet.size) for packet in _trial_packets(encoder, plan, info))
    except UnsupportedError as exc:
        return f"{plan.encoder} does not open here: {getattr(exc.__cause__, 'strerror', exc.message)}"
    except av.error.FFmpegError as exc:
        return f"{plan.encoder} does not encode here: {exc.strerror}"
    return "" if packets == _TRIAL_FRAMES else f"{plan.encoder} gave {packets} of {_TRIAL_FRAMES} frames here"


def _trial_packets(encoder: VideoCodecContext, plan: EncoderPlan, info: ClipInfo) -> Iterator[Packet[VideoStream]]:
    tick = max(1, round(1 / (info.rate * plan.time_base)))
    for number in range(_TRIAL_FRAMES):
        frame = av.VideoFrame(info.width_px, info.height_px, plan.surface or plan.pix_fmt)
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts, frame.time_base = number * tick, plan.time_base
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def hardware_encoders() -> Iterator[tuple[str, str]]:
    """Give each hardware encoder that the linked FFmpeg lists, and why it does not work here, or ""; tries each."""
    for depth, pix_fmt in ((8, "yuv420p"), (10, "yuv420p10le")):
        info = ClipInfo("mp4", "h264", 640, 360, pix_fmt, depth, Fraction(1, 25), Fraction(25), None, None)
        software = plan_encoding(info, Path("trial.mp4"), preset="superfast", crf=20)
        for family in FAMILIES.values():
            plan = hardware_plan(software, info, family, crf=20)
            if plan.encoder in av.codecs_available:
                yield plan.encoder, try_encoder(plan, info)
