"""The side of sealing that runs in a camera's process: it cuts out patches, hands them over, and never waits.

A frame's patches are cut out right before it is painted, and laid into the ring once it has left covered by faces alone; of one
that left covered whole nothing is. What cannot be handed over at once is not sealed and counted.
"""

from __future__ import annotations

import math
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from passerby.sealing import IndexPart, SealedCamera, SealTally
from passerby.veil import UncoveredFaces
from passerby_seal.camera.child import COMMAND, HourProcess
from passerby_seal.camera.crossing import pack_patches, packed_bytes
from passerby_seal.camera.hours import hour_of
from passerby_seal.camera.ring import CAPACITY_BYTES
from passerby_seal.camera.talk import ExitCode, HourOrder
from passerby_seal.patches import CutFaces, Patch, cut_patches

CUT_S = 0.003
"""Cutting out a frame's patches may take so long, some forty faces; those that are left then are not sealed. Source: a face takes
0.07 ms, and pictures come every 80."""
_STAGED = 128
_CAUSES = {ExitCode.DONE: "behind", ExitCode.STORAGE: "storage"}
"""Why faces are not kept while no process seals, by how the last one ended."""
Cut = Callable[[UncoveredFaces, float], CutFaces]
"""Cuts a frame's patches out, within so many seconds."""


class TwoClocks(Protocol):
    """The machine's two clocks."""

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC."""
        ...

    def wall_ns(self) -> int:
        """Return the wall time, ns since 1970. It may jump."""
        ...


class MachineClocks:
    """The real ones."""

    monotonic_ns = staticmethod(time.monotonic_ns)
    wall_ns = staticmethod(time.time_ns)


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """How a camera's process deals with its sealing process.

    Attributes:
        ring_bytes: Of the memory shared with it.
        early_s: The next hour's is started so long before it is needed.
        late_s: Frames of the hour before may come so late; its process is told to end after that.
        leave_s: Time in which one that was told to end does so, before it is killed.
        close_s: The same where the camera's process ends: it is not waited for long.
        again_s: Wait before the next after one that ended by itself; four times as long where nothing can be written.
        look_s: How often all that is looked at.
        tree_s: Time between two trees over what was sealed.
    """

    ring_bytes: int = CAPACITY_BYTES
    early_s: float = 20.0
    late_s: float = 10.0
    leave_s: float = 10.0
    close_s: float = 1.5
    again_s: float = 1.0
    look_s: float = 0.25
    tree_s: float = 300.0


@dataclass(slots=True)
class _Staged:
    """A frame's patches, cut out of it and not handed over."""

    captured_ns: int
    process: HourProcess | None
    found: CutFaces


class SealClient:
    """Keeps a camera's sealing process running, one an hour, and hands patches to it.

    ``stage`` and ``settle`` are called by the thread that veils, in turn; everything else goes on in a thread of its own.

    Args:
        camera: What is sealed to whom, and where it goes.
        limits: How patient to be.
        command: Started as the sealing process.
        cut: Cuts a frame's patches out.
        clocks: The machine's.
    """

    def __init__(
        self,
        camera: SealedCamera,
        limits: ClientLimits | None = None,
        *,
        command: Sequence[str] = COMMAND,
        cut: Cut = cut_patches,
        clocks: TwoClocks | None = None,
    ) -> None:
        self._camera, self._limits, self._command, self._cut = camera, limits or ClientLimits(), command, cut
        self._clocks: TwoClocks = clocks or MachineClocks()
        # guards the three below and what is written to them; held for microseconds
        self._lock = threading.Lock()
        self._now: HourProcess | None = None
        self._next: HourProcess | None = None
        self._leaving: list[tuple[HourProcess, float]] = []
        self._staged: deque[_Staged] = deque(maxlen=_STAGED)
        self._tally = SealTally()
        self._ended = SealTally()
        self._roots: list[str] = []
        self._index: list[IndexPart] = []
        self._why, self._uncut, self._unsent = "starting", "", ""
        self._missing = ExitCode.DONE
        self._again_s = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="seal", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    # the thread that veils

    def stage(self, uncovered: UncoveredFaces) -> None:
        """Cut out the patches of a frame that is about to be painted, and keep them until it has left."""
        with self._lock:
            process = self._taking(uncovered.captured_ns)
        # where nobody seals nothing is cut out, and faces are only counted
        uncut = ""
        try:
            found = self._cut(uncovered, CUT_S if process is not None else -1.0)
        except Exception as exc:  # noqa: BLE001  # the veil would tell nothing any more, and nobody know
            uncut = f"a picture could not be cut: {exc}"
            process, found = None, CutFaces([], small=0, behind=len(uncovered.xyxy), unsure=0)
        with self._lock:
            self._uncut = uncut
            self._staged.append(_Staged(uncovered.captured_ns, process, found))

    def _taking(self, captured_ns: int) -> HourProcess | None:
        """Return the process of the hour in which a frame was taken, or None."""
        if self._now is not None and not self._now.times.holds(captured_ns) and self._next is not None:
            self._leaving.append((self._now, self._now_s()))
            self._now.end()
            self._now, self._next = self._next, None
        process = self._now
        return process if process is not None and process.times.holds(captured_ns) else None

    def settle(self, captured_ns: int, *, whole: bool) -> None:
        """Hand over what was staged of a frame, or forget it because the frame left covered whole."""
        with self._lock:
            while self._staged and self._staged[0].captured_ns <= captured_ns:
                held = self._staged.popleft()
                if whole or held.captured_ns != captured_ns:
                    continue
                self._unsent = ""
                try:
                    self._hand_over(held)
                except Exception as exc:  # noqa: BLE001  # pictures go on whatever is wrong here
                    self._unsent = f"a picture could not be handed over: {exc}"
                    self._hand_over(replace(held, process=None))

    def _hand_over(self, held: _Staged) -> None:
        process, found, tally = held.process, held.found, self._tally
        sent = 0 if process is None or process.given_up else _laid(process, found.patches)
        missing = found.behind + len(found.patches) - sent
        cause = "behind" if process is not None else _CAUSES.get(self._missing, "ended")
        counts = {"unsure": found.unsure, "small": found.small} | {cause: missing}
        self._tally = replace(tally, **{name: getattr(tally, name) + count for name, count in counts.items()})

    # what others ask

    @property
    def sentence(self) -> str:
        """Return whether faces are kept, for people."""
        with self._lock:
            why = self._why or self._uncut or self._unsent
            sealing = self._now is not None and not why
            return "faces are kept, locked" if sealing else f"no face is kept: {why or 'starting'}"

    def tally(self) -> SealTally:
        """Return the counts of this process and of all sealing processes that it had."""
        with self._lock:
            total = self._tally.plus(self._ended)
            for one in self._alive():
                total = total.plus(_tally_of(one))
            return total

    def take_told(self) -> tuple[tuple[str, ...], tuple[IndexPart, ...]]:
        """Return the roots and the parts of the index that came since the last call."""
        with self._lock:
            told = tuple(self._roots), tuple(self._index)
            self._roots, self._index = [], []
            return told

    def close(self) -> None:
        """Let the sealing process close its pieces, and wait for it, a bounded time."""
        self._stopping.set()
        self._thread.join(self._limits.close_s + 1.0)

    # the thread that keeps it running

    def _now_s(self) -> float:
        return self._clocks.monotonic_ns() / 1e9

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._look()
            self._hear(self._limits.look_s)
        with self._lock:
            for process in (self._now, self._next):
                if process is not None:
                    process.end()
                    self._leaving.append((process, self._now_s()))
            self._now = self._next = None
        until_s = self._now_s() + self._limits.close_s
        while self._leaving:
            self._hear(min(self._limits.look_s, 0.1))
            self._end_leaving(all_by_s=until_s)

    def _look(self) -> None:
        """Start and end what is due."""
        monotonic_ns, wall_ns = self._clocks.monotonic_ns(), self._clocks.wall_ns()
        now_s, offset_ns = monotonic_ns / 1e9, wall_ns - monotonic_ns
        with self._lock:
            for process in (self._now, self._next):
                if process is not None and process.times.jumped(offset_ns):
                    self._dismiss(process, now_s)
            late_ns = round(self._limits.late_s * 1e9)
            if self._now is not None and not self._now.times.holds(monotonic_ns - late_ns):
                self._dismiss(self._now, now_s)
            if self._now is None:
                self._now, self._next = self._next, None
            wanted = self._wanted(wall_ns, now_s)
        if wanted is not None:
            self._begin(wanted, offset_ns, now_s)
        self._end_leaving()

    def _dismiss(self, process: HourProcess, now_s: float) -> None:
        process.end()
        self._leaving.append((process, now_s))
        self._now = None if process is self._now else self._now
        self._next = None if process is self._next else self._next

    def _wanted(self, wall_ns: int, now_s: float) -> int | None:
        """Return the hour for which a process must be started now, or None."""
        if now_s < self._again_s:
            return None
        if self._now is None:
            return hour_of(wall_ns)
        soon = hour_of(wall_ns + round(self._limits.early_s * 1e9))
        return soon if self._next is None and soon > self._now.times.hour else None

    def _begin(self, hour: int, offset_ns: int, now_s: float) -> None:
        camera = self._camera
        order = HourOrder(
            camera.origin,
            camera.camera,
            hour,
            str(camera.policy),
            camera.policy_digest,
            str(camera.custody),
            str(camera.folder),
            offset_ns,
            camera.index,
            self._limits.tree_s,
        )
        try:
            process = HourProcess(order, self._limits.ring_bytes, self._command)
        except OSError as exc:
            with self._lock:
                self._why, self._missing = f"cannot start: {exc.strerror}", ExitCode.FAILED
            self._again_s = now_s + self._limits.again_s
            return
        with self._lock:
            if self._now is None:
                self._now = process
            else:
                self._next = process

    def _alive(self) -> list[HourProcess]:
        return [one for one in (self._now, self._next) if one is not None] + [one for one, _ in self._leaving]

    def _hear(self, wait_s: float) -> None:
        with self._lock:
            alive = self._alive()
        ready, _, _ = select.select([one.reports for one in alive], [], [], wait_s)
        for process in alive:
            if process.reports in ready:
                self._take(process)

    def _take(self, process: HourProcess) -> None:
        heard = process.hear()
        with self._lock:
            for report in heard:
                self._roots += report.roots
                self._index += report.index
            if heard and process is self._now:
                self._why, self._missing = process.told, ExitCode.DONE
        if process.ended:
            self._bury(process)

    def _bury(self, process: HourProcess) -> None:
        """Note that a process has ended, and what became of what it was given."""
        with self._lock:
            process.given_up = True
            wanted = process in (self._now, self._next)
            self._now = None if process is self._now else self._now
            self._next = None if process is self._next else self._next
            self._leaving = [(one, since_s) for one, since_s in self._leaving if one is not process]
        # not under the lock, which the thread that veils takes: the system needs a moment for it
        code = process.close()
        with self._lock:
            tally = _tally_of(process).broken_off()
            if code == ExitCode.STORAGE:
                tally = replace(tally, storage=tally.storage + tally.ended, ended=0)
            self._ended = self._ended.plus(tally)
            if wanted:
                again = code in {ExitCode.STORAGE, ExitCode.REFUSED}
                self._why = process.told or "its process ended"
                self._missing = ExitCode(code) if again else ExitCode.FAILED
                self._again_s = self._now_s() + (4 if again else 1) * self._limits.again_s

    def _end_leaving(self, all_by_s: float = math.inf) -> None:
        now_s = self._now_s()
        for process, since_s in list(self._leaving):
            if now_s - since_s > self._limits.leave_s or now_s > all_by_s:
                process.kill()


def _laid(process: HourProcess, patches: list[Patch]) -> int:
    """Lay as many patches into the ring as go in, and say where; return how many."""
    while patches:
        size_bytes = packed_bytes(patches)
        place = process.reserve(size_bytes)
        if place is not None:
            position, view = place
            with view:
                pack_patches(view, patches)
            return len(patches) if process.send(position, size_bytes, len(patches)) else 0
        patches = patches[: len(patches) // 2]
    return 0


def _tally_of(process: HourProcess) -> SealTally:
    counts = process.counts
    return SealTally(
        sealed=counts.sealed,
        unsure=counts.unsure,
        small=counts.small,
        behind=counts.behind,
        storage=counts.storage,
        open=max(0, process.sent - counts.settled),
        pieces=counts.pieces,
        written_bytes=counts.written_bytes,
    )
