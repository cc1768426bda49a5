"""The drawn test camera: a moving scene with known faces, for ``passerby run --demo``, the self-test and the tests.

Faces are crops of the public-domain portrait that ships with Passerby. Where each one is in each picture is known, and each
picture carries its own number as a row of black and white blocks, so that outputs can be checked and delays measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.config import PORTRAIT
from passerby.errors import ConfigError, ServiceError
from passerby.values import Boxes

HEAD_XYXY = (112, 0, 336, 256)
"""Head and shoulders in the portrait of 512x512 pixels, by eye."""
FACE_XYXY = (176, 64, 272, 192)
"""The face in it, by eye."""
BLOCK_PX = 8
BLOCKS = 24
"""Length of the row of blocks: picture numbers up to 2**24."""
DARK, LIGHT = 30, 220
POST_SHARE = 0.08
"""Width of the post that people walk behind, as a share of the picture's."""
_KEYS = ("size", "fps", "faces", "seed", "burst", "every", "crossing")


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """What is drawn.

    Attributes:
        width: Pixels, even, at least 192.
        height: Pixels, even, at least 96.
        fps: Pictures a second.
        faces: Faces in the picture, 0 to 12.
        seed: Other numbers give other paths.
        burst_s: Pictures come for this long ...
        every_s: ... out of this long; 0 for without pause.
        crossing: People walk in pairs, across each other and behind a post, about twice as fast.
    """

    width: int = 1280
    height: int = 720
    fps: float = 12.5
    faces: int = 3
    seed: int = 0
    burst_s: float = 0.0
    every_s: float = 0.0
    crossing: bool = False


def settings_of(url: str) -> SceneSettings:
    """Read ``test://portrait?size=1280x720&fps=12.5&faces=3&seed=0``.

    Raises:
        ConfigError: a part is unknown or out of its bounds.
    """
    parts = urlsplit(url)
    if parts.scheme != "test" or parts.netloc != "portrait":
        raise ConfigError(f"test camera must be test://portrait, got {url}")
    asked = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if unknown := asked.keys() - set(_KEYS):
        raise ConfigError(f"test camera knows {', '.join(_KEYS)}, got {min(unknown)}")
    try:
        width, height = (int(side) for side in asked.get("size", "1280x720").split("x"))
        made = SceneSettings(
            width,
            height,
            float(asked.get("fps", "12.5")),
            int(asked.get("faces", "3")),
            int(asked.get("seed", "0")),
            float(asked.get("burst", "0")),
            float(asked.get("every", "0")),
            asked.get("crossing", "0") != "0",
        )
    except ValueError as exc:
        raise ConfigError(f"test camera must have numbers, size as 1280x720, got {url}") from exc
    even = width % 2 == 0 and height % 2 == 0
    if not (
        even and 192 <= width <= 7680 and 96 <= height <= 4320 and 0.2 <= made.fps <= 120 and 0 <= made.faces <= 12
    ):
        raise ConfigError(f"test camera must be even, 192x96 to 7680x4320, 0.2 to 120 fps, at most 12 faces, got {url}")
    return made


@lru_cache(maxsize=1)
def portrait() -> Image.Image:
    """Return the portrait, RGB, 512x512.

    Raises:
        ServiceError: it is not there.
    """
    try:
        with Image.open(PORTRAIT) as file:
            return file.convert("RGB")
    except OSError as exc:
        raise ServiceError(
            "the demo portrait must ship with Passerby, got none", hint="build the wheel as README.md says"
        ) from exc


def head(width: int, height: int) -> NDArray[np.uint8]:
    """Return the head crop scaled, RGB, shape (height, width, 3)."""
    scaled = portrait().crop(HEAD_XYXY).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(scaled, np.uint8)


def _planes(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return Y, U, V of an even RGB picture (ITU-R BT.601, limited range)."""
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
    stacked = np.asarray(frame.to_ndarray(), np.uint8)
    height, width = rgb.shape[:2]
    quarter = height * width // 4
    flat = stacked.reshape(-1)
    luma = flat[: height * width].reshape(height, width)
    first = flat[height * width : height * width + quarter].reshape(height // 2, width // 2)
    second = flat[height * width + quarter :].reshape(height // 2, width // 2)
    return luma, first, second


class Scene:
    """Draws picture after picture."""

    def __init__(self, settings: SceneSettings) -> None:
        self.settings = settings
        width, height = settings.width, settings.height
        random = np.random.default_rng(settings.seed)
        self._ground = self._background(width, height)
        self._post = range(0)
        if settings.crossing:
            self._post = range(width * 5 // 8 & ~1, int(width * (5 / 8 + POST_SHARE)) & ~1)
        self._heads, self._paths = [], []
        largest = (height - 4 * BLOCK_PX) * 0.6
        for index in range(settings.faces):
            tall = int(max(40.0, largest * 0.72 ** (index // 2 if settings.crossing else index))) & ~1
            wide = int(tall * (HEAD_XYXY[2] - HEAD_XYXY[0]) / (HEAD_XYXY[3] - HEAD_XYXY[1])) & ~1
            self._heads.append(_planes(head(wide, tall)))
            self._paths.append(random.uniform(0.0, 1.0, 4))

    @staticmethod
    def _background(width: int, height: int) -> tuple[NDArray[np.uint8], ...]:
        down, across = np.mgrid[0:height, 0:width]
        rgb = (
            np.stack([90 + 60 * down / height, 110 + 50 * across / width, 130 - 40 * down / height], axis=-1)
            + 12.0 * ((across // 64 + down // 64) % 2)[..., None]
        )
        return _planes(rgb.astype(np.uint8))

    def _place(self, index: int, number: int) -> tuple[int, int, int, int]:
        """Return left, top, width, height of a head in a picture, all even."""
        tall, wide = self._heads[index][0].shape
        start_x, start_y, speed, rise = self._paths[index]
        seconds = number / self.settings.fps
        if self.settings.crossing and index % 2:
            # the other way on the same path, so that the two meet again and again
            start_x, start_y, _, rise = self._paths[index - 1]
            start_x += 1.0
        if self.settings.crossing:
            seconds *= 2
        room_x, room_y = self.settings.width - wide, self.settings.height - tall - 2 * BLOCK_PX
        # a triangle wave across, a slow sine up and down: walkers, not jumpers
        across = (start_x + seconds * (0.03 + 0.05 * speed)) % 2.0
        x = room_x * (across if across <= 1 else 2 - across)
        y = room_y * (0.5 + 0.5 * np.sin(2 * np.pi * (start_y + seconds * (0.02 + 0.03 * rise))))
        return int(x) & ~1, int(y) & ~1, wide, tall

    def faces(self, number: int) -> Boxes:
        """Return the faces in picture ``number``: shape (N, 4), (x0, y0, x1, y1), smaller ones last and in front."""
        rows = []
        for index in range(self.settings.faces):
            x, y, wide, tall = self._place(index, number)
            scale_x, scale_y = wide / (HEAD_XYXY[2] - HEAD_XYXY[0]), tall / (HEAD_XYXY[3] - HEAD_XYXY[1])
            rows.append(
                (
                    x + (FACE_XYXY[0] - HEAD_XYXY[0]) * scale_x,
                    y + (FACE_XYXY[1] - HEAD_XYXY[1]) * scale_y,
                    x + (FACE_XYXY[2] - HEAD_XYXY[0]) * scale_x,
                    y + (FACE_XYXY[3] - HEAD_XYXY[1]) * scale_y,
                )
            )
        return np.array(rows, np.float32).reshape(-1, 4)

    def shown(self, number: int, index: int) -> NDArray[np.bool_]:
        """Return where picture ``number`` shows the face ``index``: its box without the heads before it, shape (H, W)."""
        mask = np.zeros((self.settings.height, self.settings.width), np.bool_)
        x0, y0, x1, y1 = (max(0, int(side)) for side in self.faces(number)[index])
        mask[y0:y1, x0:x1] = True
        for before in range(index + 1, self.settings.faces):
            x, y, wide, tall = self._place(before, number)
            mask[y : y + tall, x : x + wide] = False
        mask[:, self._post.start : self._post.stop] = False
        return mask

    def luma(self, number: int) -> NDArray[np.uint8]:
        """Return the Y plane of picture ``number``, shape (H, W)."""
        return self._draw(number)[0]

    def _draw(self, number: int) -> tuple[NDArray[np.uint8], ...]:
        planes = tuple(plane.copy() for plane in self._ground)
        for index, parts in enumerate(self._heads):
            x, y, wide, tall = self._place(index, number)
            planes[0][y : y + tall, x : x + wide] = parts[0]
            for plane, part in zip(planes[1:], parts[1:], strict=True):
                plane[y // 2 : (y + tall) // 2, x // 2 : (x + wide) // 2] = part
        left, right = self._post.start, self._post.stop
        planes[0][:, left:right] = self._ground[0][:, left:right] // 2
        for plane, ground in zip(planes[1:], self._ground[1:], strict=True):
            plane[:, left // 2 : right // 2] = ground[:, left // 2 : right // 2]
        write_number(planes[0], number)
        return planes

    def frame(self, number: int) -> av.VideoFrame:
        """Return picture ``number``, yuv420p."""
        stacked = np.concatenate([plane.reshape(-1) for plane in self._draw(number)])
        return av.VideoFrame.from_ndarray(stacked.reshape(-1, self.settings.width), format="yuv420p")


def write_number(luma: NDArray[np.uint8], number: int) -> None:
    """Draw a number as blocks along the bottom edge, the lowest bit first, in place. A dark and a light block come first."""
    bottom = luma[-BLOCK_PX:]
    bits = [0, 1] + [(number >> bit) & 1 for bit in range(BLOCKS - 2)]
    for index, bit in enumerate(bits):
        bottom[:, index * BLOCK_PX : (index + 1) * BLOCK_PX] = LIGHT if bit else DARK


def read_number(luma: NDArray[np.uint8]) -> int | None:
    """Return the number drawn by ``write_number``, or None where the blocks are covered or unclear."""
    bottom = luma[-BLOCK_PX + 2 : -2, : BLOCKS * BLOCK_PX].astype(np.float32)
    means = bottom.reshape(bottom.shape[0], BLOCKS, BLOCK_PX)[:, :, 2:-2].mean(axis=(0, 2))
    if not (means[0] < 80 and means[1] > 170) or ((means > 90) & (means < 160)).any():
        return None
    return int(sum(1 << bit for bit, mean in enumerate(means[2:]) if mean > 125))
