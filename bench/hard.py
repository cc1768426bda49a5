"""Draws short clips of what is hard to hold: the public-domain portrait over busy ground, with its place in every frame.

Fast crossings, growth, dissolves, flashes, a spin, faces cut by the picture's edge, a head that walks in at once, one that
looks down, and interlaced pictures beside the same progressive. Each is 640x360 and 1 to 4 s long. Drawn once, kept in
``.cache/bench`` under the digest of this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import cast

import av
import av.filter
import numpy as np
from av.codec.context import Flags
from av.video.frame import PictureType
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from coverage import IGNORED, Face, Truth
from passerby.config import PORTRAIT
from passerby.values import digest_file
from passerby.veil.tools.demo_clip import PORTRAIT_FACE as FACE
from passerby.veil.tools.demo_clip import PORTRAIT_HEAD as HEAD
from peer import CACHE

W, H, RATE = 640, 360, 25
SEEN_SHARE = 0.4
"""A face of which less than this lies in the picture, or shines through a dissolve, is not counted."""
LIT_SHARE = 0.25
"""A face that is darker than this in a fade is not counted."""
Drawn = tuple[Image.Image, list[Face]]


@dataclass(frozen=True, slots=True)
class HardClip:
    """One clip to draw.

    Attributes:
        name: Of the clip.
        kind: Of the difficulty; the rule holds for the sum of each kind too.
        frames: Draws it; 50 pictures a second where ``woven``.
        woven: Two pictures become the fields of one frame.
        flagged: Whether the stream says that it is interlaced.
    """

    name: str
    kind: str
    frames: Callable[[], Iterable[Drawn]]
    woven: bool = False
    flagged: bool = False


def hard_clips() -> Iterator[tuple[HardClip, Path, Truth]]:
    """Yield every clip with its file and its faces; draws what is not there yet."""
    folder = CACHE / f"hard-{digest_file(Path(__file__))[-16:]}"
    folder.mkdir(parents=True, exist_ok=True)
    for clip in CLIPS:
        path = folder / f"{clip.name.replace(' ', '_')}.mp4"
        told = path.with_suffix(".json")
        if not told.exists():
            part = path.with_suffix(".part.mp4")
            drawn = list(clip.frames())
            truth = [faces for _, faces in drawn]
            frames = [av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24") for picture, _ in drawn]
            if clip.woven:
                encode(part, woven(frames), Fraction(RATE), flagged=clip.flagged)
                truth = truth[::2]
            else:
                encode(part, frames, Fraction(RATE))
            part.replace(path)
            told.write_text(json.dumps([[asdict(face) for face in faces] for faces in truth]), encoding="utf-8")
        rows = json.loads(told.read_text(encoding="utf-8"))
        yield clip, path, {index: [Face(**face) for face in faces] for index, faces in enumerate(rows)}


def woven(pictures: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Make each two pictures the fields of one frame, the upper field first.

    >>> pair = [av.VideoFrame.from_ndarray(np.full((12, 8), n, np.uint8), format="yuv420p") for n in (16, 99)]
    >>> [frame.to_ndarray()[6:, ::4].tolist() for frame in woven(pair)]
    [[[16, 16], [99, 99], [16, 99], [16, 99], [16, 99], [16, 99]]]
    """
    pair: list[NDArray[np.uint8]] = []
    for picture in pictures:
        pair.append(np.asarray(picture.reformat(format="yuv420p").to_ndarray(), np.uint8))
        if len(pair) == 2:
            frame, height = pair[0].copy(), picture.height
            frame[1:height:2] = pair[1][1:height:2]
            # the chroma planes stand one below the other, each row of the array two rows of a plane
            chroma, later = (one[height:].reshape(2, height // 2, -1) for one in (frame, pair[1]))
            chroma[:, 1::2] = later[:, 1::2]
            yield av.VideoFrame.from_ndarray(frame, format="yuv420p")
            pair = []


def encode(path: Path, frames: Iterable[av.VideoFrame], rate: Fraction, *, flagged: bool = False) -> None:
    """Write frames as H.264, coded as interlaced and flagged so or not."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.pix_fmt, stream.options = "yuv420p", {"preset": "veryfast", "crf": "18", "threads": "1"}
        for index, frame in enumerate(frames):
            if not index:
                stream.width, stream.height = frame.width, frame.height
                if flagged:
                    stream.options |= {"x264-params": "interlaced=1:tff=1"}
                    stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
                    mark = upper_first(frame.width, frame.height, 1 / rate)
            picture = frame.reformat(format="yuv420p")
            picture.pts, picture.time_base = index, 1 / rate
            if flagged:
                mark.push(picture)
                picture = cast("av.VideoFrame", mark.pull())
            picture.pict_type = PictureType.NONE
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def upper_first(width: int, height: int, time_base: Fraction) -> av.filter.Graph:
    """Return a filter that marks frames as two fields, the upper one first."""
    graph = av.filter.Graph()
    ends = (
        graph.add_buffer(
            width=width, height=height, format=av.VideoFormat("yuv420p", width, height), time_base=time_base
        ),
        graph.add("setfield", "tff"),
        graph.add("buffersink"),
    )
    ends[0].link_to(ends[1])
    ends[1].link_to(ends[2])
    graph.configure()
    return graph


@cache
def head() -> Image.Image:
    """The portrait's head, cut out with a soft oval edge."""
    with Image.open(PORTRAIT) as portrait:
        cut = portrait.convert("RGB").crop(HEAD)
    mask = Image.new("L", cut.size, 0)
    ImageDraw.Draw(mask).ellipse((4, -40, cut.width - 4, cut.height - 4), fill=255)
    cut.putalpha(mask.filter(ImageFilter.GaussianBlur(3)))
    return cut


@cache
def ground(seed: int, wide: int = W, high: int = H) -> Image.Image:
    """Busy ground without anything like a face: blurred noise of three grains, and bars of all colours."""
    rng = np.random.default_rng(seed)
    picture = np.full((high, wide, 3), 110.0)
    for grain, strength in ((3, 30), (14, 45), (60, 60)):
        small = rng.normal(0, 1, (high // grain + 2, wide // grain + 2, 3))
        small = 0.8 * small[..., :1] + 0.3 * small
        planes = [Image.fromarray(small[..., c].astype(np.float32)).resize((wide, high), 3) for c in range(3)]
        picture += strength * np.stack([np.asarray(plane) for plane in planes], axis=-1)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(wide * high // 6000):
        x, y = int(rng.integers(wide)), int(rng.integers(high))
        w, h = (int(v) for v in (rng.integers(3, 14), rng.integers(20, 110)))
        colour = tuple(int(v) for v in np.clip(rng.integers(20, 235) + rng.normal(0, 25, 3), 0, 255))
        draw.rectangle((x, y, x + (w if rng.random() < 0.7 else h), y + (h if rng.random() < 0.7 else w)), fill=colour)
    return image


def looking_down(share: float) -> tuple[Image.Image, tuple[float, float]]:
    """Return the head bent forward, hair above and the face foreshortened, and where hairline and chin are, pixels."""
    upper, lower = FACE[1] - HEAD[1], FACE[3] - HEAD[1]
    hairline, chin = upper + 80 * share, lower + 6 * share
    whole = np.asarray(head())
    rows = np.interp(np.arange(len(whole)), (0, hairline, chin, len(whole)), (0, upper, lower, len(whole)))
    return Image.fromarray(whole[np.clip(rows.round().astype(int), 0, len(whole) - 1)]), (hairline, chin)


def put(
    picture: Image.Image, middle: tuple[float, float], tall: float, *, person: str = "a", blur: int = 0, down: float = 0
) -> Face:
    """Paste the head so that its face has this middle and height, pixels; return the face, ignored where little is seen."""
    drawn, (hairline, chin) = looking_down(down) if down else (head(), (FACE[1] - HEAD[1], FACE[3] - HEAD[1]))
    zoom = tall / (FACE[3] - FACE[1])
    drawn = drawn.resize((round(drawn.width * zoom), round(drawn.height * zoom)), Image.Resampling.LANCZOS)
    if blur > 1:
        drawn = blurred(drawn, blur)
    middle_x, middle_y = (FACE[0] + FACE[2]) / 2 - HEAD[0], (FACE[1] + FACE[3]) / 2 - HEAD[1]
    left, top = round(middle[0] - middle_x * zoom - (blur // 2)), round(middle[1] - middle_y * zoom)
    picture.paste(drawn, (left, top), drawn)
    x = left + blur // 2 + (FACE[0] - HEAD[0]) * zoom
    return seen(Face(person, x, top + hairline * zoom, (FACE[2] - FACE[0]) * zoom, (chin - hairline) * zoom))


def blurred(drawn: Image.Image, length: int) -> Image.Image:
    """Smear a cut-out along its way, pixels."""
    wide = np.pad(np.asarray(drawn, np.float32), ((0, 0), (length // 2, length // 2), (0, 0)))
    wide[..., :3] *= wide[..., 3:] / 255
    sums = np.cumsum(np.pad(wide, ((0, 0), (length // 2 + 1, length - length // 2 - 1), (0, 0))), axis=1)
    mean = (sums[:, length - 1 :] - np.pad(sums, ((0, 0), (1, 0), (0, 0)))[:, :-length]) / length
    mean = mean[:, : wide.shape[1]]
    mean[..., :3] /= np.maximum(mean[..., 3:] / 255, 1e-3)
    return Image.fromarray(np.clip(mean, 0, 255).astype(np.uint8))


def seen(face: Face) -> Face:
    """Mark a face that lies mostly outside the picture as not to be counted."""
    wide = min(W, face.x + face.w) - max(0, face.x)
    high = min(H, face.y + face.h) - max(0, face.y)
    if max(0.0, wide) * max(0.0, high) < SEEN_SHARE * face.w * face.h:
        return ignored(face)
    return face


def ignored(face: Face) -> Face:
    return Face(face.person, face.x, face.y, face.w, face.h, IGNORED)


def scene(number: int) -> Drawn:
    """One of six still scenes with two or three faces each."""
    picture, rng = ground(20 + number).copy(), np.random.default_rng(40 + number)
    faces = []
    for person in range(2 + number % 2):
        tall = float(rng.choice((28, 44, 70, 110)))
        middle = (110 + 200 * person + float(rng.uniform(-30, 30)), float(rng.uniform(100, 250)))
        faces.append(put(picture, middle, tall, person=f"{number}.{person}"))
    return picture, faces


def crossing(tall: int, step: float, *, blur: int = 0, seed: int = 1, count: int = 75) -> Iterator[Drawn]:
    """A face crosses again and again, there and back, at ``step`` pixels a frame."""
    span = W + 4 * tall
    for index in range(count):
        way, lap = index * step % span, int(index * step // span)
        picture = ground(seed).copy()
        x = (way if lap % 2 == 0 else span - way) - 2 * tall
        yield picture, [put(picture, (x, 150 + 60 * (lap % 2)), tall, person=f"lap {lap}", blur=blur)]


def zoom(period: int, most: float) -> Iterator[Drawn]:
    """The whole picture comes nearer and goes away again, twice."""
    large = ground(3, 4 * W, 4 * H).resize((4 * W, 4 * H)).copy()
    face = put(large, (2 * W, 2 * H), 4 * 34.0)
    base = Face("a", 2 * W - face.w / 2, 2 * H - face.h / 2, face.w, face.h)
    for index in range(3 * period):
        k = 1 + (most - 1) * (1 - abs((index % period) / (period / 2) - 1))
        wide, high = 4 * W / k, 4 * H / k
        left, top = 2 * W - wide / 2, 2 * H - high / 2
        box = ((face.x - left) * k / 4, (face.y - top) * k / 4, base.w * k / 4, base.h * k / 4)
        yield large.resize((W, H), Image.Resampling.BICUBIC, (left, top, left + wide, top + high)), [Face("a", *box)]


def leaning(frames_in: int) -> Iterator[Drawn]:
    """A head comes near within some frames, stays, and goes back; the ground stands still."""
    for index in range(75):
        at = index % 50
        share = np.interp(at, (10, 10 + frames_in, 30, 30 + frames_in), (0, 1, 1, 0))
        picture = ground(4).copy()
        yield picture, [put(picture, (300, 150 + 20 * share), 40 * (4.0**share))]


def dissolve(frames: int) -> Iterator[Drawn]:
    """Scene after scene, each fading into the next."""
    for index in range(5 * frames):
        (one, faces), (other, later) = scene(index // frames % 6), scene((index // frames + 1) % 6)
        share = index % frames / frames
        yield (
            Image.blend(one, other, share),
            [
                *(face if 1 - share > SEEN_SHARE else ignored(face) for face in faces),
                *(face if share > SEEN_SHARE else ignored(face) for face in later),
            ],
        )


def fade() -> Iterator[Drawn]:
    """Scenes come out of the dark, stand for a moment, and go back into it."""
    for index in range(90):
        picture, faces = scene(index // 30 % 6)
        lit = float(np.interp(index % 30, (0, 12, 18, 29), (0, 1, 1, 0)))
        dark = Image.new("RGB", (W, H), (8, 8, 8))
        yield Image.blend(dark, picture, lit), [face if lit >= LIT_SHARE else ignored(face) for face in faces]


def flashes(lit: int, every: int) -> Iterator[Drawn]:
    """A scene is lit for a few frames at a time, another each time; between them there is nothing."""
    for index in range(4 * every):
        if every // 2 <= index % every < every // 2 + lit:
            yield scene(index // every % 6)
        else:
            yield Image.new("RGB", (W, H), (16, 16, 16)), []


def strobe() -> Iterator[Drawn]:
    """One scene, every second frame nearly dark."""
    picture, faces = scene(4)
    for index in range(50):
        yield (picture if index % 2 else Image.blend(Image.new("RGB", (W, H)), picture, 0.15)), faces


def spin(step: float) -> Iterator[Drawn]:
    """The picture turns about a face, ``step`` degrees a frame."""
    picture = ground(5).copy()
    face = put(picture, (W / 2, H / 2), 76.0)
    side = 0.8 * face.side
    for index in range(round(360 / step)):
        turned = picture.rotate(index * step, Image.Resampling.BICUBIC)
        yield turned, [Face("a", (W - side) / 2, (H - side) / 2, side, side)]


def edges(sway: float) -> Iterator[Drawn]:
    """Faces that the edges of the picture cut, still or swaying."""
    for index in range(60):
        move, picture = sway * float(np.sin(index / 6)), ground(6).copy()
        yield (
            picture,
            [
                put(picture, (2 + move, 110), 70, person="left"),
                put(picture, (W - 1 + move, 240), 44, person="right"),
                put(picture, (230, H - 4 + move), 60, person="below"),
                put(picture, (430, 4 + move), 90, person="above"),
            ],
        )


def walks_in(tall: int, step: float, *, after: int = 3) -> Iterator[Drawn]:
    """A head comes in from the side in the first second."""
    for index in range(50):
        picture = ground(7).copy()
        middle = ((index - after) * step - tall, 170 + 3 * np.sin(index / 2))
        yield picture, [put(picture, middle, tall)]


def looks_down(tall: int, *, throughout: bool = False) -> Iterator[Drawn]:
    """Somebody walks slowly, looks down for two seconds and up again, or looks down all the time."""
    for index in range(90):
        picture = ground(8).copy()
        share = 1.0 if throughout else float(np.interp(index, (15, 25, 75, 85), (0, 1, 1, 0)))
        yield picture, [put(picture, (180 + 1.5 * index, 160), tall, down=share)]


def walkers(*, fields: int) -> Iterator[Drawn]:
    """People of five sizes walk both ways under a shaken camera; 50 pictures a second, or every second of them."""
    large = ground(9, 2 * W, H + 60)
    for index in range(0, 120, 3 - fields):
        left, top = round(4 * index + 24 * np.sin(index / 4)), round(30 + 26 * np.sin(index / 3))
        picture = large.crop((left + 40, top, left + 40 + W, top + H))
        people = (
            (40, 60, 2.4, 18),
            (560, 110, -3.0, 24),
            (90, 170, 1.6, 34),
            (600, 230, -2.2, 46),
            (-20, 290, 4.0, 64),
        )
        yield (
            picture,
            [
                put(picture, (x + step * index - 24 * np.sin(index / 4), y + 30 - top), tall, person=str(tall))
                for x, y, step, tall in people
            ],
        )


CLIPS = (
    HardClip("crossing 100 px", "crossing", partial(crossing, 100, 25)),
    HardClip("crossing 60 px", "crossing", partial(crossing, 60, 25, seed=2)),
    HardClip("crossing 100 px blurred", "crossing", partial(crossing, 100, 25, blur=13, seed=10)),
    HardClip("crossing 60 px at 16", "crossing", partial(crossing, 60, 16, seed=11)),
    HardClip("zoom", "growth", partial(zoom, 24, 4)),
    HardClip("leaning in", "growth", partial(leaning, 10)),
    HardClip("dissolve 15", "dissolve", partial(dissolve, 15)),
    HardClip("dissolve 25", "dissolve", partial(dissolve, 25)),
    HardClip("fade", "dissolve", fade),
    HardClip("flash 3", "flashes", partial(flashes, 3, 25)),
    HardClip("flash 1", "flashes", partial(flashes, 1, 20)),
    HardClip("strobe", "flashes", strobe),
    HardClip("spin", "spin", partial(spin, 4)),
    HardClip("edge", "edge", partial(edges, 0)),
    HardClip("edge swaying", "edge", partial(edges, 14)),
    HardClip("walks in 60 px", "walks in", partial(walks_in, 60, 7)),
    HardClip("walks in 30 px", "walks in", partial(walks_in, 30, 4)),
    HardClip("looks down 40 px", "looks down", partial(looks_down, 40)),
    HardClip("looks down throughout", "looks down", partial(looks_down, 40, throughout=True)),
    HardClip("progressive", "interlaced", partial(walkers, fields=1)),
    HardClip("interlaced", "interlaced", partial(walkers, fields=2), woven=True, flagged=True),
    HardClip("interlaced not flagged", "interlaced", partial(walkers, fields=2), woven=True),
)
