"""Reads a file of labels as text, and tells whole and finite numbers from what is none."""

from __future__ import annotations

import math
from pathlib import Path

from passerby.errors import AuditError

MOST_BYTES = 2_000_000_000
"""Larger files of labels are refused: they are read whole. Chosen."""


def label_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        AuditError: it cannot be read, is empty, too large, or no text.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise AuditError(f"labels must be at most {MOST_BYTES:,} bytes, got {path.stat().st_size:,}: {path}")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise AuditError(f"labels cannot be read: {path}: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise AuditError(
            f"labels must be text in UTF-8, got bytes that are none: {path}",
            hint="name the file of labels, or the folder that holds it beside the footage; passerby audit veil --formats",
        ) from exc
    if not text.strip():
        raise AuditError(f"labels must hold faces, got an empty file: {path}")
    return text


def number(where: str, name: str, value: object) -> float:
    """Return a finite number.

    Raises:
        AuditError: it is none.
    """
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise AuditError(f"{where}: {name} must be a finite number, got {shown(value)}")
    return found


def whole(where: str, name: str, value: object, *, least: int = 0) -> int:
    """Return a whole number.

    Raises:
        AuditError: it is none, or below ``least``.
    """
    found = number(where, name, value)
    if found != int(found) or found < least:
        raise AuditError(f"{where}: {name} must be a whole number from {least} on, got {shown(value)}")
    return int(found)


def shown(value: object) -> str:
    """Return a value as a message can hold it."""
    return ascii(value)[:80]
