"""Whether hidden pixels can be won back: an attacker that knows the style and learns on what it covered and encoded."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
