"""Draws people who do not exist, each from numbers of their own: for tests, for whoever has no footage, and for known leaks.

A person is a head with hair, eyes, mouth and neck over a wall, with light, colour and texture of its own, and walks. What the
cover leaves bare (hair, neck, light) says something of what it hides, as in footage. Nobody is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial

import av
import numpy as np
from numpy.typing import NDArray

from passerby.audit.attack.capture import AttackScene
from passerby.media import frame_planes, plain_info
from passerby.values import Track

SIDE_PX = 128
"""Of a drawn picture. Source: a choice: a head and as much again around it."""
RATE = Fraction(25)
GRAIN = 2.0
"""Of everything but faces, whose grain is their own: noise of a whole picture would tell of both sides of a cover."""
Plane = NDArray[np.float32]


def drawn_crowd(people: int, frames: int, seed: int) -> Iterator[AttackScene]:
    """Draw people, one a scene.

    Args:
        people: How many.
        frames: Of each.
        seed: Of the draw; person ``i`` of a seed is the same in every crowd.
    """
    for number in range(people):
        yield drawn_person(np.random.default_rng([seed, number]), frames, f"drawn person {number + 1}")


def drawn_person(draw: np.random.Generator, frames: int, name: str) -> AttackScene:
    """Draw one person walking over a wall."""
    wide = draw.uniform(34, 44)
    half = np.array([wide, 1.3 * wide]) / 2
    path = _path(draw, frames)
    figure, alpha = _figure(draw, half)
    return walking(name, figure, alpha, draw_wall(draw), Walk(path, half))


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Where a face is.

    Attributes:
        path: Shape (frames, 2): its middle, x and y, pixels.
        half: Shape (2,): half its width and height, pixels.
    """

    path: NDArray[np.float64]
    half: NDArray[np.float64]


def walking(name: str, figure: NDArray[np.float32], alpha: Plane, wall: NDArray[np.float32], walk: Walk) -> AttackScene:
    """Return a scene of one person who walks over a wall.

    Args:
        name: Of the scene.
        figure: Shape (3, SIDE_PX, SIDE_PX): Y, U, V, the face in the middle.
        alpha: Shape (SIDE_PX, SIDE_PX): where the figure is opaque, 0 to 1.
        wall: As the figure.
        walk: Where the face is.
    """
    pictures = [_picture(wall, figure, alpha, place) for place in walk.path]
    boxes = np.concatenate([walk.path - walk.half, walk.path + walk.half], axis=1).astype(np.float32)
    track = Track(1, 0, boxes, np.ones(len(boxes), np.float32))
    return AttackScene(name, plain_info(SIDE_PX, SIDE_PX, RATE), (track,), partial(_frames, pictures))


def _path(draw: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """Return the middle of the face in each frame, shape (frames, 2), pixels."""
    angle = draw.uniform(0, 2 * np.pi) + draw.uniform(-0.4, 0.4) * np.arange(frames)
    steps = draw.uniform(1, 3.5) * np.stack([np.cos(angle), 0.5 * np.sin(angle)], axis=1)
    path = np.cumsum(steps, axis=0)
    return np.asarray(path - path.mean(axis=0) + SIDE_PX / 2 + draw.uniform(-6, 6, 2))


@lru_cache(maxsize=8)
def _cosines(count: int) -> Plane:
    """Return cosines over a picture's side, shape (SIDE_PX, count), the slowest first, each fainter than the one before."""
    at = (np.arange(SIDE_PX) + 0.5) / SIDE_PX
    order = np.arange(count)
    return np.asarray(np.cos(np.pi * at[:, None] * order) / (1 + order) ** 0.5, np.float32)


def _field(draw: np.random.Generator, spread: float, count: int = 16) -> Plane:
    cosines = _cosines(count)
    field = cosines @ draw.standard_normal((count, count)).astype(np.float32) @ cosines.T
    return np.asarray(spread * field / field.std(), np.float32)


def _oval(x: Plane, y: Plane, middle: tuple[float, float], radius: tuple[float, float], soft: float = 0.12) -> Plane:
    """Return 1 inside an ellipse and 0 outside, with a soft edge."""
    far = np.sqrt(((x - middle[0]) / radius[0]) ** 2 + ((y - middle[1]) / radius[1]) ** 2)
    return np.clip((1 - far) / soft + 0.5, 0, 1)


def _figure(draw: np.random.Generator, half: NDArray[np.float64]) -> tuple[NDArray[np.float32], Plane]:
    """Return a person in the middle of a picture, shape (3, SIDE_PX, SIDE_PX) as Y, U, V, and where it is opaque."""
    down, along = np.mgrid[0:SIDE_PX, 0:SIDE_PX].astype(np.float32) + 0.5 - SIDE_PX / 2
    x, y = along / np.float32(half[0]), down / np.float32(half[1])
    layers: list[tuple[Plane, tuple[float, float, float]]] = []
    skin = (draw.uniform(70, 190), 128 - draw.uniform(4, 20), 128 + draw.uniform(8, 28))
    hair = (draw.uniform(0.2, 1.05) * skin[0], 128 - draw.uniform(0, 14), 128 + draw.uniform(0, 12))
    cloth = (draw.uniform(20, 220), 128 + draw.uniform(-30, 30), 128 + draw.uniform(-30, 30))
    body = _oval(x, y, (0, 3.0), (draw.uniform(1.8, 2.4), 1.7))
    neck = _oval(x, y, (0, 1.2), (0.6, 0.8))
    hairs = _oval(x, y, (0, -0.25), (draw.uniform(1.2, 1.45), draw.uniform(1.25, 1.5)))
    face = _oval(x, y, (0, draw.uniform(-0.05, 0.15)), (draw.uniform(0.85, 1.0), draw.uniform(0.95, 1.1)))
    face = face * np.clip((y - draw.uniform(-0.95, -0.4)) * 6 + 0.5, 0, 1)
    layers += [(body, cloth), (neck, skin), (hairs, hair), (face, skin)]
    level, dark = draw.uniform(-0.3, -0.05), draw.uniform(10, 70)
    for side in (-1, 1):
        layers.append(
            (
                _oval(x, y, (side * draw.uniform(0.32, 0.45), level), (0.2, draw.uniform(0.06, 0.14)), 0.5),
                (dark, 128, 128),
            )
        )
    mouth = _oval(x, y, (0, draw.uniform(0.5, 0.7)), (draw.uniform(0.25, 0.45), draw.uniform(0.06, 0.14)), 0.5)
    layers.append((mouth, (skin[0] * 0.6, 122, 150)))
    if draw.random() < 0.4:
        layers.append((0.8 * face * np.clip((y - draw.uniform(0.3, 0.6)) * 5, 0, 1), hair))
    planes = np.zeros((3, SIDE_PX, SIDE_PX), np.float32)
    alpha = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    for cover, colour in layers:
        planes += cover * (np.array(colour, np.float32)[:, None, None] - planes)
        alpha = np.maximum(alpha, cover)
    grain = draw.standard_normal((SIDE_PX, SIDE_PX)).astype(np.float32)
    grain = grain + np.roll(grain, 1, 0) + np.roll(grain, 1, 1)
    inside = np.float32(np.exp(draw.normal(0.9, 0.8)))
    # light falls on brightness and colour alike
    light = np.clip(1 + _field(draw, draw.uniform(0.08, 0.25)), 0.3, 1.7)
    planes[0] = planes[0] * light + (GRAIN + face * (inside - GRAIN)) * grain
    planes[1:] = 128 + (planes[1:] - 128) * light
    return planes, alpha


def draw_wall(draw: np.random.Generator) -> NDArray[np.float32]:
    """Return a wall in uneven light, shape (3, SIDE_PX, SIDE_PX) as Y, U, V."""
    grain = draw.normal(0, GRAIN, (SIDE_PX, SIDE_PX)).astype(np.float32)
    luma = np.float32(draw.uniform(60, 200)) + _field(draw, 15) + grain
    return np.stack([luma, 128 + _field(draw, 4), 128 + _field(draw, 4)])


def _picture(
    wall: NDArray[np.float32], person: NDArray[np.float32], alpha: Plane, place: NDArray[np.float64]
) -> list[NDArray[np.uint8]]:
    moved, where = _shifted(np.concatenate([person, alpha[None]]), place - SIDE_PX / 2), slice(0, 3)
    drawn = wall + moved[3] * (moved[where] - wall)
    y = np.clip(np.rint(drawn[0]), 16, 235).astype(np.uint8)
    small = drawn[1:].reshape(2, SIDE_PX // 2, 2, SIDE_PX // 2, 2).mean(axis=(2, 4))
    u, v = np.clip(np.rint(small), 16, 240).astype(np.uint8)
    return [y, u, v]


def _shifted(planes: NDArray[np.float32], by: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return planes moved by (x, y) pixels; what leaves on one side enters on the other, where nobody is opaque."""
    whole = np.floor(by).astype(int)
    right, below = (by - whole).astype(np.float32)
    moved = np.roll(planes, (whole[1], whole[0]), axis=(1, 2))
    moved = (1 - right) * moved + right * np.roll(moved, 1, axis=2)
    return np.asarray((1 - below) * moved + below * np.roll(moved, 1, axis=1))


def _frames(pictures: list[list[NDArray[np.uint8]]]) -> Iterator[av.VideoFrame]:
    for picture in pictures:
        frame = av.VideoFrame(SIDE_PX, SIDE_PX, "yuv420p")
        for plane, values in zip(frame_planes(frame), picture, strict=True):
            plane[:] = values
        yield frame
