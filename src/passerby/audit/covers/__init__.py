"""Where covers come from: Passerby in memory, deface in its own process, any tool's outputs by their pixels."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
