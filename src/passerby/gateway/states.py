"""The frozen words for how cameras are and what happened to them. Hold no pixel and no secret."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from passerby.gateway.values import CoverReason
from passerby.sealing import SealTally


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
        tracks: Faces covered, each track counted once.
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
        sealed: Faces kept, locked, and not; all 0 where nothing is sealed.
    """

    frames_in: int = 0
    frames_out: int = 0
    frames_whole: int = 0
    frames_left_out: int = 0
    faces: int = 0
    tracks: int = 0
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
    sealed: SealTally = field(default_factory=SealTally)

    def after(self, before: WorkerCounts) -> WorkerCounts:
        """Return these with those of the processes before added, so that no counter ever falls; what is of now stays as it is."""
        sums = {name: getattr(before, name) + getattr(self, name) for name in _SUMMED}
        return replace(self, **sums, sealed=before.sealed.plus(self.sealed))


_SUMMED = [
    field.name for field in fields(WorkerCounts) if field.type == "int" and field.name not in {"queue", "rss_bytes"}
]


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
        rate_step: One picture of so many is shown; above 1 under overload.
        sealing: Whether faces are kept, locked, in a sentence; empty where the camera does not seal.
    """

    name: str
    phase: Phase
    reasons: tuple[CoverReason, ...] = ()
    since_ns: int = 0
    width: int = 0
    height: int = 0
    counts: WorkerCounts = WorkerCounts()
    whole_by_reason: tuple[tuple[CoverReason, int], ...] = ()
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
    rate_step: int = 1
    sealing: str = ""


class EventKind(StrEnum):
    """What can happen; the register, MQTT and the log subscribe to these."""

    STARTED = "started"
    STOPPED = "stopped"
    CHANGED = "changed"
    PHASE = "phase"
    FAULT_BEGAN = "fault_began"
    FAULT_ENDED = "fault_ended"
    SELFTEST = "selftest"
    SEALED = "sealed"
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
        detail: A sentence; for what was sealed, the root of a tree over it, hexadecimal.
        user: For readers.
        address: For readers.
    """

    kind: EventKind
    camera: str
    at_ns: int
    reason: CoverReason | None = None
    began_ns: int = 0
    ok: bool = True
    detail: str = ""
    user: str = ""
    address: str = ""
