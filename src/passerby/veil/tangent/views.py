"""Flat views of a sphere: which direction each pixel looks in, what it shows, and where a box in a view lies on the picture.

A picture by longitude and latitude tears faces at its left and right edge and draws them wide towards its upper and lower one. On
a plane that touches the sphere (gnomonic projection) a face looks as a camera would show it.

Source: Snyder, Map Projections: A Working Manual (USGS 1395), 22, gnomonic; 12, equidistant cylindrical.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from passerby.media import Sphere
from passerby.values import EMPTY_BOXES, Boxes
from passerby.veil.detect import Rgb

HALF_DEG = 45.0
"""A view shows so much on each side of its middle. Source of this and RINGS: a choice; bench/sphere.py measures what it finds."""
RINGS = ((0.0, 1), (45.0, 5), (-45.0, 5), (90.0, 8), (-90.0, 8))
"""Latitude of the views' middles and how many go round, from the seam on. Along the horizon the picture itself is as good as
flat: at 25 degrees it is drawn a tenth wider. On a pole nothing says where up is, and no detector finds a face that lies on its
side: each view there is one of eight turns. Source: docs/measures.md."""
KEPT_SIDE_PX = 512
"""The tables of views up to so large are kept: those of frames. A still picture of a large sphere would hold gigabytes."""
BORDER_SAMPLES = 17
"""Points along each side of a box by which its place on the sphere is drawn. Source: a choice."""
MOST_ROUND = 0.5
"""A box that would reach further round than this is drawn all the way round: it lies on a pole. Source: a choice."""


@dataclass(frozen=True, slots=True)
class TangentView:
    """A square view of a part of the sphere.

    Attributes:
        yaw_deg: Longitude of its middle, from the left edge of the whole sphere.
        pitch_deg: Latitude of its middle, upwards.
        half_deg: Half its angle.
        side_px: Its side.
    """

    yaw_deg: float
    pitch_deg: float
    half_deg: float
    side_px: int

    @property
    def reach(self) -> float:
        """Half its side on a plane at distance 1."""
        return float(np.tan(np.radians(self.half_deg)))

    def directions(self, x_px: NDArray[np.float64], y_px: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Return longitude (0 to 2 pi from the left edge) and latitude of places in the view, radians, shaped as given."""
        scale = 2 * self.reach / self.side_px
        right, up = x_px * scale - self.reach, self.reach - y_px * scale
        yaw, pitch = np.radians(self.yaw_deg), np.radians(self.pitch_deg)
        ahead = np.cos(pitch) - up * np.sin(pitch)  # towards the yaw, in the plane of the equator
        above = np.sin(pitch) + up * np.cos(pitch)
        longitude = np.mod(yaw + np.arctan2(right, ahead), 2 * np.pi)
        return longitude, np.arctan2(above, np.hypot(ahead, right))

    def place_of(self, longitude: float, latitude: float) -> tuple[float, float] | None:
        """Return where a direction, in radians, stands in the view, pixels, or None where the view shows its back."""
        yaw, pitch = longitude - np.radians(self.yaw_deg), np.radians(self.pitch_deg)
        away = np.sin(pitch) * np.sin(latitude) + np.cos(pitch) * np.cos(latitude) * np.cos(yaw)
        if away <= 1e-6:
            return None
        right = np.cos(latitude) * np.sin(yaw) / away
        up = (np.cos(pitch) * np.sin(latitude) - np.sin(pitch) * np.cos(latitude) * np.cos(yaw)) / away
        scale = self.side_px / (2 * self.reach)
        return float((right + self.reach) * scale), float((self.reach - up) * scale)


def tangent_views(width_px: int, sphere: Sphere) -> tuple[TangentView, ...]:
    """Return the views that show all of a picture in about its own scale.

    Args:
        width_px: Of the picture.
        sphere: What it shows; views of what it does not show are left out.
    """
    focal_px = width_px / sphere.width / (2 * np.pi)
    side_px = max(32, round(2 * focal_px * np.tan(np.radians(HALF_DEG))))
    views = [
        TangentView(360.0 * number / count, pitch_deg, HALF_DEG, side_px)
        for pitch_deg, count in RINGS
        for number in range(count)
    ]
    return tuple(view for view in views if _shows_some(view, sphere))


def _shows_some(view: TangentView, sphere: Sphere) -> bool:
    grid = np.linspace(0, view.side_px, 9)
    longitude, latitude = view.directions(*np.meshgrid(grid, grid))
    x, y = _shares(longitude, latitude, sphere)
    return bool(((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)).any())


def _shares(
    longitude: NDArray[np.float64], latitude: NDArray[np.float64], sphere: Sphere
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x = np.mod(longitude / (2 * np.pi) - sphere.left, 1.0) / sphere.width
    return x, ((0.5 - latitude / np.pi) - sphere.top) / sphere.height


@dataclass(frozen=True, slots=True)
class SphereMap:
    """Pixels of one view out of pictures of one size, made once and used for every frame.

    Attributes:
        view: The view.
        sphere: What the pictures show.
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.
    """

    view: TangentView
    sphere: Sphere
    width: int
    height: int

    def take(self, rgb: Rgb) -> Rgb:
        """Return the view, shape (side, side, 3), uint8; grey where the picture shows nothing.

        Args:
            rgb: Shape (height, width, 3), uint8.
        """
        small = self.view.side_px <= KEPT_SIDE_PX
        corner, right, below, share_x, share_y, outside = _kept_table(self) if small else _table(self)
        flat = rgb.reshape(-1, 3)
        upper = _between(flat, corner, corner + right, share_x)
        lower = _between(flat, corner + below, corner + below + right, share_x)
        shown = upper + (lower - upper) * share_y
        shown[outside] = 128
        side = self.view.side_px
        return np.ascontiguousarray((shown + 0.5).astype(np.uint8).reshape(side, side, 3))

    def boxes_on_picture(self, xyxy: Boxes) -> Boxes:
        """Return where boxes of the view lie on the picture, shape (N, 4), float32, pixels.

        The left edge lies in the picture where that is round; the right one may lie beyond its right edge.

        Args:
            xyxy: Shape (N, 4), pixels of the view.
        """
        rows = [self._box(row) for row in np.asarray(xyxy, np.float64)]
        return np.array(rows, np.float32).reshape(-1, 4) if rows else EMPTY_BOXES

    def _box(self, xyxy: NDArray[np.float64]) -> tuple[float, float, float, float]:
        x, y = _border(xyxy)
        longitude, latitude = self.view.directions(x, y)
        middle, _ = self.view.directions(np.array([(xyxy[0] + xyxy[2]) / 2]), np.array([(xyxy[1] + xyxy[3]) / 2]))
        # how far round from the middle of the box, to either side
        turn = np.mod(longitude - middle[0] + np.pi, 2 * np.pi) - np.pi
        low, high = float(latitude.min()), float(latitude.max())
        left, right = float(turn.min()), float(turn.max())
        poles = [pole for pole in (np.pi / 2, -np.pi / 2) if self._holds(xyxy, pole)]
        if poles:
            low, high = min(low, *poles), max(high, *poles)
        if poles or right - left > MOST_ROUND * 2 * np.pi:
            left, right = -np.pi, np.pi
        sphere = self.sphere
        start = float(np.mod((middle[0] + left) / (2 * np.pi) - sphere.left, 1.0))
        if right - left >= 2 * np.pi - 1e-9:
            start = 0.0
        x0, x1 = start, start + (right - left) / (2 * np.pi)
        if not sphere.is_round and x0 > sphere.width:  # it begins left of what the picture shows
            x0, x1 = x0 - 1, x1 - 1
        y0, y1 = 0.5 - high / np.pi - sphere.top, 0.5 - low / np.pi - sphere.top
        wide, high_px = self.width / sphere.width, self.height / sphere.height
        return x0 * wide, y0 * high_px, x1 * wide, y1 * high_px

    def _holds(self, xyxy: NDArray[np.float64], pole: float) -> bool:
        place = self.view.place_of(0.0, pole)
        return place is not None and xyxy[0] <= place[0] <= xyxy[2] and xyxy[1] <= place[1] <= xyxy[3]


def _border(xyxy: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points along the four sides of a box, x and y."""
    x0, y0, x1, y1 = xyxy
    along_x, along_y = np.linspace(x0, x1, BORDER_SAMPLES), np.linspace(y0, y1, BORDER_SAMPLES)
    same = np.ones(BORDER_SAMPLES)
    return (
        np.concatenate([along_x, along_x, same * x0, same * x1]),
        np.concatenate([same * y0, same * y1, along_y, along_y]),
    )


def _between(
    flat: Rgb, one: NDArray[np.int32], two: NDArray[np.int32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    left = flat[one].astype(np.float32)
    return left + (flat[two].astype(np.float32) - left) * share


_Table = tuple[
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.bool_],
]


@lru_cache(maxsize=64)
def _kept_table(one: SphereMap) -> _Table:
    return _table(one)


def _table(one: SphereMap) -> _Table:
    """Return for each pixel of a view the pixel up and left of what it shows, the steps to the next, and its shares of both."""
    pixels = np.arange(one.view.side_px) + 0.5
    longitude, latitude = one.view.directions(*np.meshgrid(pixels, pixels))
    x, y = (share.ravel() for share in _shares(longitude, latitude, one.sphere))
    outside = (x > 1) | (y < 0) | (y > 1)
    x, y = x * one.width - 0.5, np.clip(y * one.height - 0.5, 0, one.height - 1)
    if not one.sphere.is_round:
        x = np.clip(x, 0, one.width - 1)
    left, top = np.floor(x), np.floor(y)
    column, row = left.astype(np.int32), top.astype(np.int32)
    next_column = np.mod(column + 1, one.width) if one.sphere.is_round else np.minimum(column + 1, one.width - 1)
    column = np.mod(column, one.width)
    below = (np.minimum(row + 1, one.height - 1) - row) * one.width
    share_x, share_y = ((place - start).astype(np.float32)[:, None] for place, start in ((x, left), (y, top)))
    return row * one.width + column, next_column - column, below, share_x, share_y, outside
