"""Writes the mended file with its report, manifest and statement: all of it appears, or nothing does."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
