"""``passerby seal``: keys, custody, shares and tests of locked faces, for operators, custodians and authorities."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
