"""What comes to the desk: lists to choose from, files that are dropped, and each file that is open with how far it is."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
