"""Keys of camera and hour: made ahead, found by the gateway, destroyed when retention ends."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
