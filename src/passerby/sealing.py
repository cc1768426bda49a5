"""The way to the distribution `passerby-seal`, where it is installed. Nothing else in `passerby` knows that it exists.

Sealing keeps faces, locked, so its code is absent unless it was chosen: `pip install 'passerby[seal]'`.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType

from passerby.errors import UsageError

PACKAGE = "passerby_seal"
INDEX_NS = 60 * 10**9
"""A part of the index is of so long: one minute by the clock."""
HINT = "pip install 'passerby[seal]'; where nothing is sealed nobody's face is kept"


def installed() -> bool:
    """Return whether this installation can seal at all."""
    return importlib.util.find_spec(PACKAGE) is not None


def load(part: str = "") -> ModuleType:
    """Return the door of `passerby_seal`, or of one of its wings.

    Args:
        part: The wing, such as ``"files"``; empty for the room's own door.

    Raises:
        UsageError: it is not installed.
    """
    if not installed():
        raise UsageError(
            "sealing must be installed to be used, got an installation without it",
            hint=HINT,
        )
    return importlib.import_module(f"{PACKAGE}.{part}" if part else PACKAGE)


@dataclass(frozen=True, slots=True)
class SealedCamera:
    """What of a camera is sealed, to whom, and where it goes.

    Attributes:
        origin: Of the log in which it stands.
        camera: Its identifier there.
        policy: File of the authorities.
        policy_digest: What that file must say: the terms that the register announces.
        custody: Folder of the custodian's public keys.
        folder: Where packs are written.
        index: Its recordings get an index.
    """

    origin: str
    camera: str
    policy: Path
    policy_digest: str
    custody: Path
    folder: Path
    index: bool


@dataclass(frozen=True, slots=True)
class IndexPart:
    """A part of the index of a recording, of one minute: which figure in a frame leads to which piece.

    Attributes:
        begin_ns: When its minute begins, wall time, ns since 1970.
        data: Encrypted to the custodian, base64: nobody here can read it.
    """

    begin_ns: int
    data: str


@dataclass(frozen=True, slots=True)
class SealTally:
    """What was sealed of a camera, and what was covered and is not kept: faces, counted once a picture.

    Attributes:
        sealed: Kept, in pieces that are closed.
        unsure: Two people may have been taken for one.
        small: Too few of their own pixels show.
        behind: Sealing could not keep up.
        storage: Nothing could be written.
        ended: The sealing process ended before their piece was closed, or could not begin.
        open: In pieces that are not closed yet: kept one day, or not.
        pieces: That hold what is sealed.
        written_bytes: Of packs.
    """

    sealed: int = 0
    unsure: int = 0
    small: int = 0
    behind: int = 0
    storage: int = 0
    ended: int = 0
    open: int = 0
    pieces: int = 0
    written_bytes: int = 0

    @property
    def unsealed(self) -> int:
        """Return how many faces were covered and are not kept."""
        return self.unsure + self.small + self.behind + self.storage + self.ended

    def broken_off(self) -> SealTally:
        """Return what it becomes where the process that counted is gone: what was open is not kept.

        >>> SealTally(open=2, ended=1).broken_off().ended
        3
        """
        return replace(self, ended=self.ended + self.open, open=0)

    def plus(self, other: SealTally) -> SealTally:
        """Return the sums of the two.

        >>> SealTally(sealed=2).plus(SealTally(sealed=1, unsure=1)).sealed
        3
        """
        names = [field.name for field in fields(SealTally)]
        return SealTally(**{name: getattr(self, name) + getattr(other, name) for name in names})
