"""Polygons of the user's, as masks over the blocks of a picture: always rounded so that more is covered, never less."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from passerby.errors import UsageError
from passerby.values import Zone

Blocks = NDArray[np.bool_]
"""Shape (block rows, block columns), bool: which blocks of a picture are meant."""
MAX_EXCLUDED_SHARE = 0.25
"""Largest share of the picture that exclude zones may take together. Source: a choice: posters and statues, not a scene."""
SLACK_PX = 2
"""A drawn edge lies within this many pixels of the true one (vertices are rounded, then lines). Source: tests hold it
for zones of every kind."""


def parse_zone(text: str, name: str = "zone") -> Zone:
    """Return the zone that a list of numbers draws.

    Args:
        text: ``x,y,x,y,...``, each 0 to 1 of the picture's width and height; two corners make a rectangle.
        name: For reports.

    Raises:
        UsageError: it is no such list.

    >>> parse_zone("0,0,0.5,0.25").points
    ((0.0, 0.0), (0.5, 0.0), (0.5, 0.25), (0.0, 0.25))
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(f"zone must be x,y,x,y,..., got {text!r}") from error
    if len(numbers) < 4 or len(numbers) % 2 or not all(math.isfinite(n) and 0 <= n <= 1 for n in numbers):
        raise UsageError(
            f"zone must be two or more corners x,y, each 0 to 1, got {text!r}",
            hint="0 is the left or upper edge of the picture, 1 the right or lower one: 0.1,0.2,0.5,0.6",
        )
    points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if len(points) == 2:
        (x0, y0), (x1, y1) = points
        points = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    return Zone(points, name)


def touched_blocks(zones: tuple[Zone, ...], width: int, height: int, block: tuple[int, int]) -> Blocks:
    """Return every block that a zone touches.

    Args:
        zones: The polygons.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        block: Width and height of a block, pixels.

    Returns:
        Shape (block rows, block columns).
    """
    mask = _to_blocks(_drawn(zones, width, height, SLACK_PX), block, fill=False)
    return np.asarray(mask.any(axis=(1, 3)))


def inner_blocks(zones: tuple[Zone, ...], width: int, height: int, block: tuple[int, int]) -> Blocks:
    """Return every block that lies wholly inside one of the zones, well clear of its edge; shapes as in ``touched_blocks``."""
    inside = np.zeros((height, width), bool)
    large = min(width, height) > 2 * SLACK_PX
    for zone in zones if large else ():
        inside |= _drawn((zone,), width, height, -SLACK_PX)
    mask = _to_blocks(inside, block, fill=True)
    return np.asarray(mask.all(axis=(1, 3)))


def zone_share(zone: Zone) -> float:
    """Return a zone's share of the picture, 0 to 1, by the shoelace formula; for one that does not cross itself.

    >>> zone_share(Zone(((0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5))))
    0.25
    """
    x, y = np.array(zone.points, np.float64).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def check_excluded(excluded: Blocks, zones: tuple[Zone, ...]) -> None:
    """Refuse exclude zones that leave too much of the picture uncovered.

    Args:
        excluded: Shape (block rows, block columns), the blocks that they take.
        zones: The zones, for the message.

    Raises:
        UsageError: together they take more than ``MAX_EXCLUDED_SHARE`` of the picture.
    """
    share = float(excluded.mean()) if excluded.size else 0.0
    if share > MAX_EXCLUDED_SHARE:
        names = ", ".join(zone.name for zone in zones)
        raise UsageError(
            f"exclude zones may take at most {MAX_EXCLUDED_SHARE:.0%} of the picture, got {share:.0%} ({names})",
            hint="exclude zones are for posters and statues; draw them tighter",
        )


@dataclass(frozen=True, slots=True)
class BlockRun:
    """A rectangle of blocks, ends exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int


def runs_of(blocks: Blocks) -> list[BlockRun]:
    """Cut a mask, shape (block rows, block columns), into rectangles: equal neighbouring rows become one.

    >>> runs_of(np.array([[0, 1, 1], [0, 1, 1]], bool))
    [BlockRun(x0=1, y0=0, x1=3, y1=2)]
    """
    runs: list[BlockRun] = []
    top = 0
    for row in range(1, len(blocks) + 1):
        if row < len(blocks) and np.array_equal(blocks[row], blocks[top]):
            continue
        edges = np.flatnonzero(np.diff(blocks[top].astype(np.int8), prepend=0, append=0)).tolist()
        runs += [BlockRun(x0, top, x1, row) for x0, x1 in zip(edges[::2], edges[1::2], strict=True)]
        top = row
    return runs


def _drawn(zones: tuple[Zone, ...], width: int, height: int, grow_px: int) -> NDArray[np.bool_]:
    """Return which pixels the zones take, grown or, where ``grow_px`` is negative, shrunk by so much: shape (height, width)."""
    slack = abs(grow_px)
    image = Image.new("L", (width + 2 * slack, height + 2 * slack), 0)
    draw = ImageDraw.Draw(image)
    # outside an edge of the picture that a corner touches there is nothing to cover, so there a zone shrinks from beyond it
    beyond = slack if grow_px < 0 else 0
    for zone in zones:
        corners = [(_placed(x, width, beyond) + slack, _placed(y, height, beyond) + slack) for x, y in zone.points]
        draw.polygon(corners, fill=255, outline=255)
    size = 2 * slack + 1
    image = image.filter(ImageFilter.MaxFilter(size) if grow_px > 0 else ImageFilter.MinFilter(size))
    return np.asarray(image.crop((slack, slack, width + slack, height + slack))) > 127


def _placed(share: float, length_px: int, beyond_px: int) -> float:
    """Return where a corner lies: a pixel's index is its near edge, and the far edge of the picture belongs to its last pixel."""
    if share <= 0:
        return -beyond_px
    if share >= 1:
        return length_px - 1 + beyond_px
    return min(share * length_px, length_px - 1)


def _to_blocks(mask: NDArray[np.bool_], block: tuple[int, int], *, fill: bool) -> NDArray[np.bool_]:
    wide, high = block
    height, width = mask.shape
    padding = ((0, -height % high), (0, -width % wide))
    padded = np.pad(mask, padding, constant_values=fill)
    return padded.reshape(padded.shape[0] // high, high, padded.shape[1] // wide, wide)
