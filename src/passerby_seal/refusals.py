"""Why sealing or reading a seal was refused: one class a reason, so that a caller and a test can tell them apart.

SealError
├── SealFormatError         bytes are no pack, parcel or box: malformed, or beyond the bounds of the format
│   └── KeyFormatError      text or bytes are no key
├── SealCutError            a pack ends before its close, or a piece before its end
├── SealOrderError          records are missing, doubled, injected or not in their order
├── SealAlteredError        a signature, digest or tag says that bytes are not what was sealed
├── UnknownPieceError       the pack has no such piece
├── WrongCameraError        the custodian's key is of another camera
├── WrongHourError          the custodian's key is of another hour
├── WrongCustodyKeyError    the custodian's key is not the one that the pack names
├── WrongAuthorityKeyError  the key is of no authority of the policy
├── WrongRequesterKeyError  a parcel is not to this key
├── NotOnRecordError        the register's entry does not allow this: another kind, camera, piece or requester, or no witness
├── RetentionOverError      the retention of a pack, or the hold of a piece, has ended
├── SharesError             shares do not make the key of a piece
│   ├── TooFewSharesError   fewer authorities than needed
│   ├── DoubledShareError   one authority twice
│   ├── ForeignShareError   a parcel of another pack, entry, authority or of other pieces
│   ├── MalformedShareError a parcel that opens and does not hold what it must
│   └── WrongShareError     two authorities contradict each other, or together they do not make the key
├── BucketFullError         a bucket holds no further piece: begin a new one
└── BucketClosedError       a bucket or piece takes nothing any more: it was closed, or its store failed
"""

from __future__ import annotations

from typing import ClassVar

from passerby.errors import SealError


class RefusedError(SealError):
    """What all of them have.

    Attributes:
        advice: The hint where whoever raises it knows nothing better.
    """

    advice: ClassVar[str]

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint or self.advice)


class SealFormatError(RefusedError):
    """Bytes are no pack, parcel or box of the format: malformed, or beyond its bounds."""

    advice = "it was damaged on its way, or is another file: have it sent again"


class KeyFormatError(SealFormatError):
    """Text or bytes are no key."""

    advice = "passerby seal key makes keys"


class SealCutError(RefusedError):
    """A pack ends before its close, or a piece before its end."""

    advice = "have the whole file sent again; of an hour that is still written, read what is there with --unfinished"


class SealOrderError(RefusedError):
    """Records are missing, doubled, injected or not in their order."""

    advice = "give the parts of a pack in their order, each once; else have it sent again"


class SealAlteredError(RefusedError):
    """A signature, digest or tag says that bytes are not what was sealed."""

    advice = "have it sent again; if it stays so, whoever kept it has changed it"


class UnknownPieceError(RefusedError):
    """The pack has no such piece."""

    advice = "passerby seal list names the pieces"


class WrongCameraError(RefusedError):
    """The custodian's key is of another camera."""

    advice = "keys lie under KEYS/<camera>/"


class WrongHourError(RefusedError):
    """The custodian's key is of another hour."""

    advice = "keys are named by their hour, KEYS/<camera>/<hour>.key"


class WrongCustodyKeyError(RefusedError):
    """The custodian's key is not the one that the pack names."""

    advice = "give the private key whose public one the gateway had at that hour"


class WrongAuthorityKeyError(RefusedError):
    """The key is of no authority of the policy."""

    advice = "passerby seal list names the authorities of a pack"


class WrongRequesterKeyError(RefusedError):
    """A parcel is not to this key."""

    advice = "give the private key whose public one the entry names"


class NotOnRecordError(RefusedError):
    """The register's entry does not allow this: another kind, camera, piece or requester, or no witness saw it."""

    advice = (
        "nothing is given out that the register does not allow: docs/seal.md says which entry must stand there before"
    )


class RetentionOverError(RefusedError):
    """The retention of a pack, or the hold of a piece, has ended."""

    advice = "destroy what is left of it"


class SharesError(RefusedError):
    """Shares do not make the key of a piece."""

    advice = "have the authorities release again, under one entry"


class TooFewSharesError(SharesError):
    """Fewer authorities than needed."""

    advice = "have further authorities of the pack release"


class DoubledShareError(SharesError):
    """One authority twice."""

    advice = "give one parcel of each authority"


class ForeignShareError(SharesError):
    """A parcel of another pack, entry, authority or of other pieces."""

    advice = "give parcels and boxes of this pack, under one entry"


class MalformedShareError(SharesError):
    """A parcel that opens and does not hold what it must."""

    advice = "have this authority release again"


class WrongShareError(SharesError):
    """Two authorities contradict each other, or together they do not make the key."""

    advice = "have each authority release again: one of them gave out something else"


class BucketFullError(RefusedError):
    """A bucket holds no further piece: begin a new one."""

    advice = "begin another"


class BucketClosedError(RefusedError):
    """A bucket or piece takes nothing any more: it was closed, or its store failed."""

    advice = "begin another"


class StorageFullError(RefusedError):
    """What was sealed cannot be written: the disk is full, or the store is away."""

    advice = "free space, or bring the store back: veiling goes on, faces are not kept meanwhile"


class IndexSpanError(RefusedError):
    """An index is asked for more than ten minutes, or for none."""

    advice = "ask for another span; a further one takes a further request"

    exit_code = 2
