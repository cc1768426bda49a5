"""Audits veiling: every tool on the same faces, then rates, quantities and differences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from passerby.audit.covers import FIELDS, LIGHT, CoverTool, Mask, PasserbyCovers, SceneGauge
from passerby.audit.estimates import holm
from passerby.audit.exposure.figures import (
    ExposureRate,
    Faces,
    ToolDifference,
    difference,
    exposure_rate,
)
from passerby.audit.exposure.quantities import quantities_of
from passerby.audit.exposure.results import ToolResult, VeilAudit
from passerby.audit.exposure.tables import columns_of, tables_of
from passerby.audit.exposure.tally import SMALLEST_PX, ExposureTally, FaceFrame
from passerby.audit.labels import IGNORED, LABELLED, AnnotatedData, AnnotatedFootage, FootageKind
from passerby.errors import AuditError
from passerby.media import probe_clip

_MOST_OUTSIDE = 0.2
"""Share of faces that may lie outside the picture, as people who walk out of it do; more means another size."""
Progress = Callable[[str, int, int], None]
"""Called with a clip's name, how many are done and how many there are."""


@dataclass(slots=True, eq=False)
class ToolTally:
    """What one tool did so far: faces and areas, and faces in frames that its outputs do not show."""

    tally: ExposureTally = field(default_factory=lambda: ExposureTally(smallest_px=0.0))
    not_shown: int = 0
    frames: int = 0


def audit_veil(
    data: AnnotatedData, tools: Sequence[CoverTool], *, date: str, material: str = "", progress: Progress | None = None
) -> VeilAudit:
    """Audit veiling.

    Args:
        data: Labels with their footage.
        tools: At least one; the others are compared with the first.
        date: Of the audit, ISO 8601.
        material: The footage, in words; empty takes the labels' name.
        progress: Told before each clip.

    Raises:
        MediaError: footage or an output cannot be read.
        AuditError: labels do not fit the footage.
        VeilError: Passerby's detector failed.
    """
    found = _tallied(data.footage, tools, progress)
    results = [_result(tool, into, data) for tool, into in zip(tools, found, strict=True)]
    pictures = sum(one.kind is FootageKind.PICTURE for one in data.footage)
    own = next((tool for tool in tools if isinstance(tool, PasserbyCovers)), None)
    return VeilAudit(
        source=data.source,
        format=data.format,
        date=date,
        material=material or data.source,
        clips=len(data.footage) - pictures,
        pictures=pictures,
        frames=found[0].frames,
        notes=data.notes,
        tools=tuple(results),
        differences=_differences([tool.name for tool in tools], [into.tally.faces for into in found]),
        labelled=data.labelled,
        detector=own.detector.runs_on if own else "",
        weights=own.detector.digest if own else "",
    )


def _tallied(
    footage: Sequence[AnnotatedFootage], tools: Sequence[CoverTool], progress: Progress | None
) -> list[ToolTally]:
    """Hold every tool's covers against the faces; each clip is decoded once more only where no tool tells what it shows."""
    found = [ToolTally() for _ in tools]
    for number, one in enumerate(footage):
        if progress:
            progress(one.name, number, len(footage))
        gauge, ready = SceneGauge(), False
        for tool, into in sorted(zip(tools, found, strict=True), key=lambda pair: not pair[0].notes):
            if not tool.notes and not ready:
                gauge.read(one)
            ready = True
            _add(one, tool, gauge, into)
    return found


def _add(footage: AnnotatedFootage, tool: CoverTool, gauge: SceneGauge, into: ToolTally) -> None:
    """Hold one tool's covers of one clip against its faces."""
    rate = footage.rate_hz
    if footage.kind is FootageKind.CLIP:
        rate = rate or float(probe_clip(footage.path).rate or 0)
    if rate:
        into.tally.rates[footage.name] = rate
    last = -1
    for index, mask in tool.covers(footage, gauge):
        faces = footage.faces.get(index, ())
        last = index
        into.frames += 1
        if mask is None:
            into.not_shown += sum(face.kind != IGNORED and face.side >= SMALLEST_PX for face in faces)
            continue
        if footage.name not in into.tally.areas:
            check_size(footage, mask)
        into.tally.add(footage.name, index, mask, faces, measured=gauge.labels(index))
    if footage.faces and max(footage.faces) > last:
        raise AuditError(
            f"labels name frame {max(footage.faces)} of {footage.name}, whose last one is {last}",
            hint="frames are counted from 0 in order of showing, in MOT from 1",
        )


def check_size(footage: AnnotatedFootage, mask: Mask) -> None:
    """Refuse labels that were made for a picture of another size.

    Raises:
        AuditError: they were.
    """
    height, width = mask.shape
    if footage.size is not None and footage.size != (width, height):
        raise AuditError(
            f"labels of {footage.name} are for {footage.size[0]}x{footage.size[1]} pixels, and it has {width}x{height}",
            hint="scale the boxes, or use the footage that was annotated",
        )
    faces = [face for rows in footage.faces.values() for face in rows if face.kind != IGNORED]
    outside = sum(not (0 <= face.x + face.w / 2 <= width and 0 <= face.y + face.h / 2 <= height) for face in faces)
    if outside > _MOST_OUTSIDE * len(faces):
        raise AuditError(
            f"faces of {footage.name} must lie in its picture of {width}x{height}, got {outside} of {len(faces)} outside",
            hint="boxes are x, y, width, height in pixels of the picture as it is stored, before any turn",
        )


def _step(footage: AnnotatedFootage) -> int:
    """Return how many frames lie from one judged frame to the next, as a rule."""
    if footage.frames is None or len(footage.frames) < 2:
        return 1
    return int(np.median(np.diff(sorted(footage.frames))))


def _result(tool: CoverTool, into: ToolTally, data: AnnotatedData) -> ToolResult:
    steps = {one.name: _step(one) for one in data.footage}
    loose = {one.name for one in data.footage if not one.tracked or one.kind is FootageKind.PICTURE}
    dimensions = [LIGHT, FIELDS, *(name for name in LABELLED if name in data.labelled)]
    counted = [face for face in into.tally.faces if face.side >= SMALLEST_PX]
    if not counted:
        raise AuditError(
            f"footage must show faces of {SMALLEST_PX:.0f} pixels and more, got none that {tool.name} shows"
        )
    columns = columns_of(counted)
    tiny = [face for face in into.tally.faces if face.side < SMALLEST_PX]
    followed = [face for face in counted if face.clip not in loose]
    return ToolResult(
        name=tool.name,
        about=tool.about,
        exposed=exposure_rate("all faces", columns),
        half_bare=exposure_rate("all faces", columns_of(counted, below=0.5)),
        tiny=exposure_rate(f"below {SMALLEST_PX:.0f} px", columns_of(tiny)) if tiny else None,
        people=_people(followed),
        quantities=quantities_of(replace(into.tally, faces=followed), steps),
        tables=tables_of(counted, columns, dimensions),
        not_shown=into.not_shown,
    )


def _people(faces: Sequence[FaceFrame]) -> ExposureRate | None:
    if not faces:
        return None
    exposed: dict[tuple[str, str], bool] = defaultdict(bool)
    for face in faces:
        exposed[face.clip, face.person] |= face.exposed
    clips = {name: number for number, name in enumerate(dict.fromkeys(clip for clip, _ in exposed))}
    return exposure_rate(
        "people",
        Faces(
            np.array([clips[clip] for clip, _ in exposed], np.int64),
            np.arange(len(exposed)),
            np.array(list(exposed.values()), np.float64),
        ),
    )


def _differences(names: Sequence[str], faces: Sequence[list[FaceFrame]]) -> tuple[ToolDifference, ...]:
    found = []
    first = {(face.clip, face.frame, face.person): face.exposed for face in faces[0] if face.side >= SMALLEST_PX}
    for name, rows in zip(names[1:], faces[1:], strict=True):
        both = [face for face in rows if (face.clip, face.frame, face.person) in first and face.side >= SMALLEST_PX]
        if both:
            columns = columns_of(both)
            ours = np.array([first[face.clip, face.frame, face.person] for face in both], np.float64)
            found.append(difference(names[0], name, replace(columns, wrong=columns.wrong - ours)))
    adjusted = holm([one.p for one in found])
    return tuple(replace(one, p=p) for one, p in zip(found, adjusted, strict=True))
