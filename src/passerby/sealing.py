"""The way to the distribution `passerby-seal`, where it is installed. Nothing else in `passerby` knows that it exists.

Sealing keeps faces, locked, so its code is absent unless it was chosen: `pip install 'passerby[seal]'`.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from passerby.errors import UsageError

PACKAGE = "passerby_seal"


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
            hint="pip install 'passerby[seal]'; where nothing is sealed nobody's face is kept",
        )
    return importlib.import_module(f"{PACKAGE}.{part}" if part else PACKAGE)
