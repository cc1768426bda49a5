"""Facts that describe a deployment: their terms, files, checks, and the interview that asks for them."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
