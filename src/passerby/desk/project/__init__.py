"""The edits of one file: frozen values, their journal on disk, and the state that follows from them."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
