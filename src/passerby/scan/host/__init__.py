"""Looks at what runs on this machine: programs, loaded libraries, open models, by their files. No process is changed."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
