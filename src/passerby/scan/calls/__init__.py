"""Source code and infrastructure as code that call what identifies faces, judged by syntax and never by words."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
