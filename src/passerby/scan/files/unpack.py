"""Gives a file of the target with everything that is packed in it, archives in archives to a bounded depth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from passerby.scan.files.app_archives import appended_members, asar_members
from passerby.scan.files.bounds import Budget, ScanLimits, SpentError
from passerby.scan.files.inflate import inflate_all
from passerby.scan.files.kinds import ArchiveKind, archive_kind, is_tar, named_only, packing_of
from passerby.scan.files.members import FileSource, StreamSource, pieces_of
from passerby.scan.files.tars import tar_members
from passerby.scan.files.unix_archives import ar_members, cpio_members, rpm_members
from passerby.scan.files.windows_archives import cab_members, ole_members
from passerby.scan.files.zips import zip_members
from passerby.scan.values import MEMBER, TargetFile, Unread

Members = Iterator[TargetFile | Unread]


def unpacked(file: TargetFile, budget: Budget) -> Members:
    """Yield a file, then all files that are packed in it, each before those in it, and what could not be read.

    Nothing is raised for what is wrong with the file; it is an :class:`Unread`.
    """
    return _unpacked(file, budget, 0)


def budget_for(file: TargetFile, limits: ScanLimits, clock: Callable[[], float] = time.monotonic) -> Budget:
    """Return the bounds of one file of the target."""
    return Budget(limits, file.size_bytes, clock)


def _unpacked(file: TargetFile, budget: Budget, depth: int) -> Members:
    try:
        kind = archive_kind(file)
        unread = named_only(file) if kind is None else ""
    except OSError as exc:
        yield Unread(file.path, f"it cannot be read: {exc.strerror or exc}")
        return
    yield file
    if unread:
        yield Unread(file.path, unread)
    if kind is None:
        return
    if depth >= budget.limits.depth:
        yield Unread(file.path, f"it is more than {depth} archives deep: not opened")
        return
    share = budget.begin_archive()
    try:
        for member in _OPEN[kind](file, budget):
            if isinstance(member, Unread):
                yield member
            else:
                yield from _unpacked(member, budget, depth + 1)
    except SpentError as exc:
        yield Unread(file.path, str(exc))
    except Exception as exc:  # noqa: BLE001 - whatever a damaged archive makes a parser raise, the scan goes on and names it
        yield Unread(file.path, f"it is damaged: {str(exc) or type(exc).__name__}")
    finally:
        budget.end_archive(share)


def _tar(file: TargetFile, budget: Budget) -> Members:
    return tar_members(FileSource(file, budget), file.path, budget)


def _cpio(file: TargetFile, budget: Budget) -> Members:
    return cpio_members(FileSource(file, budget), file.path, budget)


def _compressed(file: TargetFile, budget: Budget) -> Members:
    """A tar that is compressed is one archive, not two."""
    packing = packing_of(file.head())
    if packing is None:
        return
    with file.open() as stream:
        source = StreamSource(inflate_all(packing, pieces_of(stream, file.size_bytes)), budget)
        start = source.read(512)
        source.unread(start)
        if is_tar(start):
            yield from tar_members(source, file.path, budget)
        elif start.startswith((b"070701", b"070702", b"070707")):
            yield from cpio_members(source, file.path, budget)
        else:
            budget.begin_member()
            held = source.remainder(f"{file.path}{MEMBER}{_bare_name(file.name)}")
            if held.file is not None:
                yield held.file
            if held.damage:
                yield Unread(file.path, held.damage)
        if source.damage:
            yield Unread(file.path, source.damage)


def _bare_name(name: str) -> str:
    """Return a name without the suffix of its compression.

    >>> _bare_name("a.onnx.gz"), _bare_name("data")
    ('a.onnx', 'data')
    """
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and stem and suffix.lower() in {"gz", "bz2", "xz", "zst", "lzma", "tgz", "svgz"} else name


_OPEN: dict[ArchiveKind, Callable[[TargetFile, Budget], Members]] = {
    ArchiveKind.ZIP: zip_members,
    ArchiveKind.TAR: _tar,
    ArchiveKind.COMPRESSED: _compressed,
    ArchiveKind.AR: ar_members,
    ArchiveKind.CPIO: _cpio,
    ArchiveKind.RPM: rpm_members,
    ArchiveKind.ASAR: asar_members,
    ArchiveKind.CAB: cab_members,
    ArchiveKind.OLE: ole_members,
    ArchiveKind.APPENDED: appended_members,
}
