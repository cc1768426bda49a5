"""What was recorded, by time: the list of a camera's files, and a clip of any span as one stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from passerby.gateway.stream.fragments import Fragment, fragments, header_bytes, retimed
from passerby.gateway.stream.recording_files import began_ns, recorded
from passerby.gateway.values import TICKS_PER_S

JOINED_NS = 50_000_000
"""Spans that lie no further apart are one: less than a picture of a slow camera."""


@dataclass(frozen=True, slots=True)
class WholeSpan:
    """A span of a recording that is covered whole.

    Attributes:
        began_ns: ns since 1970.
        ended_ns: ns since 1970.
        reason: Why, of ``CoverReason``.
    """

    began_ns: int
    ended_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded file.

    Attributes:
        path: Where it is.
        began_ns: Wall time of its first picture, ns since 1970.
        ended_ns: Wall time of the end of its last whole fragment.
        size_bytes: As it stands.
        whole: What is covered whole in it, oldest first; recordings of older versions do not say.
    """

    path: Path
    began_ns: int
    ended_ns: int
    size_bytes: int
    whole: tuple[WholeSpan, ...] = ()


def recordings_between(folder: Path, start_ns: int, end_ns: int) -> list[Recording]:
    """Return a camera's recordings that touch a span of wall time, oldest first.

    Args:
        folder: Of the camera.
        start_ns: ns since 1970.
        end_ns: ns since 1970, exclusive.
    """
    found = []
    for path in recorded(folder):
        began = began_ns(path)
        if began is None or began >= end_ns:
            continue
        try:
            with path.open("rb") as file:
                parts = list(fragments(file))
            size = path.stat().st_size
        except FileNotFoundError:
            # its time was up while we looked
            continue
        ended = began + _ns(max((one.ticks + one.duration for one in parts), default=0))
        if ended > start_ns:
            found.append(Recording(path, began, ended, size, _whole_spans(began, parts)))
    return found


def _ns(ticks: int) -> int:
    return ticks * 1_000_000_000 // TICKS_PER_S


def _whole_spans(began_ns: int, parts: list[Fragment]) -> tuple[WholeSpan, ...]:
    spans: list[WholeSpan] = []
    for part in parts:
        if part.whole is None:
            continue
        begin = began_ns + _ns(part.ticks + part.whole.offset)
        end = began_ns + _ns(part.ticks + part.whole.offset + part.whole.ticks)
        last = spans[-1] if spans else None
        if last is not None and last.reason == part.whole.reason and begin - last.ended_ns <= JOINED_NS:
            spans[-1] = WholeSpan(last.began_ns, end, last.reason)
        else:
            spans.append(WholeSpan(begin, end, part.whole.reason))
    return tuple(spans)


def clip_between(folder: Path, start_ns: int, end_ns: int) -> Iterator[bytes]:
    """Return one fragmented MP4 of a span of wall time, piece by piece; nothing where nothing was recorded.

    It begins at the last key frame before the start and plays from 0 on. Pauses between recordings stay pauses. It ends where the
    size of the picture changes, because one header describes the whole clip.

    Args:
        folder: Of the camera.
        start_ns: ns since 1970.
        end_ns: ns since 1970, exclusive.
    """
    header: bytes | None = None
    origin_ns: int | None = None
    for one in recordings_between(folder, start_ns, end_ns):
        with one.path.open("rb") as file:
            length = header_bytes(file)
            file.seek(0)
            found = file.read(length)
            if header is not None and found != header:
                return
            for part in list(fragments(file)):
                began = one.began_ns + _ns(part.ticks)
                if began + _ns(part.duration) <= start_ns or began >= end_ns:
                    continue
                if header is None:
                    header, origin_ns = found, began
                    yield header
                file.seek(part.offset)
                ticks = (began - (origin_ns or began)) * TICKS_PER_S // 1_000_000_000
                yield retimed(file.read(part.length), part, ticks)
