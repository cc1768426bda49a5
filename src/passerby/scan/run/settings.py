"""What a scan is told, and what it tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from passerby.config import cache_folder
from passerby.scan.files import ScanLimits


def scan_cache_folder() -> Path | None:
    """Return where answers of earlier scans are kept, or None where this user has no home."""
    folder = cache_folder()
    return folder and folder / "scan"


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How a target is scanned. What is found depends neither on how many processes find it nor on what is kept.

    Attributes:
        workers: Processes that read; None for one a processor. With 0 this process reads: nothing has to be started, and a
            file that hangs or crashes a reader ends the scan.
        limits: Bounds of what is unpacked.
        file_seconds: What the readers may take for one file, on a disk or in an archive; a second more for each 10 MB.
        keep: Folder in which answers are kept between scans; None keeps none.
        suppressions: A file of findings that are known, each with its reason and end date.
        committed: Of a folder, only what Git holds of it: what is committed, or staged to be.
    """

    workers: int | None = None
    limits: ScanLimits = field(default_factory=ScanLimits)
    file_seconds: float = 60.0
    keep: Path | None = field(default_factory=scan_cache_folder)
    suppressions: Path | None = None
    committed: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is.

    Attributes:
        files: Of the target's own, those in archives not counted.
        size_bytes: Of them together.
        seconds: Since it began.
        current: A file that was read last, or is being read.
    """

    files: int
    size_bytes: int
    seconds: float
    current: str
