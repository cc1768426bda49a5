"""The format: buckets, pieces, packs, shares. docs/seal-format.md is the source; this follows it."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
