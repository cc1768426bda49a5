"""The frozen words of the gateway: what a camera is told, what state it is in, what happened.

Configuration files are read elsewhere (``gateway.config``) into these values; worker processes receive them over their
socket, never on a command line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from pathlib import Path

from passerby.errors import ConfigError
from passerby.veil.settings import VeilSettings

TICKS_PER_S = 90_000
"""Stream time is in ticks of 1/90000 s, as RTP's video clock (RFC 6184, section 5.1)."""
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
SELFTEST_CAMERA = "_selftest"
"""Name of the hidden stream; no camera of a user can have it, because names do not start with an underscore."""


class Reason(StrEnum):
    """Why a whole picture is covered. Each value is also the text of metrics and events."""

    START = "start"
    NO_PICTURE = "no_picture"
    PASSWORD = "password"  # noqa: S105 - a reason, not a password
    WORKER = "worker"
    STALLED = "stalled"
    DETECTOR_DEAD = "detector_dead"
    DETECTOR_STALLED = "detector_stalled"
    DETECTOR_BEHIND = "detector_behind"
    WEIGHTS = "weights_changed"
    CORRUPT = "corrupt_stream"
    FORMAT = "format_changed"
    CLOCK = "clock_jump"
    OVERLOAD = "overload"
    DISK_FULL = "disk_full"
    SELFTEST = "selftest_failed"
    ALARM = "alarm"
    PTZ = "ptz_moving"
    SCHEDULE = "schedule"
    REGISTER = "register_unwritable"
    SETTINGS = "settings_changed"


FAULTS = frozenset(Reason) - {Reason.START, Reason.PTZ, Reason.SCHEDULE, Reason.SETTINGS}
"""Reasons that are something wrong, and go to the register as fault intervals."""

WORDS: dict[Reason, str] = {
    Reason.START: "starting: covered until the first check has passed",
    Reason.NO_PICTURE: "no picture from the camera",
    Reason.PASSWORD: "the camera refuses the password",
    Reason.WORKER: "the camera's process is being restarted",
    Reason.STALLED: "the camera's process does not answer",
    Reason.DETECTOR_DEAD: "the face detector failed",
    Reason.DETECTOR_STALLED: "the face detector does not answer",
    Reason.DETECTOR_BEHIND: "the face detector is late",
    Reason.WEIGHTS: "the detector's weights file has changed",
    Reason.CORRUPT: "the camera sends damaged pictures",
    Reason.FORMAT: "the camera changed its format",
    Reason.CLOCK: "the clock jumped",
    Reason.OVERLOAD: "this machine is overloaded",
    Reason.DISK_FULL: "the disk is full",
    Reason.SELFTEST: "the self-test failed",
    Reason.ALARM: "alarm: a test face was not covered",
    Reason.PTZ: "the camera is moving",
    Reason.SCHEDULE: "covered by schedule",
    Reason.REGISTER: "the public register cannot be written",
    Reason.SETTINGS: "new settings are being applied",
}
"""What the picture itself says, drawn on the cover."""


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
        transport: ``tcp`` or ``udp``.
    """

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    transport: str = "tcp"


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
        host: Loopback until told otherwise.
        port: Not 8554, which Frigate, go2rtc and MediaMTX take.
        tls_port: RTSPS; None without certificate.
        certificate: PEM chain for RTSPS.
        key: PEM key for RTSPS.
        udp: Offer UDP as well as TCP.
        session_timeout_s: A session over UDP that says nothing for this long is ended.
        max_readers: Sessions at once, over all cameras.
    """

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


class Phase(StrEnum):
    """Where a camera stands."""

    STARTING = "starting"
    VEILED = "veiled"
    COVERED = "covered"
    SLATE = "slate"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """What a camera's process counted since it started; sent once a second.

    Attributes:
        frames_in: Pictures decoded.
        frames_out: Pictures encoded.
        frames_whole: Pictures encoded with a full cover.
        frames_left_out: Pictures left out before veiling (rate limit, overload).
        faces: Faces covered, counted once a picture.
        decode_errors: Damaged or undecodable packets.
        reconnects: Times that the camera was opened anew.
        selftests: Detector self-tests passed.
        selftests_failed: Detector self-tests failed.
        fps_in: Pictures a second, over the last seconds.
        fps_out: The same, going out.
        detect_hz: Detections a second.
        detect_ms: Time of one detection, mean of the last seconds.
        queue: Pictures waiting.
        rss_bytes: Memory of the process.
        cpu_s: CPU seconds used by the process.
    """

    frames_in: int = 0
    frames_out: int = 0
    frames_whole: int = 0
    frames_left_out: int = 0
    faces: int = 0
    decode_errors: int = 0
    reconnects: int = 0
    selftests: int = 0
    selftests_failed: int = 0
    fps_in: float = 0.0
    fps_out: float = 0.0
    detect_hz: float = 0.0
    detect_ms: float = 0.0
    queue: int = 0
    rss_bytes: int = 0
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """What the console, the metrics and the register read about a camera.

    Attributes:
        name: The camera's name.
        phase: Where it stands.
        reasons: Why it is covered; empty when veiled.
        since_ns: Wall time of the last change of phase or reasons, ns since 1970.
        width: Pixels; 0 before the first picture.
        height: Pixels.
        counts: Of the present process, plus those of the processes before it.
        whole_by_reason: Pictures sent fully covered, by first reason, slates included.
        slates: Slate pictures that the serving side sent.
        readers: RTSP sessions and browser viewers now.
        restarts: Times that the process was started anew.
        delay_p50_ms: From arrival to sending, beyond the look-ahead.
        delay_p99_ms: The same.
        lookahead_ms: The look-ahead at the present rate.
        bitrate_kbps: Of the veiled stream.
        last_fault: Text of the last fault, or empty.
        last_fault_ns: When, ns since 1970; 0 for never.
        last_selftest_ns: When this camera's detector last passed, ns since 1970; 0 for never.
        worker_pid: Process number, or 0.
    """

    name: str
    phase: Phase
    reasons: tuple[Reason, ...] = ()
    since_ns: int = 0
    width: int = 0
    height: int = 0
    counts: WorkerCounts = WorkerCounts()
    whole_by_reason: tuple[tuple[Reason, int], ...] = ()
    slates: int = 0
    readers: int = 0
    restarts: int = 0
    delay_p50_ms: float = 0.0
    delay_p99_ms: float = 0.0
    lookahead_ms: float = 0.0
    bitrate_kbps: float = 0.0
    last_fault: str = ""
    last_fault_ns: int = 0
    last_selftest_ns: int = 0
    worker_pid: int = 0


class EventKind(StrEnum):
    """What can happen; the register, MQTT and the log subscribe to these."""

    STARTED = "started"
    STOPPED = "stopped"
    CHANGED = "changed"
    PHASE = "phase"
    FAULT_BEGAN = "fault_began"
    FAULT_ENDED = "fault_ended"
    SELFTEST = "selftest"
    ALARM = "alarm"
    READER_CAME = "reader_came"
    READER_LEFT = "reader_left"
    ACCESS_REFUSED = "access_refused"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. Holds no pixel and no secret.

    Attributes:
        kind: What.
        camera: Whose; empty for the whole gateway.
        at_ns: Wall time, ns since 1970.
        reason: For faults and phases.
        began_ns: For the end of a fault: when it began.
        ok: For self-tests.
        detail: A sentence.
        user: For readers.
        address: For readers.
    """

    kind: EventKind
    camera: str
    at_ns: int
    reason: Reason | None = None
    began_ns: int = 0
    ok: bool = True
    detail: str = ""
    user: str = ""
    address: str = ""
