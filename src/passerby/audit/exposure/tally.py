"""Counts, from masks of what is covered, the faces that are not, and the cover that lies away from any head.

A face is exposed in a frame when less than 90 % of its box is covered. Boxes of fewer than 8 pixels on the shorter side, and
those marked to be ignored, are not counted. *Waste* is the share of the cover that lies farther from every head than 60 % of
its sides; regions that nobody can tell (``IGNORED``) reach 10 %.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from passerby.audit.covers import Mask
from passerby.audit.labels import IGNORED, AnnotatedFace

COVERED = 0.9
"""Share of a face's box from which it counts as covered. Source: a choice; what shows through less tells nobody apart."""
SMALLEST_PX = 8.0
"""Faces with a shorter side below this are told apart. Source: detectors find none of them, and nobody is known by one."""
NEAR_SHARE = 0.6
"""Cover within so much of a head's sides is no waste: hair, ears and the tools' own margins lie there. Chosen."""
NEAR_IGNORED_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class FaceFrame:
    """One face in one frame: how much of its box is covered, 0 to 1.

    Attributes:
        clip: Its name.
        frame: Its index.
        person: The same in all frames of the clip.
        kind: What the truth says of it.
        side: Shorter side of the box, pixels.
        covered: Share of the box.
        labels: Dimension and value.
    """

    clip: str
    frame: int
    person: str
    kind: str
    side: float
    covered: float
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def exposed(self) -> bool:
        """Whether it counts as bare."""
        return self.covered < COVERED


@dataclass(slots=True)
class CoverArea:
    """Pixels over the frames of one clip: seen, covered, and covered away from any head."""

    seen: int = 0
    covered: int = 0
    wasted: int = 0


@dataclass(slots=True)
class ExposureTally:
    """What one tool leaves bare in any number of clips.

    Attributes:
        smallest_px: Faces with a shorter side below this are left out.
        faces: Every face in every frame.
        areas: By clip.
        rates: Frames a second by clip, where known.

    >>> tally, mask = ExposureTally(rates={"clip": 10.0}), np.zeros((100, 100), bool)
    >>> mask[10:30, 10:30] = mask[60:70, 60:70] = mask[90:, 90:] = True
    >>> faces = [AnnotatedFace("a", 10, 10, 20, 20), AnnotatedFace("b", 40, 10, 10, 12), AnnotatedFace("tiny", 0, 0, 5, 5)]
    >>> for frame in range(3):
    ...     tally.add("clip", frame, mask, [*faces, AnnotatedFace("crowd", 55, 55, 20, 20, IGNORED)])
    >>> len(tally.faces), tally.exposed, tally.longest_run_ms(), tally.area
    (6, 3, 300.0, 0.06)
    >>> round(tally.waste, 3)
    0.167
    """

    smallest_px: float = SMALLEST_PX
    faces: list[FaceFrame] = field(default_factory=list)
    areas: dict[str, CoverArea] = field(default_factory=lambda: defaultdict(CoverArea))
    rates: dict[str, float] = field(default_factory=dict)

    def add(
        self,
        clip: str,
        frame: int,
        mask: Mask,
        faces: Iterable[AnnotatedFace],
        *,
        scope: tuple[int, int, int, int] | None = None,
        complete: bool = True,
        measured: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Count one frame.

        Args:
            clip: Of the frame.
            frame: Its index.
            mask: Which pixels are covered.
            faces: All that are there, those to be ignored too.
            scope: The part (x, y, w, h) for which the truth holds; None is all.
            complete: Whether every head there is among ``faces``; otherwise area and waste say nothing.
            measured: Dimensions and values of the frame itself, which all its faces get.
        """
        rows = list(faces)
        for face in rows:
            if face.kind != IGNORED and face.side >= self.smallest_px:
                inside = part(mask, face, 0.0)
                if inside.size:
                    share = float(np.count_nonzero(inside) / inside.size)
                    labels = face.labels + measured if measured else face.labels
                    self.faces.append(FaceFrame(clip, frame, face.person, face.kind, face.side, share, labels))
        if complete:
            away = np.ones(mask.shape, bool)
            for face in rows:
                part(away, face, NEAR_IGNORED_SHARE if face.kind == IGNORED else NEAR_SHARE)[:] = False
            x, y, w, h = scope or (0, 0, mask.shape[1], mask.shape[0])
            seen, area = mask[y : y + h, x : x + w], self.areas[clip]
            area.seen += seen.size
            area.covered += int(np.count_nonzero(seen))
            area.wasted += int(np.count_nonzero(seen & away[y : y + h, x : x + w]))

    def of(self, keep: Callable[[FaceFrame], bool]) -> Self:
        """Return the same with some of the faces; areas stay."""
        return replace(self, faces=[face for face in self.faces if keep(face)])

    def under(self, share: float) -> int:
        """Return how many faces are covered by less than a share."""
        return sum(face.covered < share for face in self.faces)

    @property
    def exposed(self) -> int:
        """How many faces are bare."""
        return self.under(COVERED)

    @property
    def exposed_share(self) -> float:
        """Share of faces that are bare."""
        return self.exposed / max(1, len(self.faces))

    @property
    def people(self) -> set[tuple[str, str]]:
        """Clip and person of everybody."""
        return {(face.clip, face.person) for face in self.faces}

    @property
    def people_exposed(self) -> set[tuple[str, str]]:
        """Clip and person of everybody who is bare in a frame."""
        return {(face.clip, face.person) for face in self.faces if face.exposed}

    @property
    def area(self) -> float:
        """Covered share of what was seen."""
        return sum(a.covered for a in self.areas.values()) / max(1, sum(a.seen for a in self.areas.values()))

    @property
    def waste(self) -> float:
        """Share of the cover that lies away from any head."""
        return sum(a.wasted for a in self.areas.values()) / max(1, sum(a.covered for a in self.areas.values()))

    def longest_run_ms(self) -> float:
        """Return for how long one person is exposed without a break, at most; only in clips whose rate is known."""
        frames: dict[tuple[str, str], list[int]] = defaultdict(list)
        for face in self.faces:
            if face.exposed and face.clip in self.rates:
                frames[face.clip, face.person].append(face.frame)
        return max(
            (1000 * longest_run(sorted(found)) / self.rates[clip] for (clip, _), found in frames.items()), default=0.0
        )


def longest_run(frames: list[int], *, step: int = 1) -> int:
    """Return of how many frames the longest run without a gap is.

    Args:
        frames: In order.
        step: From one judged frame to the next.

    >>> longest_run([3, 4, 5, 9, 10]), longest_run([0, 10, 20, 40], step=10), longest_run([])
    (3, 30, 0)
    """
    run = best = 0
    last: int | None = None
    for frame in frames:
        run = run + step if last is not None and frame - last <= step else step
        best, last = max(best, run), frame
    return best


def part(mask: Mask, face: AnnotatedFace, grow: float) -> Mask:
    """Return the part of a mask under a face's box, grown by a share of its sides, clipped to the picture."""
    height, width = mask.shape
    x0, x1 = (min(max(round(v), 0), width) for v in (face.x - grow * face.w, face.x + (1 + grow) * face.w))
    y0, y1 = (min(max(round(v), 0), height) for v in (face.y - grow * face.h, face.y + (1 + grow) * face.h))
    return mask[y0:y1, x0:x1]
