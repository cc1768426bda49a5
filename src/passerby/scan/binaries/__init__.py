"""Programs and libraries of Windows, Linux, Apple and Android: what they name, need, import and export; never run."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
