"""Tiles: every face no larger than the overlap lies whole in one, and boxes come back in the picture's own pixels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from passerby.values import Detections
from passerby.veil.detect.tiles import EDGE_PX, infer_in_tiles, starts

SIDE = 192
SIZE = (SIDE, SIDE)


@given(st.integers(1, 4000))
def test_tiles_reach_from_edge_to_edge_and_overlap_by_a_third(length: int) -> None:
    found = starts(length, SIDE)
    assert found[0] == 0
    assert found[-1] == max(0, length - SIDE)
    assert all(0 < after - before <= SIDE - SIDE // 3 for before, after in pairwise(found))


def bright(tile: NDArray[np.uint8]) -> Detections:
    """A detector that sees one face: where the tile is white, sure by how much of it is."""
    assert tile.shape == (SIDE, SIDE, 3)
    rows, columns = np.nonzero(tile[..., 0] == 255)
    if not len(rows):
        return Detections()
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    return Detections(np.array([box], np.float32), np.array([min(0.99, len(rows) / 5000)], np.float32))


def picture(size: tuple[int, int], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    rgb = np.zeros((size[1], size[0], 3), np.uint8)
    rgb[box[1] : box[3], box[0] : box[2]] = 255
    return rgb


@given(st.data())
def test_a_face_no_larger_than_the_overlap_is_found_where_it_is(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(100, 700)), data.draw(st.integers(100, 500))
    wide, high = (data.draw(st.integers(4, SIDE // 3 - 2 * round(EDGE_PX))) for _ in range(2))
    left, top = data.draw(st.integers(0, width - wide)), data.draw(st.integers(0, height - high))
    box = (left, top, left + wide, top + high)
    found = infer_in_tiles(picture((width, height), box), SIZE, bright)
    assert [round(edge) for edge in found.xyxy[0].tolist()] == list(box)
    assert len(found) == 1, "one face is told once, however many tiles show it"


@pytest.mark.parametrize("size", [(192, 192), (192, 108), (60, 190), (1, 1)])
def test_a_picture_no_larger_than_a_tile_is_one_tile(size: tuple[int, int]) -> None:
    tiles = []

    def infer(tile: NDArray[np.uint8]) -> Detections:
        tiles.append(tile)
        return Detections(np.array([[-5, -5, 300, 300], [180, 184, 190, 191]], np.float32), np.array([0.9, 0.8], "f4"))

    found = infer_in_tiles(np.full((size[1], size[0], 3), 9, np.uint8), SIZE, infer)
    assert len(tiles) == 1
    assert (tiles[0][: size[1], : size[0]] == 9).all()
    assert tiles[0].sum() == 9 * 3 * size[0] * size[1], "what is added is black"
    assert found.xyxy[0].tolist() == [0, 0, *size]
    assert len(found) == (2 if size == (192, 192) else 1), "a box in what was added is none"


def test_a_face_that_an_inner_edge_cuts_is_left_to_the_next_tile_and_one_at_the_pictures_edge_stays() -> None:
    # tiles begin at 0 and 108: this face is cut by the end of the first and whole in the second
    found = infer_in_tiles(picture((300, 192), (180, 50, 220, 90)), SIZE, bright)
    assert found.xyxy.tolist() == [[180, 50, 220, 90]]
    found = infer_in_tiles(picture((300, 192), (0, 150, 30, 192)), SIZE, bright)
    assert found.xyxy.tolist() == [[0, 150, 30, 192]]
    found = infer_in_tiles(picture((300, 192), (50, 20, 250, 180)), SIZE, bright)
    assert len(found) == 0, "larger than both tiles: a pass at a smaller size finds it"


def test_nothing_is_nothing() -> None:
    assert len(infer_in_tiles(np.zeros((300, 400, 3), np.uint8), SIZE, lambda _: Detections())) == 0
