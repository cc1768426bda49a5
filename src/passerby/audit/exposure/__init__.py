"""How much of annotated faces stays visible: in what Passerby covers, and in what other tools wrote."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
