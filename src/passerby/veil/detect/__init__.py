"""Finds faces in one picture: engines, networks and what their outputs mean, passes at several sizes. Cannot tell whose."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
