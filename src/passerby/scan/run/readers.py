"""The readers of all wings, in one order."""

from __future__ import annotations

from passerby.scan import binaries, calls, models, packages, stores, wiring
from passerby.scan.values import Reader

READERS: tuple[Reader, ...] = (
    *packages.READERS,
    *models.READERS,
    *stores.READERS,
    *calls.READERS,
    *binaries.READERS,
    *wiring.READERS,
)
