"""Says what a scan found: to people as text and page, to programs as JSON, SARIF and CycloneDX, to the law as draft facts."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
