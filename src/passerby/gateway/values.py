"""The words of the gateway: why a camera may be covered. What it is told: ``gateway.config``; how it is: ``gateway.states``."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

TICKS_PER_S = 90_000
"""Stream time is in ticks of 1/90000 s, as RTP's video clock (RFC 6184, section 5.1)."""
SELFTEST_CAMERA = "_selftest"
"""Name of the hidden stream; no camera of a user can have it, because names do not start with an underscore."""


class CoverReason(StrEnum):
    """Why a whole picture is covered: the text of metrics and events, and ``words``, what the picture itself says."""

    words: str

    def __new__(cls, value: str, words: str = "") -> Self:
        """Make one of its text and its words."""
        made = str.__new__(cls, value)
        made._value_, made.words = value, words
        return made

    START = "start", "starting: covered until the first check has passed"
    NO_PICTURE = "no_picture", "no picture from the camera"
    PASSWORD = "password", "the camera refuses the password"
    UNDECODABLE = "undecodable", "the camera's video cannot be decoded"
    WORKER = "worker", "the camera's process is being restarted"
    STALLED = "stalled", "the camera's process does not answer"
    DETECTOR_DEAD = "detector_dead", "the face detector failed"
    DETECTOR_STALLED = "detector_stalled", "the face detector does not answer"
    DETECTOR_BEHIND = "detector_behind", "the face detector is late"
    UNSURE = "unsure", "covered until two checks of the picture agree"
    WEIGHTS = "weights_changed", "the detector's weights file has changed"
    CORRUPT = "corrupt_stream", "the camera sends damaged pictures"
    FORMAT = "format_changed", "the camera changed its format"
    CLOCK = "clock_jump", "the clock jumped"
    OVERLOAD = "overload", "this machine is overloaded"
    DISK_FULL = "disk_full", "the disk is full"
    SELFTEST = "selftest_failed", "the self-test failed"
    ALARM = "alarm", "alarm: a test face was not covered"
    PTZ = "ptz_moving", "the camera is moving"
    SCHEDULE = "schedule", "covered by schedule"
    REGISTER = "register_unwritable", "the public register cannot be written"
    OPERATOR = "operator", "covered by an operator"
    SETTINGS = "settings_changed", "new settings are being applied"


FAULTS = frozenset(CoverReason) - {
    CoverReason.START,
    CoverReason.UNSURE,
    CoverReason.PTZ,
    CoverReason.SCHEDULE,
    CoverReason.SETTINGS,
    CoverReason.OPERATOR,
}
"""Reasons that are something wrong, and go to the register as fault intervals."""

AWAY = frozenset({CoverReason.NO_PICTURE, CoverReason.PASSWORD, CoverReason.UNDECODABLE})
"""Reasons for which there is nothing of the camera to see."""
