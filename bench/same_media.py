"""Parts ``files`` and ``live`` of the probe of ``bench/same.py``: boxes, pixels and bytes of veiled clips and pictures."""

from __future__ import annotations

import csv
import dataclasses
import inspect
import json
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from same_names import Digests, ProbeError, Told, digest, take

FRAME_NS = 80_000_000
"""Time from frame to frame of a clip that is fed as a stream: the annotated clips have 12.5 frames a second."""
QUICK_CLIPS, QUICK_PICTURES = 2, 10
FURTHER = ("intel_preview_people-detection.mp4", "stage_audience_hamilton.mp4", "intel_one-by-one-person-detection.mp4")
"""Clips without annotations that show what the annotated ones do not: copied whole, sound that is left out, copied in part."""
QUICK_FURTHER = 2
DAMAGE_BYTES = 300
CORRUPT, FORCED = range(20, 22), range(40, 45)
"""Frames of a stream that the decoder had to guess, and that are covered whole because the caller says so."""


def files(told: Told) -> Digests:
    """Veil clips and pictures with the defaults; digest boxes, report, pixels and bytes of each."""
    found: Digests = {}
    for source in (*clips(told), *further(told), damaged(told)):
        target = told.work / source.name
        done = take("veil_file")(source, target)
        frames = len(record(done.watched).pts)
        found[f"{source.name}: boxes"] = boxes_in_file(done.tracks, frames, done.watched.unjudged)
        found[f"{source.name}: report"] = report(done.report)
        found[f"{source.name}: pixels"] = digest(*(pixels(frame) for frame in decoded(target)))
        found[f"{source.name}: bytes"] = digest(target.read_bytes())
        target.unlink()
    detector = take("Detector")(take("FindSettings")())
    for source, name in pictures(told):
        target = told.work / source.name
        done = take("veil_file")(source, target, detector=detector)
        found[f"{name}: boxes"] = boxes_in_file(done.tracks, 1, frozenset())
        found[f"{name}: report"] = report(done.report)
        with Image.open(target) as image:
            found[f"{name}: pixels"] = digest(f"{image.mode} {image.size}", image.convert("RGB").tobytes())
        found[f"{name}: bytes"] = digest(target.read_bytes())
        target.unlink()
    detector.close()
    return found


def live(told: Told) -> Digests:
    """Veil the same clips as streams that wait for the detector; digest boxes and pixels of every frame."""
    found: Digests = {}
    detector = take("Detector")(take("FindSettings")())
    first = clips(told)[0]
    for source, disturbed in (*((clip, False) for clip in clips(told)), (first, True)):
        out = streamed(source, detector, disturbed=disturbed)
        name = f"{source.name}{', disturbed' if disturbed else ''}"
        found[f"{name}: boxes"] = digest(*(boxes_in_stream(one) for one in out))
        found[f"{name}: reasons"] = digest(*(reason_in_words(one) for one in out))
        found[f"{name}: pixels"] = digest(*(pixels(one.picture) for one in out))
    detector.close()
    veiled = take("veil_frames")(decoded(first), 1e9 / FRAME_NS)
    found[f"{first.name}: pixels by veil_frames"] = digest(*map(pixels, veiled))
    return found


def streamed(source: Path, detector: Any, *, disturbed: bool) -> list[Any]:  # noqa: ANN401 - a Detector of either tree
    """Return the veiled frames of a clip that is fed as a stream, with corrupt and forced frames where it is disturbed."""
    frames = list(decoded(source))
    settings = take("LiveSettings")(wait=True)
    veil = take("LiveVeil")(frames[0].width, frames[0].height, 1e9 / FRAME_NS, detector, settings)
    out: list[Any] = []
    for index, frame in enumerate(frames):
        veil.cover("the caller says so" if disturbed and index in FORCED else None)
        out += push(veil, frame, index, corrupt=disturbed and index in CORRUPT)
    out += veil.flush()
    return out


def reason_in_words(one: Any) -> str:  # noqa: ANN401 - of either tree
    """Return why a frame is covered whole; what the caller said stood in the reason itself before reasons became an enum."""
    return str(getattr(one, "detail", "") or one.reason)


def push(veil: Any, picture: av.VideoFrame, index: int, *, corrupt: bool) -> list[Any]:  # noqa: ANN401 - of either tree
    """Feed one frame to a stream: as a frame record, or as picture and time where there is none yet."""
    if "captured_ns" in inspect.signature(veil.push).parameters:
        return list(veil.push(picture, index * FRAME_NS, corrupt=corrupt))
    return list(veil.push(take("Frame")(index, index * FRAME_NS, Fraction(1, 10**9), picture, corrupt=corrupt)))


def record(watched: Any) -> Any:  # noqa: ANN401 - of either tree
    """Return what the watching pass found of a clip."""
    return watched.record if hasattr(watched, "record") else watched.seen


def clips(told: Told) -> Sequence[Path]:
    """Return the annotated clips.

    Raises:
        ProbeError: there are none.
    """
    found = sorted((told.footage / "videos_gt").glob("*.mp4")) if told.footage else []
    if not found:
        raise ProbeError(f"annotated clips must stand in {told.footage}/videos_gt, found none")
    return found[:QUICK_CLIPS] if told.quick else found


def further(told: Told) -> Sequence[Path]:
    """Return clips without annotations, as far as they are there."""
    paths = [told.footage / "videos" / name for name in FURTHER] if told.footage else []
    return [path for path in paths[: QUICK_FURTHER if told.quick else None] if path.is_file()]


def damaged(told: Told) -> Path:
    """Write a clip with a hole in its middle, so that frames do not decode; return it."""
    data = bytearray(clips(told)[0].read_bytes())
    begin = len(data) // 2
    data[begin : begin + DAMAGE_BYTES] = bytes(DAMAGE_BYTES)
    folder = told.work / "made"
    folder.mkdir()
    path = folder / "damaged.mp4"
    path.write_bytes(data)
    return path


def pictures(told: Told) -> Iterator[tuple[Path, str]]:
    """Yield the annotated pictures, and the path of each below the footage."""
    if told.footage is None:
        return
    with (told.footage / "annotations.csv").open(encoding="utf-8") as file:
        names = sorted({row["file"] for row in csv.DictReader(file)})
    for name in names[::QUICK_PICTURES] if told.quick else names:
        yield told.footage / name, name


def decoded(path: Path) -> Iterator[av.VideoFrame]:
    """Yield the frames of a clip."""
    with av.open(str(path)) as container:
        yield from container.decode(video=0)


def pixels(frame: av.VideoFrame) -> bytes:
    """Return format, size, time and all planes of a frame, without the padding of its lines."""
    head = f"{frame.format.name} {frame.width}x{frame.height} {frame.pts} {frame.time_base}\n"
    return head.encode() + np.ascontiguousarray(frame.to_ndarray()).tobytes()


def boxes_in_file(tracks: Iterable[Any], frames: int, whole: frozenset[int]) -> str:
    """Digest the covered boxes of every frame with their scores, to the last bit, without the tracks' numbers and order."""
    rows: dict[int, list[bytes]] = {frame: [] for frame in range(frames)}
    for track in tracks:
        for index, (box, score) in enumerate(zip(track.xyxy, track.score, strict=True)):
            rows.setdefault(track.first + index, []).append(exact(box) + exact(score))
    spelled = [f"{frame} {frame in whole}".encode() + b"".join(sorted(rows[frame])) for frame in sorted(rows)]
    return digest(*spelled)


def boxes_in_stream(one: Any) -> bytes:  # noqa: ANN401 - a LiveFrame of either tree
    """Return the covered boxes of a frame to the last bit, without the tracks' numbers, and whether it is covered whole."""
    return f"{one.captured_ns} {one.reason is not None}\n".encode() + b"".join(sorted(map(exact, one.faces)))


def exact(values: object) -> bytes:
    """Return float32 numbers as bytes."""
    array = np.asarray(values)
    if array.dtype != np.float32:
        raise TypeError(f"boxes and scores must be float32, got {array.dtype}")
    return array.astype("<f4").tobytes()


def report(done: Any) -> str:  # noqa: ANN401 - a VeilReport of either tree
    """Digest a report, all but how long the work took."""
    told = dataclasses.asdict(done)
    del told["seconds"]
    return digest(json.dumps(told, sort_keys=True, default=str))
