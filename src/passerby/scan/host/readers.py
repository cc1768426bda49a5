"""The readers that are asked about files of processes: those of programs, packages and models."""

from __future__ import annotations

from passerby.scan import binaries, models, packages
from passerby.scan.values import Reader

READERS: tuple[Reader, ...] = (*binaries.READERS, *packages.READERS, *models.READERS)
