"""The ``passerby`` command. One module per verb; each has ``add_to(app)``.

What the user sees: data goes to standard output, everything else to standard error; an error is one line ``error: ...``,
then ``hint: ...`` where there is something to do. Exit codes: 0 all done, 1 refused or failed, 2 wrong use, and
of a watcher 3: no visit was possible.
"""

from __future__ import annotations

from passerby.cli.app import build, main

__all__ = ["build", "main"]
