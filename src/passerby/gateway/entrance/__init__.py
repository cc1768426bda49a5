"""Who comes in, and how much room each may take: connections, places, guesses. Nothing here knows what is served."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
