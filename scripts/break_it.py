"""Makes the clip of docs/break-it.md: a drawn face with a random secret on it, veiled; and checks a secret that was won back.

Usage:
  .venv/bin/python scripts/break_it.py make FOLDER          a new secret, shown to nobody: FOLDER/clip.mp4 and FOLDER/clip.json
  .venv/bin/python scripts/break_it.py make FOLDER SECRET   with a secret of 32 hex digits, to try a method
  .venv/bin/python scripts/break_it.py check SECRET [JSON]  whether it is a clip's secret; left out: docs/break-it/clip.json

The secret is 128 random bits: sixteen squares on the face, each a little lighter for 1 or darker for 0, others every second. What
stands in the repository is the veiled clip, and digests of the secret and of the source.
"""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

import passerby
from passerby.gateway.picture.scene import Scene, SceneSettings
from passerby.veil import veil_file

TOLD = Path(__file__).parent.parent / "docs" / "break-it" / "clip.json"
SCENE = SceneSettings(640, 360, 12.0, 1, 3)
FPS, SECONDS = 12, 8
SECRET_BYTES = 2 * SECONDS
SIDE = 4
STEP = 14
"""Luma that a square is lighter or darker: it can be seen, and the detector takes the face for one all the same."""
FLAT = 1.5
"""Luma by which a square of the veiled clip may differ from the others: what the encoder makes of an even fill."""


class MarkedScene:
    """The drawn scene with a secret on its one face.

    Args:
        secret: ``SECRET_BYTES`` bytes; two for each second.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"secret must have {SECRET_BYTES} bytes, got {len(secret)}")
        self._scene, self._bits = Scene(SCENE), np.unpackbits(np.frombuffer(secret, np.uint8))

    def squares(self, number: int) -> list[tuple[slice, slice]]:
        """Return where the squares of a frame are, as rows and columns of its luma; that of the first bit first."""
        x0, y0, x1, y1 = (int(side) for side in self._scene.faces(number)[0])
        # brow to mouth, cheek to cheek: a face's box by eye reaches to the collar
        x0, y0, x1, y1 = x0 + (x1 - x0) // 8, y0 + (y1 - y0) // 8, x1 - (x1 - x0) // 8, y1 - (y1 - y0) // 4
        wide, tall = (x1 - x0) // SIDE, (y1 - y0) // SIDE
        return [
            (slice(y0 + row * tall, y0 + (row + 1) * tall), slice(x0 + column * wide, x0 + (column + 1) * wide))
            for row in range(SIDE)
            for column in range(SIDE)
        ]

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Return a frame as planes of yuv420p, stacked: shape (H * 3 / 2, W)."""
        planes = np.asarray(self._scene.frame(number).to_ndarray(), np.uint8).copy()
        first = number // FPS * SIDE * SIDE
        for bit, place in zip(self._bits[first : first + SIDE * SIDE], self.squares(number), strict=True):
            planes[place] = np.clip(planes[place].astype(np.int16) + (STEP if bit else -STEP), 16, 235)
        return planes

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Return every frame."""
        return (self.frame(number) for number in range(FPS * SECONDS))

    def digest(self) -> str:
        """Return the SHA-256 of the source: all samples of Y, then U, then V, of each frame in turn."""
        found = hashlib.sha256()
        for frame in self.frames():
            found.update(frame.tobytes())
        return found.hexdigest()


def write_source(scene: MarkedScene, path: Path) -> None:
    """Write the source as a clip without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"qp": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = SCENE.width, SCENE.height, "yuv420p"
        for number, planes in enumerate(scene.frames()):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def means(clip: Path) -> NDArray[np.float64]:
    """Return the mean luma of each square in each frame of a clip, shape (frames, SIDE * SIDE)."""
    scene, rows = MarkedScene(bytes(SECRET_BYTES)), []
    with av.open(str(clip)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            luma = np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)[: SCENE.height]
            rows.append([luma[place].mean() for place in scene.squares(number)])
    return np.array(rows)


def read_bare(clip: Path) -> bytes:
    """Return the secret of a bare clip, as whoever sees the face reads it; of a veiled one this gives chance."""
    plain = MarkedScene(bytes(SECRET_BYTES))
    known = np.array(
        [[plain.frame(n)[place].mean() + STEP for place in plain.squares(n)] for n in range(FPS * SECONDS)]
    )
    lighter = (means(clip) - known).reshape(SECONDS, FPS, SIDE * SIDE).sum(axis=1) > 0
    return np.packbits(lighter).tobytes()


def make(folder: Path, secret: bytes) -> dict[str, Any]:
    """Write ``clip.mp4`` and ``clip.json``; the source is gone when this returns.

    Raises:
        SystemExit: a square can be told from the others in the veiled clip: that is a break already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scene, clip = MarkedScene(secret), folder / "clip.mp4"
    memory = Path("/dev/shm")  # noqa: S108 - so that the source never lies on a disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as hidden:
        write_source(scene, Path(hidden) / "source.mkv")
        clip.unlink(missing_ok=True)
        veil_file(Path(hidden) / "source.mkv", clip)
    seen = means(clip)
    if len(seen) != FPS * SECONDS or np.ptp(seen) > FLAT:
        clip.unlink()
        sys.exit(
            f"the veil must hide every square in {FPS * SECONDS} frames, {len(seen)} frames differ by {np.ptp(seen):.1f}"
        )
    told = {
        "clip": clip.name,
        "clip_sha256": hashlib.sha256(clip.read_bytes()).hexdigest(),
        "secret_bits": 8 * SECRET_BYTES,
        "secret_sha256": hashlib.sha256(secret).hexdigest(),
        "source_sha256": scene.digest(),
        "source_of_zeros_sha256": MarkedScene(bytes(SECRET_BYTES)).digest(),
        "made_with": {
            "passerby": passerby.__version__,
            "machine": platform.machine(),
            **{name: version(name) for name in ("av", "numpy", "pillow")},
        },
    }
    (folder / "clip.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return told


def is_secret(secret: bytes, told: dict[str, Any]) -> bool:
    """Return whether this is the secret of a clip, by its digest."""
    return hashlib.sha256(secret).hexdigest() == told["secret_sha256"]


def secret_of(text: str) -> bytes:
    """Return a secret that was written as hex digits.

    Raises:
        SystemExit: it is none.
    """
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != SECRET_BYTES:
        sys.stderr.write(f"error: the secret must be {2 * SECRET_BYTES} hex digits, got {text[:80]!r}\n")
        sys.exit(2)
    return found


def main(arguments: list[str]) -> int:
    """Do what the command line says; returns the exit code."""
    match arguments:
        case ["make", folder]:
            make(Path(folder), secrets.token_bytes(SECRET_BYTES))
            return 0
        case ["make", folder, text]:
            make(Path(folder), secret_of(text))
            return 0
        case ["check", text, *rest] if len(rest) < 2:
            secret, told = secret_of(text), json.loads((Path(rest[0]) if rest else TOLD).read_text("utf-8"))
            if not is_secret(secret, told):
                sys.stdout.write("This is not the secret.\n")
                return 1
            same = MarkedScene(secret).digest() == told["source_sha256"]
            sys.stdout.write("This is the secret: a break. Please report it, see SECURITY.md.\n")
            sys.stdout.write(
                f"The source drawn from it {'has' if same else 'has not (other libraries?)'} the digest that is told.\n"
            )
            return 0
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
