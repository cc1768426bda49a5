"""What passes between custodian, authorities and requester, as files of JSON: boxes, and shares of named pieces."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Literal, cast

import rfc8785

from passerby_seal.keys import prefixed
from passerby_seal.pieces.context import FORMAT, Binding
from passerby_seal.pieces.layout import MOST_PIECES, u32
from passerby_seal.refusals import MalformedShareError, SealFormatError

ParcelKind = Literal["release", "hold"]
MOST_PARCEL_PIECES = 1024
_MOST_BYTES = 4 << 20
_HASH_DIGITS = 64
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_BOXES_FORMAT = "passerby-boxes/1"


@dataclass(frozen=True, slots=True)
class AuthorityBoxes:
    """What a custodian hands to the authorities of one pack: each can open its own.

    Attributes:
        context: Digest of the pack's context.
        boxes: One for each authority of the policy, in its order.
    """

    context: bytes
    boxes: tuple[bytes, ...]

    def to_json(self) -> bytes:
        """Return the file. Source: docs/seal-format.md, "Parcels of shares"."""
        boxes = [base64.b64encode(box).decode() for box in self.boxes]
        return rfc8785.dumps({"boxes": boxes, "context": self.context.hex(), "format": _BOXES_FORMAT})

    @classmethod
    def from_json(cls, data: bytes) -> AuthorityBoxes:
        """Read the file.

        Raises:
            SealFormatError: it is none.
        """
        try:
            said = _loaded(data)
            found = cls(bytes.fromhex(said["context"]), tuple(base64.b64decode(box) for box in said["boxes"]))
            fits = found.to_json() == data
        except (ValueError, TypeError, KeyError, RecursionError) as exc:
            raise SealFormatError(f"boxes must be JSON of {_BOXES_FORMAT}, got something else") from exc
        if not fits:
            raise SealFormatError(f"boxes must be canonical JSON of {_BOXES_FORMAT}, got something else")
        return found


@dataclass(frozen=True, slots=True)
class ShareParcel:
    """An authority's shares of named pieces, locked to one key.

    Attributes:
        kind: ``release`` to a requester; ``hold`` to the authority itself, beyond the hour's key.
        context: Digest of the pack's context, 32 bytes.
        authority: Its number in the policy, from 1.
        entry: Leaf hash of the register's entry that it rests on, 32 bytes.
        pieces: Their numbers, ascending.
        box: The shares.
        until: When a hold ends, as entries of the register spell it; empty for a release.
    """

    kind: ParcelKind
    context: bytes
    authority: int
    entry: bytes
    pieces: tuple[int, ...]
    box: bytes
    until: str = ""

    def info(self, binding: Binding) -> bytes:
        """Return what the box is bound to."""
        about = bytes([self.authority]) + self.entry + u32(len(self.pieces), *self.pieces)
        end = prefixed(self.until.encode()) if self.kind == "hold" else b""
        return binding.info(f"{FORMAT} {self.kind}") + about + end

    def to_json(self) -> bytes:
        """Return the file. Source: docs/seal-format.md, "Parcels of shares"."""
        said: dict[str, Any] = {
            "authority": self.authority,
            "box": base64.b64encode(self.box).decode(),
            "context": self.context.hex(),
            "entry": self.entry.hex(),
            "format": f"passerby-{self.kind}/1",
            "pieces": list(self.pieces),
        }
        return rfc8785.dumps(said | {"until": self.until} if self.kind == "hold" else said)

    @classmethod
    def from_json(cls, data: bytes) -> ShareParcel:
        """Read the file.

        Raises:
            MalformedShareError: it is none.
        """
        try:
            said = _loaded(data)
            kind = said["format"].removeprefix("passerby-").removesuffix("/1")
            context, entry = bytes.fromhex(said["context"]), bytes.fromhex(said["entry"])
            pieces = tuple(said["pieces"])
            box, until = base64.b64decode(said["box"]), said["until"] if kind == "hold" else ""
            found = cls(cast("ParcelKind", kind), context, said["authority"], entry, pieces, box, until)
            fits = found.to_json() == data and kind in {"release", "hold"} and _within(found)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
            raise MalformedShareError("parcel of shares must be JSON of its format, got something else") from exc
        if not fits:
            raise MalformedShareError("parcel of shares must be canonical JSON within its bounds, got something else")
        return found


def _within(parcel: ShareParcel) -> bool:
    numbers = (parcel.authority, *parcel.pieces)
    if any(type(number) is not int or not 0 <= number < MOST_PIECES for number in numbers):
        return False
    if parcel.kind == "hold" and not _INSTANT.fullmatch(parcel.until):
        return False
    lengths = (2 * len(parcel.context), 2 * len(parcel.entry))
    ascending = all(low < high for low, high in zip(parcel.pieces, parcel.pieces[1:], strict=False))
    return (
        lengths == (_HASH_DIGITS,) * 2
        and ascending
        and 1 <= len(parcel.pieces) <= MOST_PARCEL_PIECES
        and parcel.authority < 256
    )


def _loaded(data: bytes) -> dict[str, Any]:
    if len(data) > _MOST_BYTES:
        raise ValueError("too large")
    said = json.loads(data)
    if not isinstance(said, dict):
        raise TypeError("no object")
    return said
