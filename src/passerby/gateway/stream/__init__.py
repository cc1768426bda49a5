"""A veiled stream on its way to viewers and disks: relay, fragments, HLS, MSE, snapshots, recordings."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
