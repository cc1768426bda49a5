"""Hides faces in decoded pictures, in place: what is painted, where, and in which frame."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
