"""What the writer says of an entry's date before the entry stands for ever: a typo is refused, a clock that is off is told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from passerby.errors import EntryError
from passerby.register.entries import Entry
from passerby.register.fields import format_instant
from passerby.register.notes import CLOCK_ERROR, CLOCK_SLACK

_log = logging.getLogger("passerby.register")


def check_dates(entries: Sequence[Entry], clock: datetime) -> None:
    """Refuse entries that are dated ahead of the writer's clock by more than any clock that was set wrong, and tell the rest.

    What is ahead by less is written: it may be waiting since before a clock was corrected, and must not be lost for that.

    Raises:
        EntryError: one is dated more than a day ahead; none is written.
    """
    for entry in entries:
        ahead = entry.at - clock
        if ahead > CLOCK_ERROR:
            raise EntryError(
                f"entry must not be dated ahead of this machine's clock, {format_instant(clock)}, got {format_instant(entry.at)}",
                hint="mend the date, or the clock; nothing was written",
            )
        if ahead > CLOCK_SLACK:
            _log.warning(
                "entry is dated %s, ahead of this machine's clock, %s: verifiers will name it",
                format_instant(entry.at),
                format_instant(clock),
            )
