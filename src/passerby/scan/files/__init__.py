"""The files of a target, on a disk or inside archives: walked and opened within bounds, never run."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
