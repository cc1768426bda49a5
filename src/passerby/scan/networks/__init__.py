"""Networks out of files of weights: what goes in and out, and how they end; read as bytes, never loaded or run."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
