"""Zones: rounded so that more is covered and less is excluded, and capped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import UsageError
from passerby.values import Zone
from passerby.veil.cover import zones

share = st.floats(0, 1)
corner = st.tuples(share, share)


def inside(points: list[tuple[float, float]], x: float, y: float) -> bool:
    """Even-odd rule, written anew."""
    found = False
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            found = not found
    return found


def distance_px(points: list[tuple[float, float]], x: float, y: float) -> float:
    """From a point to the polygon's outline."""
    best = np.inf
    for a, b in zip(points, points[1:] + points[:1], strict=True):
        start, way = np.array(a), np.subtract(b, a)
        along = np.clip(np.dot([x, y] - start, way) / max(float(np.dot(way, way)), 1e-12), 0, 1)
        best = min(best, float(np.hypot(*(start + along * way - [x, y]))))
    return float(best)


def test_a_corner_at_the_edge_does_not_clear_along_the_edge() -> None:
    zone = Zone(((0.0, 1.0), (0.0, 0.015625), (1.0, 0.0)))
    assert not zones.inner_blocks((zone,), 5, 33, (1, 1))[0, 0]
    whole = Zone(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    assert zones.inner_blocks((whole,), 50, 33, (1, 1)).all()


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(corner, min_size=3, max_size=6),
    width=st.integers(1, 90),
    height=st.integers(1, 70),
    block=st.sampled_from([(1, 1), (2, 2), (2, 1), (4, 4), (2, 4)]),
    data=st.data(),
)
def test_zone_covers_every_point_in_it_and_exclude_zone_clears_none_outside(
    points: list[tuple[float, float]], width: int, height: int, block: tuple[int, int], data: st.DataObject
) -> None:
    zone = Zone(tuple(points))
    covered = zones.touched_blocks((zone,), width, height, block)
    cleared = zones.inner_blocks((zone,), width, height, block)
    assert covered.shape == cleared.shape == (-(-height // block[1]), -(-width // block[0]))
    assert not (cleared & ~covered).any()
    pixels = [(x * width, y * height) for x, y in points]
    for _ in range(12):
        x = data.draw(st.floats(0, width, exclude_max=True))
        y = data.draw(st.floats(0, height, exclude_max=True))
        row, column = int(y) // block[1], int(x) // block[0]
        if inside(pixels, x, y):
            assert covered[row, column]
        elif distance_px(pixels, x, y) > 0.5:
            assert not cleared[row, column]


def test_zone_is_not_much_larger_than_drawn() -> None:
    zone = Zone(((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)))
    assert zones.touched_blocks((zone,), 400, 400, (2, 2)).mean() == pytest.approx(0.25, abs=0.02)
    assert zones.inner_blocks((zone,), 400, 400, (2, 2)).mean() == pytest.approx(0.25, abs=0.02)
    assert zones.zone_share(zone) == 0.25


def test_thin_zone_is_covered_all_the_same() -> None:
    line = Zone(((0.1, 0.5), (0.9, 0.5), (0.5, 0.5)))
    found = zones.touched_blocks((line,), 100, 100, (2, 2))
    assert found[25, 5:45].all()
    assert not zones.inner_blocks((line,), 100, 100, (2, 2)).any()


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_runs_are_the_mask_again(rows: int, columns: int, data: st.DataObject) -> None:
    bits = data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    mask = np.array(bits, bool).reshape(rows, columns)
    count = np.zeros(mask.shape, int)
    for run in zones.runs_of(mask):
        count[run.y0 : run.y1, run.x0 : run.x1] += 1
    assert np.array_equal(count, mask.astype(int)), "each block once"


def test_exclude_zones_are_capped_together() -> None:
    four = tuple(Zone(((x, 0), (x + 0.1, 0), (x + 0.1, 1), (x, 1)), f"p{x}") for x in (0.0, 0.3, 0.6))
    blocks = zones.inner_blocks(four, 400, 400, (1, 1))
    with pytest.raises(UsageError, match=r"at most 25% of the picture, got 2\d% \(p0.0, p0.3, p0.6\)"):
        zones.check_excluded(blocks, four)
    zones.check_excluded(zones.inner_blocks(four[:2], 400, 400, (1, 1)), four[:2])


@pytest.mark.parametrize(
    "text", ["", "1", "0,0", "0,0,1", "a,b,c,d", "0,0,nan,1", "-0.1,0,1,1", "0,0,1,1.5", "0 0 1 1"]
)
def test_what_is_no_zone_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="zone must be"):
        zones.parse_zone(text)
