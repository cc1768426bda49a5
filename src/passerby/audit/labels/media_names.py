"""Finds the files that labels name, below the folder that holds the footage."""

from __future__ import annotations

import os
from collections import defaultdict
from functools import cached_property
from pathlib import Path

from passerby.errors import AuditError

_CLIPS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
MOST_FILES = 1_000_000


class MediaNames:
    """Files below a folder, by name.

    Args:
        folder: Where the footage lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str, *, clip: bool = False) -> Path | None:
        """Return the file of a name: at its place below the folder, or the only one of its name anywhere below it.

        Args:
            name: As the labels have it, folders before it or not.
            clip: Whether the suffix of a clip may be missing.

        Raises:
            AuditError: several files have the name.
        """
        endings = ("", *_CLIPS) if clip else ("",)
        for ending in endings:
            direct = self.folder / f"{name}{ending}"
            if direct.is_file() and direct.resolve().is_relative_to(self.folder.resolve()):
                return direct
        for ending in endings:
            found = self._by_name.get(f"{Path(name).name}{ending}", [])
            fitting = [one for one in found if str(one).endswith(f"{name}{ending}")] or found
            if len(fitting) > 1:
                shown = " and ".join(str(one.relative_to(self.folder)) for one in fitting[:2])
                raise AuditError(f"{name} must be one file below {self.folder}, got {shown}")
            if fitting:
                return fitting[0]
        return None

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        count = 0
        for root, folders, names in os.walk(self.folder):
            folders.sort()
            for name in sorted(names):
                found[name].append(Path(root) / name)
            count += len(names)
            if count > MOST_FILES:
                raise AuditError(f"folder of footage must hold at most {MOST_FILES:,} files, got more: {self.folder}")
        return found
