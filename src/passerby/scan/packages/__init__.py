"""Packages that a target names or holds: manifests, lock files, installed metadata and bills of materials.

Names are compared exactly, as their registry compares them; a word inside a name says nothing.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
