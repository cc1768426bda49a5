"""Progress for people at a terminal, on standard error: frames, speed, time left. Silent elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

Report = Callable[[str, int, int | None], None]
"""Takes what is being done, frames done and frames in all, None where unknown."""


def clock(time_s: float) -> str:
    """Return a time as hours, minutes and seconds.

    >>> clock(3725.04)
    '1:02:05.04'
    """
    hundredths = round(time_s * 100)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 100:02}.{rest % 100:02}"


@contextmanager
def progress_for(name: str, *, quiet: bool, console: Console | None = None) -> Iterator[Report]:
    """Show a bar for one file while the block runs.

    Args:
        name: Of the file.
        quiet: Show nothing.
        console: Where; standard error by default. Nothing is shown where it is no terminal.
    """
    if quiet or not (sys.stderr.isatty() if console is None else console.is_terminal):
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console

    from passerby.cli.progress_bar import bars_for

    with bars_for(name, console or Console(stderr=True)) as told:
        yield told
