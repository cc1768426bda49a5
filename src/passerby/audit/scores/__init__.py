"""What a face system's comparison log says of its errors, by group, with intervals that are true."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
