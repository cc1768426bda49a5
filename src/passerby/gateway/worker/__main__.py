"""``python -m passerby.gateway.worker PARENT FD`` is one camera's process."""

from __future__ import annotations

import os
import sys

from passerby.errors import PasserbyError
from passerby.gateway.worker.worker import FAILED, main

if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PasserbyError as error:
        sys.stderr.write(f"error: {error.message}\n")
        os._exit(FAILED)
