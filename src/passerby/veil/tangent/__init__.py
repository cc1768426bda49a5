"""Finds faces in pictures that show the whole sphere: at the seam, at the poles and between, by flat views of parts of it."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
