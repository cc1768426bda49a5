"""Checks rows of labels and joins them into footage: the same for every format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from passerby.audit.labels.dimensions import PERSONAL
from passerby.audit.labels.media_names import MediaNames
from passerby.audit.labels.texts import shown
from passerby.audit.labels.values import (
    IGNORED,
    AnnotatedFace,
    AnnotatedFootage,
    FootageKind,
    LabelledItem,
    LabelRow,
)
from passerby.errors import AuditError
from passerby.media import ContentKind, sniff_file


def gather(
    rows: Sequence[LabelRow], items: Mapping[str, LabelledItem], media: MediaNames
) -> tuple[AnnotatedFootage, ...]:
    """Return footage by name.

    Raises:
        AuditError: no face is left, values cannot be used, rows repeat or contradict each other, or a file is missing.
    """
    for row in rows:
        if min(row.xywh[2:]) < 0:
            raise AuditError(
                f"{row.where}: width and height must not be negative, got {row.xywh[2]:g} and {row.xywh[3]:g}"
            )
    rows = [row for row in rows if min(row.xywh[2:]) > 0]  # cut off at the picture's edge: nothing is left of them
    check_scale(rows)
    if not any(row.kind != IGNORED for row in rows):
        raise AuditError(f"labels must hold faces, got {len(rows)} rows, none of them to be counted")
    check_copies(rows)
    check_people(rows)
    by_item: dict[str, list[LabelRow]] = {name: [] for name in items}
    for row in rows:
        by_item[row.item].append(row)
    return tuple(_footage(name, items[name], by_item[name], media) for name in sorted(by_item))


def check_scale(rows: Sequence[LabelRow]) -> None:
    """Refuse boxes that are shares of the picture, all of them or some.

    Raises:
        AuditError: they are.
    """
    shares = [row for row in rows if max(map(abs, row.xywh)) <= 1 and max(row.xywh[2:]) < 1]
    if shares and len(shares) == len(rows):
        raise AuditError(
            f"boxes must be in pixels, got shares of the picture, first in {shares[0].where}",
            hint="multiply x and w by the picture's width, y and h by its height",
        )
    if shares:
        raise AuditError(
            f"boxes must be on one scale, got {len(shares)} of {len(rows)} as shares of the picture, first in {shares[0].where}",
            hint="bring all of them to pixels",
        )


def check_copies(rows: Sequence[LabelRow]) -> None:
    """Refuse a box that stands twice, and a person who is in two places of one frame.

    Raises:
        AuditError: there is one.
    """
    boxes: dict[tuple[object, ...], str] = {}
    people: dict[tuple[object, ...], str] = {}
    for row in rows:
        box = (row.item, row.frame, row.xywh, row.kind)
        if box in boxes:
            raise AuditError(
                f"each face must stand once, got the same box in {boxes[box]} and {row.where}", hint="remove the copies"
            )
        boxes[box] = row.where
        if row.person is not None and row.kind != IGNORED:
            key = (row.item, row.frame, row.person)
            if key in people:
                raise AuditError(
                    f"a track must have one box in a frame, got two of {shown(row.person)}: {people[key]} and {row.where}"
                )
            people[key] = row.where


def check_people(rows: Sequence[LabelRow]) -> None:
    """Refuse a person of two skin tones, genders or ages.

    Raises:
        AuditError: there is one.
    """
    known: dict[tuple[str, str, str], tuple[str, str]] = {}
    for row in rows:
        if row.person is None:
            continue
        for dimension, value in row.labels:
            if dimension in PERSONAL:
                key = (row.item, row.person, dimension)
                before, where = known.setdefault(key, (value, row.where))
                if before != value:
                    raise AuditError(
                        f"a track must be of one {dimension}, got {shown(before)} in {where} and {shown(value)} in {row.where}"
                    )


def _footage(name: str, item: LabelledItem, rows: list[LabelRow], media: MediaNames) -> AnnotatedFootage:
    paths = _paths(name, item, media)
    kind = FootageKind.SEQUENCE if len(item.pictures) > 1 else _kind_of(paths[min(paths)])
    if kind is FootageKind.PICTURE and (late := next((row for row in rows if row.frame), None)):
        raise AuditError(f"{late.where}: frame of a picture must be 0, got {late.frame} of {name}")
    tracked = kind is FootageKind.PICTURE or all(row.person is not None for row in rows if row.kind != IGNORED)
    faces: dict[int, list[AnnotatedFace]] = defaultdict(list)
    for at, row in enumerate(rows):
        person = row.person if tracked and row.person is not None else f"row {at}"
        faces[row.frame].append(AnnotatedFace(person, *row.xywh, row.kind, row.labels))
    if kind is FootageKind.SEQUENCE and (unknown := sorted(faces.keys() - paths.keys())):
        raise AuditError(f"labels of {name} name frame {unknown[0]}, counted from 0, of which there is no picture")
    by_frame = {at: tuple(faces[at]) for at in sorted(faces)}
    frames = _judged(kind, item, paths, by_frame)
    return AnnotatedFootage(name, kind, paths, by_frame, frames, tracked, item.rate_hz, item.size)


def _judged(
    kind: FootageKind, item: LabelledItem, paths: Mapping[int, Path], faces: Mapping[int, object]
) -> frozenset[int] | None:
    """Return the frames that were annotated; None for all of a clip."""
    if item.frames is not None:
        return frozenset(item.frames | faces.keys())
    return frozenset(paths) if kind is FootageKind.SEQUENCE else _sparse(sorted(faces))


def _sparse(annotated: list[int]) -> frozenset[int] | None:
    """Return the frames with rows where most of them lie apart: then the frames between were not annotated."""
    gaps = sorted(after - before for before, after in pairwise(annotated))
    return frozenset(annotated) if gaps and gaps[len(gaps) // 2] > 1 else None


def _paths(name: str, item: LabelledItem, media: MediaNames) -> dict[int, Path]:
    names = item.pictures or {0: name}
    found = {}
    for at, one in names.items():
        path = media.find(one, clip=not item.pictures)
        if path is None:
            raise AuditError(
                f"footage of the labels must lie below {media.folder}, got no file {shown(one)}",
                hint="--media FOLDER says where it lies",
            )
        found[at] = path
    return found


def _kind_of(path: Path) -> FootageKind:
    if path.stat().st_size == 0:
        raise AuditError(f"{path.name} must be a picture or a clip, got 0 bytes")
    content = sniff_file(path)
    if content.kind is ContentKind.PICTURE:
        return FootageKind.PICTURE
    if content.kind is ContentKind.CLIP:
        return FootageKind.CLIP
    raise AuditError(f"{path.name} must be a picture or a clip, got {content.name}")
