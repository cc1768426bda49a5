"""H.264 as bytes, read strictly and decoded nowhere: NAL units, parameter sets, slice heads, ``avcC`` records."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
