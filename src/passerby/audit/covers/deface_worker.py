"""Runs deface's own detector on pictures, in deface's own environment: what it covers with its defaults.

Passerby never imports it.

Pictures come on stdin, each as height and width (two little-endian 32-bit numbers) and RGB bytes; for each a line of JSON
goes to stdout, the rectangles that are covered. Box, margin, rounding and clipping are deface's (``anonymize_frame``).
"""

from __future__ import annotations

import json
import struct
import sys

import numpy as np

THRESHOLD = 0.2
MASK_SCALE = 1.3


def main() -> None:
    """Answer until stdin ends."""
    sys.path.pop(0)  # the folder of this file: a module beside it has the name of the package
    from deface.centerface import CenterFace  # type: ignore[import-not-found]
    from deface.deface import scale_bb  # type: ignore[import-not-found]

    answers, sys.stdout = sys.stdout, sys.stderr
    detector = CenterFace()
    while head := sys.stdin.buffer.read(8):
        height, width = struct.unpack("<2I", head)
        picture = np.frombuffer(sys.stdin.buffer.read(height * width * 3), np.uint8).reshape(height, width, 3)
        found, _ = detector(picture, threshold=THRESHOLD)
        boxes = []
        for row in found:
            x0, y0, x1, y1 = (int(v) for v in scale_bb(*row[:4].astype(int), MASK_SCALE))
            boxes.append([max(0, x0), max(0, y0), min(width - 1, x1), min(height - 1, y1)])
        print(json.dumps(boxes), file=answers, flush=True)


if __name__ == "__main__":
    main()
