"""Live cameras: supervision, veiling, serving, health. How its processes are cut: docs/gateway.md.

The door holds values only, because every camera's process comes through it; what serves is in ``gateway.service``.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
