"""Structured logs: one JSON object a line on standard error. What repeats is counted and told once a second, not repeated."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

PER_S = 50
"""Lines a second over all; more are counted."""
_PLACES = 1024
_MOST = 2000


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {
            "time": at,
            "level": record.levelname.lower(),
            "part": record.name,
            "text": record.getMessage()[:_MOST],
        }
        for key in ("camera", "event", "repeated"):
            if hasattr(record, key):
                line[key] = getattr(record, key)
        if record.exc_info and record.exc_info[0] is not None:
            # the class and the place, without values: an exception's text may hold an address with a password
            line["error"] = record.exc_info[0].__name__
            line["at"] = _place(record)
        return json.dumps(line, ensure_ascii=False)


def _place(record: logging.LogRecord) -> str:
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}" if trace is not None else ""


class OnceASecond(logging.Filter):
    """Lets each place in the code speak once a second for each camera and kind of event, and all together ``PER_S`` times.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._spoken: dict[tuple[object, ...], tuple[float, int]] = {}
        self._second, self._count = 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is written now; what was left out before is told with the next one."""
        now = self._clock()
        about = (getattr(record, "camera", None), getattr(record, "event", None))
        place = (record.pathname, record.lineno, *about)
        last, left_out = self._spoken.get(place, (-1.0, 0))
        if int(now) != self._second:
            self._second, self._count = int(now), 0
        if (now - last < 1.0 and record.levelno < logging.CRITICAL) or self._count >= PER_S:
            self._spoken[place] = (last, left_out + 1)
            return False
        if len(self._spoken) >= _PLACES:
            self._spoken.clear()
        self._spoken[place] = (now, 0)
        self._count += 1
        if left_out:
            record.repeated = left_out
        return True


def log_as_json(level: str, stream: TextIO | None = None) -> None:
    """Send every log line to standard error as JSON.

    Args:
        level: Least level, ``debug`` to ``error``.
        stream: Instead of standard error.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(OnceASecond())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("passerby").setLevel(level.upper())
