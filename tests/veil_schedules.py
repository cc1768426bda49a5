"""A live veil in a drawn crowd whose every face is known, through schedules of lowered rates, late passes and lost pictures.

No clock and no network: passes end when the schedule says so, and find what a detector would of what shows.
"""

from __future__ import annotations

import random
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from tests.veil_tools import TIME_BASE

from passerby.gateway.picture.scene import BLOCK_PX, Scene, SceneSettings
from passerby.media import Frame
from passerby.values import Detections, Digest
from passerby.veil.run.live import LiveSettings, LiveVeil
from passerby.veil.run.veiled import VeiledFrame, WholeReason
from passerby.veil.settings import CoverSettings

CROWD = SceneSettings(320, 192, 12.5, 4, seed=3, crossing=True)
"""People who cross each other and a post, twice as fast for their size as those of the benchmark."""
SHOWS = 1 / 3
"""A face of which less shows is not counted."""
GAP = 4
"""More lost pictures than these are a gap, in which tracking begins anew."""
FILL = 112
SURE, WEAK, WEAK_SCORE = 0.5, 0.35, 0.1
"""From this share of a face that shows on it is detected surely; from that one on, weakly; and with this score."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A while in which one thing holds.

    Attributes:
        pictures: That the camera takes in it.
        step: One picture of so many is processed.
        late: A pass ends so many processed pictures after it was asked for.
        lost: So many pictures are lost before it.
        told: The veil is told that something was wrong.
    """

    pictures: int
    step: int = 1
    late: int = 2
    lost: int = 0
    told: bool = False


def schedule(seed: int, stretches: int = 6) -> list[Stretch]:
    """Return one of any number of schedules."""
    dice = random.Random(seed)
    made = []
    for _ in range(stretches):
        step = dice.choice((1, 1, 2, 4))
        lost = dice.choice((0, 0, 0, dice.randrange(3, 25)))
        made.append(Stretch(dice.randrange(25, 60), step, dice.randrange(5), lost, dice.random() < 0.15))
    return made


class Sees:
    """A detector that knows what was drawn: it finds what shows of a face, and less than half of one weakly or not at all.

    Attributes:
        number: Of the picture that it is shown.
        late: Its passes end so many pictures after they were asked for.
        detected: Where tracking began anew, with the pictures in which each face was first detected surely after it.
    """

    multiple, runs_on, digest = 32, "drawn", Digest("sha256:0")
    doubt: float | None = None

    def __init__(self, scene: Scene) -> None:
        self._scene, self.number, self.late, self._asked = scene, 0, 0, 0
        self._waiting: list[tuple[int, Future[Detections], Detections]] = []
        self.detected: list[tuple[int, dict[int, int]]] = [(0, {})]

    def infer(self, rgb: NDArray[np.uint8], threshold: float) -> Future[Detections]:
        assert threshold < WEAK_SCORE
        found, answer = self._found(rgb), Future[Detections]()
        self._waiting.append((self._asked + self.late, answer, found))
        return answer

    def go_on(self) -> None:
        """Answer what is due with the next picture."""
        self._asked += 1
        for due, answer, found in self._waiting:
            if due < self._asked:
                answer.set_result(found)
        self._waiting = [one for one in self._waiting if not one[1].done()]

    def _found(self, rgb: NDArray[np.uint8]) -> Detections:
        rows, scores = [], []
        wide, high = self._scene.settings.width, self._scene.settings.height
        for face, box in enumerate(self._scene.faces(self.number)):
            mask = self._scene.shown(self.number, face)
            share = mask.sum() / float((box[2] - box[0]) * (box[3] - box[1]))
            if share >= WEAK:
                y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
                rows.append((x[0], y[0], x[-1] + 1, y[-1] + 1))
                if share >= SURE:
                    self.detected[-1][1].setdefault(face, self.number)
                scores.append(min(0.9, 1.1 * share) if share >= SURE else WEAK_SCORE)
        boxes = np.array(rows, np.float32).reshape(-1, 4)
        if _mirrored(rgb, wide):
            boxes = np.stack([wide - boxes[:, 2], boxes[:, 1], wide - boxes[:, 0], boxes[:, 3]], axis=1)
        scale = np.array([rgb.shape[1] / wide, rgb.shape[0] / high] * 2, np.float32)
        return Detections(boxes * scale, np.array(scores, np.float32))


def _mirrored(rgb: NDArray[np.uint8], width: int) -> bool:
    """Whether left and right are swapped: the number of a picture begins with a light block, second from the left."""
    block = BLOCK_PX * rgb.shape[1] / width
    left = rgb[-round(block / 2), round(block * 1.5)].mean()
    return bool(left < 170)


@dataclass(slots=True)
class Bare:
    """What was seen of all pictures that left.

    Attributes:
        pictures: That left.
        whole: Of these, covered whole.
        faces: In the others, one for each in each that was detected surely at some time since tracking began anew.
        shares: By picture and face: how much of it is bare, where that is more than a tenth.
        areas: Of each of the others, the share that is covered.
    """

    pictures: int = 0
    whole: int = 0
    faces: int = 0
    shares: dict[tuple[int, int], float] = field(default_factory=dict)
    areas: list[float] = field(default_factory=list)


def veiled(stretches: list[Stretch], first: int) -> Bare:
    """Veil the crowd from its picture ``first`` on, through a schedule, and say what was bare."""
    scene, seen = Scene(CROWD), Bare()
    detector, number = Sees(scene), first
    veil = LiveVeil(CROWD.width, CROWD.height, CROWD.fps, detector, LiveSettings(CoverSettings(), patience_s=0.0))
    for one in stretches:
        veil.set_rate(CROWD.fps / one.step)
        number, detector.late = number + one.lost, one.late
        if one.told:
            veil.distrust()
        if one.told or one.lost > GAP:
            detector.detected.append((number, {}))
        for taken in range(number, number + one.pictures):
            if taken % one.step == 0:
                detector.go_on()
                detector.number = taken
                time_ns = round(taken * 1e9 / CROWD.fps)
                for left in veil.push(Frame(0, time_ns, TIME_BASE, scene.frame(taken), corrupt=False)):
                    _judge(scene, left, seen, detector.detected)
        number += one.pictures
    return seen


def _judge(
    scene: Scene, left: VeiledFrame[WholeReason], seen: Bare, detected: list[tuple[int, dict[int, int]]]
) -> None:
    seen.pictures += 1
    if left.reason is not None:
        seen.whole += 1
        return
    number = round(left.captured_ns * CROWD.fps / 1e9)
    luma = np.asarray(left.picture.to_ndarray(format="yuv420p"), np.uint8)[: CROWD.height]
    drawn = scene.luma(number)
    bare = (luma == drawn) & (np.abs(drawn.astype(int) - FILL) > 6)
    seen.areas.append(float((luma != drawn).mean()))
    known = next(faces for begin, faces in reversed(detected) if begin <= number)
    for face, (x0, y0, x1, y1) in enumerate(scene.faces(number)):
        shown, area = scene.shown(number, face), float((x1 - x0) * (y1 - y0))
        if shown.sum() > SHOWS * area and known.get(face, number + 1) <= number:
            seen.faces += 1
            share = float((shown & bare).sum()) / area
            if share > 0.1:
                seen.shares[number, face] = share
