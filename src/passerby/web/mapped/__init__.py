"""Cameras that people mapped, held against registers, and the letters about those that are silent or missing."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
