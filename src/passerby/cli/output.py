"""Writes text files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from passerby.errors import OutputError


def write_whole(path: Path, text: str) -> None:
    """Write a text file beside its place and move it there, so that it is there whole or as it was before.

    Raises:
        OutputError: it cannot be written; what stood there before still does.
    """
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as exc:
        raise OutputError(
            f"{path}: cannot be written: {exc.strerror}", hint="give a path in a folder that exists"
        ) from exc
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(0o666 & ~_umask())
        Path(beside).replace(path)
    except OSError as exc:
        Path(beside).unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written: {exc.strerror}") from exc


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
