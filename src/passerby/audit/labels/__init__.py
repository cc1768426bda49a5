"""Annotated footage: COCO, WIDER text, MOT and CSV, read into faces by frame, and what is refused."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
