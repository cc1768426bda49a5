"""Joins a camera's process to the room ``veil``: opens the detector and makes live veils."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import assert_never

from passerby.errors import WeightsError
from passerby.gateway.config import CameraConfig
from passerby.gateway.values import CoverReason
from passerby.gateway.worker.detecting import WatchedDetector
from passerby.gateway.worker.veiling import Veil
from passerby.media import Frame
from passerby.veil import (
    BeforeCover,
    Company,
    Detector,
    LiveSettings,
    LiveVeil,
    LoadedDetector,
    VeiledFrame,
    WholeReason,
)

DETECTOR_THREADS = 1
"""Cameras are processes, and one must not take the processors of all."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectorBinding:
    """The detector of one camera, and what veils with it.

    Attributes:
        detector: Under watch.
        make_veil: A fresh veil for pictures of a width, a height and a rate.
        weights_wrong: Returns what is wrong with the weights file, or None.
        company: How many were found lately.
    """

    detector: WatchedDetector
    make_veil: Callable[[int, int, float], Veil]
    weights_wrong: Callable[[], str | None]
    company: Company


def bind_detector(
    config: CameraConfig,
    cycle_offset: float,
    company: Company,
    before_cover: BeforeCover | None = None,
    *,
    detector: LoadedDetector | None = None,
) -> DetectorBinding:
    """Load the detector.

    Args:
        config: Of the camera.
        cycle_offset: See ``passerby.veil.LiveSettings``: cameras whose passes come at once would all be late.
        company: How many were found lately; all its veils share it.
        before_cover: Told of every picture right before its faces are covered, by all its veils; None where nobody asks.
        detector: One that is open already; None opens what the camera is to have.

    Raises:
        WeightsError: the weights are missing or changed.
        DetectorError: they do not run here.
    """
    inner = detector or Detector(config.veil.find, threads=DETECTOR_THREADS)

    def weights_wrong() -> str | None:
        try:
            inner.check_weights()
        except WeightsError as exc:
            return exc.message
        return None

    watched = WatchedDetector(inner)
    settings = LiveSettings(
        cover=config.veil.cover, lookahead_frames=config.privacy.lookahead_frames, cycle_offset=cycle_offset
    )

    numbers = count(1)  # a new connection or size has a new veil, and whoever seals goes on

    def make_veil(width: int, height: int, fps: float) -> Veil:
        inner = LiveVeil(
            width,
            height,
            fps,
            watched,
            settings,
            company=company,
            before_cover=before_cover,
            stretch_numbers=numbers,
        )
        return BoundVeil(inner)

    return DetectorBinding(watched, make_veil, weights_wrong, company)


class BoundVeil:
    """The live veil in this room's words."""

    def __init__(self, inner: LiveVeil) -> None:
        self._inner = inner

    def push(self, frame: Frame) -> list[VeiledFrame[CoverReason]]:
        """Take one frame and return those that leave the look-ahead, oldest first."""
        return [_in_own_words(one) for one in self._inner.push(frame)]

    @property
    def strain(self) -> float:
        """How long inference passes take, as a share of the time that they have: 1 is too long."""
        return self._inner.strain

    def set_rate(self, rate: float) -> None:
        """Go on at another rate, frames a second: fewer come, or all again."""
        self._inner.set_rate(rate)

    def distrust(self) -> None:
        """Believe nothing from the next frame on until passes agree."""
        self._inner.distrust()

    def flush(self) -> list[VeiledFrame[CoverReason]]:
        """Return what is left, veiled."""
        return [_in_own_words(one) for one in self._inner.flush()]


def _in_own_words(one: VeiledFrame[WholeReason]) -> VeiledFrame[CoverReason]:
    reason = None if one.reason is None else cover_reason(one.reason)
    return VeiledFrame(one.picture, one.captured_ns, reason, one.faces, one.tracks, one.detail)


def cover_reason(reason: WholeReason) -> CoverReason:
    """Return this room's word for why the veil covered a picture whole."""
    match reason:
        case WholeReason.CORRUPT:
            return CoverReason.CORRUPT
        case WholeReason.LATE:
            return CoverReason.DETECTOR_BEHIND
        case WholeReason.UNSURE:
            return CoverReason.UNSURE
        case WholeReason.WEIGHTS:
            return CoverReason.WEIGHTS
        case WholeReason.ASKED:
            return CoverReason.OPERATOR
        case _:
            assert_never(reason)
