"""Which encoder writes a clip, with which settings, and what could not be kept as it was.

8-bit pictures become H.264, which plays everywhere; 10-bit pictures become HEVC Main 10, which is what hardware plays
(H.264 High 10 is played by hardly any); WebM takes VP9, and AV1 for 10 bits. Nothing is cropped, padded or scaled.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import av.error
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from passerby.config import processors
from passerby.errors import UnsupportedError, UsageError
from passerby.media.clips.clip import ClipInfo

MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
# sources whose owners picked 4:2:2 or 4:4:4 on purpose keep it; cameras that send MJPEG do not care
_CHROMA_KEEPERS = frozenset({"h264", "hevc", "vp9", "av1", "prores", "dnxhd", "ffv1", "vp8"})
_MIN_X265_PX = 16
MAX_CRF = 28
"""Measured: blocks of 8 to 32 px painted for one frame come out within 20 levels of what was painted at x264 crf 20, 45
at 28, 58 at 30, and some not at all at 51; SVT-AV1 from preset 9 on leaves some out at any crf, preset 8 none."""
_MIN_GROUP = 12
_GROUP_S = 2
"""Groups of pictures of two seconds: a place that is mended later costs no more than that to encode. Not measured."""
_SAME_RATE = Fraction(1, 1000)
_SAVING = {"mbtree": "1", "rc-lookahead": "10"}
"""What ``veryfast`` spares bits with and ``superfast`` leaves out: with it, half of veryfast's processor time for 7 to 10 % more
bits at the same factor. Source: docs/measures.md."""
_SAME_EACH_TIME = "asm=mmx2,sse2,ssse3,sse4.2,avx,fma3,bmi2,avx2"
"""x264's AVX-512 code for macroblock trees reads memory that nobody wrote: the same frames came out in other bytes. AVX2's costs
the same time. Source: docs/measures.md."""
# messages that a frame carries along: captions, user data, Dolby Vision; libx264, libx265 and libsvtav1 write them if let
_NO_MESSAGES = {"a53cc": "0", "udu_sei": "0"}


class HwAccel(StrEnum):
    """Which hardware encodes."""

    NONE = "none"
    AUTO = "auto"
    """The first that works."""
    NVENC = "nvenc"
    """NVIDIA's."""
    QSV = "qsv"
    """Intel's Quick Sync Video."""


@dataclass(frozen=True, slots=True)
class WriteSettings:
    """How a clip is written.

    Attributes:
        start_s: The output begins with the first frame at or after this time of the input; None at its start.
        end_s: The output ends before the first frame at or after this time; None at its end.
        keep_audio: Copy audio tracks, cut to the same span; otherwise they are dropped.
        keep_metadata: Keep title, creation time and the languages of audio tracks; otherwise nothing.
        full_reencode: Encode everything anew, also what needs no change.
        preset: x264's preset.
        crf: x264's constant rate factor, 0 to 28; other encoders get what looks alike. Coarser settings save bits by
            not drawing small changes, and a cover is one.
        overwrite: Replace an existing output.
        hwaccel: Hardware that encodes, if it is there and takes the clip; then nothing is copied.
    """

    start_s: float | None = None
    end_s: float | None = None
    keep_audio: bool = False
    keep_metadata: bool = False
    full_reencode: bool = False
    preset: str = "superfast"
    crf: int = 20
    overwrite: bool = False
    hwaccel: HwAccel = HwAccel.NONE

    def __post_init__(self) -> None:
        """Refuse what lets covers fade.

        Raises:
            UsageError: crf is out of range.
        """
        if not 0 <= self.crf <= MAX_CRF:
            raise UsageError(
                f"crf must be 0 to {MAX_CRF}, got {self.crf}",
                hint="coarser pictures let covers fade; scale the clip down instead",
            )


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """One encoder with all it is told.

    Attributes:
        muxer: FFmpeg's name of the output format.
        encoder: FFmpeg's name: ``libx264``, ``libx265``, ``libvpx-vp9``, ``libsvtav1``, or one of hardware.
        pix_fmt: What is encoded, and what edits are shown: planar YUV of 8 bits, or of 10 bits in little endian.
        options: The encoder's own options.
        time_base: Seconds of one tick of the output: the source's own, but AVI counts in frames.
        interlaced: Coded as fields.
        surface: The pixel format that the encoder takes where it lays the same samples out otherwise, or None.
        notes: What is not as it was, in words.
    """

    muxer: str
    encoder: str
    pix_fmt: str
    options: tuple[tuple[str, str], ...]
    time_base: Fraction
    interlaced: bool = False
    notes: tuple[str, ...] = ()
    surface: str | None = None

    @property
    def in_hardware(self) -> bool:
        """Whether hardware encodes."""
        return self.encoder.startswith(("h264_", "hevc_"))

    @property
    def is_h264(self) -> bool:
        """Whether it writes H.264."""
        return self.encoder == "libx264" or self.encoder.startswith("h264_")

    @property
    def is_hevc(self) -> bool:
        """Whether it writes HEVC."""
        return self.encoder == "libx265" or self.encoder.startswith("hevc_")


def plan_encoding(info: ClipInfo, target: Path, *, preset: str, crf: int) -> EncoderPlan:
    """Choose the encoder for a clip and an output's suffix.

    Raises:
        UsageError: The suffix names no container that is written.
        UnsupportedError: The container cannot show the picture as it was.
    """
    muxer = MUXERS.get(target.suffix.lower())
    if muxer is None:
        raise UsageError(f"output must end in {', '.join(MUXERS)}, got {target.name}")
    if muxer == "avi" and info.display_matrix is not None:
        raise UnsupportedError("AVI cannot say that a picture is turned", hint="write to .mp4 or .mkv")
    deep = info.bit_depth > 8
    encoder = _encoder(info, muxer, deep=deep)
    pix_fmt, notes = _pixels(info, encoder, deep=deep)
    interlaced = info.interlaced and encoder == "libx264" and info.height_px % 4 == 0
    if interlaced:
        notes += ("interlaced, and written as interlaced",)
    elif info.interlaced:
        notes += ("interlaced; written as whole pictures that hold both fields",)
    if info.sphere is not None and muxer not in {"mp4", "mov"}:
        notes += ("players are not told that it shows the whole sphere: write to .mp4 for that",)
    time_base = info.time_base
    if muxer == "avi" and abs(info.rate * info.time_base - 1) > _SAME_RATE:
        # AVI stores an empty chunk for every tick without a frame
        time_base = 1 / info.rate
        notes += ("AVI holds one steady frame rate: times are rounded to it",)
    plan = EncoderPlan(muxer, encoder, pix_fmt, (), time_base, interlaced, notes)
    return replace(plan, options=tuple(_options(plan, info, preset=preset, crf=crf).items()))


def _encoder(info: ClipInfo, muxer: str, *, deep: bool) -> str:
    if muxer == "webm":
        return "libsvtav1" if deep or info.codec == "av1" else "libvpx-vp9"
    small = min(info.width_px, info.height_px) < _MIN_X265_PX
    return "libx265" if deep and muxer != "avi" and not info.interlaced and not small else "libx264"


def _pixels(info: ClipInfo, encoder: str, *, deep: bool) -> tuple[str, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    chroma = _chroma(info.pix_fmt)
    if chroma != "420" and (info.codec not in _CHROMA_KEEPERS or encoder == "libsvtav1"):
        chroma, notes = "420", (f"colour written as 4:2:0, was {info.pix_fmt}",)
    odd_width, odd_height = info.width_px % 2, info.height_px % 2
    if encoder in {"libx264", "libx265"} and (odd_width or (odd_height and chroma == "420")) and chroma != "444":
        notes = (f"{info.width_px}x{info.height_px} is odd: written as 4:4:4, which some players refuse",)
        chroma = "444"
    if info.bit_depth > 10:
        notes += (f"written with 10 bits, was {info.bit_depth}",)
    if info.pix_fmt.startswith(("yuva", "gbrap")) or info.pix_fmt in {"rgba", "bgra", "argb", "abgr"}:
        notes += ("transparency dropped",)
    full = info.pix_fmt.startswith("yuvj") and encoder == "libx264"
    return f"yuv{'j' if full else ''}{chroma}p" + ("10le" if deep else ""), notes


def _chroma(pix_fmt: str) -> str:
    chroma_w, chroma_h = _subsampling(pix_fmt)
    return {(0, 0): "444", (1, 0): "422"}.get((chroma_w, chroma_h), "420")


def _subsampling(pix_fmt: str) -> tuple[int, int]:
    form = av.VideoFormat(pix_fmt, 16, 16)
    if len(form.components) < 3:
        return 1, 1
    return (0 if form.chroma_width() == 16 else 1), (0 if form.chroma_height() == 16 else 1)


def group_frames(info: ClipInfo) -> int:
    """Return how many frames a group of pictures has."""
    return max(_MIN_GROUP, round(_GROUP_S * info.rate))


def _options(plan: EncoderPlan, info: ClipInfo, *, preset: str, crf: int) -> dict[str, str]:
    if plan.encoder == "libx264":
        options = {"preset": preset, "crf": str(crf), "forced-idr": "1", "g": str(group_frames(info))} | _NO_MESSAGES
        # x264 would take half as many again as there are processors; whole runs took up to 3 % longer by it
        options["threads"] = str(processors())
        if preset == "superfast":
            options |= _SAVING
        if _has_avx512():
            options["x264-params"] = _SAME_EACH_TIME
        return options | ({"bf": "0"} if plan.muxer == "avi" else {})  # AVI has no times of showing
    if plan.encoder == "libx265":
        params = ["log-level=none", "info=0", *_hdr10_params(info, "master-display", "max-cll", whole=True)]
        speed = "superfast" if preset in {"veryfast", "superfast", "ultrafast"} else preset
        options = {"preset": speed, "crf": str(min(crf + 4, 28)), "x265-params": ":".join(params)}
        return options | _NO_MESSAGES | {"dolbyvision": "0"}
    if plan.encoder == "libvpx-vp9":
        return {"crf": str(min(crf + 10, 36)), "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
    options = {"crf": str(min(crf + 12, 36)), "preset": "8", "dolbyvision": "0"}
    hdr10 = ":".join(_hdr10_params(info, "mastering-display", "content-light", whole=False))
    return options | ({"svtav1-params": hdr10} if hdr10 else {})


@cache
def _has_avx512(source: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor has AVX-512, as the kernel says; False where it does not say."""
    try:
        return "avx512f" in source.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False


def _hdr10_params(info: ClipInfo, mastering: str, light: str, *, whole: bool) -> list[str]:
    """Rebuild the HDR10 messages, which PyAV does not hand from decoder to encoder.

    Args:
        info: The clip.
        mastering: The encoder's name for the mastering display.
        light: The encoder's name for the content light level.
        whole: In units of 1/50000 and 1/10000 cd/m2, as x265 wants them; else as decimal numbers, as SVT-AV1 does.

    Source:
        FFmpeg's libavutil/mastering_display_metadata.h; the manuals of x265 and SVT-AV1.
    """
    params: list[str] = []
    raw = info.mastering_display
    if raw is not None and len(raw) >= 88:
        pairs = struct.unpack("<20i2i", raw[:88])
        if all(pairs[1:20:2]) and all(pairs[20:22]):
            ratios = [Fraction(pairs[k], pairs[k + 1]) for k in range(0, 20, 2)]
            units = [50000] * 8 + [10000] * 2
            said = [str(round(r * u)) if whole else f"{float(r):.6g}" for r, u in zip(ratios, units, strict=True)]
            red, green, blue, white = (f"({said[k]},{said[k + 1]})" for k in range(0, 8, 2))
            params.append(f"{mastering}=G{green}B{blue}R{red}WP{white}L({said[9]},{said[8]})")
    if info.content_light is not None and len(info.content_light) >= 8:
        top, average = struct.unpack("<2I", info.content_light[:8])
        params.append(f"{light}={top},{average}")
    return params


def configure(context: VideoCodecContext, plan: EncoderPlan, info: ClipInfo, extra: dict[str, str]) -> None:
    """Tell an encoder all that the plan says, and the clip's own size, times and colours."""
    context.width, context.height = info.width_px, info.height_px
    context.pix_fmt = plan.surface or plan.pix_fmt
    context.time_base = plan.time_base
    context.framerate = info.rate
    context.sample_aspect_ratio = info.sample_aspect
    if info.colour.full_range is not None:
        context.color_range = 2 if info.colour.full_range else 1
    context.color_primaries = info.colour.primaries
    context.color_trc = info.colour.transfer
    context.colorspace = _matrix_code(info)
    context.flags |= Flags.global_header | Flags.bitexact
    if plan.interlaced:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    context.options = _joined(dict(plan.options), extra)
    if plan.encoder == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # it prints its settings otherwise


def _joined(options: dict[str, str], extra: dict[str, str]) -> dict[str, str]:
    """Return options with others beside them; x264's own parameters of both count."""
    both = [one["x264-params"] for one in (options, extra) if "x264-params" in one]
    return options | extra | ({"x264-params": ":".join(both)} if both else {})


def _matrix_code(info: ClipInfo) -> int:
    # matrix 0 means R G B, which is never what is written
    return info.colour.matrix if info.colour.matrix != 0 else 1


def create_encoder(plan: EncoderPlan, info: ClipInfo, extra: dict[str, str]) -> VideoCodecContext:
    """Make and open an encoder of its own.

    Raises:
        UnsupportedError: The encoder refuses this clip.
    """
    context = av.CodecContext.create(plan.encoder, "w")
    if not isinstance(context, VideoCodecContext):
        raise UnsupportedError(f"{plan.encoder} is no video encoder")
    configure(context, plan, info, extra)
    try:
        context.open()
    except av.error.FFmpegError as exc:
        raise refused(plan, info, exc) from exc
    ordinary_scheduling(plan)
    return context


def ordinary_scheduling(plan: EncoderPlan) -> None:
    """Undo what SVT-AV1 does to a process of root when it is opened.

    It puts its threads and its caller at real-time priority 99, and what they start then starves the machine.
    """
    tasks = Path("/proc/self/task")
    if plan.encoder != "libsvtav1" or not tasks.is_dir():
        return
    for task in tasks.iterdir():
        with suppress(ProcessLookupError, PermissionError):
            if os.sched_getscheduler(int(task.name)) == os.SCHED_FIFO:
                os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))


def refused(plan: EncoderPlan, info: ClipInfo, exc: av.error.FFmpegError) -> UnsupportedError:
    """Say that an encoder does not take a clip."""
    return UnsupportedError(
        f"{plan.encoder} does not take {info.width_px}x{info.height_px} {plan.pix_fmt}: {exc.strerror}",
        hint="is the preset one of x264's?",
    )
