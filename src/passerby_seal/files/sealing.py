"""Seals the faces of one clip beside its veiled output: ``passerby veil --seal``.

The process that veils the clip seals it too: it sees the clip bare anyway. What fails here ends the sealing and is said; the clip
is veiled all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from passerby.errors import ConfigError
from passerby.files import atomic_name
from passerby.veil import UncoveredFaces
from passerby_seal.keys import SealPolicy
from passerby_seal.patches import PatchSealer, SealCounts, SealLimits, cut_patches
from passerby_seal.pieces import FILE_ORIGIN, BucketContext, SealBucket

SUFFIX = ".seal"
"""A pack stands beside the output, with this after its name."""


class _GivenUpError(Exception):
    """Nothing is to be kept of the pack."""


@dataclass(frozen=True, slots=True)
class _FileSink:
    file: BinaryIO

    def append(self, data: bytes) -> None:
        self.file.write(data)


class FileSealing:
    """Seals what it is told of, until something fails.

    Args:
        policy: Names the custodian's key.
        file: Takes the pack.
        limits: None takes the defaults.

    Attributes:
        counts: What was sealed, and what was not.
        pieces: How many.
        failed: Why nothing is sealed any more, or empty.
    """

    def __init__(self, policy: SealPolicy, file: BinaryIO, limits: SealLimits | None = None) -> None:
        key = policy.custodian.key
        if key is None:
            raise ConfigError(
                "custodian must have a key for files to be sealed, got none",
                hint="passerby seal key makes one; its public part goes under custodian: in the policy",
            )
        self._file, self.failed = file, ""
        self.counts, self.pieces = SealCounts(), 0
        context = BucketContext(FILE_ORIGIN, os.urandom(16).hex(), f"{datetime.now(UTC):%Y-%m-%dT%H}")
        self._bucket: SealBucket | None = None
        self._sealer: PatchSealer | None = None
        try:
            self._bucket = SealBucket(context, policy, key, _FileSink(file))
            self._sealer = PatchSealer(self._bucket, limits)
            self.counts = self._sealer.counts
        except OSError as exc:
            self._give_up(exc)

    def before_cover(self, faces: UncoveredFaces) -> None:
        """Seal the faces of a frame that is about to be covered. Whatever fails, also what nobody thought of, is said."""
        if self._sealer is None:
            self.counts.storage += len(faces.xyxy)
            return
        before = replace(self.counts)
        try:
            cut = cut_patches(faces)
            self.counts.unsure += cut.unsure
            self.counts.small += cut.small
            self._sealer.take(cut.patches)
        except Exception as exc:  # noqa: BLE001  # the veil would only stop telling, and nobody know
            before.storage += len(faces.xyxy)
            self.counts = before
            self._give_up(exc)

    def finish(self) -> None:
        """End all pieces and the pack, and see it on the disk: nothing follows."""
        if self._sealer is None or self._bucket is None:
            return
        try:
            self._sealer.close()
            self._bucket.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self.pieces = self._sealer.pieces
        except Exception as exc:  # noqa: BLE001  # as above
            self._give_up(exc)

    def forget(self) -> None:
        """Overwrite what keys there still are."""
        if self._bucket is not None:
            self._bucket.forget()

    def told(self) -> str:
        """Return what was done, for people."""
        counts = self.counts
        if self.failed:
            return f"sealing stopped, nothing is sealed of this clip: {self.failed}"
        left = f"{counts.unsealed} not: {counts.unsure} may be two people's, {counts.small} hidden, {counts.behind} too many"
        return f"sealed {counts.sealed} faces in frames, in {self.pieces} pieces, {left}"

    def _give_up(self, exc: Exception) -> None:
        self.failed = str(getattr(exc, "strerror", None) or str(exc) or type(exc).__name__)
        self.forget()
        self.counts.storage += self.counts.sealed
        self.counts.sealed = 0
        self._sealer = self._bucket = None


@dataclass(frozen=True, slots=True)
class SealBeside:
    """A pack that is being written.

    Attributes:
        sealing: Is told of frames.
        beside: Where the pack lies until it is whole.
        target: Where it will stand.
    """

    sealing: FileSealing
    beside: Path
    target: Path


@contextmanager
def seal_beside(
    policy: SealPolicy, output: Path, *, overwrite: bool, limits: SealLimits | None = None
) -> Iterator[SealBeside]:
    """Write a pack beside an output: it appears, whole, when the block ends well, and not at all where sealing failed.

    Args:
        policy: Who may open how; names the custodian's key for files.
        output: The veiled clip's name.
        overwrite: Replace an existing pack.
        limits: None takes the defaults.

    Raises:
        ConfigError: the policy names no custodian's key.
        UsageError: something else stands under the pack's name.
        OutputError: the folder cannot be written.
    """
    target = output.with_name(output.name + SUFFIX)
    with suppress(_GivenUpError), atomic_name(target, overwrite=overwrite) as beside:
        with beside.open("xb", buffering=0) as file:
            sealing = FileSealing(policy, file, limits)
            try:
                yield SealBeside(sealing, beside, target)
            finally:
                sealing.forget()
        if sealing.failed:
            raise _GivenUpError
