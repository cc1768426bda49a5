"""Simulated crossings: two or three people who walk past one another, drawn, before a detector that errs as detectors do.

Each person's face is a box of its own colour, so that each pixel of a frame tells whose it is. What the detector finds is told by
a code in the frame's first rows: it misses faces that are hidden by more than half, and a few others, puts boxes a little off,
and takes two faces that overlap for one in some crossings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
from numpy.typing import NDArray

from passerby.media import Frame, frame_planes
from passerby.values import Detections, Digest
from passerby.veil import UncoveredFaces
from passerby_seal.patches import cut_patches

WIDTH, HEIGHT = 960, 540
BITS, BLOCK, ROWS = 9, 40, 24
GROUND_U = 128
COLOURS = (40, 216, 84)
"""Blue-difference chroma of each person's face; the ground and the masked have 128."""
Truth = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crossing:
    """One crossing.

    Attributes:
        seed: Of everything that is drawn by lot.
        rate_hz: Frames a second.
        frames: How many.
        boxes: Truth, shape (frames, people, 4), pixels; those behind come first.
        merged: Two faces that overlap are found as one.
        missed: Share of detections that are missed.
        off: How far boxes lie off, as a share of the side.
    """

    seed: int
    rate_hz: float
    frames: int
    boxes: Truth
    merged: bool
    missed: float
    off: float

    def pictures(self) -> Iterator[av.VideoFrame]:
        """Yield the frames, bare."""
        ground, faces = _ground(self.seed % 7), [_texture(self.seed * 3 + n) for n in range(self.boxes.shape[1])]
        for number in range(self.frames):
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            luma, blue, red = frame_planes(frame)
            luma[:], blue[:], red[:] = ground, GROUND_U, 128
            for box, face, colour in zip(self.boxes[number].tolist(), faces, COLOURS, strict=False):
                x0, y0, x1, y1 = (round(side / 2) * 2 for side in box)
                x, y = max(0, x0), max(0, y0)
                stop_x, stop_y = min(WIDTH, x1), min(HEIGHT, y1)
                if stop_x > x and stop_y > y:
                    luma[y:stop_y, x:stop_x] = face[y - y0 : stop_y - y0, x - x0 : stop_x - x0]
                    blue[y // 2 : stop_y // 2, x // 2 : stop_x // 2] = colour
            luma[:ROWS] = _code(number)
            frame.pts, frame.time_base = number, Fraction(1, round(self.rate_hz * 2)) * 2
            yield frame

    def bare(self) -> Iterator[Frame]:
        """Yield the frames as a stream gives them."""
        for number, picture in enumerate(self.pictures()):
            yield Frame(number, round(number * 1e9 / self.rate_hz), Fraction(1, 10**9), picture, corrupt=False)

    def found(self, number: int) -> Detections:
        """Return what the detector finds in a frame, always the same."""
        lot = np.random.default_rng((self.seed, number))
        truth = self.boxes[number]
        rows: list[list[float]] = []
        for at, box in enumerate(truth):
            shown = _shown(box, truth[at + 1 :])
            lots = lot.uniform(size=8)
            if shown < 0.5 or lots[0] < self.missed:
                continue
            side = np.sqrt((box[2] - box[0]) * (box[3] - box[1]))
            rows.append([*(box + (lots[1:5] - 0.5) * 2 * self.off * side), 0.35 + 0.6 * lots[5] * shown])
        if self.merged:
            rows = _merged(rows)
        table = np.array(rows, np.float32).reshape(-1, 5)
        return Detections(np.ascontiguousarray(table[:, :4]), np.ascontiguousarray(table[:, 4]))


class CrossingDetector:
    """Finds what a crossing says, in whatever pass and size its frames come."""

    multiple = 32

    def __init__(self, crossing: Crossing) -> None:
        self._crossing = crossing
        self.runs_on, self.digest, self.doubt = "simulated", Digest("sha256:0"), None

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        assert threshold > 0
        high, wide = rgb.shape[:2]
        row = rgb[int(ROWS / 2 * high / HEIGHT), :, 1]
        code = [bool(row[int((n + 0.5) * BLOCK * wide / WIDTH)] > 128) for n in range(WIDTH // BLOCK)]
        mirrored = not code[0]
        bits = code[::-1] if mirrored else code
        found = self._crossing.found(sum(bit << n for n, bit in enumerate(bits[1 : BITS + 1])))
        boxes = found.xyxy.copy()
        if mirrored:
            boxes[:, [0, 2]] = WIDTH - boxes[:, [2, 0]]
        scale = np.array([wide / WIDTH, high / HEIGHT] * 2, np.float32)
        future: Future[Detections] = Future()
        future.set_result(Detections(boxes * scale, found.score))
        return future

    def prepare(self, sizes: Sequence[tuple[int, int]] = ()) -> None:
        """Nothing to do."""

    def check_weights(self) -> None:
        """There are none."""

    def rest(self) -> None:
        """It took nothing."""


def crossing(seed: int) -> Crossing:
    """Return one of the crossings: speed, overlap, sizes, ways and the detector's faults are drawn by lot."""
    lot = np.random.default_rng(seed)
    rate_hz = float(lot.choice([12.5, 25.0]))
    side = float(lot.uniform(28, 52))
    people = 3 if lot.uniform() < 0.1 else 2
    # a walker crosses up to nine sides a second; a runner twice as many
    speed = float(np.exp(lot.uniform(np.log(1.5), np.log(8.0)))) * side / 25
    frames = int(np.clip(0.9 * WIDTH / speed, 40, 300))
    sides = side * lot.uniform(0.75, 1.3, people)
    order = np.argsort(sides)
    middles = np.zeros((frames, people, 2))
    kind = str(lot.choice(["against", "standing", "overtaking", "turning", "pausing"], p=[0.5, 0.2, 0.2, 0.05, 0.05]))
    meet = frames / 2 + lot.uniform(-0.1, 0.1) * frames
    time = np.arange(frames) - meet
    for n in range(people):
        way = speed * (1 if n == 0 else {"against": -1, "standing": 0, "overtaking": 0.45}.get(kind, -1))
        way *= 1 if n < 2 else lot.uniform(-1, 1)
        x = WIDTH / 2 + way * time + (0 if n < 2 else lot.uniform(-2, 2) * side)
        if kind == "turning":  # they come near, and go back to where they came from
            x = WIDTH / 2 - np.sign(way) * np.abs(way * time) - np.sign(way) * 0.3 * side
        if kind == "pausing":  # they stop before each other, and go on
            x = WIDTH / 2 + np.sign(way) * (np.sign(time) * np.maximum(np.abs(way * time) - 1.2 * side, 0))
        middles[:, n, 0] = x
        middles[:, n, 1] = HEIGHT / 2 + lot.uniform(-0.9, 0.9) * side + 0.05 * side * np.sin(time / rate_hz * 9 + n)
    half = np.stack([sides * 0.45, sides * 0.55], axis=1)[None]
    boxes = np.concatenate([middles - half, middles + half], axis=2)[:, order]
    return Crossing(
        seed,
        rate_hz,
        frames,
        boxes,
        bool(lot.uniform() < 0.4),
        float(lot.choice([0, 0.02, 0.05])),
        float(lot.uniform(0.01, 0.06)),
    )


def strangers(planes: Sequence[NDArray[np.uint8]], people: int) -> NDArray[np.float64]:
    """Return how many blocks of two by two pixels of a patch are of each person's face, shape (people,)."""
    blue = planes[1].astype(int)
    return np.array([float((np.abs(blue - colour) < 14).sum()) for colour in COLOURS[:people]])


def _shown(box: NDArray[np.float64], before: NDArray[np.float64]) -> float:
    """Return which share of a box no box before it hides, and lies in the picture."""
    grid = np.stack(np.meshgrid(np.linspace(box[0], box[2], 12), np.linspace(box[1], box[3], 12)), axis=-1).reshape(
        -1, 2
    )
    seen = (grid >= 0).all(axis=1) & (grid < [WIDTH, HEIGHT]).all(axis=1)
    for other in before:
        seen &= ~((grid >= other[:2]) & (grid <= other[2:])).all(axis=1)
    return float(seen.mean())


def _merged(rows: list[list[float]]) -> list[list[float]]:
    """Return detections of which two that overlap much are one, around both."""
    rows = list(rows)
    for a in range(len(rows)):
        for b in range(len(rows) - 1, a, -1):
            one, two = rows[a], rows[b]
            wide, high = (min(one[i + 2], two[i + 2]) - max(one[i], two[i]) for i in (0, 1))
            least = min((one[2] - one[0]) * (one[3] - one[1]), (two[2] - two[0]) * (two[3] - two[1]))
            if wide > 0 and high > 0 and wide * high > 0.25 * least:
                rows[a] = [min(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), max(one[3], two[3]), one[4]]
                del rows[b]
    return rows


@lru_cache(maxsize=7)
def _ground(number: int) -> NDArray[np.uint8]:
    lot = np.random.default_rng(number)
    coarse = lot.uniform(40, 200, (HEIGHT // 8 + 1, WIDTH // 8 + 1)).repeat(8, axis=0).repeat(8, axis=1)
    return np.asarray(coarse[:HEIGHT, :WIDTH] + lot.normal(0, 6, (HEIGHT, WIDTH)), np.uint8)


def _texture(number: int) -> NDArray[np.uint8]:
    lot = np.random.default_rng(number)
    coarse = lot.uniform(60, 220, (24, 24)).repeat(5, axis=0).repeat(5, axis=1)
    return np.asarray(coarse.clip(0, 255), np.uint8)


def _code(number: int) -> NDArray[np.uint8]:
    bits = [True, *(bool(number >> n & 1) for n in range(BITS))]
    bits += [False] * (WIDTH // BLOCK - len(bits))
    return np.repeat(np.array(bits, np.uint8) * 220 + 16, BLOCK)


class Counted:
    """What a stream of a crossing seals, held against the truth.

    Attributes:
        owners: Of each track and stretch: whose face its patches show most, in each frame.
        sealed: Faces of frames, half shown and more, that are covered, and shown by a patch.
        shown: Faces of frames, half shown and more, that are covered.
        strange: Blocks of patches that are of another face than most of their stretch.
        own: Blocks of patches that are of a face.
    """

    def __init__(self, crossing: Crossing) -> None:
        self._crossing, self._people = crossing, crossing.boxes.shape[1]
        self._blocks: dict[tuple[int, int], NDArray[np.float64]] = {}
        self.owners: dict[tuple[int, int], set[int]] = {}
        self.sealed = self.shown = 0

    def take(self, faces: UncoveredFaces) -> None:
        """Count one frame."""
        seen = set()
        for patch in cut_patches(faces).patches:
            key = (patch.track, patch.stretch)
            blocks = strangers(patch.planes, self._people)
            self._blocks[key] = self._blocks.get(key, np.zeros(self._people)) + blocks
            self.owners.setdefault(key, set())
            if blocks.any():
                seen.add(int(blocks.argmax()))
                self.owners[key].add(int(blocks.argmax()))
        truth = self._crossing.boxes[round(faces.captured_ns * self._crossing.rate_hz / 1e9)]
        for person, box in enumerate(truth):
            low, high = np.maximum(faces.xyxy[:, :2], box[:2]), np.minimum(faces.xyxy[:, 2:], box[2:])
            covered = np.maximum(high - low, 0).prod(axis=1).max(initial=0) / np.prod(box[2:] - box[:2])
            if covered > 0.5 and _shown(box, truth[person + 1 :]) >= 0.5:
                self.shown += 1
                self.sealed += person in seen

    @property
    def mixed(self) -> int:
        """Stretches that show two people."""
        return sum(len(owners) > 1 for owners in self.owners.values())

    @property
    def strange(self) -> float:
        """See the class."""
        return sum(float(blocks.sum() - blocks.max()) for blocks in self._blocks.values())

    @property
    def own(self) -> float:
        """See the class."""
        return sum(float(blocks.sum()) for blocks in self._blocks.values())
