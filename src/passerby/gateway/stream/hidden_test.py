"""The hidden test stream: once a minute a synthetic face goes through a whole live path, and what comes out is judged here.

Its process is like every camera's. What is decoded here is the veiled stream of a drawn scene; should the face be bare in it,
every camera is covered until a later round passes.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import av
import numpy as np
from numpy.typing import NDArray

from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import CameraConfig, EncodeConfig, InputConfig, SelfTestConfig
from passerby.gateway.picture import Scene, is_bare, read_number, settings_of
from passerby.gateway.stream.readers import AccessUnit
from passerby.gateway.stream.relay import Relay
from passerby.gateway.values import SELFTEST_CAMERA

LENGTH_S = 4.0
"""So long a round is drawn ..."""
_REST_S = 2.0
"""... and so much later it is over: what was drawn has come out."""
_NEEDED = 5
"""Pictures with the face under a cover that is not whole, for a round to count as passed."""


class HiddenTestResult(StrEnum):
    """How a round ended."""

    PASSED = "passed"
    BARE = "bare"
    UNTESTED = "untested"


Result = Callable[[HiddenTestResult, str], None]
"""Called after a round, and at once when a face is bare, with a sentence."""


def hidden_camera(config: SelfTestConfig) -> CameraConfig:
    """Return the hidden stream as a camera."""
    url = f"test://portrait?size=320x192&fps=10&faces=1&burst={LENGTH_S:g}&every={config.interval_s:g}"
    return CameraConfig(
        SELFTEST_CAMERA, InputConfig(url), friendly_name="Self-test", output=EncodeConfig(max_kbps=1000)
    )


class HiddenCheck:
    """Judges the hidden stream.

    Args:
        relay: Of the hidden stream.
        result: Told after each round.
        interval_s: Time between rounds.
        clock: The machine's clocks.
    """

    def __init__(self, relay: Relay, result: Result, interval_s: float, *, clock: Clock = MACHINE) -> None:
        self._result, self._interval_s, self._clock = result, interval_s, clock
        self._scene = Scene(settings_of(relay.config.input.url))
        self._decoder = av.CodecContext.create("h264", "r")
        self._parameters = relay.parameters
        self._covered = self._bare = 0
        self._round_s: float | None = None
        self._last_round_s = self._clock.now_s()
        self._leave = relay.subscribe(self._take)

    def close(self) -> None:
        """Hear no more of it."""
        self._leave()

    def tick(self) -> None:
        """End a round that is over; to be called now and then."""
        now_s = self._clock.now_s()
        if self._round_s is not None and now_s - self._round_s > LENGTH_S + _REST_S:
            self._end_round()
        elif self._round_s is None and now_s - self._last_round_s > 3 * self._interval_s + 30.0:
            self._last_round_s = now_s
            self._result(HiddenTestResult.UNTESTED, "the hidden stream shows nothing")

    def _take(self, unit: AccessUnit) -> None:
        if unit.parameters != self._parameters:
            self._decoder = av.CodecContext.create("h264", "r")
            self._parameters = unit.parameters
        try:
            frames = self._decoder.decode(av.Packet(unit.data))
        except av.error.FFmpegError:
            return
        for frame in frames:
            stacked = np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)
            self._judge(stacked[: frame.height])

    def _judge(self, luma: NDArray[np.uint8]) -> None:
        number = read_number(luma)
        if number is None:
            # covered whole: nothing can be told from it
            return
        if self._round_s is None:
            self._round_s = self._clock.now_s()
        bare = is_bare(luma, self._scene.luma(number), self._scene.shown(number, 0))
        self._bare += bare
        self._covered += not bare
        if self._bare == 1 and bare:
            # an alarm does not wait for the end of the round
            self._result(HiddenTestResult.BARE, "a test face came out bare")

    def _end_round(self) -> None:
        covered, bare = self._covered, self._bare
        self._covered = self._bare = 0
        self._round_s, self._last_round_s = None, self._clock.now_s()
        if bare:
            self._result(HiddenTestResult.BARE, f"a test face came out bare in {bare} pictures")
        elif covered < _NEEDED:
            self._result(
                HiddenTestResult.UNTESTED, f"the test face was seen covered in {covered} pictures, {_NEEDED} are needed"
            )
        else:
            self._result(HiddenTestResult.PASSED, f"the test face stayed covered in {covered} pictures")
