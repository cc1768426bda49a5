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

from passerby.errors import SealError


class SealFormatError(SealError):
    """Bytes are no pack, parcel or box of the format: malformed, or beyond its bounds."""


class KeyFormatError(SealFormatError):
    """Text or bytes are no key."""


class SealCutError(SealError):
    """A pack ends before its close, or a piece before its end."""


class SealOrderError(SealError):
    """Records are missing, doubled, injected or not in their order."""


class SealAlteredError(SealError):
    """A signature, digest or tag says that bytes are not what was sealed."""


class UnknownPieceError(SealError):
    """The pack has no such piece."""


class WrongCameraError(SealError):
    """The custodian's key is of another camera."""


class WrongHourError(SealError):
    """The custodian's key is of another hour."""


class WrongCustodyKeyError(SealError):
    """The custodian's key is not the one that the pack names."""


class WrongAuthorityKeyError(SealError):
    """The key is of no authority of the policy."""


class WrongRequesterKeyError(SealError):
    """A parcel is not to this key."""


class NotOnRecordError(SealError):
    """The register's entry does not allow this: another kind, camera, piece or requester, or no witness saw it."""


class RetentionOverError(SealError):
    """The retention of a pack, or the hold of a piece, has ended."""


class SharesError(SealError):
    """Shares do not make the key of a piece."""


class TooFewSharesError(SharesError):
    """Fewer authorities than needed."""


class DoubledShareError(SharesError):
    """One authority twice."""


class ForeignShareError(SharesError):
    """A parcel of another pack, entry, authority or of other pieces."""


class MalformedShareError(SharesError):
    """A parcel that opens and does not hold what it must."""


class WrongShareError(SharesError):
    """Two authorities contradict each other, or together they do not make the key."""


class BucketFullError(SealError):
    """A bucket holds no further piece: begin a new one."""


class BucketClosedError(SealError):
    """A bucket or piece takes nothing any more: it was closed, or its store failed."""


class StorageFullError(SealError):
    """What was sealed cannot be written: the disk is full, or the store is away."""


class IndexSpanError(SealError):
    """An index is asked for more than ten minutes, or for none."""

    exit_code = 2
