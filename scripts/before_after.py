"""Makes docs/before-after.jpg anew: the public-domain portrait, and what `passerby veil` makes of it.

Usage: .venv/bin/python scripts/before_after.py [TARGET]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from passerby.config import PORTRAIT
from passerby.veil import veil_file

TARGET = Path(__file__).parent.parent / "docs" / "before-after.jpg"
SIDE_PX = 320
GAP_PX = 8


def before_after() -> Image.Image:
    """Return the portrait and its veiled copy, side by side, RGB."""
    with tempfile.TemporaryDirectory() as folder:
        veiled = Path(folder) / "veiled.png"
        veil_file(PORTRAIT, veiled)
        pair = [Image.open(path).convert("RGB").resize((SIDE_PX, SIDE_PX)) for path in (PORTRAIT, veiled)]
    sheet = Image.new("RGB", (2 * SIDE_PX + GAP_PX, SIDE_PX), "white")
    sheet.paste(pair[0], (0, 0))
    sheet.paste(pair[1], (SIDE_PX + GAP_PX, 0))
    return sheet


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    before_after().save(target, quality=85, optimize=True)
    sys.stdout.write(f"{target}\n")
