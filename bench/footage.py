"""Clips that the benchmark makes out of others, in a temporary folder, and the reference for clips without annotations."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from coverage import Face, Truth
from passerby.media import ClipReader, scaled_rgb
from passerby.values import digest_file
from passerby.veil.detect.detector import Detector
from passerby.veil.detect.passes import InferencePass, start_passes
from passerby.veil.run.watch import WatchedClip
from passerby.veil.tools.demo_clip import demo_clip
from passerby.veil.track.association import Association
from passerby.veil.track.motion import MotionMeter, grey_copy
from peer import CACHE

GOP_FRAMES = 50
NO_FACE: dict[str, tuple[tuple[int, int, int], ...]] = {
    "intel_one-by-one-person-detection.mp4": ((263, 468, 50), (1312, 435, 50)),
    "intel_preview_store-aisle-detection.mp4": ((44, 310, 70), (53, 333, 134), (60, 333, 131)),
    "stage_audience_hamilton.mp4": ((15, 413, 99),),
}
"""Frame, x and y of what the densest pass takes for a face and the eye does not: heads from behind, a hat, a hand."""


def write(path: Path, frames: Iterable[av.VideoFrame], rate: Fraction, size: tuple[int, int] | None = None) -> int:
    """Write frames one after another as H.264, a group of pictures every 50 frames; return how many."""
    count = 0
    with av.open(str(path), "w") as container:
        stream = None
        for frame in frames:
            if stream is None:
                options = {"preset": "veryfast", "crf": "20", "g": str(GOP_FRAMES), "sc_threshold": "0"}
                stream = container.add_stream("libx264", rate=rate, options=options)
                stream.width, stream.height = size or (frame.width, frame.height)
                stream.pix_fmt = "yuv420p"
            fitted = frame.reformat(stream.width, stream.height, "yuv420p")
            fitted.pts, fitted.time_base, fitted.pict_type = count, 1 / rate, 0
            container.mux(stream.encode(fitted))
            count += 1
        if stream is not None:
            container.mux(stream.encode(None))
    return count


def decoded(path: Path, most: int | None = None) -> Generator[av.VideoFrame]:
    """Yield the frames of a clip."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for index, frame in enumerate(container.decode(video=0)):
            if most is not None and index >= most:
                return
            yield frame


def joined(clips: Iterable[Path], target: Path, rate: Fraction) -> int:
    """Write several clips one after another."""
    return write(target, (frame for clip in clips for frame in decoded(clip)), rate)


def sparse(
    clip: Path, watched: WatchedClip, target: Path, size: tuple[int, int] | None = None, groups: int = 40
) -> tuple[int, int]:
    """Write a clip in which one group of pictures in ten holds a face; return frames, and groups with a face.

    The others follow each other as in the clip, again and again. The covers of the one begin and end within it: a cut that no
    camera makes would carry them into the next.
    """
    touched = np.zeros(len(watched.record.pts) + 1, bool)
    for track in watched.tracks:
        touched[max(0, track.first) : track.last + 1] = True
    frames = list(decoded(clip))
    starts = range(len(frames) - GOP_FRAMES)
    count = {at: int(touched[at : at + GOP_FRAMES].sum()) for at in starts}
    bare = [at for at in starts[::GOP_FRAMES] if not count[at]]
    edge = GOP_FRAMES // 8
    faces = [at for at in starts if count[at] and count[at] == touched[at + edge : at + GOP_FRAMES - edge].sum()]
    if not bare or not faces:
        raise ValueError(f"{clip.name} has no group of pictures without or with a face")
    face = max(faces, key=lambda at: count[at])
    order = [face if n % 10 == 5 else bare[n % len(bare)] for n in range(groups)]
    written = write(target, (frames[at + i] for at in order for i in range(GOP_FRAMES)), watched.info.rate, size)
    return written, sum(n % 10 == 5 for n in range(groups))


def demo(path: Path, seconds: float) -> Truth:
    """Write the demo clip; return its faces by frame."""
    truth = demo_clip(path, seconds)
    return {
        index: [
            Face(str(person), float(x0), float(y0), float(x1 - x0), float(y1 - y0))
            for person, (x0, y0, x1, y1) in zip(frame.person, frame.xyxy, strict=True)
        ]
        for index, frame in enumerate(truth)
    }


def reference(path: Path, detector: Detector) -> Truth:
    """Find faces with the densest pass: every frame, at one half, one and two times the size, from 0.05 on.

    Kept are detections of tracks that were detected at least five times and once with 0.5 or more; the rest is mostly no face.
    Of these, tracks through a place in ``NO_FACE`` are left out. It takes minutes a clip, so it is kept in ``.cache``.
    """
    kept = CACHE / f"reference-{digest_file(path)[-16:]}-{detector.digest[-16:]}.json"
    if kept.exists():
        rows = json.loads(kept.read_text(encoding="utf-8"))
    else:
        rows = _dense(path, detector)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(rows), encoding="utf-8")
    wrong = {
        row[1]
        for row in rows
        for frame, x, y in NO_FACE.get(path.name, ())
        if row[0] == frame and row[2] <= x <= row[2] + row[4] and row[3] <= y <= row[3] + row[5]
    }
    truth: Truth = {}
    for frame, track, *box in rows:
        if track not in wrong:
            truth.setdefault(frame, []).append(Face(str(track), *box))
    return truth


def _dense(path: Path, detector: Detector) -> list[tuple[int, int, float, float, float, float]]:
    """Return detections as frame, track, x, y, width and height."""
    with ClipReader(path) as clip:
        size = (clip.info.width_px, clip.info.height_px)
        passes = [InferencePass(min(int(max(size) * share), 1920)) for share in (0.5, 1, 2)]
        meter = MotionMeter(*size)
        association = Association(meter, max_age=8)
        for frame in clip.frames():
            picture = frame.picture
            found = start_passes(detector, passes, partial(scaled_rgb, picture), size, 0.05).result()
            association.predict(meter.measure(grey_copy(picture)))
            association.update(frame.index, found)
        association.finish()
    rows = []
    for number, tracklet in enumerate(association.ended):
        if tracklet.best >= 0.5 and len(tracklet.hits) >= 5:
            boxes = tracklet.boxes()
            for index, _ in tracklet.hits:
                x0, y0, x1, y1 = (float(v) for v in boxes[index - tracklet.first])
                rows.append((index, number, x0, y0, x1 - x0, y1 - y0))
    return rows
