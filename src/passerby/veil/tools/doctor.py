"""What runs where on this machine: processor, detector, codecs, picture formats, GPU, and whether the weights are whole."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import av
import av.codec.codec
import numpy as np
from PIL import features

import passerby
from passerby.config import PORTRAIT, WEIGHTS, processors
from passerby.errors import PasserbyError, WeightsError
from passerby.media import Protection, hardware_encoders, protect_process
from passerby.values import digest_file
from passerby.veil.detect import (
    WEIGHTS_DIGEST,
    YUNET_DIGEST,
    YUNET_TABLE,
    Detector,
    NetworkFolder,
    PrecisionChoice,
    load_onnxruntime,
    openvino_core,
    read_processor,
    read_yunet_table,
    shipped_choice,
    time_precisions,
    told_times,
)
from passerby.veil.settings import FindSettings

DECODERS = ("h264", "hevc", "vp9", "libdav1d", "mpeg4", "mjpeg")
ENCODERS = ("libx264", "libx265", "libvpx-vp9", "libsvtav1")
PICTURES = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "libtiff": "TIFF"}
CPU_FEATURES = (
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "asimddp",
    "bf16",
    "sve",
)
"""Instructions that make the detector faster, in the kernel's spelling."""


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """One thing that was checked.

    Attributes:
        name: What.
        state: ``ok``; ``missing`` where something needed is absent or broken; ``absent`` where it is optional; ``info``.
        detail: In words.
    """

    name: str
    state: str
    detail: str


def doctor_checks() -> Iterator[DoctorCheck]:
    """Check everything, one thing after the other."""
    yield DoctorCheck("passerby", "info", passerby.__version__)
    yield DoctorCheck("python", "ok" if sys.version_info >= (3, 11) else "missing", platform.python_version())
    yield DoctorCheck("system", "info", f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield DoctorCheck("processors", "info", f"{processors()} usable; {cpu_features()}")
    for name in ("av", "numpy", "openvino", "pillow"):
        yield check_package(name)
    yield DoctorCheck(
        "ffmpeg", "info", ", ".join(f"{k} {'.'.join(map(str, v))}" for k, v in sorted(av.library_versions.items()))
    )
    yield check_weights(WEIGHTS)
    yield check_second_detector()
    yield DoctorCheck("portrait", *_portrait())
    yield from _detector()
    for name in DECODERS:
        yield check_codec(name, "r", "decode")
    for name in ENCODERS:
        yield check_codec(name, "w", "encode")
    yield from check_hardware()
    for feature, name in PICTURES.items():
        there = bool(features.check(feature))
        yield DoctorCheck(
            f"{name} pictures", "ok" if there else "missing", "read and written" if there else "Pillow has no codec"
        )
    yield _gpu()
    yield from check_protection(protect_process())


def cpu_features(source: Path = Path("/proc/cpuinfo")) -> str:
    """Return which of ``CPU_FEATURES`` the processor has, from what the kernel says of it."""
    have = read_processor(source).features
    if have is None:
        return "features unknown on this system"
    return ", ".join(name for name in CPU_FEATURES if name in have) or "no vector instructions known here"


def check_package(name: str) -> DoctorCheck:
    """Say which version of a package that is needed is installed."""
    try:
        return DoctorCheck(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        return DoctorCheck(name, "missing", "not installed; install passerby anew")


def check_weights(path: Path) -> DoctorCheck:
    """Compare the shipped weights with their pinned digest."""
    try:
        digest = digest_file(path)
    except OSError as error:
        return DoctorCheck("weights", "missing", f"{path}: {error.strerror}; install passerby anew")
    if digest != WEIGHTS_DIGEST:
        return DoctorCheck("weights", "missing", f"must have {WEIGHTS_DIGEST}, got {digest}; install passerby anew")
    return DoctorCheck("weights", "ok", f"CenterFace, {digest}")


def check_second_detector(table: Path = YUNET_TABLE) -> DoctorCheck:
    """Compare the weights of the second detector of ``verify`` with their pinned digest."""
    name = "second detector"
    try:
        read_yunet_table(table)
    except WeightsError as error:
        return DoctorCheck(name, "missing", f"{error.message}; {error.hint}")
    return DoctorCheck(name, "ok", f"YuNet for verify, {YUNET_DIGEST}")


def _portrait() -> tuple[str, str]:
    return (
        ("ok", "for passerby demo")
        if PORTRAIT.is_file()
        else ("absent", "passerby demo needs it; install passerby anew")
    )


def _detector() -> Iterator[DoctorCheck]:
    try:
        core = openvino_core()
        for device in core.available_devices:
            able = ", ".join(core.get_property(device, "OPTIMIZATION_CAPABILITIES"))
            yield DoctorCheck(f"openvino {device}", "info", f"{core.get_property(device, 'FULL_DEVICE_NAME')}: {able}")
    except (ImportError, RuntimeError) as error:
        yield DoctorCheck("openvino", "missing", str(error).splitlines()[0])
        return
    yield _trial()
    try:
        choice, folder = shipped_choice(WEIGHTS, WEIGHTS_DIGEST)
        yield check_precision(choice, lambda: time_precisions(WEIGHTS))
        yield check_kept(folder)
    except PasserbyError as error:
        yield DoctorCheck("detector arithmetic", "missing", error.message)


def check_precision(choice: PrecisionChoice, measure: Callable[[], Mapping[str, float]]) -> DoctorCheck:
    """Say in which arithmetic the detector runs, and how long a pass takes in each.

    Args:
        choice: What was taken.
        measure: Times them where the choice was made without.
    """
    times = told_times(choice.times_ms or measure())
    return DoctorCheck("detector arithmetic", "ok", f"{choice.precision}, {choice.why}; a small pass takes {times}")


def check_kept(folder: NetworkFolder | str) -> DoctorCheck:
    """Say where compiled networks are kept, or why they are not."""
    if isinstance(folder, str):
        return DoctorCheck("kept networks", "absent", f"{folder}; networks are compiled at each start")
    files, size_bytes = folder.holds()
    return DoctorCheck("kept networks", "ok", f"{files} files of {size_bytes / 1e6:.1f} MB in {folder.path}")


def _trial() -> DoctorCheck:
    """Run the detector on a plain picture, twice: the first run compiles."""
    try:
        detector = Detector(FindSettings())
        try:
            plain = np.full((384, 640, 3), 120, np.uint8)
            _timed(lambda: detector.infer(plain, 0.5))
            took_s = _timed(lambda: detector.infer(plain, 0.5))
        finally:
            detector.close()
    except PasserbyError as error:
        return DoctorCheck("detector", "missing", error.message)
    return DoctorCheck("detector", "ok", f"{detector.runs_on}; one pass at 640x384 took {1000 * took_s:.0f} ms")


def _timed(start: Callable[[], Future[Any]]) -> float:
    begin = time.perf_counter()
    start().result()
    return time.perf_counter() - begin


def check_codec(name: str, mode: str, job: str) -> DoctorCheck:
    """Say whether FFmpeg has a codec.

    Args:
        name: FFmpeg's name of it.
        mode: ``r`` to decode, ``w`` to encode.
        job: The same in words.
    """
    try:
        codec = av.codec.Codec(name, "r" if mode == "r" else "w")
    except av.codec.codec.UnknownCodecError:
        return DoctorCheck(f"{job} {name}", "missing", "not in this build of FFmpeg")
    return DoctorCheck(f"{job} {name}", "ok", codec.long_name)


def check_hardware() -> Iterator[DoctorCheck]:
    """Say of each hardware encoder that FFmpeg lists whether it encodes here."""
    for encoder, why in hardware_encoders():
        told = why or "for --hwaccel; never measured"
        yield DoctorCheck(f"encode {encoder}", "absent" if why else "ok", told)


def _gpu() -> DoctorCheck:
    try:
        runtime = load_onnxruntime()
    except ImportError:
        return DoctorCheck("gpu", "absent", "onnxruntime is not installed: pip install onnxruntime-gpu for --ep cuda")
    providers = runtime.get_available_providers()
    if "CUDAExecutionProvider" in providers:
        return DoctorCheck("gpu", "ok", f"onnxruntime {runtime.__version__} with CUDA: --ep cuda")
    return DoctorCheck("gpu", "absent", f"onnxruntime {runtime.__version__} offers {', '.join(providers)}, not CUDA")


def check_protection(found: Protection) -> Iterator[DoctorCheck]:
    """Say what keeps bare frames inside the process on this system, and what is missing there.

    Args:
        found: What could be set up.
    """
    missing = "; ".join(found.missing) or "cannot be had on this system"
    for name, there, detail in (
        ("crash dumps", found.core_dumps_off, "off in this process"),
        ("process memory", found.not_dumpable, "closed to other programs of this user"),
    ):
        yield DoctorCheck(name, "ok" if there else "absent", detail if there else missing)
    held = hasattr(os, "memfd_create")
    yield DoctorCheck(
        "dropped files", "ok" if held else "absent",
        "held in memory by the desk" if held else "no files of memory on this system: the desk takes files from its list only",
    )  # fmt: skip
