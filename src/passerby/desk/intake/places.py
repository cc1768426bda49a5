"""Which folders and files the desk lists: the user's own, what was named when it was started, and media that are mounted.

Links are followed to where they lead and judged there; the system's own folders (``/proc``, ``/sys``, ``/dev``) are never
listed, hidden files neither. Nothing is opened, so that no thumbnail is made and nothing is read that nobody chose.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from passerby.errors import UnreadableError, UsageError
from passerby.media import may_hold_footage

NEVER = (Path("/proc"), Path("/sys"), Path("/dev"))
MOST_ENTRIES = 2000
"""Of one folder; how many more there are is told."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file in a list.

    Attributes:
        name: Its own.
        path: Of it.
        size_bytes: Its size.
        likely: Its name is one of footage.
    """

    name: str
    path: str
    size_bytes: int
    likely: bool


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """What is in a folder.

    Attributes:
        path: Of it.
        parent: Path of the folder above, or nothing where that is not to be listed.
        folders: Name and path of each folder in it.
        files: The files in it.
        left_out: Entries that did not find room in the list, and names that are no text.
    """

    path: str
    parent: str
    folders: tuple[tuple[str, str], ...]
    files: tuple[ListedFile, ...]
    left_out: int


class Places:
    """What may be listed and opened.

    Args:
        home: The user's own folder.
        named: Files and folders that the user named; their folders may be listed too.
        media: Folders below which media are mounted.
        most: Entries of one list.
    """

    def __init__(
        self, home: Path, named: Sequence[Path] = (), *, media: Sequence[Path] = (), most: int = MOST_ENTRIES
    ) -> None:
        self._most = most
        self.home = home.resolve()
        folders = [one.resolve() if one.is_dir() else one.resolve().parent for one in named]
        self.first = folders[0] if folders else self.home
        self._media = tuple(media)
        self._roots = tuple(dict.fromkeys([self.home, *folders]))

    def shortcuts(self) -> Iterator[Path]:
        """Yield the folders from which to begin: home, those in it that hold footage as a rule, what was named, media."""
        yield self.first
        yield self.home
        for name in ("Videos", "Movies", "Pictures", "Downloads", "Desktop"):
            if (self.home / name).is_dir():
                yield self.home / name
        yield from self._mounted()

    def allowed(self, path: Path) -> Path:
        """Return where a path leads.

        Raises:
            UsageError: it leads outside of what may be listed, or to nothing.
        """
        return self._led(path, self._all_roots())

    def _all_roots(self) -> tuple[Path, ...]:
        return (*self._roots, *self._mounted())

    def _led(self, path: Path, roots: tuple[Path, ...]) -> Path:
        try:
            found = path.resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as exc:
            raise UsageError(f"no such file or folder: {path}", hint="choose another from the list") from exc
        if any(found.is_relative_to(one) for one in NEVER) or not any(found.is_relative_to(one) for one in roots):
            raise UsageError(
                f"files must lie in your own folder or on a medium that is mounted, got {path}",
                hint=f"end the desk, and start it with: passerby desk {path}",
            )
        return found

    def contents(self, path: Path) -> ListedFolder:
        """Return what is in a folder.

        Raises:
            UsageError: it may not be listed, or is none.
            UnreadableError: the system refuses.
        """
        folder = self.allowed(path)
        try:
            with os.scandir(folder) as found:
                entries = sorted((one for one in found if not one.name.startswith(".")), key=_order)
        except NotADirectoryError as exc:
            raise UsageError(f"a folder is wanted, got the file {folder}") from exc
        except OSError as exc:
            raise UnreadableError(f"cannot read folder {folder}: {exc.strerror or exc}") from exc
        folders: list[tuple[str, str]] = []
        files: list[ListedFile] = []
        roots = self._all_roots()
        listed = [one for one in entries if is_text(one.name)][: self._most]
        for one in listed:
            self._sort_in(one, roots, folders, files)
        return ListedFolder(str(folder), self._above(folder), tuple(folders), tuple(files), len(entries) - len(listed))

    def _sort_in(
        self,
        one: os.DirEntry[str],
        roots: tuple[Path, ...],
        folders: list[tuple[str, str]],
        files: list[ListedFile],
    ) -> None:
        try:
            self._led(Path(one.path), roots)
            told = one.stat()
        except (UsageError, OSError):
            return  # a link that leads elsewhere, or nowhere
        if stat.S_ISDIR(told.st_mode):
            folders.append((one.name, one.path))
        elif stat.S_ISREG(told.st_mode):
            files.append(ListedFile(one.name, one.path, told.st_size, likely=may_hold_footage(one.name)))

    def _above(self, folder: Path) -> str:
        try:
            return str(self.allowed(folder.parent)) if folder.parent != folder else ""
        except UsageError:
            return ""

    def _mounted(self) -> Iterator[Path]:
        for parent in self._media:
            try:
                yield from sorted(one.resolve() for one in parent.iterdir() if one.is_dir())
            except OSError:
                continue


def is_text(name: str) -> bool:
    r"""Return whether a name is text: on Linux it may be any bytes, which no page and no JSON can say.

    >>> is_text("café.mp4"), is_text("caf\udce9.mp4")
    (True, False)
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _order(one: os.DirEntry[str]) -> tuple[str, str]:
    return one.name.casefold(), one.name


def media_folders(user: str, platform: str = sys.platform) -> list[Path]:
    """Return the folders below which a system mounts media for a user.

    Source: udisks2 (``/run/media``, ``/media``), FHS 3.0 (``/mnt``); ``/Volumes`` of macOS.

    >>> [str(one) for one in media_folders("ana", "linux")]
    ['/run/media/ana', '/media/ana', '/mnt']
    """
    if platform == "darwin":
        return [Path("/Volumes")]
    return [Path("/run/media") / user, Path("/media") / user, Path("/mnt")] if platform != "win32" else []
