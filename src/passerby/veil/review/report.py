"""What veiling a file did, as one value: faces by size, what was covered whole and why, what a person should look at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from passerby.boxes import BoxTuple, shorter_sides
from passerby.values import Digest, Track

SIZE_EDGES_PX = (8, 12, 20, 40, 64)
"""Shorter side of a face: where one class ends and the next begins. Source: the classes of bench/README.md."""
NOT_ANONYMOUS = (
    "Hidden faces do not make people anonymous. Gait, clothes, body, tattoos, voice, company, place and time stay in the "
    "picture and the sound, and who knows a person may know them by any of these."
)
DOUBTFUL_CONFIDENCE = 0.3
"""A track whose best detection stays below this is listed for a person to look at. Source: a choice; see bench/README.md."""
MOST_PLACES = 48
"""Places listed, with a picture each: as many as a person goes through. Source: a choice."""


@dataclass(frozen=True, slots=True)
class SizeRow:
    """Faces whose shorter side lies in one class.

    Attributes:
        low_px: From here on.
        high_px: Below this; None for the last class.
        faces: Boxes, each frame counted.
        tracks: Tracks, by their median size.
    """

    low_px: int
    high_px: int | None
    faces: int
    tracks: int


@dataclass(frozen=True, slots=True)
class CoveredWhole:
    """Frames that were covered whole.

    Attributes:
        reason: Why, in words.
        frames: How many.
    """

    reason: str
    frames: int


@dataclass(frozen=True, slots=True)
class ReviewPlace:
    """Somewhere for a person to look at.

    Attributes:
        why: In words.
        frame: Of the input, from 0.
        time_s: Presentation time in the input.
        box: Pixels of the coded picture.
        confidence: The detector's, 0 to 1.
        covered: Whether the place is covered in the output.
        track: Number of the track, or None.
        picture: PNG of the *veiled* frame around the place, or None.
    """

    why: str
    frame: int
    time_s: float
    box: BoxTuple
    confidence: float
    covered: bool = True
    track: int | None = None
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class VeilReport:
    """What veiling one file did.

    Attributes:
        source: Name of the input, without its folder.
        source_digest: Of the input.
        output: Name of the output, without its folder.
        output_digest: Of the output.
        device: What ran the detector, in words, with its precision.
        weights: Digest of the detector's weights.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        frames: Frames in the output; 1 for a picture.
        frames_encoded: Frames encoded anew; the others were copied packet for packet.
        encoder: FFmpeg's name of what encoded them, or "" for a picture.
        no_hardware: Why it is not the hardware that was asked for, in words, or "".
        frames_with_cover: Frames in which something is covered.
        covered_share: Mean share of the picture that is covered, 0 to 1.
        seconds: How long the run took.
        sizes: Faces by size.
        whole: Frames covered whole, by reason.
        places: What a person should look at, most doubtful first.
        places_left_out: Further such places that are not listed.
        zones: Names of the zones that were always covered.
        exclude_zones: Names and share of the picture of the zones that were never covered.
        kept_tracks: Numbers of the tracks that were left in the clear.
        settings: What the run was told.
        notes: Anything else that a reader must know (interlaced input, streams that were dropped).
    """

    source: str
    source_digest: Digest
    output: str
    output_digest: Digest
    device: str
    weights: Digest
    width: int
    height: int
    frames: int
    frames_encoded: int
    frames_with_cover: int
    covered_share: float
    seconds: float
    sizes: tuple[SizeRow, ...] = ()
    whole: tuple[CoveredWhole, ...] = ()
    places: tuple[ReviewPlace, ...] = ()
    places_left_out: int = 0
    zones: tuple[str, ...] = ()
    exclude_zones: tuple[tuple[str, float], ...] = ()
    kept_tracks: tuple[int, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    encoder: str = ""
    no_hardware: str = ""

    @property
    def copied_share(self) -> float:
        """Share of the frames that were copied without encoding, 0 to 1."""
        return 1 - self.frames_encoded / self.frames if self.frames else 0.0

    @property
    def tracks(self) -> int:
        """Number of tracks of all sizes."""
        return sum(row.tracks for row in self.sizes)


def face_sizes(tracks: Iterable[Track]) -> tuple[SizeRow, ...]:
    """Count faces and tracks by the shorter side of their boxes, without margin.

    >>> box = np.array([[0, 0, 10, 30]], np.float32)
    >>> [(row.low_px, row.faces) for row in face_sizes([Track(1, 0, box, np.ones(1, np.float32))]) if row.faces]
    [(8, 1)]
    """
    edges = (0, *SIZE_EDGES_PX)
    faces, count = np.zeros(len(edges), int), np.zeros(len(edges), int)
    for track in tracks:
        sides = shorter_sides(track.xyxy)
        faces += np.bincount(np.searchsorted(edges, sides, side="right") - 1, minlength=len(edges))
        count[np.searchsorted(edges, np.median(sides), side="right") - 1] += 1
    tops = (*edges[1:], None)
    return tuple(SizeRow(low, high, int(n), int(m)) for low, high, n, m in zip(edges, tops, faces, count, strict=True))


def doubtful_places(
    tracks: Iterable[Track],
    times_s: Sequence[float],
    uncovered: Iterable[tuple[int, BoxTuple, float]] = (),
    *,
    most: int = MOST_PLACES,
) -> tuple[tuple[ReviewPlace, ...], int]:
    """Return where a person should look, and how many more places there are than are listed.

    First what was detected too faintly to be covered, surest first; then the tracks that were barely detected, faintest first.

    Args:
        tracks: All tracks.
        times_s: Presentation time of each frame.
        uncovered: Detections that are not covered: frame, box, confidence.
        most: So many are listed.
    """
    open_ = [
        ReviewPlace("too faint to be covered", frame, _time_of(frame, times_s), box, score, covered=False)
        for frame, box, score in sorted(uncovered, key=lambda one: -one[2])
    ]
    places = []
    for track in tracks:
        best = int(np.argmax(track.score)) if len(track.score) else 0
        if len(track.score) and track.score[best] < DOUBTFUL_CONFIDENCE:
            x0, y0, x1, y1 = track.xyxy[best].tolist()
            frame = track.first + best
            place = ReviewPlace(
                "seen faintly",
                frame,
                _time_of(frame, times_s),
                (x0, y0, x1, y1),
                float(track.score[best]),
                track=track.number,
            )
            places.append(place)
    places = open_[: most // 2] + sorted(places, key=lambda place: place.confidence)
    return tuple(places[:most]), max(0, len(places) - most) + max(0, len(open_) - most // 2)


def _time_of(frame: int, times_s: Sequence[float]) -> float:
    return times_s[frame] if frame < len(times_s) else math.nan
