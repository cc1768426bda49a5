"""Find, follow and cover faces, in a file or a live stream. Identifies nobody.

A file in, a file out::

    from pathlib import Path
    from passerby import veil

    done = veil.veil_file(Path("in.mp4"), Path("out.mp4"))
    print(done.report.frames, done.report.covered_share)
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
