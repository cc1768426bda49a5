"""Decides in which arithmetic the weights that ship run on this processor: what is fastest here, measured at the first start.

The choice is kept with the compiled networks (``kept``). Where nothing can be kept a start does not pay for measuring: then the
processor's instructions decide.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import passerby
from passerby.config import cache_folder
from passerby.values import Digest, digest_file
from passerby.veil.detect.decoders import CENTERFACE
from passerby.veil.detect.engine_openvino import OpenVinoEngine, float_precisions, load_openvino
from passerby.veil.detect.kept import NetworkFolder, private_folder
from passerby.veil.detect.quantise import CALIBRATION

TRIAL_SIZE = (448, 256)
"""Picture on which they are timed: a clip's smaller pass. Source: docs/measures.md; larger ones come in the same order."""
TRIAL_PASSES = 6
"""Source: docs/measures.md; twelve gave the same within 5 % while four jobs waited for each processor."""
GAIN = 0.9
"""Eight bits are taken when they need at most this share of the time. Source: a choice, above the noise of a busy machine."""
INT8, BF16, F32 = "int8", "bf16", "f32"
FAST_INT8 = frozenset({"avx2", "avx512f", "avx_vnni", "avx512_vnni", "asimddp"})
"""Instructions with which 8 bits were faster than floats. Source: docs/measures.md and its notes on other processors."""
FAST_FLOAT = frozenset({"amx_bf16"})
"""... and with which 16-bit floats were, as far as was measured."""
CHOICE = "precision"
"""Name under which the times are kept."""


@dataclass(frozen=True, slots=True)
class Processor:
    """What the kernel says of the processor: its model in words, and its instructions in the kernel's spelling."""

    model: str
    features: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """What was chosen, and why.

    Attributes:
        precision: ``int8``, ``bf16`` or ``f32``.
        why: In words.
        times_ms: Milliseconds that one pass of ``TRIAL_SIZE`` took in each, in one thread; empty where none was timed.
    """

    precision: str
    why: str
    times_ms: Mapping[str, float] = field(default_factory=dict)


def read_processor(source: Path = Path("/proc/cpuinfo")) -> Processor:
    """Return what the kernel says of the first processor; on systems that do not say, what Python knows."""
    try:
        text = source.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return Processor(f"{platform.machine()} {platform.processor()}", None)
    rows: dict[str, str] = dict(re.findall(r"^([^\t:\n]+?)\s*:[ \t]*(.*)$", text, re.M))
    told = ("vendor_id", "model name", "cpu family", "model", "stepping", "CPU implementer", "CPU part", "CPU variant")
    model = ", ".join(rows[name] for name in told if name in rows)
    return Processor(
        f"{platform.machine()} {model}", frozenset((rows.get("flags") or rows.get("Features") or "").split())
    )


def binding(weights: Digest, processor: Processor) -> str:
    """Return what kept networks are bound to, as 16 hexadecimal digits: versions, processor, weights, and what quantises them."""
    made_by = [digest_file(path) for path in (CALIBRATION, Path(__file__).with_name("quantise.py"))]
    features = sorted(processor.features or ())
    bound = [passerby.__version__, load_openvino().__version__, processor.model, features, weights, *made_by]
    return hashlib.sha256(json.dumps(bound).encode()).hexdigest()[:16]


def shipped_folder(weights: Digest, *, path: Path | None = None) -> NetworkFolder | str:
    """Return the folder that keeps networks of the weights that ship, or why there is none.

    Args:
        weights: Their digest.
        path: Another folder than the user's own.
    """
    path = path or cache_folder()
    if path is None:
        return "no home folder"
    return private_folder(path) or NetworkFolder(path, binding(weights, read_processor()))


def open_shipped(path: Path, weights: Digest, *, floats: bool, threads: int | None = None) -> OpenVinoEngine:
    """Open the weights that ship in the arithmetic that is fastest here, with what earlier runs compiled.

    Args:
        path: Their file.
        weights: Its digest.
        floats: See ``FindSettings``.
        threads: See ``OpenVinoEngine``.

    Raises:
        DetectorError: OpenVINO does not read the file.
    """
    if floats:
        precision, folder = None, shipped_folder(weights)
    else:
        choice, folder = shipped_choice(path, weights)
        precision = choice.precision
    kept = folder if isinstance(folder, NetworkFolder) else None
    return OpenVinoEngine(path, threads=threads, precision=precision, kept=kept)


def shipped_choice(path: Path, weights: Digest) -> tuple[PrecisionChoice, NetworkFolder | str]:
    """Return in which arithmetic the weights that ship run here, and the folder that keeps them or why there is none.

    Args:
        path: Their file.
        weights: Its digest.

    Raises:
        DetectorError: OpenVINO does not read the file.
    """
    found = shipped_folder(weights)
    folder = found if isinstance(found, NetworkFolder) else None
    return choose_precision(folder, lambda: time_precisions(path), read_processor()), found


def choose_precision(
    folder: NetworkFolder | None, measure: Callable[[], Mapping[str, float]], processor: Processor
) -> PrecisionChoice:
    """Return what was chosen before, or choose now and keep it.

    Args:
        folder: Where choices are kept, or None.
        measure: Times the precisions, see ``time_precisions``.
        processor: Decides where nothing can be kept.
    """
    if folder is None and processor.features is not None:
        return PrecisionChoice(_by_features(processor.features), "by the processor's instructions: nothing can be kept")
    kept = folder.read(CHOICE) if folder else None
    if kept is not None:
        times_ms = {str(name): float(took) for name, took in json.loads(kept).items()}  # pinned: we wrote it
        return PrecisionChoice(fastest(times_ms), "measured at the first start", times_ms)
    times_ms = dict(measure())
    if folder:
        folder.write(CHOICE, json.dumps(times_ms).encode())
    return PrecisionChoice(fastest(times_ms), "measured now", times_ms)


def fastest(times_ms: Mapping[str, float]) -> str:
    """Return the precision that takes the least time; 8 bits only where they gain enough.

    >>> fastest({"f32": 9.3, "bf16": 5.4, "int8": 4.1}), fastest({"f32": 9.3, "bf16": 5.4, "int8": 5.2})
    ('int8', 'bf16')
    """
    return min(times_ms, key=lambda name: times_ms[name] / (GAIN if name == INT8 else 1))


def time_precisions(path: Path, *, passes: int = TRIAL_PASSES) -> dict[str, float]:
    """Return the milliseconds of processor time that a pass takes in each precision that this processor has, at best.

    They take turns, and processor time is read: what else the machine does may not decide for good.
    """
    engines = {name: OpenVinoEngine(path, threads=1, precision=name) for name in (*float_precisions(), INT8)}
    picture = np.full((TRIAL_SIZE[1], TRIAL_SIZE[0], 3), 120, np.uint8)
    for engine in engines.values():
        engine.expect([TRIAL_SIZE])
        engine.run(picture, CENTERFACE)  # compiles
    took_ns: dict[str, list[int]] = {name: [] for name in engines}
    for _ in range(passes):
        for name, engine in engines.items():
            began_ns = time.process_time_ns()
            engine.run(picture, CENTERFACE)
            took_ns[name].append(time.process_time_ns() - began_ns)
    return {name: round(min(each) / 1e6, 2) for name, each in took_ns.items()}


def told_times(times_ms: Mapping[str, float]) -> str:
    """Return times in words.

    >>> told_times({"f32": 9.31, "int8": 4.1})
    'f32 9.3 ms, int8 4.1 ms'
    """
    return ", ".join(f"{name} {took:.1f} ms" for name, took in times_ms.items())


def _by_features(features: frozenset[str]) -> str:
    if features & FAST_FLOAT:
        return BF16
    return INT8 if features & FAST_INT8 else F32
