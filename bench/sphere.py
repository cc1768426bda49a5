"""Faces on the sphere beside the same faces on flat pictures: how many stay exposed at the seam, at a pole and elsewhere.

PASSERBY_FOOTAGE=... python bench/sphere.py [--pictures N] [--seed N] [--json FILE]

Annotated pictures are projected onto a sphere in their own scale, each filling FIELD_DEG across, once over the seam, once on a
pole and once at a place drawn by chance, and go through what ``passerby veil`` does with a picture that says it is spherical. A
face counts as exposed when less than COVERED of its box, followed onto the sphere, is covered. Pictures are those of WIDER of 416
rows or so (a sphere of 2800 pixels around) and stay in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coverage import COVERED, IGNORED, SMALLEST_PX, Face, picture_truth
from passerby import veil
from passerby.media import Picture, Sphere
from passerby.veil.run.covered import cover_of_picture
from passerby.veil.tangent import TangentView

FIELD_DEG = 60.0
MOST = 1.5
GRID = np.linspace(0.04, 0.96, 13)
Rgb = NDArray[np.uint8]


def on_sphere(rgb: Rgb, yaw_deg: float, pitch_deg: float) -> Rgb:
    """Return a picture by longitude and latitude that shows a flat one, shape (W / 2, W, 3), in its own scale in the middle."""
    height, width = rgb.shape[:2]
    view = view_of(rgb, yaw_deg, pitch_deg)
    around = round(width * 2 * np.pi / (2 * view.reach) / 2) * 2
    longitude = (np.arange(around) + 0.5) / around * 2 * np.pi
    latitude = np.pi / 2 - (np.arange(around // 2) + 0.5) / around * 2 * np.pi
    turn, up = np.meshgrid(longitude - np.radians(yaw_deg), latitude)
    pitch = np.radians(pitch_deg)
    away = np.sin(pitch) * np.sin(up) + np.cos(pitch) * np.cos(up) * np.cos(turn)
    away = np.where(away > 0.05, away, np.nan)
    scale = width / (2 * view.reach)
    x = np.cos(up) * np.sin(turn) / away * scale + width / 2 - 0.5
    y = height / 2 - 0.5 - (np.cos(pitch) * np.sin(up) - np.sin(pitch) * np.cos(up) * np.cos(turn)) / away * scale
    shown = (x >= 0) & (x < width - 1) & (y >= 0) & (y < height - 1)
    sphere = np.full((*shown.shape, 3), 128, np.uint8)
    sphere[shown] = between(rgb.astype(np.float32), x[shown], y[shown])
    return sphere


def between(pixels: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64]) -> Rgb:
    """Return what stands between four pixels, shape (N, 3)."""
    left, top = x.astype(int), y.astype(int)
    right, low = (x - left)[:, None], (y - top)[:, None]
    upper = pixels[top, left] * (1 - right) + pixels[top, left + 1] * right
    lower = pixels[top + 1, left] * (1 - right) + pixels[top + 1, left + 1] * right
    mixed: Rgb = np.rint(upper * (1 - low) + lower * low).astype(np.uint8)
    return mixed


def view_of(rgb: Rgb, yaw_deg: float, pitch_deg: float) -> TangentView:
    """Return the square view in whose middle rows a picture stands."""
    return TangentView(yaw_deg, pitch_deg, FIELD_DEG / 2, rgb.shape[1])


def hidden(mask: NDArray[np.bool_], face: Face, rgb: Rgb, view: TangentView | None) -> bool:
    """Whether a face is covered, in the flat picture or, by its view, on the sphere."""
    x, y = (one.ravel() for one in np.meshgrid(face.x + face.w * GRID, face.y + face.h * GRID))
    high, wide = mask.shape
    if view is not None:
        height, width = rgb.shape[:2]
        longitude, latitude = view.directions(x, y + (width - height) / 2)
        x, y = longitude / (2 * np.pi) * wide, (0.5 - latitude / np.pi) * high
    columns, rows = np.clip(x.astype(int), 0, wide - 1), np.clip(y.astype(int), 0, high - 1)
    return bool(mask[rows, columns].mean() >= COVERED)


def main() -> None:
    """Print a line a place, and whether all are within what is allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    footage = os.environ.get("PASSERBY_FOOTAGE")
    if not footage:
        print("left out: needs PASSERBY_FOOTAGE")
        return
    random = np.random.default_rng(asked.seed)
    truth = sorted(picture_truth(Path(footage)).items())
    small = [one for one in truth if "/wider416/" in one[0]]
    chosen = [small[number] for number in sorted(random.permutation(len(small))[: asked.pictures])]
    exposed = dict.fromkeys(("flat", "seam", "pole", "chance"), 0)
    seconds, share = dict.fromkeys(exposed, 0.0), dict.fromkeys(exposed, 0.0)
    faces = 0
    detector = veil.Detector(veil.FindSettings())
    for number, (name, all_faces) in enumerate(chosen):
        with Image.open(Path(footage) / name) as image:
            rgb = np.asarray(image.convert("RGB"))
        counted = [face for face in all_faces if face.kind != IGNORED and face.side >= SMALLEST_PX]
        faces += len(counted)
        up = float(np.degrees(np.arcsin(random.uniform(-1, 1))))
        turn = float(random.uniform(0, 360))  # on a pole: which way up the faces are
        places = {"flat": None, "seam": (0.0, 0.0), "pole": (turn, 90.0 - 180.0 * (number % 2)), "chance": (turn, up)}
        for place, at in places.items():
            began = time.monotonic()
            view = None if at is None else view_of(rgb, *at)
            picture = Picture(rgb.copy()) if at is None else Picture(on_sphere(rgb, *at), sphere=Sphere())
            mask = cover_of_picture(picture, detector)
            exposed[place] += sum(not hidden(mask, face, rgb, view) for face in counted)
            seconds[place] += time.monotonic() - began
            share[place] += float(mask.mean()) / len(chosen)
        print(f"{number + 1}/{len(chosen)} {name}: {faces} faces, exposed {exposed}", flush=True)
    detector.close()
    rows = {
        place: {
            "faces": faces,
            "exposed": exposed[place],
            "times_flat": exposed[place] / max(1, exposed["flat"]),
            "seconds_a_picture": seconds[place] / len(chosen),
            "covered_share": share[place],
        }
        for place in exposed
    }
    for place, row in rows.items():
        print(
            f"{place:7} {row['exposed']:4} of {faces} exposed, {row['times_flat']:.2f} times flat (at most {MOST}), "
            f"{row['seconds_a_picture']:.1f} s and {100 * row['covered_share']:.1f} % of the picture covered"
        )
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
