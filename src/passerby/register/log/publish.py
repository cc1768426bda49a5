"""Which checkpoint the public sees. Without witnesses, each one at once; with witnesses, the newest one they were asked about.

The writer does not wait for witnesses: it signs, acknowledges, and offers each checkpoint here. A thread takes the newest
offer, asks all witnesses at once, and publishes it with the signatures that came, enough or not; readers count them. The
public checkpoint never goes back. When a witness has seen another history of this log, nothing more is signed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from passerby.errors import RegisterError, VerificationError
from passerby.register.log.committer import replace_checkpoint
from passerby.register.notes import Policy, SignedCheckpoint
from passerby.register.storage import Store
from passerby.register.tiles import Tiles, prove_consistency
from passerby.register.witness import Cosigners
from passerby.values import utc_now

PAUSE_S = 0.2
"""Between two rounds, so that a busy log asks its witnesses a few times a second and no more."""
RETRY_S = 1.0
"""While the quorum is not met; a witness that does not answer is itself asked more and more seldom."""
REFRESH_S = 300.0
"""A checkpoint that does not change is shown to the witnesses this often: their time on it says that the log is alive."""


class CheckpointPublisher:
    """Publishes checkpoints, with witnesses' signatures where the policy names any with an address."""

    def __init__(self, public: Store, policy: Policy, clock: Callable[[], datetime] = utc_now) -> None:
        self._public = public
        self._policy = policy
        self._cosigners = Cosigners(policy, clock=clock) if any(w.url for w in policy.witnesses) else None
        self._changed = threading.Condition()
        self._offer: SignedCheckpoint | None = None
        self._newest: SignedCheckpoint | None = None
        self._quorum_size = 0
        self._met = False
        self._fork: VerificationError | None = None
        self._failure: RegisterError | None = None
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def asks(self) -> bool:
        """Whether there are witnesses to ask, so that publishing is left to this thread."""
        return self._cosigners is not None

    @property
    def failures(self) -> list[str]:
        """Why the last round brought fewer signatures than there are witnesses."""
        found = self._cosigners.failures if self._cosigners else []
        return [*found, *([str(self._failure)] if self._failure else [])]

    def start(self, signed: SignedCheckpoint) -> None:
        """Begin with the log's present checkpoint; where there are witnesses, they are asked about it first."""
        self._newest = signed
        if not self.asks:
            return
        self._round(signed)  # before anything new is signed: the log may have been put back to an older state
        self._thread = threading.Thread(target=self._run, name="register-publisher", daemon=True)
        self._thread.start()

    def offer(self, signed: SignedCheckpoint) -> None:
        """Hand over a newer checkpoint."""
        with self._changed:
            if self.asks:
                self._offer = signed
            else:
                self._newest = signed
            self._changed.notify_all()

    def newest(self) -> SignedCheckpoint:
        """Return the newest checkpoint that is published.

        Raises:
            VerificationError: nothing was published yet.
        """
        if self._newest is None:
            raise VerificationError("no checkpoint is published yet")
        return self._newest

    def refuse_if_forked(self) -> None:
        """Raise VerificationError if a witness has seen another history."""
        if self._fork:
            raise self._fork

    def wait_for_quorum(self, size: int, timeout_s: float) -> None:
        """Wait until a published checkpoint of at least this size carries the policy's quorum.

        Raises:
            VerificationError: it does not in time, or a witness has seen another history.
        """
        end = time.monotonic() + timeout_s
        with self._changed:
            if not self.asks and self._policy.met_by(()):
                return
            while self._quorum_size < size:
                self.refuse_if_forked()
                left = end - time.monotonic()
                if left <= 0 or self._closing:
                    raise VerificationError(
                        f"quorum {self._policy.quorum} did not sign size {size} within {timeout_s:g} s",
                        hint="; ".join(self.failures) or "the entry stands; its witnesses will sign it later",
                    )
                self._changed.wait(left)

    def close(self) -> None:
        """Publish what was offered last, and stop."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join()
        if self._cosigners:
            self._cosigners.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._offer is None and not self._closing:
                    self._changed.wait(REFRESH_S if self._met else RETRY_S)
                signed = self._offer or (None if self._closing else self._newest)
                self._offer = None
            if signed is None:
                return
            self._round(signed)
            with self._changed:
                if not self._closing:
                    self._changed.wait_for(lambda: self._closing, PAUSE_S)

    def _round(self, signed: SignedCheckpoint) -> None:
        if self._cosigners is None or self._fork:
            return
        try:
            cosigned, keys = self._cosigners.cosign(_bare(signed), self._prove)
            replace_checkpoint(self._public, cosigned)
        except VerificationError as exc:
            with self._changed:
                self._fork = exc
                self._changed.notify_all()
            return
        except RegisterError as exc:
            self._failure = exc  # the next round tries again; appends go on, unpublished, and say so
            return
        with self._changed:
            self._failure = None
            self._newest = cosigned
            self._met = self._policy.met_by(keys)
            if self._met:
                self._quorum_size = signed.checkpoint.size
            self._changed.notify_all()

    def _prove(self, old: int, new: int) -> Sequence[bytes]:
        return prove_consistency(old, new, Tiles(new, self._public.get).node)


def _bare(signed: SignedCheckpoint) -> SignedCheckpoint:
    """The note with the log's own signature only, which always stands first."""
    head, _, signatures = signed.note.rpartition(b"\n\n")
    return replace(signed, note=head + b"\n\n" + signatures.partition(b"\n")[0] + b"\n")
