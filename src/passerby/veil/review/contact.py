"""Pictures for people to choose and to check by: numbered contact sheets and details, cut from the *veiled* output only."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont

from passerby.boxes import BoxTuple, shorter_sides
from passerby.errors import UnreadableError
from passerby.files import write_atomic
from passerby.media import ContentKind, read_picture, sniff_file
from passerby.values import Track
from passerby.veil.review.report import ReviewPlace

SHEET_WIDTH_PX = 960
"""Source of this and the three below: a choice, so that a number reads at a glance on a laptop's screen."""
SHEET_FRAMES = 12
"""Frames to a sheet."""
DETAIL_PX = 176
"""Side of a picture in the report."""
LABEL_PX = 20
"""Height of a track's number."""
JUMP_S = 10.0
"""Beyond this distance, jumping to the nearest key frame is quicker than reading on. Source: a choice; not measured."""


def veiled_frames(
    output: Path, times_s: Iterable[float], *, jump_s: float = JUMP_S
) -> Iterator[tuple[float, Image.Image]]:
    """Yield frames of a veiled file as shown (rotated upright), RGB, with the time asked for, one after the other.

    Args:
        output: A veiled clip or picture. Never the input.
        times_s: Presentation times in seconds; each gives the frame shown then. They come back rising, each once. A picture
            shows a page a second.
        jump_s: Where the next time lies further ahead, it is jumped to; else read on to.

    Raises:
        UnreadableError: the file does not decode.
    """
    if sniff_file(output).kind is ContentKind.PICTURE:
        pages = read_picture(output).pages
        for time_s in sorted(set(times_s)):
            page = min(max(0, round(time_s)), len(pages) - 1)
            yield time_s, Image.fromarray(pages[page].rgb)
        return
    try:
        with av.open(str(output)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            frames = _Frames(container, stream, jump_s)
            for time_s in sorted(set(times_s)):
                shown = frames.at(time_s)
                if shown is not None:
                    yield time_s, _upright(shown)
    except (OSError, av.error.FFmpegError, IndexError) as error:
        raise UnreadableError(f"{output} must decode, got: {error}") from error


class _Frames:
    """The frames of a clip by rising times: read on where the next is near, jumped to where it is far."""

    def __init__(self, container: InputContainer, stream: VideoStream, jump_s: float) -> None:
        self._container, self._stream, self._jump_s = container, stream, jump_s
        self._coming = container.decode(stream)
        self._shown: av.VideoFrame | None = None
        self._next: av.VideoFrame | None = next(self._coming, None)

    def at(self, time_s: float) -> av.VideoFrame | None:
        base = self._stream.time_base
        if base is not None and self._next is not None and time_s - self._time(self._next) > self._jump_s:
            self._container.seek(int(time_s / base), stream=self._stream)
            self._coming = self._container.decode(self._stream)
            self._next = next(self._coming, None)
        while self._next is not None and (self._shown is None or self._time(self._next) <= time_s + 1e-3):
            self._shown, self._next = self._next, next(self._coming, None)
        return self._shown

    @staticmethod
    def _time(frame: av.VideoFrame) -> float:
        return frame.time if frame.pts is not None else 0.0


def _upright(frame: av.VideoFrame) -> Image.Image:
    image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


def upright_box(box: Sequence[float], width: int, height: int, rotation: int) -> BoxTuple:
    """Return where a box of the coded picture stands in the picture as shown.

    Args:
        box: (x0, y0, x1, y1) in the coded picture.
        width: Of the coded picture.
        height: Of the coded picture.
        rotation: Degrees by which showing it turns it counter-clockwise: a multiple of 90.

    >>> upright_box((0, 0, 10, 20), 100, 50, 90)
    (0, 90, 20, 100)
    """
    x0, y0, x1, y1 = box
    turn = rotation % 360
    if turn == 90:
        return (y0, width - x1, y1, width - x0)
    if turn == 180:
        return (width - x1, height - y1, width - x0, height - y0)
    if turn == 270:
        return (height - y1, x0, height - y0, x1)
    return (x0, y0, x1, y1)


def chosen_frames(tracks: Iterable[Track]) -> list[tuple[int, list[int]]]:
    """Choose few frames in which every track stands once, large if it can.

    Returns:
        Rising frames, each with the numbers of all tracks that stand there.
    """
    order = sorted((track for track in tracks if len(track.xyxy)), key=lambda track: len(track.xyxy))
    waiting = {track.number for track in order}
    chosen: list[tuple[int, list[int]]] = []
    for track in order:
        if track.number not in waiting:
            continue
        sides = shorter_sides(track.xyxy)
        # where it was detected, not where it was only propagated: there a person recognises whom the cover stands for
        frame = track.first + int(np.argmax(np.where(track.score > 0, sides, 0) if track.score.any() else sides))
        here = [other.number for other in order if other.first <= frame <= other.last]
        waiting.difference_update(here)
        chosen.append((frame, sorted(here)))
    return sorted(chosen)


def contact_sheets(
    output: Path, tracks: Sequence[Track], times_s: Sequence[float], size: tuple[int, int], rotation: int = 0
) -> list[Image.Image]:
    """Draw sheets of veiled frames in which each track's number stands beside its cover.

    Args:
        output: The veiled clip. Never the input.
        tracks: All tracks.
        times_s: Presentation time of each frame in the output; frames beyond it are left out.
        size: Width and height of the coded picture.
        rotation: As in :func:`upright_box`.

    Raises:
        UnreadableError: the output does not decode.
    """
    chosen = [(frame, numbers) for frame, numbers in chosen_frames(tracks) if frame < len(times_s)]
    by_number = {track.number: track for track in tracks}
    sheets = []
    for start in range(0, len(chosen), SHEET_FRAMES):
        part = chosen[start : start + SHEET_FRAMES]
        rows = []
        by_time = {times_s[frame]: (frame, numbers) for frame, numbers in part}
        for time_s, image in veiled_frames(output, by_time):
            frame, numbers = by_time[time_s]
            boxes = {n: upright_box(_box(by_number[n], frame), *size, rotation) for n in numbers}
            rows.append(_numbered(image, boxes, f"{time_s:.2f} s, frame {frame}"))
        if rows:
            sheets.append(_stacked(rows))
    return sheets


def _box(track: Track, frame: int) -> list[float]:
    return [float(edge) for edge in track.xyxy[frame - track.first]]


def _numbered(image: Image.Image, boxes: dict[int, BoxTuple], title: str) -> Image.Image:
    zoom = SHEET_WIDTH_PX / image.width
    drawn = image.resize((SHEET_WIDTH_PX, max(1, round(image.height * zoom))))
    draw = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(LABEL_PX)
    taken: list[BoxTuple] = []
    for number, box in boxes.items():
        x0, y0, x1, y1 = (edge * zoom for edge in box)
        draw.rectangle((x0, y0, x1, y1), outline="black", width=3)
        draw.rectangle(
            (x0 + 1, y0 + 1, x1 - 1, y1 - 1) if min(x1 - x0, y1 - y0) > 4 else (x0, y0, x1, y1), outline="white"
        )
        label = (draw.textlength(str(number), font=font) + 8, LABEL_PX + 5)
        place = _free_place(label, (x0, y0, x1, y1), drawn.size, taken)
        taken.append(place)
        draw.rectangle(place, fill="black", outline="white")
        draw.text((place[0] + 4, place[1]), str(number), fill="white", font=font)
    strip = Image.new("RGB", (drawn.width, drawn.height + LABEL_PX + 8), "white")
    strip.paste(drawn, (0, LABEL_PX + 8))
    ImageDraw.Draw(strip).text((6, 2), title, fill="black", font=font)
    return strip


def _free_place(label: tuple[float, float], box: BoxTuple, size: tuple[int, int], taken: list[BoxTuple]) -> BoxTuple:
    """Return where a label of a width and height goes: beside the box, inside the picture, if it can be over no other."""
    wide, high = label
    x0, y0, x1, y1 = box
    places = []
    for x, y in ((x1 + 3, y0), (x0 - wide - 3, y0), (x0, y0 - high - 3), (x0, y1 + 3)):
        left, top = min(max(0.0, x), size[0] - wide - 1), min(max(0.0, y), size[1] - high - 1)
        places.append((left, top, left + wide, top + high))
    for place in places:
        if not any(place[0] < t[2] and t[0] < place[2] and place[1] < t[3] and t[1] < place[3] for t in taken):
            return place
    return places[0]


def _stacked(rows: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (SHEET_WIDTH_PX, sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def sheet_names(tracks: Path, count: int = 1) -> list[Path]:
    """Return where the sheets of a tracks file go: beside it, told apart from every picture that people name.

    >>> [path.name for path in sheet_names(Path("tracks.json"), 2)]
    ['tracks.sheet.png', 'tracks.sheet-2.png']
    """
    stem = tracks.name.removesuffix(tracks.suffix).removesuffix(".coco")
    return [tracks.with_name(f"{stem}.sheet{f'-{n}' if n > 1 else ''}.png") for n in range(1, count + 1)]


def save_sheets(tracks: Path, sheets: Sequence[Image.Image], *, overwrite: bool) -> list[Path]:
    """Write the sheets beside their tracks file, as PNG.

    Raises:
        UsageError: one exists and must not be replaced.
        OutputError: they cannot be written.
    """
    written = sheet_names(tracks, len(sheets))
    for name, sheet in zip(written, sheets, strict=True):
        write_atomic(name, _png(sheet), overwrite=overwrite)
    return written


def add_place_pictures(
    places: Sequence[ReviewPlace], output: Path, size: tuple[int, int], *, start_s: float = 0.0, rotation: int = 0
) -> tuple[ReviewPlace, ...]:
    """Return the places, each with a detail of the veiled output.

    Args:
        places: Times are of the input.
        output: The veiled clip or picture. Never the input.
        size: Width and height of the coded picture.
        start_s: Time of the input at which the output begins.
        rotation: As in :func:`upright_box`.

    Raises:
        UnreadableError: the output does not decode.
    """
    waiting: dict[float, list[int]] = {}
    for index, place in enumerate(places):
        time_s = 0.0 if math.isnan(place.time_s) else max(0.0, place.time_s - start_s)
        waiting.setdefault(time_s, []).append(index)
    found = list(places)
    for time_s, image in veiled_frames(output, waiting):
        for index in waiting[time_s]:
            box = upright_box(places[index].box, *size, rotation)
            found[index] = replace(places[index], picture=_detail(image, box))
    return tuple(found)


def _detail(image: Image.Image, box: BoxTuple) -> bytes:
    x0, y0, x1, y1 = box
    side = round(min(max(x1 - x0, y1 - y0, 32) * 3, *image.size))
    left = round(min(max(0.0, (x0 + x1 - side) / 2), image.width - side))
    top = round(min(max(0.0, (y0 + y1 - side) / 2), image.height - side))
    detail = image.crop((left, top, left + side, top + side)).resize((DETAIL_PX, DETAIL_PX))
    zoom = DETAIL_PX / side
    corners = [(edge - start) * zoom for edge, start in zip(box, (left, top) * 2, strict=True)]
    ImageDraw.Draw(detail).rectangle(corners, outline="white")
    return _png(detail)


def _png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
