"""Stores of vectors that may be templates of faces: what kind, how many, how wide; never what is in them.

A template is a row of some hundred numbers, and so is much else: every finding here says "may be". Of a store only headers,
counts, widths and the lengths of a few vectors are taken; no vector, label, row or key from inside one leaves this wing.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
