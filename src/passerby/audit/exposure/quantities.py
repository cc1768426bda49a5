"""Figures of an audit that are no shares of faces: how long somebody is bare, how much is covered for nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from passerby.audit.exposure.figures import Quantity, Real, Whole, ratio_of_sums
from passerby.audit.exposure.tally import ExposureTally, FaceFrame, longest_run

_BY_CLIP = "ratio of sums over clips, each left out once, t quantiles"
_NO_INTERVAL = "too few clips: no interval"
_LARGEST = "largest that was seen: no interval, other footage may show a larger one"


def quantities_of(tally: ExposureTally, steps: Mapping[str, int]) -> tuple[Quantity, ...]:
    """Return all of them.

    Args:
        tally: Faces that are followed from frame to frame, and areas of all frames.
        steps: From one judged frame to the next, by clip.
    """
    people: dict[tuple[str, str], list[FaceFrame]] = defaultdict(list)
    for face in tally.faces:
        people[face.clip, face.person].append(face)
    return (
        *_exposures(people, tally, steps),
        *_first_covers(people),
        _flicker(people, tally, steps),
        *_areas(tally),
    )


def _exposures(
    people: Mapping[tuple[str, str], list[FaceFrame]], tally: ExposureTally, steps: Mapping[str, int]
) -> Iterator[Quantity]:
    runs, bare, clips = [], [], []
    for (clip, _), faces in people.items():
        if clip in tally.rates:
            frames = sorted(face.frame for face in faces if face.exposed)
            runs.append(1000 * longest_run(frames, step=steps[clip]) / tally.rates[clip])
            bare.append(1000 * len(frames) * steps[clip] / tally.rates[clip])
            clips.append(clip)
    yield Quantity(
        "longest exposure of one person", "ms", max(runs) if runs else None, None, None, len(runs), "people", _LARGEST
    )
    yield _mean("exposure of a person, mean", "ms", np.array(bare), _numbers(clips), "people")


def _first_covers(people: Mapping[tuple[str, str], list[FaceFrame]]) -> Iterator[Quantity]:
    until, clips, never, all_clips = [], [], [], []
    for (clip, _), faces in people.items():
        first = min(face.frame for face in faces)
        covered = min((face.frame for face in faces if not face.exposed), default=None)
        never.append(float(covered is None))
        all_clips.append(clip)
        if covered is not None:
            until.append(float(covered - first))
            clips.append(clip)
    yield _mean("frames until a person's first cover, mean", "frames", np.array(until), _numbers(clips), "people")
    yield Quantity("frames until a person's first cover, most", "frames", max(until) if until else None, None, None,
                   len(until), "people", _LARGEST)  # fmt: skip
    yield _mean("people who are never covered", "share", np.array(never), _numbers(all_clips), "people")


def _flicker(
    people: Mapping[tuple[str, str], list[FaceFrame]], tally: ExposureTally, steps: Mapping[str, int]
) -> Quantity:
    changes, minutes, clips = [], [], []
    for (clip, _), faces in people.items():
        if clip not in tally.rates:
            continue
        ordered = sorted(faces, key=lambda face: face.frame)
        pairs = [(one, two) for one, two in pairwise(ordered) if two.frame - one.frame <= steps[clip]]
        changes.append(float(sum(one.exposed != two.exposed for one, two in pairs)))
        minutes.append(sum(two.frame - one.frame for one, two in pairs) / tally.rates[clip] / 60)
        clips.append(clip)
    name, unit = "flicker: covered and bare by turns", "changes a minute"
    return _ratio(name, unit, np.array(changes), np.array(minutes), _numbers(clips), of="people")


def _areas(tally: ExposureTally) -> Iterator[Quantity]:
    areas = list(tally.areas.values())
    seen, covered, wasted = (
        np.array([float(getattr(area, name)) for area in areas]) for name in ("seen", "covered", "wasted")
    )
    each = np.arange(len(areas))
    for name, above, below in (
        ("covered area", covered, seen),
        ("over-cover: share of the cover away from any head", wasted, covered),
        ("over-cover: share of the picture", wasted, seen),
    ):
        yield _ratio(name, "share", above, below, each, of="clips and pictures")


def _mean(name: str, unit: str, values: Real, clips: Whole, of: str) -> Quantity:
    return _ratio(name, unit, values, np.ones(len(values)), clips, of=of)


def _ratio(name: str, unit: str, above: Real, below: Real, clips: Whole, *, of: str) -> Quantity:
    value, low, high = ratio_of_sums(above, below, clips)
    if high is not None and unit == "share":
        high = min(1.0, high)
    return Quantity(name, unit, value, low, high, len(above), of, _NO_INTERVAL if low is None else _BY_CLIP)


def _numbers(names: list[str]) -> Whole:
    number = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], np.int64)
