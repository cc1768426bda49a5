"""Holds what a supplier signed, that its product recognises nobody, against what a scan found."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
