"""One log for many gateways: each submits signed entries to the one writer, which answers with proofs; see ``submission``."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
