"""The desk: a page on this machine, for one person, to veil files and look them over."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
