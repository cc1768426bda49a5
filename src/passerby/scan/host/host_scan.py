"""Scans the files of running processes, and says of each finding which process has it."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from passerby.errors import ScanError
from passerby.scan.files import Walked, shown_path
from passerby.scan.host.beside import metadata_beside
from passerby.scan.host.processes import HostFile, HostProcess, files_of
from passerby.scan.run import Progress, ScanSettings, scan_files
from passerby.scan.values import MEMBER, Evidence, Finding, FindingKind, ScanResult, Unread

THIS_MACHINE = "this machine"
READERS_PLACE = "passerby.scan.host.readers:READERS"
_DEFAULTS = ScanSettings()
_MOST_PIDS = 5


def scan_host(
    settings: ScanSettings = _DEFAULTS,
    progress: Callable[[Progress], None] | None = None,
    *,
    proc: Path = Path("/proc"),
    system: str = platform.system(),
    readers: str = READERS_PLACE,
) -> ScanResult:
    """Find what can identify faces among the programs that run on this machine. Reads alone; this process is left out.

    Args:
        settings: How.
        progress: Called a few times a second.
        proc: Where the system tells of its processes.
        system: Its name.
        readers: ``module:NAME`` of those that are asked.

    Raises:
        ScanError: it is no Linux.
    """
    if system != "Linux":
        raise ScanError(f"--host must run on Linux, got {system}", hint="scan the folders of its programs instead")
    try:
        files, gaps = files_of(proc, os.getpid())
    except OSError as exc:
        raise ScanError(f"processes must be readable, got {exc.strerror or exc}: {proc}") from exc
    having = dict(_told(_with_metadata(files)))
    walked = [Walked(str(file.where), path) for path, file in having.items()]
    result = scan_files(THIS_MACHINE, walked, settings, progress, readers=readers)
    unread = [
        Unread(
            _named(gap.process),
            f"{gap.path}: {gap.reason}"
            if gap.path
            else f"what it runs, has mapped and has open cannot be seen: {gap.reason}",
        )
        for gap in gaps
    ]
    return replace(
        result,
        findings=tuple(_by_process(finding, having) for finding in result.findings),
        suppressed=tuple((_by_process(finding, having), reason) for finding, reason in result.suppressed),
        unread=tuple(sorted({*result.unread, *unread})),
    )


def _with_metadata(files: Iterable[HostFile]) -> Iterable[HostFile]:
    """Give the files, and those that say to which packages they belong, each once."""
    beside: dict[tuple[int, int], HostFile] = {}
    for file in files:
        yield file
        for where, path in metadata_beside(file.where, file.path):
            try:
                status = where.lstat()
            except OSError:
                continue
            beside.setdefault((status.st_dev, status.st_ino), HostFile(where, path)).users.update(file.users)
    yield from beside.values()


def _told(files: Iterable[HostFile]) -> Iterator[tuple[str, HostFile]]:
    """Give each file with a path that no other has: two machines in containers may call two files the same."""
    taken: set[str] = set()
    for file in files:
        path = file.path if file.path not in taken else shown_path(str(file.where))
        taken.add(path)
        yield path, file


def _by_process(finding: Finding, files: dict[str, HostFile]) -> Finding:
    """Return a finding with the processes that have its files in the place of its path."""
    paths = {path.partition(MEMBER)[0] for path in (finding.path, *(one.path for one in finding.evidence))}
    having = sorted({user for path in paths if path in files for user in files[path].users})
    named = _all_named(having)
    return replace(
        finding,
        kind=FindingKind.PROCESS,
        path=named or finding.path,
        note=". ".join(filter(None, (f"Running in {named}" if named else "", finding.note))),
        evidence=finding.evidence or (Evidence(finding.path, "its file"),),
    )


def _all_named(processes: list[HostProcess]) -> str:
    """Return processes for people.

    >>> _all_named([HostProcess("vms", 7), HostProcess("vms", 9), HostProcess("web", 8)])
    'vms (pid 7, 9), web (pid 8)'
    """
    by_name: dict[str, list[int]] = {}
    for process in processes:
        by_name.setdefault(process.name, []).append(process.pid)
    return ", ".join(f"{name} (pid {_numbers(pids)})" for name, pids in by_name.items())


def _numbers(pids: list[int]) -> str:
    more = len(pids) - _MOST_PIDS
    return ", ".join(map(str, pids[:_MOST_PIDS])) + (f" and {more} more" if more > 0 else "")


def _named(process: HostProcess) -> str:
    return f"{process.name} (pid {process.pid})"
