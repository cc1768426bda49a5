"""Makes scenes of annotated footage: clips and pictures are read as they are asked for, and nothing of them is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from passerby.audit.attack.capture import AttackScene, fits
from passerby.audit.attack.settings import LEAST_PEOPLE, AttackSettings
from passerby.audit.labels import IGNORED, AnnotatedFootage, FootageKind, read_annotated
from passerby.errors import AuditError
from passerby.media import ClipReader, plain_info, probe_clip, read_picture
from passerby.values import Track
from passerby.veil import CoverSettings

RATE = Fraction(25)
"""Of pictures, which are coded as clips, where labels say none."""


def footage_scenes(
    data: Path, cover: CoverSettings, settings: AttackSettings, *, media: Path | None = None
) -> tuple[list[AttackScene], tuple[str, ...]]:
    """Return annotated footage as scenes in which at most so many people are sought, drawn by lot.

    Args:
        data: As :func:`passerby.audit.labels.read_annotated` takes it.
        cover: Says how large covers are.
        settings: Of the attack.
        media: Where the footage lies.

    Returns:
        The scenes, and what a reader must know of them.

    Raises:
        AuditError: the labels cannot be used, or there are too few people.
    """
    found = read_annotated(data, media)
    scenes = [scene for one in found.footage for scene in (_scene(one),) if scene.tracks]
    large = [
        (number, track.number)
        for number, scene in enumerate(scenes)
        for track in scene.tracks
        if fits(track, cover, scene.info.width_px, scene.info.height_px)
    ]
    if len(large) < LEAST_PEOPLE:
        raise AuditError(
            f"footage must show at least {LEAST_PEOPLE} people whose covers are 16 pixels and more a side, got {len(large)}",
            hint="leave DATA out to attack the drawn crowd",
        )
    chosen = np.random.default_rng([settings.seed, 3]).permutation(len(large))[: settings.people]
    sought: dict[int, set[int]] = {}
    for at in chosen.tolist():
        sought.setdefault(large[at][0], set()).add(large[at][1])
    kept = [replace(scenes[number], sought=frozenset(sought[number])) for number in sorted(sought)]
    every = sum(len(scene.tracks) for scene in scenes)
    notes = [
        *found.notes,
        f"{len(large)} of {every} tracks are large enough to be attacked; {len(chosen)} of them are.",
        "Pictures are attacked as clips of one frame. People of one file are held out together.",
    ]
    return kept, tuple(notes)


def _scene(footage: AnnotatedFootage) -> AttackScene:
    if footage.kind is FootageKind.CLIP:
        clip = probe_clip(footage.path)
        info = plain_info(clip.width_px, clip.height_px, clip.rate)
        return AttackScene(footage.name, info, _tracks(footage), partial(_clip_frames, footage.path))
    height, width = read_picture(footage.path).rgb.shape[:2]
    info = plain_info(width, height, Fraction(footage.rate_hz or RATE).limit_denominator(1000))
    paths = [footage.paths[at] for at in sorted(footage.paths)]
    return AttackScene(footage.name, info, _tracks(footage), partial(_picture_frames, paths, (width, height)))


def _tracks(footage: AnnotatedFootage) -> tuple[Track, ...]:
    """Return each person's first stretch without a gap."""
    boxes: dict[str, dict[int, tuple[float, float, float, float]]] = {}
    numbers = (
        {frame: at for at, frame in enumerate(sorted(footage.paths))} if footage.kind is FootageKind.SEQUENCE else {}
    )
    for frame, faces in footage.faces.items():
        for face in faces:
            if face.kind != IGNORED:
                place = (face.x, face.y, face.x + face.w, face.y + face.h)
                boxes.setdefault(face.person, {})[numbers.get(frame, frame)] = place
    tracks = []
    for number, person in enumerate(sorted(boxes), start=1):
        first = min(boxes[person])
        last = first
        while last + 1 in boxes[person]:
            last += 1
        xyxy = np.array([boxes[person][frame] for frame in range(first, last + 1)], np.float32)
        tracks.append(Track(number, first, xyxy, np.ones(len(xyxy), np.float32)))
    return tuple(tracks)


def _clip_frames(path: Path) -> Iterator[av.VideoFrame]:
    reformatter = VideoReformatter()
    with ClipReader(path) as clip:
        for frame in clip.frames():
            yield _plain(frame.picture, reformatter)


def _picture_frames(paths: list[Path], size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    reformatter = VideoReformatter()
    for path in paths:
        rgb = read_picture(path).rgb
        if rgb.shape[1::-1] != size:
            raise AuditError(
                f"pictures of a sequence must be {size[0]}x{size[1]}, got {rgb.shape[1]}x{rgb.shape[0]}: {path}"
            )
        yield _plain(av.VideoFrame.from_ndarray(rgb, format="rgb24"), reformatter)


def _plain(picture: av.VideoFrame, reformatter: VideoReformatter) -> av.VideoFrame:
    """Return a copy that may be painted on, in 4:2:0 of 8 bits."""
    if picture.format.name == "yuv420p":
        picture.make_writable()
        return picture
    return reformatter.reformat(picture, format="yuv420p", threads=1)
