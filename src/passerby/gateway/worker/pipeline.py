"""The one way that a camera's pictures go: through the veil, under the watch, into the encoder. Pure of threads and sockets.

What leaves here is encoded and veiled. Whatever goes wrong on the way, the picture that leaves is a drawn cover.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import av
import numpy as np

from passerby.errors import PasserbyError
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.config import CameraConfig
from passerby.gateway.messages import VeiledUnit
from passerby.gateway.picture import NOMINAL_FPS, LiveEncoder, cover_frame, ticks_of
from passerby.gateway.values import CoverReason
from passerby.gateway.worker.faults import Faults
from passerby.gateway.worker.source import CameraFrame
from passerby.gateway.worker.veiling import Veil
from passerby.veil import VeiledFrame

IDLE_COVER_HZ = 2.0
_SLATE_SIZE = (1280, 720)
START_NS = 5_000_000_000
"""So long after its first picture a process is still starting: that is why pictures are covered whose pass came too late."""
_TRACKS = 4096
Settle = Callable[[int, bool], None]


def _nothing_to_settle(captured_ns: int, whole: bool, /) -> None:
    """Where nothing is sealed."""


@dataclass(slots=True)
class PipelineCounts:
    """What went through.

    Attributes:
        taken: Frames that came.
        sent: Units that left.
        whole: Of these, covered whole.
        faces: Covers in the others, one for each face in each.
        tracks: Tracks of these faces; each counts once.
    """

    taken: int = 0
    sent: int = 0
    whole: int = 0
    faces: int = 0
    tracks: int = 0


class Pipeline:
    """Takes bare pictures, sends veiled units.

    Args:
        config: Of the camera.
        make_veil: Called for each connection and picture size, with width, height and pictures a second.
        faults: What is wrong now.
        send: Takes the units.
        settle: Told of each picture when it was captured and whether it leaves covered whole: only then is it decided whether its
            faces are kept.
        clock: The machine's clocks.
    """

    def __init__(
        self,
        config: CameraConfig,
        make_veil: Callable[[int, int, float], Veil],
        faults: Faults,
        send: Callable[[VeiledUnit], None],
        *,
        settle: Settle = _nothing_to_settle,
        clock: Clock = MACHINE,
    ) -> None:
        self._config, self._make_veil, self._faults = config, make_veil, faults
        self._send, self._settle, self._clock = send, settle, clock
        self._veil: Veil | None = None
        self._encoder: LiveEncoder | None = None
        self._size = _SLATE_SIZE
        self._corrupt: set[int] = set()
        self._arrivals: deque[tuple[int, int]] = deque(maxlen=config.privacy.lookahead_frames + 64)
        self._last_captured_ns = 0
        self.last_sent_ns = 0
        self.counts = PipelineCounts()
        self.behind = False
        """The picture that left last was covered whole because the detector was late."""
        self._tracks: set[int] = set()
        self._began_ns: int | None = None
        self._wrong: set[CoverReason] = set()
        self.interval_ns = 80_000_000.0

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of what is sent."""
        return self._size

    @property
    def hold_s(self) -> float:
        """Return how long a fault must be over before pictures taken while it lasted have all left the look-ahead."""
        return max(1.0, self._config.privacy.lookahead_frames * self.interval_ns / 1e9 + 0.3)

    def want_key(self) -> None:
        """Make the next unit a key frame."""
        if self._encoder is not None:
            self._encoder.want_key()

    @property
    def strain(self) -> float:
        """How long inference passes take, as a share of the time that they have: 1 is too long; 0 while all is covered."""
        return 0.0 if self._veil is None or self._faults.reasons else self._veil.strain

    def change_rate(self, factor: float) -> None:
        """Go on with pictures that come so many times as fast; those in the look-ahead stay."""
        self.interval_ns /= factor
        if self._veil is not None:
            self._veil.set_rate(1e9 / self.interval_ns)

    def begin(self) -> None:
        """Forget the pictures of the connection before: a new one begins."""
        self._veil = None
        self.behind = False
        self._corrupt.clear()
        self._arrivals.clear()
        self._last_captured_ns = 0

    def take(self, frame: CameraFrame) -> None:
        """Veil one frame and send what leaves the look-ahead."""
        self.counts.taken += 1
        self._began_ns = self._clock.monotonic_ns() if self._began_ns is None else self._began_ns
        now_s = self._clock.now_s()
        picture = even_yuv420p(frame.picture)
        if (picture.width, picture.height) != self._size or self._veil is None:
            self._renew(picture.width, picture.height, frame.fps, now_s)
        if frame.corrupt:
            self._corrupt.add(frame.captured_ns)
            self._faults.strike(
                CoverReason.CORRUPT, now_s, self._clock.wall_ns(), "pictures arrive damaged", hold_s=self.hold_s
            )
        self._note_rate(frame)
        self._note_break(frame)
        for veiled in self._veiled(replace(frame, picture=picture)):
            self._leave(veiled)

    def idle(self, reason: CoverReason) -> None:
        """Send a cover while there is no picture, at most twice a second."""
        now_ns = self._clock.monotonic_ns()
        if now_ns - self.last_sent_ns >= 1e9 / IDLE_COVER_HZ:
            # as late as pictures will be that leave the look-ahead, so that stream time goes on evenly
            late_ns = round(self._config.privacy.lookahead_frames * self.interval_ns)
            self._emit(self._drawn(reason), now_ns - late_ns, now_ns, reason)

    def finish(self) -> None:
        """Send what is left in the look-ahead, veiled: the connection has ended."""
        veil, self._veil = self._veil, None
        if veil is not None:
            for veiled in veil.flush():
                # what was not judged was not too late for the detector: nothing came after it
                self._leave(veiled if veiled.reason is None else replace(veiled, reason=CoverReason.NO_PICTURE))

    def _renew(self, width: int, height: int, fps: float, now_s: float) -> None:
        if self._encoder is not None and (width, height) != self._size and self.counts.taken > 1:
            detail = f"{self._size[0]}x{self._size[1]} became {width}x{height}"
            self._faults.strike(CoverReason.FORMAT, now_s, self._clock.wall_ns(), detail, hold_s=0.5)
        self._size = (width, height)
        self._corrupt.clear()
        self._arrivals.clear()
        if fps:
            self.interval_ns = 1e9 / min(max(fps, 0.5), 200.0)
        self._tracks.clear()
        self._veil = self._make_veil(width, height, 1e9 / self.interval_ns)

    def _note_rate(self, frame: CameraFrame) -> None:
        if self._last_captured_ns:
            step = min(max(frame.captured_ns - self._last_captured_ns, 5_000_000), 2_000_000_000)
            self.interval_ns += 0.05 * (step - self.interval_ns)
        self._last_captured_ns = frame.captured_ns
        self._arrivals.append((frame.captured_ns, frame.arrived_ns))

    def _note_break(self, frame: CameraFrame) -> None:
        """Believe no track any more where pictures are missing, or where something began to be wrong."""
        wrong = set(self._faults.reasons)
        if self._veil is not None and (frame.after_gap or wrong - self._wrong):
            self._veil.distrust()
        self._wrong = wrong

    def _veiled(self, frame: CameraFrame) -> list[VeiledFrame[CoverReason]]:
        if self._veil is None:
            return []
        try:
            return self._veil.push(frame)
        except (PasserbyError, RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, OSError) as exc:
            # whatever a detector or tracker throws, its pictures are gone and a cover stands in their place
            now_s, wall_ns = self._clock.now_s(), self._clock.wall_ns()
            detail = f"veiling failed: {type(exc).__name__}"
            self._faults.strike(CoverReason.DETECTOR_DEAD, now_s, wall_ns, detail, hold_s=self.hold_s)
            self._veil = None
            reason = CoverReason.DETECTOR_DEAD
            return [VeiledFrame(self._drawn(reason), frame.captured_ns, reason)]

    def _leave(self, veiled: VeiledFrame[CoverReason]) -> None:
        corrupt = veiled.captured_ns in self._corrupt
        self._corrupt.discard(veiled.captured_ns)
        reasons = self._faults.reasons
        whole = reasons[0] if reasons else CoverReason.CORRUPT if corrupt else veiled.reason
        fits = (veiled.picture.width, veiled.picture.height) == self._size and veiled.picture.format.name == "yuv420p"
        if whole is None and not fits:
            whole = CoverReason.DETECTOR_DEAD
        self.behind = whole is CoverReason.DETECTOR_BEHIND
        if self.behind and not reasons and self._clock.monotonic_ns() - (self._began_ns or 0) < START_NS:
            # the first passes of a process are slow: that it starts is the reason, and no fault for the register
            whole = CoverReason.START
        picture = veiled.picture if whole is None else self._drawn(whole)
        if whole is None:
            self._count(veiled)
        self._emit(picture, veiled.captured_ns, self._due_ns(veiled.captured_ns), whole)
        self._settle(veiled.captured_ns, whole is not None)

    def _count(self, veiled: VeiledFrame[CoverReason]) -> None:
        self.counts.faces += len(veiled.faces)
        fresh = set(veiled.tracks) - self._tracks
        self.counts.tracks += len(fresh)
        self._tracks |= fresh
        if len(self._tracks) > _TRACKS:
            # numbers rise for ever: the lowest ended long ago
            self._tracks = set(sorted(self._tracks)[-_TRACKS // 2 :])

    def _due_ns(self, captured_ns: int) -> int:
        """Return when the picture came that this one had to wait for; its own arrival where that is not known."""
        ahead = self._config.privacy.lookahead_frames
        for index, (stamp_ns, arrived_ns) in enumerate(self._arrivals):
            if stamp_ns == captured_ns:
                return self._arrivals[index + ahead][1] if index + ahead < len(self._arrivals) else arrived_ns
        return captured_ns

    def _drawn(self, reason: CoverReason) -> av.VideoFrame:
        return cover_frame(self._size[0], self._size[1], self._config.shown, reason)

    def _emit(self, picture: av.VideoFrame, captured_ns: int, due_ns: int, whole: CoverReason | None) -> None:
        encoder = self._encoder
        if encoder is None or (encoder.width, encoder.height) != self._size:
            encoder = self._encoder = LiveEncoder(self._size[0], self._size[1], NOMINAL_FPS, self._config.output)
        self.last_sent_ns = self._clock.monotonic_ns()
        for data, key, _ in encoder.encode(picture, ticks_of(captured_ns)):
            self.counts.sent += 1
            self.counts.whole += whole is not None
            self._send(VeiledUnit(data, key, whole, captured_ns, due_ns))


def even_yuv420p(picture: av.VideoFrame) -> av.VideoFrame:
    """Return a picture as yuv420p with even sides: the same one where it is that already."""
    width, height = picture.width & ~1, picture.height & ~1
    if (width, height) != (picture.width, picture.height):
        stacked = np.asarray(picture.reformat(format="rgb24").to_ndarray(), np.uint8)[:height, :width]
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(stacked), format="rgb24").reformat(format="yuv420p")
    return picture if picture.format.name == "yuv420p" else picture.reformat(format="yuv420p")
