"""Slates: encoded covers that the serving process sends while a camera's own process sends nothing.

They are made from drawn pictures only. Each is a key frame that decodes alone; two that alternate, because two key frames in a
row must carry different identifiers (ITU-T H.264, 7.4.3, idr_pic_id).
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from passerby.gateway.config import EncodeConfig
from passerby.gateway.picture.drawn_cover import cover_frame
from passerby.gateway.picture.encoder import NOMINAL_FPS, LiveEncoder
from passerby.gateway.values import CoverReason

_KEPT = 256
COMMON = (
    CoverReason.START,
    CoverReason.WORKER,
    CoverReason.STALLED,
    CoverReason.SETTINGS,
    CoverReason.ALARM,
    CoverReason.REGISTER,
)
"""Slates that are made before they are needed."""
Key = tuple[int, int, str, CoverReason, EncodeConfig]


class Slates:
    """Makes slates and keeps the last 256. Safe to call from several threads."""

    def __init__(self) -> None:
        self._made: OrderedDict[Key, tuple[bytes, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def pair(
        self, width: int, height: int, title: str, reason: CoverReason, encode: EncodeConfig
    ) -> tuple[bytes, bytes]:
        """Return two alternating key frames, Annex B, made now unless they were before.

        Args:
            width: Pixels, even.
            height: Pixels, even.
            title: Of the camera, drawn on it.
            reason: Drawn on it in words.
            encode: The camera's own settings, so that the parameter sets are the camera's own.
        """
        key = (width, height, title, reason, encode)
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = self._encode(key)
        with self._lock:
            self._made[key] = made
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return made

    def prepare(self, width: int, height: int, title: str, encode: EncodeConfig) -> None:
        """Make the common slates of a camera ahead of time; meant for a thread."""
        for reason in COMMON:
            self.pair(width, height, title, reason, encode)

    @staticmethod
    def _encode(key: Key) -> tuple[bytes, bytes]:
        width, height, title, reason, encode = key
        encoder = LiveEncoder(width, height, NOMINAL_FPS, encode)
        units = []
        for index in range(2):
            encoder.want_key()
            units += [data for data, _, _ in encoder.encode(cover_frame(width, height, title, reason), index * 45_000)]
        return units[0], units[1]
