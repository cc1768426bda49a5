"""A map of cameras as one drawing: positions, numbers and a scale. No tiles, so nobody learns where a reader looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from passerby.web.register.status import Light

WIDTH_PX = 400
"""A phone's width, so that numbers can be read and touched there."""
MARGIN_PX = 28
FOOT_PX = 32
"""For the scale."""
MIN_HEIGHT_PX, MAX_HEIGHT_PX = 180, 480
EARTH_RADIUS_M = 6_371_008.8
"""Source: IUGG mean radius of the Earth."""
LEAST_EXTENT_M = 100.0
MAX_SINGLE = 300
"""More cameras than this are drawn as groups."""
CELL_PX = 40


@dataclass(frozen=True, slots=True)
class Spot:
    """A camera's place.

    Attributes:
        number: In the list beside the map.
        camera: Its identifier.
        label: What a pointer or a screen reader is told.
        light: On, off, not known.
        latitude: Degrees north.
        longitude: Degrees east.
    """

    number: int
    camera: str
    label: str
    light: Light
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Marker:
    """What is drawn: one camera, or a group of ``count``. Coordinates in pixels of the drawing."""

    x: float
    y: float
    spot: Spot
    count: int = 1


@dataclass(frozen=True, slots=True)
class Map:
    """The drawing.

    Attributes:
        width: Pixels.
        height: Pixels.
        markers: In the order of the list.
        scale_px: Length of the scale.
        scale_m: What that length is on the ground.
    """

    width: int
    height: int
    markers: tuple[Marker, ...]
    scale_px: float
    scale_m: int


def draw(spots: Sequence[Spot]) -> Map | None:
    """Lay cameras out on a plane, north up, the same scale in both directions.

    Args:
        spots: Cameras that have a place.

    Returns:
        The drawing, or None when there is nothing to draw.
    """
    if not spots:
        return None
    south, north = min(s.latitude for s in spots), max(s.latitude for s in spots)
    west, east = min(s.longitude for s in spots), max(s.longitude for s in spots)
    per_degree_m = EARTH_RADIUS_M * math.pi / 180
    east_m = per_degree_m * max(0.01, math.cos(math.radians((south + north) / 2)))
    wide_m = max((east - west) * east_m, LEAST_EXTENT_M)
    high_m = max((north - south) * per_degree_m, LEAST_EXTENT_M)
    inner = WIDTH_PX - 2 * MARGIN_PX
    px_per_m = min(inner / wide_m, (MAX_HEIGHT_PX - 2 * MARGIN_PX) / high_m)
    height = round(min(MAX_HEIGHT_PX, max(MIN_HEIGHT_PX, high_m * px_per_m + 2 * MARGIN_PX)))
    middle_latitude, middle_longitude = (south + north) / 2, (west + east) / 2
    markers = [
        Marker(
            round(WIDTH_PX / 2 + (s.longitude - middle_longitude) * east_m * px_per_m, 1),
            round(height / 2 - (s.latitude - middle_latitude) * per_degree_m * px_per_m, 1),
            s,
        )
        for s in spots
    ]
    scale_m = nice(WIDTH_PX / 4 / px_per_m)
    if len(markers) > MAX_SINGLE:
        markers = grouped(markers)
    return Map(WIDTH_PX, height + FOOT_PX, tuple(markers), round(scale_m * px_per_m, 1), scale_m)


def nice(length_m: float) -> int:
    """Return the largest of 1, 2, 5, 10, 20, ... that is not above a length.

    >>> nice(37.0)
    20
    """
    power = 10 ** math.floor(math.log10(max(length_m, 1)))
    return int(max(step * power for step in (1, 2, 5) if step * power <= max(length_m, 1)))


def grouped(markers: Sequence[Marker]) -> list[Marker]:
    """Join markers of one cell of a grid; a group shows the worst light in it."""
    cells: dict[tuple[int, int], list[Marker]] = {}
    for marker in markers:
        cells.setdefault((int(marker.x // CELL_PX), int(marker.y // CELL_PX)), []).append(marker)
    worst = [Light.UNKNOWN, Light.DOWN, Light.STALLED, Light.WHOLE, Light.ON, Light.NEW, Light.OFF, Light.GONE]
    return [
        Marker(
            round(sum(m.x for m in cell) / len(cell), 1),
            round(sum(m.y for m in cell) / len(cell), 1),
            min((m.spot for m in cell), key=lambda spot: worst.index(spot.light)),
            len(cell),
        )
        for cell in cells.values()
    ]
