"""Looks a veiled file over and mends it: edits that are never lost, boxes that are followed, exports. Speaks to nobody itself."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
