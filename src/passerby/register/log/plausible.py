"""What the writer refuses because it cannot be: a retention that no disk outlives, a position of the law that there is not."""

from __future__ import annotations

from datetime import timedelta

from passerby.errors import EntryError
from passerby.register.entries import CameraChanged, CameraRegistered, Entry, RequestReceived
from passerby.register.seal_entries import SealAnnounced, SealHeld

MAX_RETENTION_H = 87_600
"""Ten years. Source: as city.yml's longest retention; a mistyped unit makes more of it."""
MAX_SEALED_H = 720
"""Thirty days. Source: ten times the usual 72 hours; more is a mistyped unit."""
MAX_HOLD = timedelta(days=90)
"""A hold has an end; one that is still needed then is decided anew."""
POSITIONS = ("act-2024", "commission-2021", "council-2022", "edpb-2021", "parliament-2023")
"""Positions of the law, as ``passerby assess`` knows them; a test compares."""


def check_plausible(entry: Entry) -> None:
    """Refuse an entry that states what cannot be.

    Raises:
        EntryError: a retention or a hold is longer than any can be, or the position is unknown.
    """
    if isinstance(entry, (CameraRegistered, CameraChanged)):
        for name, hours in (("retention_h", entry.retention_h), ("sealed_h", entry.sealed_h)):
            if hours is not None and hours > MAX_RETENTION_H:
                raise EntryError(
                    f"{name} must be at most {MAX_RETENTION_H} hours (ten years), got {hours}", hint="it is in hours"
                )
    if isinstance(entry, SealAnnounced) and entry.retention_h > MAX_SEALED_H:
        raise EntryError(
            f"retention_h of locked faces must be at most {MAX_SEALED_H} hours (thirty days), got {entry.retention_h}",
            hint="it is in hours",
        )
    if isinstance(entry, SealHeld) and entry.until - entry.at > MAX_HOLD:
        raise EntryError(f"a hold must end within {MAX_HOLD.days} days, got {(entry.until - entry.at).days}")
    position = entry.position if isinstance(entry, (CameraRegistered, CameraChanged, RequestReceived)) else None
    if position is not None and position not in POSITIONS:
        raise EntryError(
            f"position must be one of {', '.join(POSITIONS)}, got {position}", hint="see `passerby law show`"
        )
