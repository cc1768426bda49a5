"""What a bucket belongs to: log, camera, hour. Everything that is locked in it is bound to these bytes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import rfc8785

from passerby.errors import UsageError
from passerby.values import Digest
from passerby_seal.keys import prefixed
from passerby_seal.refusals import SealFormatError

FORMAT = "passerby-seal/1"
HOUR = timedelta(hours=1)
FILE_ORIGIN = "file"
"""Where a file was veiled, and no log has a camera for it."""
ID_BYTES = 16
SIGNER_BYTES = 32
_ID = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOUR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}")
_SIGNER = re.compile(r"[0-9a-f]{64}")
_ORIGIN = re.compile(r"[^\x00-\x1f\x7f]{1,255}")


@dataclass(frozen=True, slots=True)
class BucketContext:
    """One camera, or one file, and one hour.

    Attributes:
        origin: The log's origin; ``FILE_ORIGIN`` for a file.
        camera: Its identifier in the register, 32 hex digits; of a file, random.
        hour: In UTC, as ``2026-11-30T10``.
        bucket: 16 bytes, random: a sealing process that replaces another one begins a bucket of its own.
    """

    origin: str
    camera: str
    hour: str
    bucket: bytes = field(default_factory=lambda: os.urandom(ID_BYTES))

    def __post_init__(self) -> None:
        for name, pattern in (("origin", _ORIGIN), ("camera", _ID), ("hour", _HOUR)):
            if not pattern.fullmatch(getattr(self, name)):
                raise UsageError(f"{name} of a bucket must fit {pattern.pattern}, got {getattr(self, name)!r}")
        try:
            _ = self.begins
        except ValueError as exc:
            raise UsageError(f"hour of a bucket must be one of the calendar, got {self.hour}") from exc
        if len(self.bucket) != ID_BYTES:
            raise UsageError(f"bucket must be {ID_BYTES} bytes, got {len(self.bucket)}")

    @property
    def begins(self) -> datetime:
        """When its hour begins, aware."""
        return datetime.strptime(f"{self.hour}+0000", "%Y-%m-%dT%H%z")


@dataclass(frozen=True)
class Binding:
    """A bucket's context as it stands in its pack, with what it was sealed to and signed by.

    Attributes:
        context: Log, camera, hour, bucket.
        policy: Digest of the policy.
        custody: Digest of the custodian's public key.
        signer: The pack's own public key.
    """

    context: BucketContext
    policy: Digest
    custody: Digest
    signer: bytes

    @cached_property
    def json(self) -> bytes:
        """The bytes that everything is bound to."""
        return rfc8785.dumps({
            "bucket": self.context.bucket.hex(),
            "camera": self.context.camera,
            "custody": self.custody,
            "format": FORMAT,
            "hour": self.context.hour,
            "origin": self.context.origin,
            "policy": self.policy,
            "signer": self.signer.hex(),
        })  # fmt: skip

    @cached_property
    def digest(self) -> bytes:
        """``C`` of the format: 32 bytes."""
        return hashlib.sha256(self.json).digest()

    @classmethod
    def parse(cls, data: bytes) -> Binding:
        """Read a pack's context.

        Raises:
            SealFormatError: it is none, or not spelled as the format has it.
        """
        try:
            said = json.loads(data)
            patterns = {"bucket": _ID, "custody": _DIGEST, "policy": _DIGEST, "signer": _SIGNER}
            if not all(pattern.fullmatch(said[name]) for name, pattern in patterns.items()):
                raise SealFormatError("context of a pack must name bucket, custody, policy and signer in hex")
            context = BucketContext(said["origin"], said["camera"], said["hour"], bytes.fromhex(said["bucket"]))
            found = cls(context, said["policy"], said["custody"], bytes.fromhex(said["signer"]))
            fits = found.json == data
        except (ValueError, TypeError, KeyError, RecursionError, UsageError) as exc:
            raise SealFormatError("context of a pack must be the format's canonical JSON, got something else") from exc
        if not fits:
            raise SealFormatError(
                f"context of a pack must be canonical JSON of the format {FORMAT}, got something else"
            )
        return found

    def info(self, label: str) -> bytes:
        """Return how a box of this bucket begins its ``info``."""
        return prefixed(label.encode(), self.json)

    def about(self, label: str) -> bytes:
        """Return how a signature, leaf, share or chunk of this bucket begins."""
        return prefixed(label.encode()) + self.digest
