"""What joins a recogniser to streams: configuration of video systems and pipelines, and cameras that recognise by themselves."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
