"""One camera's hour as its sealing process holds it: bucket, streams, pack and index."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from passerby.errors import SealError
from passerby.sealing import INDEX_NS, IndexPart
from passerby_seal.camera.hours import HOUR_NS, HourTimes, hour_text
from passerby_seal.camera.spool import SpoolFile, pack_name
from passerby_seal.camera.talk import HourCounts, HourOrder
from passerby_seal.custody import hour_key
from passerby_seal.keys import SealingKey, SealPolicy, read_policy
from passerby_seal.patches import Patch, PatchSealer
from passerby_seal.pieces import BucketContext, SealBucket
from passerby_seal.pointing import INDEX_FORMAT, IndexWriter, MakeHeader, PartHeader


class OpenedHour:
    """Seals the patches of one camera and hour.

    Args:
        order: What it is for.

    Raises:
        SealError: the policy is not the one that the register announces, the custodian's key cannot be used, or nothing can
            be written.
        ConfigError: the policy cannot be read.
    """

    def __init__(self, order: HourOrder) -> None:
        self._times = HourTimes(order.hour, order.offset_ns)
        policy, hour = _announced_policy(order), hour_text(order.hour)
        custodian = SealingKey(hour_key(Path(order.custody), order.camera, hour))
        context = BucketContext(order.origin, order.camera, hour)
        self._spool = SpoolFile(order.spool, pack_name(hour, context.bucket))
        self._bucket = SealBucket(context, policy, custodian, self._spool)
        self._sealer = PatchSealer(self._bucket)
        first = self._times.wall_ns(time.monotonic_ns()) // INDEX_NS
        minutes = range(first, (order.hour + 1) * (HOUR_NS // INDEX_NS))
        made = IndexWriter(_header(context, custodian), custodian, self._bucket.sign_index, minutes)
        self._index = made if order.index else None
        self._roots: list[str] = []
        self._parts: list[IndexPart] = []
        self._failed = 0

    @property
    def counts(self) -> HourCounts:
        """Return what was counted since it began."""
        counts, open_faces = self._sealer.counts, self._sealer.open_faces
        return HourCounts(
            sealed=counts.sealed - open_faces,
            unsure=counts.unsure,
            small=counts.small,
            behind=counts.behind,
            storage=counts.storage + self._failed,
            pieces=self._sealer.pieces,
            written_bytes=self._spool.whole_bytes,
        )

    def take(self, patches: Sequence[Patch]) -> None:
        """Seal the patches of one frame, whose times are the machine's even ones.

        Raises:
            StorageFullError: nothing can be written any more.
        """
        stamped = [replace(patch, captured_ns=self._times.wall_ns(patch.captured_ns)) for patch in patches]
        pieces = self._sealer.take(stamped)
        if self._index is not None:
            for patch, piece in zip(stamped, pieces, strict=True):
                if piece >= 0:
                    width, height = patch.frame
                    x0, y0, x1, y1 = patch.box
                    box = (x0 / width, y0 / height, x1 / width, y1 / height)
                    self._index.note(patch.captured_ns, box, piece)

    def tick(self, captured_ns: int) -> None:
        """End what got nothing for a while; to be called about once a second.

        Args:
            captured_ns: Now, by the machine's even clock.

        Raises:
            StorageFullError: nothing can be written any more.
        """
        wall_ns = self._times.wall_ns(captured_ns)
        self._sealer.tick(wall_ns)
        self._parts += self._index.due(wall_ns) if self._index is not None else []

    def take_tree(self) -> None:
        """Put what was ended since the last time under a root, and force it to the disk.

        Raises:
            StorageFullError: it cannot be written.
        """
        tree = self._bucket.take_tree()
        self._roots += [tree.root.hex()] if tree is not None else []
        self._spool.sync()

    def take_told(self) -> tuple[tuple[str, ...], tuple[IndexPart, ...]]:
        """Return the roots and the parts of the index since the last call."""
        told = tuple(self._roots), tuple(self._parts)
        self._roots, self._parts = [], []
        return told

    def close(self) -> None:
        """End every piece, the bucket and the pack.

        Raises:
            StorageFullError: it cannot be written.
        """
        self._sealer.close()
        self._parts += self._index.close() if self._index is not None else []
        tree = self._bucket.close()
        self._roots += [tree.root.hex()] if tree is not None else []
        self._spool.finish()

    def fail(self, *, storage: bool) -> None:
        """Forget every key. What lies in open pieces is lost.

        Args:
            storage: Because nothing can be written; else because a stream cannot be ended.
        """
        self._failed = self._sealer.open_faces if storage else 0
        self._bucket.forget()
        self._spool.abandon()


def _announced_policy(order: HourOrder) -> SealPolicy:
    policy = read_policy(Path(order.policy))
    if policy.digest != order.policy_digest:
        raise SealError(
            f"policy {order.policy} must be what the register announces, has changed since city.yml was read",
            hint="systemctl reload passerby: the change is announced, and counts from then on",
        )
    return policy


def _header(context: BucketContext, custodian: SealingKey) -> MakeHeader:
    def made(number: int, minute: int) -> PartHeader:
        return PartHeader(
            bucket=context.bucket.hex(),
            camera=context.camera,
            custody=custodian.digest,
            format=INDEX_FORMAT,
            hour=context.hour,
            minute=minute,
            number=number,
            origin=context.origin,
        )

    return made
