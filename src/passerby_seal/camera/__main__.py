"""``python -m passerby_seal.camera PARENT RING ORDERS REPORTS`` is one camera's sealing process, for one hour."""

from __future__ import annotations

import sys

from passerby_seal.camera.process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
