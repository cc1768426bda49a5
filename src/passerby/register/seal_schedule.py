"""From when to when faces are kept locked at one camera, as its log announces it, and what began without due notice.

A plain function of the announcements, used alike by the gateway before it seals, by the pages and by verifiers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from passerby.register.fields import format_instant
from passerby.register.seal_entries import SEAL_NOTICE, SealAnnounced

MOST_KEPT = 64
"""Announcements of one camera that are remembered, the newest."""


class SealSchedule:
    """The announcements of one camera, in the order of the log.

    Args:
        announced: Those that are known.
    """

    def __init__(self, announced: Iterable[SealAnnounced] = ()) -> None:
        self.announced = list(announced)

    def add(self, entry: SealAnnounced) -> None:
        """Take the next announcement; it replaces every earlier one that was to begin when it does, or later."""
        self.announced = [*(one for one in self.announced if one.begins < entry.begins), entry][-MOST_KEPT:]

    def at(self, instant: datetime) -> SealAnnounced | None:
        """Return what is in force at an instant, or None where no face is kept then."""
        begun = [one for one in self.announced if one.begins <= instant]
        return begun[-1] if begun and begun[-1].retention_h else None

    def coming(self, instant: datetime) -> SealAnnounced | None:
        """Return the next announcement that begins after an instant, or None."""
        return next((one for one in self.announced if one.begins > instant), None)

    def breach(self, entry: SealAnnounced, stated: datetime) -> str | None:
        """Say in what an announcement comes too late; to be asked before ``add``.

        Args:
            entry: The next announcement.
            stated: When it can have been stated at the earliest: its own ``at``, or later where the log shows that.

        Returns:
            None where at every moment until ``SEAL_NOTICE`` after ``stated`` it keeps no more, no longer and for no others than
            what had been announced for that moment.
        """
        due = stated + SEAL_NOTICE
        if entry.begins >= due:
            return None
        before = [self.at(entry.begins), *(one for one in self.announced if entry.begins < one.begins < due)]
        for one in before:
            what = laxer(entry, one)
            if what:
                begins = format_instant(entry.begins)
                return f"{what} must be announced {SEAL_NOTICE.days} days ahead: stated {format_instant(stated)}, begins {begins}"
        return None


def laxer(entry: SealAnnounced, before: SealAnnounced | None) -> str | None:
    """Say in what an announcement allows more than another one, or than none; None where it does not."""
    if entry.retention_h == 0:
        return None
    if before is None or before.retention_h == 0:
        return "keeping faces locked"
    if entry.retention_h > before.retention_h:
        return f"keeping faces for {entry.retention_h} hours instead of {before.retention_h}"
    if (entry.needed or 0) < (before.needed or 0):
        return f"opening with {entry.needed} authorities instead of {before.needed}"
    if set(entry.authorities or ()) != set(before.authorities or ()):
        return "locking faces to other authorities"
    return "another custodian" if entry.custodian != before.custodian else None
