"""Keys of authorities, custodians and requesters, and who may open how: the policy of a seal."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
