"""What a register draws: a map of its cameras, and the sign that hangs beside one.

The map is positions, numbers and a scale, without tiles, so that nobody learns where a reader looks. The sign is one A5 drawing
with the camera's page as a QR code, to print without any program.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import segno
from markupsafe import Markup, escape

from passerby.languages import straight
from passerby.web.register.status import Light
from passerby.web.register.translation import Translation

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


def draw_map(spots: Sequence[Spot]) -> Map | None:
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


WIDTH_MM, HEIGHT_MM = 148, 210
"""Source: ISO 216, A5."""
QUIET_MODULES = 4
"""Source: ISO/IEC 18004, the quiet zone."""
CODE_MM = 84
FIRST_MM, SCAN_MM, CODE_TOP_MM, FOOT_MM = 18, 72, 86, 182
"""Where lines, the sentence over the code, the code and the foot begin; longer lines push the middle two down."""
SPACE_MM = 2
LEADING = 1.45


def draw_sign(
    words: Translation,
    *,
    address: str,
    label: str,
    operator: str,
    covered: bool,
    purpose: str | None = None,
    sealed: Sequence[str] = (),
) -> Markup:
    """Return the sign as an SVG drawing.

    Args:
        words: The language.
        address: The camera's public page.
        label: The camera's name.
        operator: Who runs it.
        covered: Whether the register says that faces are covered.
        purpose: What the camera is for, where the register says so.
        sealed: That faces are kept locked here; said before everything else.
    """
    head, name, small, width = (9.0, 5.6, 4.4, 52) if sealed else (11.0, 7.0, 5.2, 44)
    lines: list[tuple[str, float, str]] = [(words.text("sign.heading"), head, "bold")]
    lines += [(line, 6.2, "bold") for one in sealed[:1] for line in wrapped(one, 34, 4)]
    lines += [(line, name, "normal") for line in wrapped(label, 36 if sealed else 30, 2)]
    covers = words.text(("sign.text_sealed" if sealed else "sign.text") if covered else "sign.text_other")
    lines += [(line, small, "normal") for line in wrapped(f"{words.text('said')} {covers}", width, 3)]
    if purpose:
        lines += [(line, small, "normal") for line in wrapped(words.text("sign.purpose", purpose=purpose), width, 2)]
    scan = [(line, small, "bold") for line in wrapped(words.text("sign.scan"), 48 if sealed else 38, 2)]
    scan_mm = max(SCAN_MM, FIRST_MM + height_of(lines) + SPACE_MM)
    code_mm = max(CODE_TOP_MM, scan_mm + height_of(scan) - SPACE_MM)
    foot = [(line, 4.6, "normal") for line in wrapped(words.text("sign.operator", operator=operator), 48, 2)]
    foot += [(line, 3.6, "normal") for line in broken(address)]
    placed_lines = Markup("").join((*placed(lines, FIRST_MM), *placed(scan, scan_mm), *placed(foot, FOOT_MM)))
    return Markup(  # noqa: S704  # the frame is ours, every text in it is escaped
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm" '
        f'viewBox="0 0 {WIDTH_MM} {HEIGHT_MM}" role="img" lang="{words.language}">'
        f"<title>{escape(words.text('sign.title'))}: {escape(straight(label))}</title>"
        f'<rect width="{WIDTH_MM}" height="{HEIGHT_MM}" fill="#ffffff"/>'
        f'<rect x="4" y="4" width="{WIDTH_MM - 8}" height="{HEIGHT_MM - 8}" rx="4" fill="none" stroke="#000000" '
        f'stroke-width="1.2"/>'
        f"{placed_lines}{code(address, code_mm)}</svg>"
    )


def wrapped(text: str, width: int, most: int) -> list[str]:
    """Return a text in at most so many lines; what does not fit ends in an ellipsis."""
    return textwrap.wrap(str(straight(text)), width, max_lines=most, placeholder=" …") or [text[:width]]


def broken(address: str) -> list[str]:
    """Return an address in lines, broken before the part that names the camera.

    >>> broken("https://cameras.example.org/c/0a1b/")
    ['https://cameras.example.org/', 'c/0a1b/']
    """
    head, _, camera = address.rpartition("/c/")
    return [*wrapped(f"{head}/", 60, 3), f"c/{camera}"]


def height_of(lines: Sequence[tuple[str, float, str]]) -> float:
    """Return how much lines take, in millimetres."""
    return sum(size * LEADING for _, size, _ in lines)


def placed(lines: list[tuple[str, float, str]], top_mm: float) -> Iterator[Markup]:
    """Yield lines of text, centred, below each other."""
    y = top_mm
    for text, size, weight in lines:
        yield Markup(
            '<text x="{}" y="{}" font-family="sans-serif" font-size="{}" font-weight="{}" text-anchor="middle" fill="#000000">'
            "{}</text>"
        ).format(WIDTH_MM / 2, round(y, 1), size, weight, text)
        y += size * LEADING


@lru_cache(maxsize=256)  # the page and the drawing of one camera follow each other
def code(address: str, top_mm: float = CODE_TOP_MM) -> str:
    """Return an address as a QR code, black on white with its quiet zone, as SVG; smaller where it begins lower."""
    size_mm = CODE_TOP_MM + CODE_MM - top_mm
    rows = segno.make(address, error="q", micro=False).matrix
    modules = len(rows) + 2 * QUIET_MODULES
    path = "".join(
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(rows, QUIET_MODULES)
        for x, dark in enumerate(row, QUIET_MODULES)
        if dark
    )
    scale = size_mm / modules
    return (
        f'<g transform="translate({(WIDTH_MM - size_mm) / 2} {top_mm:g}) scale({scale:.5f})">'
        f'<rect width="{modules}" height="{modules}" fill="#ffffff"/><path d="{path}" fill="#000000"/></g>'
    )
