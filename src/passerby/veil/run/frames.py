"""Veils decoded frames that somebody else reads and writes: frames in, covered frames out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av

from passerby.media import Frame
from passerby.veil.detect import Detector
from passerby.veil.run.live import LiveSettings, LiveVeil
from passerby.veil.settings import VeilSettings

FRAME_TIME_BASE = Fraction(1, 10**9)
"""Of frames that ``veil_frames`` counts: their times mean nothing but their order."""


def veil_frames(
    frames: Iterable[av.VideoFrame], rate: Fraction | float, settings: VeilSettings | None = None
) -> Iterator[av.VideoFrame]:
    """Hide every face in decoded frames: frames in, covered frames out, as many and in the same order.

    Args:
        frames: All of one size; each is covered in place.
        rate: Frames a second, roughly.
        settings: What is covered and how; writing settings mean nothing here.

    Raises:
        UsageError: a setting that frames without a file cannot have.
        DetectorError: the detector cannot be opened.
    """
    settings = settings or VeilSettings()
    detector = Detector(settings.find)
    veil: LiveVeil | None = None
    try:
        for number, frame in enumerate(frames):
            if veil is None:
                live = LiveSettings(cover=settings.cover, wait=True)
                veil = LiveVeil(frame.width, frame.height, rate, detector, live)
            bare = Frame(number, number, FRAME_TIME_BASE, frame, corrupt=False)
            yield from (one.picture for one in veil.push(bare))
        if veil is not None:
            yield from (one.picture for one in veil.flush())
    finally:
        detector.close()
