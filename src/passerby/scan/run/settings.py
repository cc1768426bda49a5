"""What a scan is told, and what it tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from passerby.scan.files import ScanLimits


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How a target is scanned. What is found does not depend on how many processes find it.

    Attributes:
        limits: Bounds of what is unpacked.
    """

    limits: ScanLimits = field(default_factory=ScanLimits)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is.

    Attributes:
        files: Of the target's own, those in archives not counted.
        size_bytes: Of them together.
        seconds: Since it began.
        current: A file that is being read.
    """

    files: int
    size_bytes: int
    seconds: float
    current: str
