"""Writes tracks beside a veiled file as JSON Lines and reads them back strictly. No pixels.

The first line is the header, every other line one box; ``schemas/tracks.schema.json`` is the published schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

from passerby.boxes import BoxTuple
from passerby.errors import UnreadableError, UsageError
from passerby.files import write_atomic
from passerby.values import Digest, Track

FORMAT, VERSION = "passerby-tracks", 1
LARGEST_HEADER = 1 << 24
SCHEMA = Path(__file__).parent.parent / "schemas" / "tracks.schema.json"
LARGEST_BYTES = 1 << 30
"""A larger file is refused rather than read into memory. Source: a choice, some 10 million boxes."""
BoxKind = Literal["seen", "carried", "edited"]
_KINDS = get_args(BoxKind)


@dataclass(frozen=True, slots=True)
class SidecarHeader:
    """The first line.

    Attributes:
        source: Digest of the file in which the boxes were found.
        width: Of the coded picture, pixels.
        height: Of the coded picture, pixels.
        frames: Frames of the file.
        time_base: Seconds per tick of the file's times.
        passerby: Version of the program.
        weights: Digest of the detector's weights.
        output: Digest of the veiled file that was made with these boxes.
        settings: Digest of the settings it was made with.
        run_frames: Frames to a run.
        runs: For each run of frames, 16 hex digits that change when a box in it changes (see :mod:`edits`).
        whole: Frames that were covered whole, as intervals (first, last), last included.
        cuts: Frames that show another scene than the one before; for who looks the clip over.
    """

    source: Digest
    width: int
    height: int
    frames: int
    time_base: Fraction
    passerby: str
    weights: Digest | None = None
    output: Digest | None = None
    settings: Digest | None = None
    run_frames: int | None = None
    runs: tuple[str, ...] = ()
    whole: tuple[tuple[int, int], ...] = ()
    cuts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackBox:
    """One box of one track in one frame.

    Attributes:
        track: Number of the track, from 1.
        frame: From 0, in presentation order.
        box: (x0, y0, x1, y1), pixels of the coded picture, without margin.
        confidence: 0 to 1, or None where nothing is known.
        kind: ``seen`` where the detector detected it, ``carried`` where it was propagated, ``edited`` where it was drawn by hand:
            the words of the file format.
        line: Where it was read, from 1; 0 when it was not read.
    """

    track: int
    frame: int
    box: BoxTuple
    confidence: float | None = None
    kind: BoxKind = "edited"
    line: int = 0


def track_boxes(tracks: Iterable[Track]) -> Iterator[TrackBox]:
    """Return the boxes of tracks, track by track, rounded to hundredths of a pixel."""
    for track in tracks:
        for offset, (box, score) in enumerate(zip(track.xyxy.tolist(), track.score.tolist(), strict=True)):
            x0, y0, x1, y1 = (round(edge, 2) for edge in box)
            kind: BoxKind = "seen" if score > 0 else "carried"
            yield TrackBox(track.number, track.first + offset, (x0, y0, x1, y1), round(score, 4), kind)


def write_sidecar(path: Path, header: SidecarHeader, boxes: Iterable[TrackBox], times_s: Sequence[float] = ()) -> None:
    """Write header and boxes; the file appears whole or not at all.

    Args:
        path: The file. An existing one is replaced: the caller has asked whether it may.
        header: The first line.
        boxes: The boxes.
        times_s: Presentation time of each frame in seconds; may be empty.

    Raises:
        OutputError: it cannot be written.
    """
    lines = [_header_line(header)]
    for one in boxes:
        row: dict[str, Any] = {"track": one.track, "frame": one.frame}
        if one.frame < len(times_s):
            row["time_s"] = round(times_s[one.frame], 6)
        row["box"] = list(one.box)
        if one.confidence is not None:
            row["confidence"] = one.confidence
        lines.append(json.dumps(row | {"kind": one.kind}, allow_nan=False))
    write_atomic(path, ("\n".join(lines) + "\n").encode())


def read_sidecar(path: Path) -> tuple[SidecarHeader, tuple[TrackBox, ...]]:
    """Read header and boxes.

    Raises:
        UnreadableError: the file cannot be read.
        UsageError: a line does not fit the schema, lies outside the clip, or says the same twice; the message starts with
            ``file:line:``.
    """
    lines = text_lines(path)
    if not lines:
        raise UsageError(f"{path}:1: header must be the first line, got an empty file")
    header = _header(path, _json_object(path, 1, lines[0]))
    boxes = []
    seen: dict[tuple[int, int], int] = {}
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        one = _track_box(path, number, _json_object(path, number, line))
        if one.frame >= header.frames:
            raise UsageError(f"{path}:{number}: frame must be below {header.frames}, got {one.frame}")
        if (before := seen.setdefault((one.track, one.frame), number)) != number:
            raise UsageError(
                f"{path}:{number}: track {one.track} must have one box in frame {one.frame}, got another in line {before}",
                hint="give the second face a track number of its own",
            )
        boxes.append(one)
    return header, tuple(boxes)


def read_sidecar_header(path: Path) -> SidecarHeader:
    """Read the header alone; errors as for :func:`read_sidecar`."""
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline(LARGEST_HEADER)
    except OSError as error:
        raise UnreadableError(f"{path} must be readable, got: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} must be UTF-8 text, got other bytes at {error.start}") from error
    return _header(path, _json_object(path, 1, line))


def check_sidecar_source(header: SidecarHeader, source: Digest, path: Path) -> None:
    """Refuse boxes that belong to another file.

    Raises:
        UsageError: ``source`` is not the file in which they were found.
    """
    if header.source != source:
        raise UsageError(
            f"{path} must belong to the input {source[:19]}..., got boxes of {header.source[:19]}...",
            hint="name the very file that --tracks-out was made from",
        )


def is_number(value: object) -> bool:
    """Tell whether a value from JSON is a number that a coordinate or a time can have."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e9 < value < 1e9


def text_lines(path: Path) -> list[str]:
    """Return the lines of a text file of the user's.

    Raises:
        UnreadableError: it cannot be read.
        UsageError: it is too large or not UTF-8.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UsageError(f"{path} must be at most 1 GiB, got {path.stat().st_size} bytes")
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UnreadableError(f"{path} must be readable, got: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} must be UTF-8 text, got other bytes at {error.start}") from error


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = _DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}:{number}: line must be one JSON object, got: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}:{number}: line must be one JSON object, got {type(found).__name__}")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _header_line(header: SidecarHeader) -> str:
    row: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "source": header.source,
        "width": header.width,
        "height": header.height,
        "frames": header.frames,
        "time_base": f"{header.time_base.numerator}/{header.time_base.denominator}",
        "passerby": header.passerby,
        "weights": header.weights,
        "output": header.output,
        "settings": header.settings,
        "run_frames": header.run_frames,
        "runs": list(header.runs) or None,
        "whole": [list(interval) for interval in header.whole] or None,
        "cuts": list(header.cuts) or None,
    }
    return json.dumps({key: value for key, value in row.items() if value is not None})


HEADER_KEYS = {
    "format", "version", "source", "width", "height", "frames", "time_base", "passerby", "weights", "output", "settings",
    "run_frames", "runs", "whole", "cuts",
}  # fmt: skip
MARK_KEYS = {"track", "frame", "time_s", "box", "confidence", "kind"}


def _header(path: Path, row: dict[str, Any]) -> SidecarHeader:
    where = f"{path}:1:"
    if row.get("format") != FORMAT or row.get("version") != VERSION:
        raise UsageError(
            f"{where} header must say format {FORMAT!r} and version {VERSION}, "
            f"got {row.get('format')!r} and {row.get('version')!r}",
            hint="keep the first line of the file that --tracks-out wrote",
        )
    _only_keys(where, row, HEADER_KEYS)
    base = _text(where, row, "time_base", r"[1-9][0-9]*/[1-9][0-9]*")
    runs = row.get("runs", [])
    if not isinstance(runs, list) or not all(
        isinstance(run, str) and re.fullmatch(r"[0-9a-f]{16}", run) for run in runs
    ):
        raise UsageError(f"{where} runs must be a list of 16 hex digits each")
    whole = row.get("whole", [])
    if not isinstance(whole, list) or not all(_is_interval(interval) for interval in whole):
        raise UsageError(f"{where} whole must be a list of frames [first, last]")
    cuts = row.get("cuts", [])
    if not isinstance(cuts, list) or not all(_is_frame(frame) for frame in cuts):
        raise UsageError(f"{where} cuts must be a list of frames")
    return SidecarHeader(
        Digest(_text(where, row, "source", DIGEST)),
        _whole(where, row, "width", 1),
        _whole(where, row, "height", 1),
        _whole(where, row, "frames", 0),
        Fraction(base),
        _text(where, row, "passerby", r".*"),
        weights=_digest(where, row, "weights"),
        output=_digest(where, row, "output"),
        settings=_digest(where, row, "settings"),
        run_frames=_whole(where, row, "run_frames", 1) if "run_frames" in row else None,
        runs=tuple(runs),
        whole=tuple((first, last) for first, last in whole),
        cuts=tuple(cuts),
    )


def _is_frame(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_interval(value: object) -> bool:
    whole = isinstance(value, list) and len(value) == 2 and all(isinstance(n, int) for n in value)
    return whole and 0 <= value[0] <= value[1]  # type: ignore[index]  # two whole numbers, as just seen


DIGEST = r"sha256:[0-9a-f]{64}"


def _digest(where: str, row: dict[str, Any], key: str) -> Digest | None:
    return Digest(_text(where, row, key, DIGEST)) if key in row else None


def _track_box(path: Path, number: int, row: dict[str, Any]) -> TrackBox:
    where = f"{path}:{number}:"
    _only_keys(where, row, MARK_KEYS)
    track, frame = _whole(where, row, "track", 1), _whole(where, row, "frame", 0)
    box = row.get("box")
    if not isinstance(box, list) or len(box) != 4 or not all(is_number(edge) for edge in box):
        raise UsageError(f"{where} box must be four numbers [x0, y0, x1, y1], got {box!r}")
    if not (box[0] < box[2] and box[1] < box[3]):
        raise UsageError(
            f"{where} box must have x0 < x1 and y0 < y1, got {box!r}", hint="the corners are not x, y, width, height"
        )
    if "time_s" in row and not is_number(row["time_s"]):
        raise UsageError(f"{where} time_s must be a number, got {row['time_s']!r}")
    confidence = row.get("confidence")
    if confidence is not None and not (is_number(confidence) and 0 <= confidence <= 1):
        raise UsageError(f"{where} confidence must be 0 to 1, got {confidence!r}")
    kind = row.get("kind", "edited")
    if kind not in _KINDS:
        raise UsageError(f"{where} kind must be one of {', '.join(_KINDS)}, got {kind!r}")
    return TrackBox(track, frame, (box[0], box[1], box[2], box[3]), confidence, kind, number)


def _only_keys(where: str, row: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(row) - known):
        raise UsageError(f"{where} names must be among {', '.join(sorted(known))}, got {', '.join(unknown)}")


def _whole(where: str, row: dict[str, Any], key: str, least: int) -> int:
    value = row.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{where} {key} must be a whole number from {least} on, got {value!r}")
    return value


def _text(where: str, row: dict[str, Any], key: str, pattern: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise UsageError(f"{where} {key} must be text of the form {pattern}, got {value!r}")
    return value
