"""Scans target after target, shows how far it is, and names those that could not be scanned."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from passerby.cli.app import say_error
from passerby.cli.scan.options import ScanOptions
from passerby.errors import PasserbyError
from passerby.scan import Progress, ScanResult, scan_target, shown

_EVERY_S = 0.1


def scan_all(options: ScanOptions) -> tuple[tuple[ScanResult, ...], bool]:
    """Scan every target.

    Returns:
        The results, and whether one could not be scanned; that was said then.
    """
    results: list[ScanResult] = []
    failed = False
    for target in options.targets or ():
        try:
            with progress_of(shown(str(target))) as told:
                results.append(scan_target(target, progress=told))
        except PasserbyError as exc:
            say_error(exc)
            failed = True
    return tuple(results), failed


@contextmanager
def progress_of(name: str) -> Iterator[Callable[[Progress], None] | None]:
    """Show at a terminal how far the scan of one target is; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.text import Text

    said = 0.0
    with Console(stderr=True).status(Text(name)) as status:

        def told(progress: Progress) -> None:
            nonlocal said
            if time.monotonic() - said >= _EVERY_S:
                said = time.monotonic()
                read = (
                    f"{name}: {progress.files:,} files, {progress.size_bytes / 1e6:,.0f} MB, {progress.seconds:.0f} s"
                )
                status.update(Text(f"{read}  {progress.current}", no_wrap=True, overflow="ellipsis"))

        yield told
