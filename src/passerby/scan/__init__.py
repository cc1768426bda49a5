"""Finds software, models and stores that can identify faces, by reading alone: nothing of a target is ever run."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
