"""Joins a camera's process to the room ``veil``: opens the detector and makes live veils."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from passerby.errors import WeightsError
from passerby.gateway.detecting import WatchedDetector
from passerby.gateway.values import CameraConfig, Reason
from passerby.gateway.veiling import Veil, WholeCover
from passerby.veil.detector import Detector


@dataclass(frozen=True, slots=True, eq=False)
class Eyes:
    """What sees and veils for one camera.

    Attributes:
        detector: Under watch.
        make_veil: A fresh veil, for a new connection or picture size.
        weights_wrong: Returns what is wrong with the weights file, or None.
    """

    detector: WatchedDetector
    make_veil: Callable[[], Veil]
    weights_wrong: Callable[[], str | None]


def open_eyes(config: CameraConfig) -> Eyes:
    """Load the detector.

    Raises:
        WeightsError: the weights are missing or changed.
        DetectorError: they do not run here.
    """
    inner = Detector(config.veil.find)

    def weights_wrong() -> str | None:
        try:
            inner.check_weights()
        except WeightsError as exc:
            return exc.message
        return None

    return Eyes(WatchedDetector(inner), lambda: WholeCover(config.shown, Reason.DETECTOR_DEAD), weights_wrong)
