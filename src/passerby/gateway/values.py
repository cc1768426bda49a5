"""The frozen words of the gateway: what a camera is told, and why it may be covered. How it is now: ``gateway.states``.

Configuration files are read elsewhere (``gateway.config``) into these values; worker processes receive them over their
socket, never on a command line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Self

from passerby.errors import ConfigError
from passerby.veil import VeilSettings

TICKS_PER_S = 90_000
"""Stream time is in ticks of 1/90000 s, as RTP's video clock (RFC 6184, section 5.1)."""
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
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
    WORKER = "worker", "the camera's process is being restarted"
    STALLED = "stalled", "the camera's process does not answer"
    DETECTOR_DEAD = "detector_dead", "the face detector failed"
    DETECTOR_STALLED = "detector_stalled", "the face detector does not answer"
    DETECTOR_BEHIND = "detector_behind", "the face detector is late"
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
    CoverReason.PTZ,
    CoverReason.SCHEDULE,
    CoverReason.SETTINGS,
    CoverReason.OPERATOR,
}
"""Reasons that are something wrong, and go to the register as fault intervals."""


class InputKind(StrEnum):
    """What a camera's address is."""

    RTSP = "rtsp"
    HTTP = "http"
    V4L2 = "v4l2"
    FILE = "file"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class InputConfig:
    """Where a camera's pictures come from.

    Attributes:
        url: ``rtsp://``, ``rtsps://``, ``http(s)://`` (multipart MJPEG), ``/dev/videoN``, a file's path (played in a loop as
            a test camera) or ``test://portrait?size=1280x720&fps=12.5&faces=3`` (drawn). Without user and password.
        username: Or None.
        password: Or None. Never printed.
        transport: ``tcp`` or ``udp``, for RTSP.
        open_timeout_s: Longest wait for the first answer.
        read_timeout_s: A stream silent for this long is frozen, and is opened anew.
        tls_verify: Check the certificate of ``rtsps://`` and ``https://``.
        tls_ca: Certificates to trust besides the system's.
    """

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    transport: str = "tcp"
    open_timeout_s: float = 5.0
    read_timeout_s: float = 2.0
    tls_verify: bool = True
    tls_ca: Path | None = None

    @property
    def kind(self) -> InputKind:
        """Return what the address is, by its beginning."""
        scheme = self.url.partition("://")[0].lower() if "://" in self.url else ""
        if scheme in {"rtsp", "rtsps"}:
            return InputKind.RTSP
        if scheme in {"http", "https"}:
            return InputKind.HTTP
        if scheme == "test":
            return InputKind.TEST
        if scheme not in {"", "file"}:
            raise ConfigError(
                f"input must start with rtsp://, rtsps://, http://, https://, test://, /dev/video or be a file, got {scheme}://"
            )
        return InputKind.V4L2 if self.url.startswith("/dev/video") else InputKind.FILE


@dataclass(frozen=True, slots=True)
class EncodeConfig:
    """How the one veiled stream of a camera is encoded.

    Attributes:
        preset: x264's preset.
        crf: x264's constant rate factor.
        max_kbps: Cap on the bit rate, in kbit/s.
        gop_s: Longest time between key frames.
        threads: Encoder threads; 1 keeps the delay lowest and cameras apart.
    """

    preset: str = "superfast"
    crf: int = 23
    max_kbps: int = 4000
    gop_s: float = 1.0
    threads: int = 1


@dataclass(frozen=True, slots=True)
class RecordConfig:
    """Recording of the veiled stream.

    Attributes:
        folder: One folder a camera is made inside it.
        days: Older files are deleted; 0 keeps by size only.
        max_bytes: The camera's oldest files are deleted above this; 0 keeps by days only.
        file_s: A new file begins after this long, at a key frame.
        min_free_bytes: With less free space the disk counts as full.
        sync_s: Written data is forced to the disk this often: the longest loss at a power cut.
    """

    folder: Path
    days: float = 7.0
    max_bytes: int = 0
    file_s: float = 600.0
    min_free_bytes: int = 256 * 1024 * 1024
    sync_s: float = 2.0


@dataclass(frozen=True, slots=True)
class PushConfig:
    """A server of the user's that the veiled stream is pushed to by ANNOUNCE and RECORD.

    Attributes:
        url: ``rtsp://host:port/path``; user and password go into their own fields.
        username: Or None.
        password: Or None. Never printed.
    """

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A time of day at which the camera is covered whole. Schedules can only add cover.

    Attributes:
        start: Local time of day, inclusive.
        end: Local time of day, exclusive; before ``start`` means over midnight.
        days: 0 is Monday; the day on which the time begins.
    """

    start: time
    end: time
    days: frozenset[int] = frozenset(range(7))


class OverloadPolicy(StrEnum):
    """What a camera does when the machine cannot keep up."""

    RATE = "rate"
    COVER = "cover"


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """Everything one camera's process is told.

    Attributes:
        name: Lower-case letters, digits, ``-`` and ``_``, at most 64; path of the stream on every output.
        title: For people; the name when empty.
        input: Where pictures come from.
        veil: How faces are found and covered. ``veil.cover`` may hold no exclude zone, no kept track and no reversible
            style: a live camera has no such exception.
        lookahead_frames: Frames held back so that a face is covered before it was first detected.
        max_fps: Pictures above this rate are left out before veiling; 0 keeps all.
        encode: How it is encoded.
        record: Or None.
        pushes: Servers to push to.
        schedules: Times of cover.
        ptz: The camera can move: while it is away from its home position its zones do not apply, and it is covered.
        on_overload: ``rate`` leaves out pictures first and covers after; ``cover`` covers at once.
        enabled: A disabled camera has a path on no output.
    """

    name: str
    input: InputConfig
    title: str = ""
    veil: VeilSettings = field(default_factory=VeilSettings)
    lookahead_frames: int = 10
    max_fps: float = 0.0
    encode: EncodeConfig = EncodeConfig()
    record: RecordConfig | None = None
    pushes: tuple[PushConfig, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    ptz: bool = False
    on_overload: OverloadPolicy = OverloadPolicy.RATE
    enabled: bool = True

    def __post_init__(self) -> None:
        if not NAME_PATTERN.fullmatch(self.name) and self.name != SELFTEST_CAMERA:
            raise ConfigError(f"camera name must be lower-case letters, digits, - and _, got {self.name!r}")
        cover = self.veil.cover
        if cover.exclude_zones or cover.keep or cover.allow_reversible:
            raise ConfigError(
                f"camera {self.name} must have no exclude zone, kept track or reversible style, got one",
                hint="those exist only for files that their owner holds bare anyway",
            )
        if not 0 <= self.lookahead_frames <= 60:
            raise ConfigError(f"lookahead_frames must be 0 to 60, got {self.lookahead_frames}")

    @property
    def shown(self) -> str:
        """Return the title, or the name where there is none."""
        return self.title or self.name


@dataclass(frozen=True, slots=True)
class RtspConfig:
    """The embedded RTSP server.

    Attributes:
        plain_host: Address of RTSP without TLS, and of UDP; stays on this machine.
        host: Address of RTSPS.
        port: Not 8554, which Frigate, go2rtc and MediaMTX take.
        tls_port: RTSPS; None without certificate.
        certificate: PEM chain for RTSPS.
        key: PEM key for RTSPS.
        udp: Offer UDP as well as TCP.
        session_timeout_s: A session over UDP that says nothing for this long is ended.
        max_readers: Sessions at once, over all cameras.
    """

    plain_host: str = "127.0.0.1"
    host: str = "127.0.0.1"
    port: int = 18554
    tls_port: int | None = None
    certificate: Path | None = None
    key: Path | None = None
    udp: bool = True
    session_timeout_s: float = 60.0
    max_readers: int = 200


@dataclass(frozen=True, slots=True)
class SelfTestConfig:
    """The self-test that runs for ever.

    Attributes:
        interval_s: Time between two rounds.
        enabled_stream: Run the hidden stream; each camera's own detector is always tested.
    """

    interval_s: float = 60.0
    enabled_stream: bool = True
