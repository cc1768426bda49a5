"""The RTSP server for readers. RFC 2326, 3550, 6184; nothing can be published to it."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
