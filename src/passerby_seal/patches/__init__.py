"""What is sealed: the pixels of one person's face, cut out of a frame and encoded as one small stream."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
