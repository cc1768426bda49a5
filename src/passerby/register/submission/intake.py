"""The writer's side: takes submissions, appends what is new, and answers with proofs. The life of a submission, in order.

1. A known gateway's key signed it, for this log; it is within the gateway's rate.
2. What was taken before is known by its number and must be the same. What a failed append or a crash left open is looked for in
   the log.
3. Each new entry fits its form and is this gateway's to state; otherwise nothing of the submission is written.
4. New entries are written into the book, with the log's size, durable.
5. They are appended; the log returns when a durable, signed checkpoint covers them.
6. Their places are written into the book; the gateway gets a proof for each.

A log that cannot be written is closed, which ends all that was under way, and is opened again at the next submission. So it is
when a command of the operator asks for it (``log.turns``): gateways are told to come again.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path

from passerby.errors import EntryError, FormatError, RegisterError, VerificationError
from passerby.register.codec import decode_entry, encode_entry
from passerby.register.entries import CameraRegistered, Entry, OperatorStated
from passerby.register.log import LOOKED_EVERY_S, Log, is_wanted, wait_while_wanted
from passerby.register.submission.book import GatewayRights, SubmissionBook, TakenEntry
from passerby.register.submission.rights import Rights
from passerby.register.submission.submission import IntakeAnswer, Numbered, Submission
from passerby.register.tiles import leaf_hash
from passerby.register.verification import Proof, rotation_path

_log = logging.getLogger("passerby.register.intake")


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """Bounds of one gateway, and collaborators.

    Attributes:
        per_s: Entries a second, for ever.
        burst: Entries at once, after a silence.
        opened: Opens the log.
        clock: Seconds that only grow.

    Source: a camera that flaps writes at most two heartbeats and two faults a minute; 20 a second are 300 such cameras. 20,000
    are a full queue of a gateway (``WAITING``), after the writer was away for long.
    """

    per_s: float = 20.0
    burst: int = 20_000
    opened: Callable[[Path], Log] = field(default=Log.open)
    clock: Callable[[], float] = time.monotonic


class Intake:
    """Takes submissions for one log, whose only writer it is. Safe to use from many threads.

    Args:
        path: The log's directory.
        settings: Bounds and collaborators; None takes the usual ones.

    Raises:
        UsageError: there is no log.
        RegisterError: it cannot be opened.
    """

    def __init__(self, path: Path, settings: IntakeSettings | None = None) -> None:
        self._path, self._settings = path, settings or IntakeSettings()
        self.book = SubmissionBook(path)
        self._opening = threading.Lock()
        self._log: Log | None = None
        self._operator: OperatorStated | None = None
        self._stating = threading.Lock()
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._spent: dict[str, tuple[float, float]] = {}
        self._ending = threading.Event()
        try:
            self.origin = self._open().origin
        except BaseException:
            self.book.close()
            raise
        self._lender = threading.Thread(target=self._lend, name="register-lender", daemon=True)
        self._lender.start()

    def take(self, raw: bytes) -> IntakeAnswer:
        """Take a submission; never raises what a gateway or a disk can cause."""
        try:
            gateways = {rights.key.name: rights for rights in self.book.gateways()}
            try:
                submission = Submission.open(raw, [rights.key for rights in gateways.values()])  # 1
            except FormatError as exc:
                return IntakeAnswer(HTTPStatus.BAD_REQUEST, error=exc.message)
            except VerificationError:
                return IntakeAnswer(
                    HTTPStatus.UNAUTHORIZED, error="submission must be signed by a gateway that may submit"
                )
            if submission.origin != self.origin:
                return IntakeAnswer(
                    HTTPStatus.CONFLICT, error=f"submission must be for {self.origin}, is for another log"
                )
            if wait_s := self._over_rate(submission):
                told = f"gateway must send at most {self._settings.per_s:g} entries a second"
                return IntakeAnswer(HTTPStatus.TOO_MANY_REQUESTS, error=told, retry_s=wait_s)
            with self._turns[submission.gateway]:
                return self._take(submission, gateways[submission.gateway])
        except RegisterError as exc:
            _log.error("the log cannot be written: %s", exc.message)
            return IntakeAnswer(HTTPStatus.SERVICE_UNAVAILABLE, error="the log cannot be written now", retry_s=1)

    def rotation(self, number: int) -> bytes | None:
        """Return the proof of the n-th change of the log's key, or None.

        Raises:
            RegisterError: the log cannot be read.
        """
        return self._open().public.get(rotation_path(number))

    def close(self) -> None:
        """Write what is under way, and let go of the log."""
        self._ending.set()
        self._lender.join()
        with self._opening:
            if self._log is not None:
                self._log.close()
                self._log = None
        self.book.close()

    def _take(self, submission: Submission, rights: GatewayRights) -> IntakeAnswer:
        log, name, stream = self._open(), submission.gateway, submission.stream
        taken, last = self._settled(log, name, stream), self.book.last(name, stream)
        fresh: list[Numbered] = []
        for number, data in submission.entries:  # 2
            before = taken.get(number)
            if before is None and number > last:
                fresh.append((number, data))
            elif before is None or before.leaf != leaf_hash(data):
                return IntakeAnswer(
                    HTTPStatus.CONFLICT,
                    error=f"entry {number} must be what was taken under that number, or newer: the queue is an older copy",
                )
            elif before.place is None:
                fresh.append((number, data))
        places = {number: entry.place for number, entry in taken.items() if entry.place is not None}
        proofs: dict[int, Proof] = {}
        if fresh:
            refused = self._append(log, rights, submission, fresh, proofs)
            if refused is not None:
                return refused
            places |= {number: proof.index for number, proof in proofs.items()}
        self.book.settle(name, stream, places, below=submission.entries[0][0])  # 6
        known = (proofs.get(number) or log.prove(places[number]) for number, _ in submission.entries)
        return IntakeAnswer(HTTPStatus.OK, [replace(proof, extra=None).to_text() for proof in known])

    def _append(
        self, log: Log, rights: GatewayRights, submission: Submission, fresh: list[Numbered], proofs: dict[int, Proof]
    ) -> IntakeAnswer | None:
        """Steps 3 to 5; adds the proofs of what was appended, or returns why nothing was."""
        about_operator = any(isinstance(entry, OperatorStated) for _, entry in _readable(fresh))
        with self._stating if about_operator else contextlib.nullcontext():
            held = Rights(rights, self.book.owner, self._operator)
            refused = self._refused(log, fresh, held)  # 3
            if refused is not None:
                return refused
            self.book.intend(submission.gateway, submission.stream, fresh, base=log.size, cameras=held.cameras)  # 4
            try:
                receipts = log.append_many([decode_entry(data) for _, data in fresh], public_text=True)  # 5
            except BaseException:
                self._drop(log)
                raise
            if about_operator:
                self._operator = held.operator
        proofs.update({number: receipt.proof for (number, _), receipt in zip(fresh, receipts, strict=True)})
        return None

    def _refused(self, log: Log, fresh: Sequence[Numbered], rights: Rights) -> IntakeAnswer | None:
        for number, data in fresh:
            try:
                entry = decode_entry(data)
                log.check(entry, public_text=True)  # who wrote the gateway's city.yml was asked
            except EntryError as exc:
                return IntakeAnswer(HTTPStatus.UNPROCESSABLE_ENTITY, error=exc.message, number=number)
            refused = rights.refuse(entry)
            if refused is not None:
                return IntakeAnswer(refused[0], error=refused[1], number=number)
        return None

    def _settled(self, log: Log, name: str, stream: str) -> dict[int, TakenEntry]:
        """Find out about entries of a stream whose append was cut off; nothing of it is under way any more."""
        taken = self.book.taken(name, stream)
        unsure = [entry for entry in taken.values() if entry.place is None]
        if not unsure:
            return taken
        base = min(entry.base for entry in unsure)
        claimed, wanted = self.book.claimed(base), {entry.leaf for entry in unsure}
        places: defaultdict[bytes, list[int]] = defaultdict(list)
        for index, entry in enumerate(log.entries(base, log.size), base):
            leaf = leaf_hash(encode_entry(entry))
            if leaf in wanted and index not in claimed:
                places[leaf].append(index)
        found = {entry.number: places[entry.leaf].pop(0) for entry in unsure if places[entry.leaf]}
        self.book.settle(name, stream, found, below=0)
        return self.book.taken(name, stream)

    def _over_rate(self, submission: Submission) -> int:
        """Return the seconds after which this gateway may submit again, 0 where it may now."""
        settings, now = self._settings, self._settings.clock()
        left, at = self._spent.get(submission.gateway, (float(settings.burst), now))
        left = min(float(settings.burst), left + (now - at) * settings.per_s)
        wanted = len(submission.entries)
        self._spent[submission.gateway] = (left - wanted if wanted <= left else left), now
        return 0 if wanted <= left else 1 + int((wanted - left) / settings.per_s)

    def _open(self) -> Log:
        with self._opening:
            if self._log is None:
                log = self._settings.opened(self._path)
                try:
                    self._scan(log)
                except BaseException:
                    log.close()
                    raise
                self._log = log
            return self._log

    def _lend(self) -> None:
        """Let go of the log whenever somebody asks for it: what is under way is written, what comes too late tries again."""
        while not self._ending.wait(LOOKED_EVERY_S):
            if not is_wanted(self._path):
                continue
            with self._opening:
                log, self._log = self._log, None
                if log is not None:
                    with contextlib.suppress(RegisterError, OSError):
                        log.close()
                wait_while_wanted(self._path)

    def _scan(self, log: Log) -> None:
        """Learn which cameras stand in the log, also of a time before it had gateways, and who its operator is."""
        start, known = self.book.scanned()
        operator = decode_entry(known.encode()) if known else None
        cameras = set()
        for entry in log.entries(min(start, log.size), log.size):
            if isinstance(entry, OperatorStated):
                operator = entry
            elif isinstance(entry, CameraRegistered):
                cameras.add(entry.camera)
        self._operator = operator if isinstance(operator, OperatorStated) else None
        self.book.found(cameras, log.size, encode_entry(operator).decode() if operator else "")

    def _drop(self, log: Log) -> None:
        """Close a log that could not be written; what others have under way in it ends, one way or the other."""
        with self._opening:
            if self._log is log:
                self._log = None
                with contextlib.suppress(RegisterError, OSError):
                    log.close()


def _readable(entries: Sequence[Numbered]) -> Iterator[tuple[int, Entry]]:
    for number, data in entries:
        with contextlib.suppress(EntryError):
            yield number, decode_entry(data)
