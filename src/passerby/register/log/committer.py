"""One batch of entries on its way into the log. The life of a leaf, in order.

1. ``Log.append`` spells the entry and queues it; a batch is whatever is queued when the writer is free.
2. Tiles and bundles of the new size are written, durable. No one refers to them yet; a crash leaves them to be overwritten.
3. The *head* (size and root, unsigned) is written, durable. From here on the batch is in the log, whatever happens.
4. The head is signed. Because 3 came first, a signature over this size can only ever be made over this root: after a crash
   the writer signs the head it finds, and builds on it. So no two signed checkpoints contradict each other.
5. The signed checkpoint is published, durable; where there are witnesses, after they were asked (see ``publish``).
6. The entry's receipt is given out. Partial tiles that a full one replaced are deleted, a few after each batch.

What each file protects: ``lock`` keeps a second writer out (on an object store: a lease, and the head is swapped, never
overwritten, so that a writer that lost its lease fails at 3). ``head`` is the only file that decides what was promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from passerby.errors import FormatError, LockedError, StorageError, VerificationError
from passerby.register.notes import Checkpoint, SignedCheckpoint, Signer, sign_note, split_note
from passerby.register.storage import Hold, Store
from passerby.register.tiles import CHECKPOINT, Edge, Frontier, grow, last_full_tiles, prove_inclusion

HEAD = "head"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that is in the log.

    Attributes:
        first: Index of its first entry.
        signed: The checkpoint that covers it, signed by the log.
        paths: The inclusion path of each entry in that checkpoint.
    """

    first: int
    signed: SignedCheckpoint
    paths: tuple[tuple[bytes, ...], ...]


class Committer:
    """Steps 2 to 5, for one writer. Not for two threads at once."""

    def __init__(self, origin: str, signer: Signer, public: Store, state: Store, hold: Hold, *, publish: bool) -> None:
        """Take over a log and bring it to a state that can be built on.

        Args:
            origin: The log's name.
            signer: Its key's name is the origin.
            public: Where tiles and checkpoint go.
            state: Where the head is.
            hold: The lock on both.
            publish: Whether each checkpoint is published at once, rather than by someone else.

        Raises:
            StorageError: files are missing or cannot be read or written.
            FormatError: files are damaged.
            VerificationError: the files contradict the head, or the head is older than the published checkpoint.
        """
        self.origin = origin
        self.signer = signer
        self._public = public
        self._state = state
        self._hold = hold
        self._publish = publish
        self._sound = False
        self._edge = Edge(Frontier())
        self._recover()

    @property
    def size(self) -> int:
        """Entries in the log."""
        return self._edge.size

    def commit(self, entries: Sequence[bytes]) -> Batch:
        """Put entries, at least one, into the log.

        Raises:
            StorageError: they could not be written. They may or may not be in the log in the end; none is acknowledged.
            LockedError: the hold was lost.
        """
        if not self._sound:
            self._recover()
        growth = grow(self._edge, entries)
        checkpoint = Checkpoint(self.origin, growth.edge.size, growth.edge.frontier.root())
        self._sound = False  # until this batch is through, only what is on disk says how far it came
        self._hold.check()
        self._public.put_all(growth.files, guard=self._hold.confirm)  # 2
        self._hold.check()
        self._state.swap(HEAD, self._head, checkpoint.to_text().encode())  # 3
        signed = self._sign(checkpoint)  # 4, 5
        first, self._edge, self._sound = self._edge.size, growth.edge, True
        self._public.drop_partials(growth.filled)
        size, node = checkpoint.size, growth.node
        paths = tuple(tuple(prove_inclusion(index, size, node)) for index in range(first, size))
        return Batch(first, signed, paths)

    def tidy(self, most: int | None = None) -> None:
        """Delete partial tiles that a full one replaced, ``most`` at a time or all."""
        self._public.tidy(most)

    def change_signer(self, signer: Signer) -> None:
        """Sign with another key from now on: publishes the present checkpoint under it."""
        self.signer = signer
        self._sound = False
        self._recover()

    def _sign(self, checkpoint: Checkpoint) -> SignedCheckpoint:
        text = checkpoint.to_text()
        signed = SignedCheckpoint(checkpoint, sign_note(text, [self.signer]))
        if self._publish:
            replace_checkpoint(self._public, signed)
        self._head, self.signed = text.encode(), signed
        return signed

    def _recover(self) -> None:
        """Find out what was promised, check that the files keep it, and sign it (again)."""
        self._hold.check()
        head = self._state.get(HEAD)
        if head is None:
            raise StorageError(f"{self._state} holds no log", hint="make one with `passerby register init`")
        checkpoint = Checkpoint.parse(_ascii(head))
        if checkpoint.origin != self.origin:
            raise VerificationError(f"origin of the head must be {self.origin}, got {checkpoint.origin}")
        self._refuse_older(checkpoint)
        self._edge = Edge.load(checkpoint.size, self._public.get)
        if self._edge.frontier.root() != checkpoint.root:
            raise VerificationError(
                f"tiles of {self._public} do not lead to the root of size {checkpoint.size}: they were changed",
                hint="find out what changed with `passerby register check`; restore the tiles from a copy",
            )
        self._public.drop_beyond(checkpoint.size)
        self._public.drop_partials(last_full_tiles(checkpoint.size))
        # a head that an earlier try left behind may not have reached the disk
        self._state.swap(HEAD, head, head)
        self._sign(checkpoint)
        self._sound = True

    def _refuse_older(self, head: Checkpoint) -> None:
        raw = self._public.get(CHECKPOINT)
        if raw is None:
            return
        published = Checkpoint.parse(split_note(raw)[0])
        if published.size > head.size or (published.size == head.size and published.root != head.root):
            raise VerificationError(
                f"published checkpoint (size {published.size}) must not be ahead of the head (size {head.size})",
                hint="the private directory is older than the public one: restore both from the same moment, or neither",
            )


def replace_checkpoint(public: Store, signed: SignedCheckpoint) -> None:
    """Publish a checkpoint, never in the place of a longer one: a writer that was held up must not turn the log back.

    Raises:
        LockedError: another writer was here.
        StorageError: it cannot be read or written.
    """
    before = public.get(CHECKPOINT)
    if before is not None:
        with suppress(FormatError):
            if Checkpoint.parse(split_note(before)[0]).size > signed.checkpoint.size:
                raise LockedError(f"{public} has a longer checkpoint: another writer was here")
    public.swap(CHECKPOINT, before, signed.note)


def _ascii(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise FormatError("head must be text") from exc
