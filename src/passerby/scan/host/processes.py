"""Lists the files of running processes, as Linux tells them: what is mapped, what is run, what is open.

Arguments and environments are never read: they hold secrets. Source: proc(5): maps, exe, fd, comm, stat and root of a process.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from passerby.scan.files import shown_path

_MOST_MAPS_BYTES = 32 << 20
_MOST_OPEN = 10_000
_MAPPED = re.compile(rb"^[0-9a-f]+-[0-9a-f]+ \S{4} [0-9a-f]+ \S+ [1-9][0-9]* +(/.*)$", re.M)
"""A line of a file that has an inode, which anonymous memory has not."""
_ESCAPED = re.compile(rb"\\012")
_DELETED = b" (deleted)"


@dataclass(frozen=True, slots=True, order=True)
class HostProcess:
    """One process.

    Attributes:
        name: As the system shortens it, escaped.
        pid: Its number.
    """

    name: str
    pid: int


@dataclass(slots=True)
class HostFile:
    """A file that processes have mapped or open.

    Attributes:
        where: From which it can be read: its own path, so that it is there when the process ends; through the root of a process
            where that is another than ours.
        path: As these processes call it.
        users: Who has it.
    """

    where: Path
    path: str
    users: set[HostProcess] = field(default_factory=set)


@dataclass(frozen=True, slots=True, order=True)
class HostGap:
    """What could not be seen of a process.

    Attributes:
        process: Whose.
        path: Of the file; empty for all that it runs, has mapped and has open.
        reason: Why.
    """

    process: HostProcess
    path: str
    reason: str


def files_of(proc: Path, without: int) -> tuple[list[HostFile], list[HostGap]]:
    """Return every file that some process runs, has mapped or has open, and what could not be seen.

    Args:
        proc: ``/proc``.
        without: The number of this process.

    Raises:
        OSError: there is no such folder.
    """
    files: dict[tuple[int, int], HostFile] = {}
    gaps: set[HostGap] = set()
    for process in _processes(proc, without):
        folder = proc / str(process.pid)
        for named in (_mapped, _run, _open):
            try:
                for path in named(folder):
                    _note(files, gaps, process, folder, path)
            except PermissionError as exc:
                gaps.add(HostGap(process, "", exc.strerror or "refused"))
            except OSError:  # it has ended
                continue
    return sorted(files.values(), key=lambda file: (file.path, str(file.where))), sorted(gaps)


def _processes(proc: Path, without: int) -> Iterator[HostProcess]:
    for pid in sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal() and entry.name.isascii()):
        if pid == without:
            continue
        try:
            name = (proc / str(pid) / "comm").read_bytes()[:64]
            state = (proc / str(pid) / "stat").read_bytes()[:4096]
        except OSError:  # it has ended
            continue
        if not _is_kernel(state):
            yield HostProcess(shown_path(name.decode("utf-8", "surrogateescape").rstrip("\n")), pid)


def _is_kernel(state: bytes) -> bool:
    """Return whether a line of ``/proc/pid/stat`` is that of a thread of the kernel, which has no files.

    Source: proc(5), field 9 of stat; ``PF_KTHREAD`` in ``include/linux/sched.h``.
    """
    fields = state.rpartition(b")")[2].split()
    return len(fields) > 6 and bool(int(fields[6]) & 0x0020_0000)


def _mapped(folder: Path) -> list[bytes]:
    with (folder / "maps").open("rb") as file:
        lines = file.read(_MOST_MAPS_BYTES)
    return sorted({_ESCAPED.sub(b"\n", path) for path in _MAPPED.findall(lines)})


def _run(folder: Path) -> list[bytes]:
    return [bytes((folder / "exe").readlink())]


def _open(folder: Path) -> list[bytes]:
    found = []
    for number, link in enumerate((folder / "fd").iterdir()):
        if number >= _MOST_OPEN:
            break
        try:
            target = bytes(link.readlink())
        except OSError:  # closed meanwhile
            continue
        if target.startswith(b"/") and not target.startswith((b"/dev/", b"/proc/", b"/sys/")):
            found.append(target)
    return sorted(set(found))


def _note(
    files: dict[tuple[int, int], HostFile], gaps: set[HostGap], process: HostProcess, folder: Path, path: bytes
) -> None:
    """Add a file, or say why it cannot be seen."""
    name = path.decode("utf-8", "surrogateescape")
    if path.startswith((b"/dev/", b"/memfd:", b"/SYSV")):
        return
    if path.endswith(_DELETED):
        gaps.add(
            HostGap(
                process, shown_path(name.removesuffix(_DELETED.decode())), "it was deleted or replaced while it is used"
            )
        )
        return
    try:
        where = Path(name) if (folder / "root").samefile("/") else folder / "root" / name.lstrip("/")
        status = where.lstat()  # names are those of the kernel, without links
    except PermissionError as exc:
        gaps.add(HostGap(process, shown_path(name), exc.strerror or "refused"))
        return
    except OSError:  # it or its process is gone
        return
    if stat.S_ISREG(status.st_mode):
        file = files.setdefault((status.st_dev, status.st_ino), HostFile(where, shown_path(name)))
        file.users.add(process)
