"""Scans target after target, shows how far it is, and names those that could not be scanned."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from passerby.cli.app import say_error
from passerby.cli.scan.options import ScanOptions
from passerby.errors import PasserbyError, UsageError
from passerby.scan import Progress, ScanResult, ScanSettings, scan_host, scan_target, shown

_EVERY_S = 0.1


Scan = Callable[[ScanSettings, Callable[[Progress], None] | None], ScanResult]


def scan_all(options: ScanOptions, host: Scan = scan_host) -> tuple[tuple[ScanResult, ...], bool]:
    """Scan every target, and this machine where that was asked for.

    Args:
        options: What was typed.
        host: Scans this machine.

    Returns:
        The results, and whether one could not be scanned; that was said then.

    Raises:
        UsageError: the file of suppressions is wrong.
    """
    settings = ScanSettings(workers=options.workers, suppressions=options.suppressions, committed=options.committed)
    if options.fresh:
        settings = replace(settings, keep=None)
    scans: list[tuple[str, Scan]] = [(str(target), partial(scan_target, target)) for target in options.targets or ()]
    if options.host:
        scans.append(("this machine", host))
    scans += [(f"camera {address}", _camera(address, options.user)) for address in options.camera or ()]
    results: list[ScanResult] = []
    failed = False
    for name, scan in scans:
        try:
            with progress_of(shown(name)) as told:
                results.append(scan(settings, told))
        except UsageError:
            raise
        except PasserbyError as exc:
            say_error(exc)
            failed = True
    return tuple(results), failed


def _camera(address: str, user: str | None) -> Scan:
    from passerby.cli.gateway import camera_faces, onvif_at  # the library of ONVIF takes a second to load

    onvif = onvif_at(address, user)
    return lambda _settings, _told: camera_faces(onvif)


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
                read = f"{name}: {progress.files:,} files so far, {progress.size_bytes / 1e6:,.0f} MB, {progress.seconds:.0f} s"
                status.update(Text(f"{read}  {progress.current}", no_wrap=True, overflow="ellipsis"))

        yield told
