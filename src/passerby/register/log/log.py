"""The writer of a log: many threads append, one writes, and each is answered when its entry is there to stay."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from passerby.errors import EntryError, RegisterError, StorageError
from passerby.register.codec import decode_entry, encode_entry
from passerby.register.entries import Entry, KeyAdded, Remark
from passerby.register.log.committer import Batch, Committer
from passerby.register.log.dates import check_dates
from passerby.register.log.directory import LogDirectory, under
from passerby.register.log.personal import check_personal
from passerby.register.log.plausible import check_plausible
from passerby.register.log.publish import CheckpointPublisher
from passerby.register.log.salts import CommitmentSalts
from passerby.register.log.withdraw import Withdrawal, shown_entries
from passerby.register.notes import Checkpoint, Policy, Signer, VerifierKey
from passerby.register.storage import LogSource, WriterSettings
from passerby.register.tiles import MAX_BATCH, WIDTH, Tiles, leaf_hash, prove_inclusion
from passerby.register.verification import Proof
from passerby.values import digest_bytes

WITNESS_WAIT_S = 30.0
TIDIED_AT_ONCE = 16
"""Old partial tiles deleted after each batch: more than a batch leaves, and few enough that the next one does not wait."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What ``append`` returns: the entry is in the log, durable, under a signed checkpoint.

    Attributes:
        index: Of the entry.
        proof: That it is there; ``proof.to_text()`` is a file that anyone can check.
        checkpoint: That the proof leads to.
    """

    index: int
    proof: Proof
    checkpoint: Checkpoint


class Log:
    """A log that this process writes. Safe to use from many threads; a second writer is refused.

    Use ``Log.create`` once, ``Log.open`` after that, and close it, or use it in a ``with`` statement.
    """

    def __init__(self, directory: LogDirectory, signer: Signer) -> None:
        """Take the writer's lock and bring the log to a state that can be built on; see ``open``."""
        self._directory = directory
        self._hold = directory.state.hold()
        try:
            directory.finish_rotation()
            self.policy = directory.policy()
            self._publisher = CheckpointPublisher(directory.public, self.policy, directory.settings.clock)
            self._committer = Committer(
                directory.origin,
                signer,
                directory.public,
                directory.state,
                self._hold,
                publish=not self._publisher.asks,
            )
        except BaseException:
            if hasattr(self, "_publisher"):
                self._publisher.close()
            self._hold.release()
            raise
        self._queue: deque[tuple[bytes, Future[tuple[Batch, int]]]] = deque()
        self._wake = threading.Condition()
        self._writing = threading.Lock()
        self._closing = False
        self._tiles = Tiles(self._committer.size, directory.public.get)
        self._publisher.start(self._committer.signed)
        self._thread = threading.Thread(target=self._write, name="register-writer", daemon=True)
        self._thread.start()

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        origin: str,
        signer: Signer | None = None,
        policy: Policy | None = None,
        public: str | None = None,
        settings: WriterSettings | None = None,
    ) -> Log:
        """Make a new, empty log and open it.

        Args:
            path: A directory; made if it is missing. ``private`` in it is for the writer alone, ``public`` is the log.
            origin: The log's name, a URL without its scheme, for example ``cameras.example.org/log``.
            signer: Signs checkpoints under that name; None makes a key file.
            policy: Which witnesses must sign; None asks for none.
            public: Where the log goes instead of ``public``: ``s3://``, ``gs://``, ``az://`` or another directory.
            settings: Clock, disk and object stores; None takes the usual ones.

        Raises:
            UsageError: there is a log already.
            FormatError: the origin cannot name a key.
            StorageError: something cannot be written.
        """
        directory, signer = LogDirectory.create(
            Path(path), origin=origin, signer=signer, policy=policy, public=public, settings=settings
        )
        return cls(directory, signer)

    @classmethod
    def open(cls, path: Path | str, *, signer: Signer | None = None, settings: WriterSettings | None = None) -> Log:
        """Open a log for writing. What a crash left behind is put in order first.

        Args:
            path: As given to ``create``.
            signer: The log's key where it is not in a file.
            settings: As for ``create``.

        Raises:
            LockedError: another writer holds it.
            StorageError: there is no log, or it cannot be read or written.
            FormatError: its files are damaged.
            VerificationError: its files were changed.
        """
        directory = LogDirectory.open(Path(path), settings)
        return cls(directory, signer or directory.signer())

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._directory.origin

    @property
    def key(self) -> VerifierKey:
        """The key that signs checkpoints now."""
        return self._committer.signer.key

    @property
    def size(self) -> int:
        """Entries in the log."""
        return self._tiles.size

    @property
    def path(self) -> Path:
        """The directory given to ``create``."""
        return self._directory.path

    @property
    def salts(self) -> CommitmentSalts:
        """What is behind the log's commitments."""
        return CommitmentSalts(self._directory.path / "private" / "salts", clock=self._directory.settings.clock)

    @property
    def witness_failures(self) -> list[str]:
        """Why witnesses gave no signature when they were last asked."""
        return self._publisher.failures

    @property
    def public(self) -> LogSource:
        """The log's public files, to be read."""
        return self._directory.public

    def check(self, entry: Entry, *, public_text: bool = False) -> None:
        """Refuse an entry that ``append`` would refuse for what it says.

        Raises:
            EntryError: as ``append``.
        """
        decode_entry(encode_entry(entry))  # one made past its checks must not stand in the log for ever
        check_plausible(entry)
        check_dates([entry], self._directory.settings.clock())
        if not public_text:
            check_personal(entry)

    def append(
        self, entry: Entry, *, witnessed: bool = False, timeout_s: float = WITNESS_WAIT_S, public_text: bool = False
    ) -> Receipt:
        """Put an entry into the log; returns when a durable, signed checkpoint covers it.

        Args:
            entry: What is stated.
            witnessed: Wait until the policy's quorum of witnesses has signed such a checkpoint too.
            timeout_s: How long to wait for the witnesses.
            public_text: Its words may look like a person's; somebody has read them, and they are meant to be public for ever.

        Raises:
            EntryError: it does not fit its form, is longer than 64 KB, is dated more than a day ahead of the clock, states a
                retention or position that cannot be; or its words look like a person's.
            StorageError: it could not be written, or the log is closed. It may be in the log in the end all the same.
            VerificationError: a witness has seen another history; or the quorum did not sign in time (the entry stands).
        """
        return self.append_many([entry], witnessed=witnessed, timeout_s=timeout_s, public_text=public_text)[0]

    def append_many(
        self,
        entries: Sequence[Entry],
        *,
        witnessed: bool = False,
        timeout_s: float = WITNESS_WAIT_S,
        public_text: bool = False,
    ) -> list[Receipt]:
        """Put entries into the log, in this order but not always next to each other; see ``append``."""
        for one in entries:
            self.check(one, public_text=public_text)
        spelled = [encode_entry(entry) for entry in entries]
        jobs: list[Future[tuple[Batch, int]]] = [Future() for _ in spelled]
        with self._wake:
            if self._closing:
                raise StorageError("log is closed")
            self._publisher.refuse_if_forked()
            self._queue.extend(zip(spelled, jobs, strict=True))
            self._wake.notify_all()
        receipts = [_receipt(*job.result(), data) for data, job in zip(spelled, jobs, strict=True)]
        if witnessed and receipts:
            self._publisher.wait_for_quorum(receipts[-1].index + 1, timeout_s)
            return [self._witnessed(receipt) for receipt in receipts]
        return receipts

    def entry(self, index: int) -> Entry:
        """Return one entry.

        Raises:
            EntryError: there is none at that index.
        """
        return next(iter(self.entries(index, index + 1)))

    def entries(self, start: int, stop: int) -> Iterator[Entry]:
        """Return the entries from ``start`` to ``stop``, as written.

        Raises:
            EntryError: they reach beyond the log.
        """
        tiles = self._tiles
        if not 0 <= start <= stop <= tiles.size:
            raise EntryError(f"entries must be from 0 to {tiles.size}, got {start} to {stop}")
        for bundle in range(start // WIDTH, -(-stop // WIDTH)):
            first = bundle * WIDTH
            found = shown_entries(self._directory, tiles, bundle)
            yield from map(decode_entry, found[max(0, start - first) : stop - first])

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint that the log signed."""
        return self._committer.signed.checkpoint

    def prove(self, index: int) -> Proof:
        """Return the proof of an entry in the newest published checkpoint, or in the newest one if that is too short.

        Raises:
            EntryError: there is none at that index.
        """
        signed = self._publisher.newest()
        if index >= signed.checkpoint.size:
            signed = self._committer.signed
        size = signed.checkpoint.size
        if not 0 <= index < size:
            raise EntryError(f"index must be from 0 to {size - 1}, got {index}")
        tiles = Tiles(size, self._directory.public.get)
        data = shown_entries(self._directory, tiles, index // WIDTH)[index % WIDTH]
        told = data if leaf_hash(data) == tiles.node(0, index) else None  # withdrawn: nobody gets it any more
        return Proof(index, tuple(prove_inclusion(index, size, tiles.node)), signed.note, told)

    def withdraw(self, indexes: Sequence[int], reason: str) -> list[int]:
        """Withhold entries in which something personal was published; returns the indices of the entries that say so.

        Their bundle is deleted; a signed list of its leaf hashes stands in its place, with its other entries, so that every
        proof still verifies (``verification.withheld``). Who holds a copy of the log still has them.

        Args:
            indexes: Of the entries.
            reason: In one line, for everybody to read.

        Raises:
            EntryError: there is no such entry, or the reason does not fit.
            StorageError: something cannot be written or deleted; ask again.
        """
        if not indexes or not all(0 <= index < self.size for index in indexes):
            raise EntryError(f"entries must be from 0 to {self.size - 1}, got {', '.join(map(str, indexes)) or 'none'}")
        work = Withdrawal(
            self._directory, self._committer.signer, lambda told: [one.index for one in self.append_many(told)]
        )
        return work.run(indexes, self.size, reason, self._directory.settings.clock())

    def rotate(self, signer: Signer | None = None) -> Receipt:
        """Change the log's key: the old key signs the entry that names the new one, and the new one signs from then on.

        Args:
            signer: The new key, under the log's name; None makes a key file.

        Raises:
            FormatError: the new key has another name.
            StorageError: something cannot be written.
        """
        signer = signer or self._directory.fresh_signer()
        old, new = self.key, signer.key
        if new.name != self.origin:
            raise StorageError(f"name of the log's key must be {self.origin}, got {new.name}")
        entry = KeyAdded(
            at=self._directory.settings.clock(),
            holder="operator",
            name=self.origin,
            use="log",
            key=str(new),
            replaces=str(old),
        )
        receipt = self.append(entry, public_text=True)
        with self._writing:
            self._directory.begin_rotation(signer, receipt.proof.to_text().encode())
            self._directory.finish_rotation()
            self.policy = self._directory.policy()
            self._committer.change_signer(signer)
            self._publisher.offer(self._committer.signed)
        return receipt

    def name_witnesses(self, policy: Policy) -> Receipt:
        """Name other witnesses, or another quorum, from the next time the log is opened.

        A remark says so first, so that no quorum changes unseen. Readers with a policy of their own go on with theirs.

        Raises:
            StorageError: something cannot be written.
        """
        policy = under(self.key, policy)
        digest = digest_bytes(policy.to_text().encode())
        text = f"witnesses named: quorum {policy.quorum}, {len(policy.witnesses)} witnesses, policy {digest}"
        receipt = self.append(Remark(at=self._directory.settings.clock(), text=text), public_text=True)
        self._directory.publish_policy(policy)
        return receipt

    def close(self) -> None:
        """Write what is queued, and let the next writer in."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join()
        self._publisher.close()
        self._hold.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _witnessed(self, receipt: Receipt) -> Receipt:
        proof = self.prove(receipt.index)
        return Receipt(receipt.index, proof, self._publisher.newest().checkpoint)

    def _write(self) -> None:
        """The writer's thread. Whatever ends it, no one is left waiting."""
        try:
            while (jobs := self._take()) is not None:
                self._commit(jobs)
                self._committer.tidy(TIDIED_AT_ONCE)
            self._committer.tidy()
        finally:
            with self._wake:
                self._closing = True
                for _, job in self._queue:
                    job.set_exception(StorageError("log's writer stopped; open the log again"))
                self._queue.clear()

    def _take(self) -> list[tuple[bytes, Future[tuple[Batch, int]]]] | None:
        with self._wake:
            while not self._queue:
                if self._closing:
                    return None
                self._wake.wait()
            return [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]

    def _commit(self, jobs: list[tuple[bytes, Future[tuple[Batch, int]]]]) -> None:
        error: RegisterError = StorageError("log's writer stopped; open the log again")
        batch: Batch | None = None
        try:
            with self._writing:
                batch = self._committer.commit([data for data, _ in jobs])
            self._tiles = Tiles(batch.signed.checkpoint.size, self._directory.public.get)
            self._publisher.offer(batch.signed)
        except RegisterError as exc:
            error = exc
        finally:
            for place, (_, job) in enumerate(jobs):
                if batch:
                    job.set_result((batch, place))
                else:
                    job.set_exception(error)


def _receipt(batch: Batch, place: int, data: bytes) -> Receipt:
    index = batch.first + place
    return Receipt(index, Proof(index, batch.paths[place], batch.signed.note, data), batch.signed.checkpoint)
