"""Atomic writes. A file appears whole or not at all: written beside its target under a hidden name, flushed, then renamed.

What stands under the hidden name is what the caller writes, so it is veiled already; still nobody else may read it
until it is whole. A process that is killed outright (SIGKILL, power cut) can leave the hidden file behind, never a
half output under the target's name; the next run in that folder removes such files when they are a day old.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import secrets
import shutil
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from passerby.errors import NoSpaceError, OutputError, UsageError
from passerby.objects import StoredPath

HIDDEN_PREFIX = ".passerby-"
"""Names of unfinished files start so; folders of inputs skip them."""

STALE_S = 86_400
"""A hidden file that nobody wrote to for so long belongs to no running process."""

_HIDDEN = re.compile(re.escape(HIDDEN_PREFIX) + r"[0-9a-f]{32}(\.[^/]*)?")
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_TAKEN = "add --overwrite, or choose another name"
_WRITING_ONLY = _NO_SPACE | {errno.EFBIG}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL}
_NO_MODES = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
_NO_FOLDER_SYNC = {errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF}
_SIGNALS = (signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGTERM,)


class FileSystem:
    """The calls to the system that writing one file needs, in their order."""

    def create(self, path: Path) -> None:
        """Make an empty file of mode 0600; one that is there already is an error."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600))

    def flush(self, path: Path) -> None:
        """Make a file's content durable."""
        handle = os.open(path, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def give_mode(self, path: Path, mode: int) -> None:
        """Say who may read and write a file."""
        path.chmod(mode)

    def link(self, path: Path, name: Path) -> None:
        """Give a file a further name; a name that is taken is an error, which a rename would not make of it."""
        name.hardlink_to(path)

    def rename(self, path: Path, name: Path) -> None:
        """Put a file in another's place."""
        path.replace(name)

    def flush_folder(self, folder: Path) -> None:
        """Make the names in a folder durable, where the system knows how."""
        flush_folder(folder)


_SYSTEM = FileSystem()


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable: what was made, renamed or deleted in it stays so after a power cut.

    Raises:
        OSError: the system refuses.
    """
    if os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_file(
    target: Path, *, overwrite: bool, inputs: Iterable[Path] = (), mode: int = 0o666, system: FileSystem = _SYSTEM
) -> Iterator[Path]:
    """Give a temporary file beside the target; rename it to the target when the block ends well, else remove it.

    The file exists, is empty, has the target's suffix (muxers look at it) and mode 0600 until it is whole. Otherwise as
    :func:`atomic_name`, with the same arguments and errors.
    """
    with atomic_name(target, overwrite=overwrite, inputs=inputs, mode=mode, system=system) as beside:
        try:
            system.create(beside)
        except OSError as exc:
            raise _failed(target, exc) from exc
        yield beside


@contextmanager
def atomic_name(
    target: Path, *, overwrite: bool, inputs: Iterable[Path] = (), mode: int = 0o666, system: FileSystem = _SYSTEM
) -> Iterator[Path]:
    """Give a hidden name beside the target, for the block to make a file of; rename it when the block ends well, else remove it.

    Without ``overwrite`` a file that somebody else puts under the target's name meanwhile is not replaced either. A target
    that is a symbolic link is replaced, not followed. When the block is left, content and name are durable.

    Args:
        target: Where the output shall be.
        overwrite: Replace an existing file.
        inputs: Files that must not be the target, by any of their names.
        mode: Of the file, less what the umask takes away.
        system: Another one breaks its calls in tests.

    Raises:
        UsageError: the target exists, is an input, or is no ordinary file.
        OutputError: the folder is missing, the disk is full, or any step of writing failed. Nothing is left.
    """
    check_target(target, overwrite=overwrite, inputs=inputs)
    if isinstance(target, StoredPath):
        with unwind_on_signals(), _put_together() as folder:
            beside = folder / f"{HIDDEN_PREFIX}{secrets.token_hex(16)}{target.suffix}"
            yield beside
            target.write_atomic(beside, overwrite=overwrite)
        return
    _remove_stale(target.parent.resolve())
    beside = target.parent / f"{HIDDEN_PREFIX}{secrets.token_hex(16)}{target.suffix}"
    with unwind_on_signals():
        try:
            try:
                yield beside
            except OSError as exc:
                if exc.errno in _WRITING_ONLY:
                    raise _failed(target, exc) from exc
                raise
            _publish(system, beside, target, overwrite=overwrite, mode=mode)
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def write_atomic(
    path: Path, data: bytes, *, overwrite: bool = True, mode: int = 0o666, system: FileSystem = _SYSTEM
) -> None:
    """Write a file that appears whole or not at all, durable when this returns.

    Args:
        path: The file.
        data: What is in it.
        overwrite: Replace an existing file.
        mode: Of the file, less what the umask takes away.
        system: Another one breaks its calls in tests.

    Raises:
        UsageError: it exists and must not be replaced, or is no ordinary file.
        OutputError: it cannot be written; what stood there before still does.
    """
    if isinstance(path, StoredPath):
        path.write_atomic(data, overwrite=overwrite)
        return
    with atomic_file(path, overwrite=overwrite, mode=mode, system=system) as beside:
        try:
            beside.write_bytes(data)
        except OSError as exc:
            raise _failed(path, exc) from exc


def check_target(target: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Refuse a target that could not or must not be written, before any work is done.

    Raises:
        UsageError: the target exists, is an input, or is no ordinary file.
        OutputError: its folder is missing.
    """
    for source in inputs:
        if _is_same(target, source):
            raise UsageError(f"output must not be an input, got {target}", hint="choose another name")
    if isinstance(target, StoredPath):
        if not overwrite and target.exists():
            raise UsageError(f"output exists already: {target}", hint=_TAKEN)
        return
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        if not target.parent.is_dir():
            raise OutputError(f"no such folder: {target.parent}", hint="make it first, or choose another") from None
        return
    except OSError as exc:
        raise _failed(target, exc) from exc
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
        raise UsageError(f"output must be a file, got {what}: {target}")
    if not overwrite:
        raise UsageError(f"output exists already: {target}", hint=_TAKEN)


@contextmanager
def _put_together() -> Iterator[Path]:
    """Give a folder that only this user can enter, for what goes to an object store when it is whole."""
    base = Path(tempfile.gettempdir())
    _remove_stale(base)
    folder = base / f"{HIDDEN_PREFIX}{secrets.token_hex(16)}"
    try:
        folder.mkdir(mode=0o700)
        yield folder
    except OSError as exc:
        raise _failed(folder, exc) from exc
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def unwind_on_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit (128 + number) while the block runs, so that files are cleaned up.

    Only the main thread can do so, and only where nobody else handles these signals; elsewhere it does nothing. A
    program that works in other threads enters it once in its main thread.
    """
    mine: list[int] = []
    if threading.current_thread() is threading.main_thread():
        mine = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in mine:
        signal.signal(number, _unwind)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def _unwind(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signature that signal wants
    raise SystemExit(128 + number)


def _is_same(target: Path, source: Path) -> bool:
    if isinstance(target, StoredPath) or isinstance(source, StoredPath):
        return target == source
    try:
        return target.samefile(source)  # follows symbolic links, sees hard links
    except OSError:
        return target.resolve() == source.resolve()


@functools.cache  # once a process: a folder may hold many files, and a run may write many
def _remove_stale(folder: Path) -> None:
    with suppress(OSError):  # nothing depends on it
        for path in folder.iterdir():
            status = path.lstat()
            if not _HIDDEN.fullmatch(path.name) or time.time() - status.st_mtime <= STALE_S:
                continue
            if stat.S_ISREG(status.st_mode):
                path.unlink()
            elif stat.S_ISDIR(status.st_mode):
                shutil.rmtree(path, ignore_errors=True)


def _publish(system: FileSystem, beside: Path, target: Path, *, overwrite: bool, mode: int) -> None:
    try:
        system.flush(beside)
        _give_mode(system, beside, mode & ~umask())
        if overwrite:
            system.rename(beside, target)
        else:
            _rename_to_free_name(system, beside, target)
        try:
            _flush_folder(system, target.parent)
        except OSError:
            if not overwrite:  # else the old file is gone already, and the new one is whole
                target.unlink(missing_ok=True)
            raise
    except FileExistsError as exc:
        raise UsageError(f"output exists already: {target}", hint=_TAKEN) from exc
    except OSError as exc:
        raise _failed(target, exc) from exc


def _give_mode(system: FileSystem, beside: Path, mode: int) -> None:
    try:
        system.give_mode(beside, mode)
    except OSError as exc:
        if exc.errno not in _NO_MODES:  # disks of other systems know no modes: the file stays as they show it
            raise


def _rename_to_free_name(system: FileSystem, beside: Path, target: Path) -> None:
    try:
        system.link(beside, target)
        return
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
    # a disk without hard links (FAT, some network disks): reserve the name, then replace our own empty file
    system.create(target)
    try:
        system.rename(beside, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _flush_folder(system: FileSystem, folder: Path) -> None:
    try:
        system.flush_folder(folder)
    except OSError as exc:
        if exc.errno not in _NO_FOLDER_SYNC:
            raise


def umask(status: Path = Path("/proc/self/status")) -> int:
    """Return the mode bits that new files of this process do not get.

    Args:
        status: Where Linux tells it; where that is missing, it is read by setting it, for a moment for all threads.
    """
    with suppress(OSError, ValueError, IndexError), status.open(encoding="ascii") as lines:
        for line in lines:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _failed(target: Path, exc: OSError) -> OutputError:
    hint: str | None
    if exc.errno in _NO_SPACE:
        hint = f"free space on the disk of {target.parent}, or choose another disk"
        return NoSpaceError(f"cannot write {target}: {exc.strerror or exc}", hint=hint)
    if exc.errno == errno.EFBIG:
        hint = "the disk or the shell's limit (ulimit -f) does not allow files of this size"
    elif exc.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        hint = f"allow writing to {target.parent}, or choose another folder"
    elif exc.errno == errno.ENOTDIR:
        hint = f"{target.parent} must be a folder: choose another"
    elif exc.errno == errno.ENAMETOOLONG:
        hint = "choose a shorter name"
    else:
        hint = None
    return OutputError(f"cannot write {target}: {exc.strerror or exc}", hint=hint)
