"""Tracks faces from frame to frame by place and size alone: motion, association, extrapolation, one tracker and its policy."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
