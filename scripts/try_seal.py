"""Seals a clip by command, as its user would, and reads a face back with two of three keys. What scripts/try-install runs last.

Usage: python try_seal.py FOLDER, with the program `passerby` beside this Python.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
from PIL import Image

from passerby.config import PORTRAIT
from passerby_seal.keys import AuthorityKey, FileCustodyKey
from passerby_seal.patches import decode_piece
from passerby_seal.pieces import Pack, PackFiles, PieceKey, open_piece
from passerby_seal.pieces.opening import authority_shares, custody_boxes

PROGRAM = str(Path(sys.executable).parent / "passerby")


def run(*arguments: str, cwd: Path) -> str:
    """Run the program and return what it printed."""
    return subprocess.run([PROGRAM, *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout


def write_clip(path: Path) -> None:
    """Write three seconds of the portrait, moving slowly."""
    with Image.open(PORTRAIT) as portrait:
        picture = np.asarray(portrait.convert("RGB"))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 480, 480, "yuv420p"
        for step in range(75):
            shown = np.ascontiguousarray(picture[step // 5 : step // 5 + 480, step // 5 : step // 5 + 480])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode())


def main(folder: Path) -> None:
    """Make keys and a policy, seal, list, read back."""
    publics = [
        run("seal", "key", "authority", name, "-o", f"{name}.key", cwd=folder).strip() for name in ("a", "b", "c")
    ]
    custodian = run("seal", "key", "custodian-of-files", "archive", "-o", "archive.key", cwd=folder).strip()
    rows = "".join(f"  - {{name: {name}, role: court, key: {key}}}\n" for name, key in zip("abc", publics, strict=True))
    policy = f"needed: 2\nretention: 72h\ncustodian: {{name: archive, who: authority, key: {custodian}}}\nauthorities:\n{rows}"
    (folder / "authorities.yaml").write_text(policy, encoding="utf-8")
    write_clip(folder / "clip.mp4")
    run("veil", "--seal", "authorities.yaml", "clip.mp4", "--quiet", cwd=folder)
    if "sha256:" not in run("seal", "list", "clip_veiled.mp4.seal", cwd=folder):
        raise SystemExit("seal list must name the digests of pieces")
    with PackFiles(folder / "clip_veiled.mp4.seal") as source:
        pack = Pack.read(source)
        pack.check()
        boxes = custody_boxes(pack, FileCustodyKey.load(folder / "archive.key"))
        shares: dict[int, bytearray] = {}
        for name in ("a", "c"):
            shares |= authority_shares(pack, AuthorityKey.load(folder / f"{name}.key"), boxes, (0,))[0]
        opened = open_piece(pack, 0, PieceKey(shares, pack.binding, 0))
    frames = len(list(decode_piece(opened)))
    if frames <= 25:
        raise SystemExit(f"more than a second of the face must be sealed in one piece, got {frames} pictures")
    print(f"sealed: {len(pack.pieces)} pieces, {frames} pictures of a face read back from the first")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
