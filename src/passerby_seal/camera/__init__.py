"""Sealing as a camera runs: the client in its worker, the sealing process, spool and store."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
