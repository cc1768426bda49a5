"""The index of a veiled recording: which piece a figure in a frame leads to. Encrypted at rest."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
