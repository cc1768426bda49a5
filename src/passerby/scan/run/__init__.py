"""Puts a scan together: files of the target, readers of all wings, and one result, the same whatever the order."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
