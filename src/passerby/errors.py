"""Every error that Passerby raises on purpose. Foreign errors become one of these at the border.

PasserbyError
├── UsageError              wrong use: exit code 2
│   └── ConfigError         a configuration file is wrong, with file and line
├── OutputError             a file cannot be written whole
│   └── NoSpaceError        the disk is full
├── StoreError              an object store does not answer, or refuses
├── MediaError
│   ├── UnreadableError     the input cannot be read or does not decode
│   ├── UnsupportedError    the input decodes, but writing it veiled would not be right
│   └── BitstreamError      bytes are not the H.264 that is understood here
├── VeilError
│   ├── WeightsError        a weights file is missing, changed, or has an unknown layout
│   └── DetectorError       the detector failed, hung, or returned something that is no detection
├── LawError
│   ├── FactsError          facts are unknown, outside the vocabulary, or contradict each other
│   └── RuleError           a rule file is broken
├── RegisterError
│   ├── EntryError          an entry does not fit its schema
│   ├── FormatError         a note, tile, proof, policy or key does not parse
│   ├── VerificationError   it parses, and a signature, proof or rule says it is wrong
│   │   ├── TileError       a tile or an entry is not what the signed root says
│   │   └── RewrittenError  the log was put back or rewritten: its signed checkpoints contradict each other
│   ├── LockedError         another writer holds the log
│   ├── UnfinishedError     the time for reading a log is over, so nothing is said of its rest: exit code 3
│   └── StorageError        the log cannot be read or written
│       └── UnreachableError    a visit was not possible, so nothing is said of the log: exit code 3
├── ScanError               a target, the catalogue or a declaration cannot be used
├── AuditError              a log, footage or labels cannot be measured
├── SealError               a seal cannot be made, kept or opened; the reasons are in `passerby_seal.refusals`
├── DeskError               a project, an edit or an export of the desk is not right
└── GatewayError
    ├── CameraError         a camera cannot be reached, refuses, or sends what cannot be used
    ├── AccessError         a person or program may not do this
    └── ServiceError        a part of the gateway cannot start or had to stop
"""

from __future__ import annotations


class PasserbyError(Exception):
    """The root. The message says what was wanted and what came; the hint, what to do.

    Args:
        message: One sentence, lower case, without a full stop: ``thing must be X, got Y``. Never a key, a face or a name.
        hint: What to do about it, or None.
    """

    exit_code = 1
    ends_run = False
    """Whether every further file of the run would meet it too."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(PasserbyError):
    """The command or call was used wrongly."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file is wrong; the message starts with ``file:line:``."""


class OutputError(PasserbyError):
    """A file cannot be written whole, so nothing of it was left."""


class NoSpaceError(OutputError):
    """The disk is full."""

    ends_run = True


class StoreError(PasserbyError):
    """An object store does not answer, or refuses."""

    ends_run = True


class MediaError(PasserbyError):
    """Reading or writing pictures and clips failed."""


class UnreadableError(MediaError):
    """The input cannot be read, or does not decode."""


class UnsupportedError(MediaError):
    """The input decodes, but Passerby cannot write it veiled and right, so it refuses."""


class BitstreamError(MediaError):
    """Bytes are not the H.264 that is understood here: they are broken, or say what is refused rather than guessed."""


class VeilError(PasserbyError):
    """Finding, following or covering faces failed."""


class WeightsError(VeilError):
    """A weights file is missing, changed, or has an unknown layout."""


class DetectorError(VeilError):
    """The detector failed, hung, or returned something that is no detection."""


class LawError(PasserbyError):
    """Assessing a deployment failed."""


class FactsError(LawError):
    """Facts are unknown, outside the vocabulary, or contradict each other."""

    exit_code = 2


class RuleError(LawError):
    """A rule file is broken."""


class RegisterError(PasserbyError):
    """Something about the public log failed."""


class EntryError(RegisterError):
    """An entry does not fit its schema."""


class FormatError(RegisterError):
    """A note, tile, proof, policy or key does not parse."""


class VerificationError(RegisterError):
    """It parses, but a signature, a proof or a rule of the log says that it is wrong."""


class TileError(VerificationError):
    """A tile or an entry is not what the signed root says: it was damaged or changed."""


class RewrittenError(VerificationError):
    """The log was put back or rewritten: its signed checkpoints contradict each other."""


class LockedError(RegisterError):
    """Another writer holds the log."""


class UnfinishedError(RegisterError):
    """The time for reading a log is over: what was read is told, and nothing is said of the rest."""

    exit_code = 3


class StorageError(RegisterError):
    """The log cannot be read or written."""


class UnreachableError(StorageError):
    """A watcher's visit was not possible, so that nothing is said of the log."""

    exit_code = 3


class ScanError(PasserbyError):
    """A target, the catalogue, a suppression or a declaration cannot be used."""


class AuditError(PasserbyError):
    """A log, footage or labels cannot be measured as they are."""


class SealError(PasserbyError):
    """A seal cannot be made, kept or opened. `passerby_seal.refusals` holds one class a reason."""


class DeskError(PasserbyError):
    """A project, an edit or an export of the desk is not right; nothing of it was taken."""


class GatewayError(PasserbyError):
    """Running cameras failed."""


class CameraError(GatewayError):
    """A camera cannot be reached, refuses, or sends what cannot be used."""


class AccessError(GatewayError):
    """A person or program may not do this."""


class ServiceError(GatewayError):
    """A part of the gateway cannot start, or had to stop."""
