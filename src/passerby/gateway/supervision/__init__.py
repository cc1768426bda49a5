"""Each camera's process under supervision: started, heard, restarted, killed when it hangs; its state, told."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
