"""Pictures and clips that show the whole sphere around a camera: what they say of it, and how they go on saying it."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
