"""Where a log's files lie: directories, object stores, web servers; and who may write there."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
