"""Follows a drawn box through a clip by how the picture moves, and by nothing that is kept."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
