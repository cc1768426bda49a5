"""Scans a target."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from passerby.scan.files import DiskFile, budget_for, shown_path, walk_target
from passerby.scan.run.joining import join_observations
from passerby.scan.run.readers import READERS
from passerby.scan.run.reading import read_file
from passerby.scan.run.settings import Progress, ScanSettings
from passerby.scan.values import Observation, Reader, ScanResult, Unread

_DEFAULTS = ScanSettings()


def scan_target(
    target: Path,
    settings: ScanSettings = _DEFAULTS,
    progress: Callable[[Progress], None] | None = None,
    *,
    readers: Iterable[Reader] = READERS,
) -> ScanResult:
    """Find what can identify faces in a folder or a file, archives in it opened. Nothing of it is run or changed.

    Args:
        target: A folder, or a file of any kind.
        settings: How.
        progress: Called after each file.
        readers: Those of all wings.

    Raises:
        ScanError: the target does not exist, or is neither a file nor a folder.
    """
    began = time.monotonic()
    readers = tuple(readers)
    observations: list[Observation] = []
    files = size_bytes = 0
    for found in walk_target(target):
        if isinstance(found, Unread):
            observations.append(found)
            continue
        try:
            file = DiskFile(found.where, found.path)
        except OSError as exc:
            observations.append(Unread(shown_path(found.path), f"it cannot be read: {exc.strerror or exc}"))
            continue
        answers = read_file(file, readers, budget_for(file, settings.limits))
        observations += answers.observations
        files += answers.files
        size_bytes += answers.size_bytes
        if progress:
            progress(Progress(files, size_bytes, time.monotonic() - began, file.path))
    return join_observations(str(target), observations, files=files, size_bytes=size_bytes)
