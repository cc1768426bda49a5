"""Makes a short clip in which one public-domain portrait moves through the picture, several times and in several sizes.

For the demo, the benchmark and the tests: the place of every face is known, so what is left uncovered can be measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from passerby.config import PORTRAIT
from passerby.errors import UnreadableError
from passerby.values import Boxes

PORTRAIT_HEAD = (120, 0, 330, 290)
"""Head and collar in the portrait, pixels. Source: a choice."""
PORTRAIT_FACE = (180, 62, 272, 186)
"""The face in the portrait, hairline to chin, pixels. Source: read by eye."""
RATE = 25
"""Frames a second."""
BARE_SHARE = 1 / 3
"""Share of the clip, at its beginning, in which nobody is there, so that some frames need no cover. Source: a choice."""
GREATEST_SHARE_OUTSIDE = 0.5
"""A face of which more than this lies outside the picture is not counted. Source: a choice."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One copy of the face on its way, in a scene 640 by 360; times are shares of the time in which people are there.

    Attributes:
        wide: Width of the face, pixels, at the start and at the end.
        path: Middle of the head (x, y) at the start and at the end.
        span: When it comes and goes.
    """

    wide: tuple[float, float]
    path: tuple[tuple[float, float], tuple[float, float]]
    span: tuple[float, float] = (0.0, 1.0)


# nobody is faster than nine face widths a second: a brisk walk across the picture (1.4 m/s, a face is 0.16 m wide)
ACTORS = (
    Actor((10, 10), ((140, 24), (500, 24))),
    Actor((14, 14), ((560, 62), (120, 62))),
    Actor((20, 20), ((-30, 130), (320, 130)), (0.2, 1.0)),
    Actor((32, 32), ((50, 250), (210, 240))),
    Actor((48, 48), ((330, 250), (330, 250)), (0.0, 0.8)),
    Actor((40, 120), ((510, 230), (510, 235))),
)
SCENE = (640, 360)
"""Width and height to which the actors' numbers refer, pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Where the faces are in one frame.

    Attributes:
        person: Shape (N,), which copy of the face it is.
        xyxy: Shape (N, 4), clipped to the picture.
    """

    person: NDArray[np.int64]
    xyxy: Boxes


def demo_frames(
    seconds: float, size: tuple[int, int], *, portrait: Path = PORTRAIT
) -> Iterator[tuple[Image.Image, Truth]]:
    """Draw the clip, frame by frame.

    Args:
        seconds: Its length at 25 frames a second.
        size: Width and height, pixels; faces grow with the picture (10 to 120 pixels wide at 640x360).
        portrait: The picture of the person, with ``PORTRAIT_HEAD`` and ``PORTRAIT_FACE`` where the shipped one has them.

    Raises:
        UnreadableError: the portrait is missing.
    """
    ground, head = _ground(size), portrait_head(portrait)
    count = max(1, round(seconds * RATE))
    first = round(count * BARE_SHARE)
    for number in range(count):
        picture = ground.copy()
        persons, boxes = [], []
        if number >= first:
            now = (number - first) / max(1, count - first)
            for person, actor in enumerate(ACTORS):
                if actor.span[0] <= now < actor.span[1]:
                    box = _place(picture, head, actor, now)
                    if box is not None:
                        persons.append(person)
                        boxes.append(box)
        yield picture, Truth(np.array(persons, np.int64), np.array(boxes, np.float32).reshape(-1, 4))


def demo_clip(path: Path, seconds: float = 6.0, size: tuple[int, int] = SCENE) -> list[Truth]:
    """Write the clip as H.264 in MP4.

    Args:
        path: The file to write. It shows a bare (public-domain) face: whoever asks for it removes it.
        seconds: Its length.
        size: Width and height, pixels, both even.

    Returns:
        For each frame the places of the faces.
    """
    truths = []
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, RATE)
        stream.codec_context.gop_size = RATE
        stream.options = {"preset": "veryfast", "crf": "18", "x264-params": "open-gop=0:scenecut=0"}
        for number, (picture, truth) in enumerate(demo_frames(seconds, size)):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
            truths.append(truth)
        container.mux(stream.encode(None))
    return truths


def _ground(size: tuple[int, int]) -> Image.Image:
    """A plain wall: a slow gradient with grain."""
    width, height = size
    down, along = np.mgrid[0:height, 0:width]
    wall = 150 + 40 * along / width - 30 * down / height
    grain = np.random.default_rng(7).normal(0, 6, (height, width))
    wall = np.clip(wall + grain, 0, 255)
    return Image.fromarray(np.stack([wall, wall * 0.97, wall * 0.9], axis=-1).astype(np.uint8))


def portrait_head(path: Path = PORTRAIT) -> Image.Image:
    """Return the head of the portrait (``PORTRAIT_HEAD``), RGBA, cut out with a soft oval edge.

    Raises:
        UnreadableError: the portrait is missing.
    """
    try:
        with Image.open(path) as portrait:
            head = portrait.convert("RGB").crop(PORTRAIT_HEAD)
    except OSError as error:
        raise UnreadableError(
            f"portrait must be at {path}, got nothing there that reads", hint="install Passerby anew"
        ) from error
    mask = Image.new("L", head.size, 0)
    ImageDraw.Draw(mask).ellipse((4, -40, head.width - 4, head.height - 4), fill=255)
    head.putalpha(mask.filter(ImageFilter.GaussianBlur(3)))
    return head


def _place(picture: Image.Image, head: Image.Image, actor: Actor, now: float) -> tuple[float, ...] | None:
    """Paste one copy and return the box of its face, or None when too little of it is in the picture."""
    begin, end = actor.span
    part = (now - begin) / (end - begin)
    zoom = picture.height / SCENE[1]
    wide = (actor.wide[0] + part * (actor.wide[1] - actor.wide[0])) * zoom
    ratio = wide / (PORTRAIT_FACE[2] - PORTRAIT_FACE[0])
    drawn = head.resize(
        (max(1, round(head.width * ratio)), max(1, round(head.height * ratio))), Image.Resampling.LANCZOS
    )
    (x0, y0), (x1, y1) = actor.path
    middle_x, middle_y = x0 + part * (x1 - x0), y0 + part * (y1 - y0)
    left = round(middle_x * picture.width / SCENE[0] - drawn.width / 2)
    top = round(middle_y * zoom - drawn.height / 2)
    picture.paste(drawn, (left, top), drawn)
    face = [(f - h) * ratio for f, h in zip(PORTRAIT_FACE, PORTRAIT_HEAD[:2] * 2, strict=True)]
    box = (left + face[0], top + face[1], left + face[2], top + face[3])
    limits = (picture.width, picture.height) * 2
    clipped = tuple(min(max(0.0, edge), limit) for edge, limit in zip(box, limits, strict=True))
    if _area(clipped) < (1 - GREATEST_SHARE_OUTSIDE) * _area(box):
        return None
    return clipped


def _area(box: tuple[float, ...]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
