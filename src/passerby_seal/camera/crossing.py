"""Patches as bytes in the ring, and back: what crosses from the process that holds the frame to the one that seals.

Numbers in the machine's own order: both processes are of one machine and one version.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from passerby_seal.patches import Patch
from passerby_seal.refusals import SealFormatError

_COUNT = struct.Struct("=I")
_HEAD = struct.Struct("=qqqiiiiiiiif")
"""captured_ns, track, stretch, box, frame, colour, lost."""


def packed_bytes(patches: Sequence[Patch]) -> int:
    """Return how many bytes the patches of one frame take."""
    return _COUNT.size + sum(_HEAD.size + sum(plane.size for plane in patch.planes) for patch in patches)


def pack_patches(view: memoryview, patches: Sequence[Patch]) -> None:
    """Write the patches of one frame.

    Args:
        view: Of ``packed_bytes``.
        patches: Of one frame.
    """
    _COUNT.pack_into(view, 0, len(patches))
    at = _COUNT.size
    for patch in patches:
        head = (patch.captured_ns, patch.track, patch.stretch, *patch.box, *patch.frame, *patch.colour, patch.lost)
        _HEAD.pack_into(view, at, *head)
        at += _HEAD.size
        for plane in patch.planes:
            room = np.frombuffer(view, np.uint8, plane.size, at).reshape(plane.shape)
            room[:] = plane
            at += plane.size


def unpack_patches(view: memoryview) -> list[Patch]:
    """Return copies of the patches of one frame.

    Raises:
        SealFormatError: they do not lie there.
    """
    try:
        return _unpacked(view)
    except (struct.error, ValueError) as exc:
        raise SealFormatError(f"ring must hold the patches of a frame, got {len(view)} other bytes") from exc


def _unpacked(view: memoryview) -> list[Patch]:
    (count,) = _COUNT.unpack_from(view)
    at, patches = _COUNT.size, []
    for _ in range(count):
        captured_ns, track, stretch, x0, y0, x1, y1, width, height, matrix, span, lost = _HEAD.unpack_from(view, at)
        at += _HEAD.size
        luma = (y1 - y0, x1 - x0)
        chroma = (luma[0] // 2, luma[1] // 2)
        planes = []
        for rows, columns in (luma, chroma, chroma):
            planes.append(np.frombuffer(view, np.uint8, rows * columns, at).reshape(rows, columns).copy())
            at += rows * columns
        box, frame, colour = (x0, y0, x1, y1), (width, height), (matrix, span)
        patches.append(Patch(captured_ns, track, stretch, box, (planes[0], planes[1], planes[2]), frame, colour, lost))
    return patches
