"""Words that several rooms share: boxes, detections, tracks, zones, digests, instants, addresses. No pixels; nothing is written.

Boxes are rows (x0, y0, x1, y1) in pixels of the picture as shown (rotation applied is never assumed: they are in the
coded picture's own axes), x1 and y1 one past the last pixel, float32.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NewType

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
"""Shape (N, 4), rows (x0, y0, x1, y1) in pixels."""
Scores = NDArray[np.float32]
"""Shape (N,), 0 to 1, the detector's own confidence."""
Digest = NewType("Digest", str)
"""``sha256:`` and 64 lower-case hex digits."""

EMPTY_BOXES: Boxes = np.zeros((0, 4), np.float32)
EMPTY_SCORES: Scores = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The faces that a detector found in one picture.

    Attributes:
        xyxy: Shape (N, 4), float32, pixels.
        score: Shape (N,), float32, 0 to 1.
    """

    xyxy: Boxes = field(default_factory=lambda: EMPTY_BOXES)
    score: Scores = field(default_factory=lambda: EMPTY_SCORES)

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon fixed in the picture.

    Attributes:
        points: Corners (x, y), each 0 to 1 of the picture's width and height, at least three.
        name: For reports.
    """

    points: tuple[tuple[float, float], ...]
    name: str = "zone"


def digest_bytes(data: bytes) -> Digest:
    """Return the SHA-256 digest of some bytes.

    >>> digest_bytes(b"")[:14]
    'sha256:e3b0c44'
    """
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def digest_file(path: Path) -> Digest:
    """Return the SHA-256 digest of a file, read in pieces.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return Digest("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face followed through one clip without a gap; never linked to another track, camera or day.

    Attributes:
        number: From 1 in the order of first frames; means nothing outside its clip.
        first: Index of the first frame, from 0, in presentation order.
        xyxy: Shape (K, 4), float32: the box in each of the frames ``first`` to ``first + K - 1``, without margin.
        score: Shape (K,), float32, 0 to 1: the detector's confidence where it detected the face, 0 where the box was
            propagated or filled in.
    """

    number: int
    first: int
    xyxy: Boxes
    score: Scores

    @property
    def last(self) -> int:
        """Index of the last frame."""
        return self.first + len(self.xyxy) - 1


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def writable_text(text: str) -> str:
    r"""Return a text in which what UTF-8 cannot write (a name of other bytes, as Python holds it) is a replacement character.

    >>> writable_text("caf\udce9 é 東"), writable_text("plain")
    ('caf\ufffd é 東', 'plain')
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def whole_number(text: str, most: int) -> int | None:
    """Return a number from 0 on that another program wrote in digits; None where it is none, or above what it may be.

    Unlike ``int`` it knows ASCII digits only, and refuses long ones before it reads them.

    >>> whole_number("80", 100), whole_number("101", 100), whole_number("9" * 5000, 100), whole_number("", 100)
    (80, None, None, None)
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 20 or int(text) > most:
        return None
    return int(text)
