"""Progress for people at a terminal, on standard error: frames, speed, time left. Silent elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

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


class _Speed(ProgressColumn):
    """Frames a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f} frames/s" if task.speed else "")


@contextmanager
def progress_for(name: str, *, quiet: bool, console: Console | None = None) -> Iterator[Report]:
    """Show a bar for one file while the block runs.

    Args:
        name: Of the file.
        quiet: Show nothing.
        console: Where; standard error by default. Nothing is shown where it is no terminal.
    """
    console = console or Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _what, _done, _total: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def told(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(f"{name}: {what}", total=None)
            bars.update(tasks[what], completed=done, total=None if total is None else max(total, done))

        yield told
