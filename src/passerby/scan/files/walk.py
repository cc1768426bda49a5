"""Walks a target: its regular files, and by name everything else. Links are not followed.

A link that stays in the target leads to what is walked anyway; one that leaves it is named. Disks that are mounted inside are
walked too; those that the kernel makes up (``proc``, ``sysfs``, devices) are not, and are named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from passerby.errors import ScanError
from passerby.scan.files.target import shown_path
from passerby.scan.values import Unread

_MADE_UP = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl",
    "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs",
})  # fmt: skip
"""Kinds of file systems without anything that somebody stored. Source: proc(5), mount(8)."""
_OTHERS = {
    stat.S_IFIFO: "a FIFO: not opened",
    stat.S_IFSOCK: "a socket: not opened",
    stat.S_IFCHR: "a device: not opened",
    stat.S_IFBLK: "a disk or part of one: not opened; mount it read-only and scan the folder",
}


class Walked(NamedTuple):
    """One regular file of the target.

    Attributes:
        where: On the disk.
        path: Relative to the target, as it is spelled.
    """

    where: str
    path: str


def walk_target(
    target: Path, mounts: Path = Path("/proc/self/mountinfo"), *, among: Collection[str] | None = None
) -> Iterator[Walked | Unread]:
    """Yield the regular files of a target in order of names, folder by folder, and what is not read.

    Args:
        target: A file or a folder; if it is a link itself, what it leads to.
        mounts: Where Linux lists what is mounted.
        among: Paths in the folder that are looked at; None for all.

    Raises:
        ScanError: it does not exist, or is neither a file nor a folder.
    """
    try:
        root = os.path.realpath(target, strict=True)
        mode = os.lstat(root).st_mode
    except OSError as exc:
        raise ScanError(f"target must exist, got {target}: {exc.strerror or exc}") from exc
    if stat.S_ISREG(mode):
        yield Walked(root, target.name or str(target))
        return
    if not stat.S_ISDIR(mode):
        raise ScanError(f"target must be a file or a folder, got {target}", hint="mount a disk first, read-only")
    yield from _Walk(root, _made_up(mounts), among).folders()


class _Walk:
    """One walk of a folder."""

    def __init__(self, root: str, made_up: dict[str, str], among: Collection[str] | None) -> None:
        self._root, self._made_up = root, made_up
        self._among = None if among is None else _with_folders(among)
        self._inside = root if root.endswith(os.sep) else root + os.sep
        self._seen: dict[tuple[int, int], str] = {}

    def folders(self) -> Iterator[Walked | Unread]:
        pending = [(self._root, "")]
        while pending:
            where, path = pending.pop()
            try:
                with os.scandir(where) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
                again = self._again(where, path)
            except OSError as exc:
                yield Unread(shown_path(path) or ".", f"the folder cannot be read: {exc.strerror or exc}")
                continue
            if again:
                yield Unread(shown_path(path), again, hides=False)
                continue
            inner: list[tuple[str, str]] = []
            for entry in entries:
                name = f"{path}/{entry.name}" if path else entry.name
                if self._among is not None and name not in self._among:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    kind = self._made_up.get(entry.path)
                    if kind:
                        yield Unread(shown_path(name), f"the kernel makes it up ({kind}): not read", hides=False)
                    else:
                        inner.append((entry.path, name))
                elif entry.is_file(follow_symlinks=False):
                    yield Walked(entry.path, name)
                else:
                    yield from self._other(entry, name)
            pending += reversed(inner)

    def _again(self, where: str, path: str) -> str:
        """A folder that is mounted inside itself would never end."""
        status = os.stat(where)  # noqa: PTH116 - texts all the way
        first = self._seen.setdefault((status.st_dev, status.st_ino), path)
        return "" if first == path else f"it is the folder {shown_path(first) or '.'} once more"

    def _other(self, entry: os.DirEntry[str], name: str) -> Iterator[Unread]:
        shown = shown_path(name)
        if not entry.is_symlink():
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
            except OSError as exc:
                yield Unread(shown, f"it cannot be read: {exc.strerror or exc}")
                return
            yield Unread(shown, _OTHERS.get(stat.S_IFMT(mode), "no regular file: not opened"), hides=stat.S_ISBLK(mode))
            return
        try:
            stated = os.readlink(entry.path)  # noqa: PTH115 - texts all the way
            led = os.path.realpath(entry.path, strict=True)
        except OSError as exc:
            if not self._stays(entry.path):
                yield Unread(shown, f"a link that leads nowhere: {exc.strerror or exc}", hides=False)
            return
        if led == self._root or led.startswith(self._inside) or self._stays(entry.path):
            return
        yield Unread(shown, f"a link out of the target, to {shown_path(stated)}: not followed")

    def _stays(self, link: str) -> bool:
        """Return whether an absolute link leads to something in the target where that is the root of a system."""
        try:
            stated = os.readlink(link)  # noqa: PTH115 - texts all the way
        except OSError:
            return False
        return stated.startswith("/") and os.path.lexists(self._root + stated)


def _with_folders(paths: Iterable[str]) -> frozenset[str]:
    """Return paths and the folders that lead to them."""
    found: set[str] = set()
    for path in paths:
        while path and path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return frozenset(found)


def _made_up(mounts: Path) -> dict[str, str]:
    """Return where the kernel's own file systems are mounted, and their kinds; nothing where the system does not say."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        place, _, rest = line.partition(" - ")
        parts, kind = place.split(" "), rest.split(" ")[0]
        if len(parts) > 4 and kind in _MADE_UP:
            found[parts[4].encode().decode("unicode_escape")] = kind
    return found
