"""What ``passerby veil`` does with one file: veil it, write what belongs beside it, and say what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from passerby.cli.progress import Report
from passerby.cli.veil.options import VeilOptions
from passerby.cli.veil.resuming import check_manifest
from passerby.cli.veil.sealed import PackBeside, sealed_beside
from passerby.cli.veil.tracks import tracks_of
from passerby.cli.veil.until_clean import cover_until_clean
from passerby.errors import PasserbyError
from passerby.files import atomic_name
from passerby.media import OutputJob, check_unchanged, source_version
from passerby.objects import StoredPath
from passerby.veil import (
    Detector,
    VeiledFile,
    VeilReport,
    VeilSettings,
    manifest_beside,
    mend_file,
    veil_file,
    with_places,
    write_contact_sheets,
    write_tracks,
)


@dataclass(frozen=True, slots=True)
class FileOrder:
    """One file to be veiled.

    Attributes:
        job: Source and target.
        replaces: Whether what stands under the target's name may be replaced.
    """

    job: OutputJob
    replaces: bool


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What came of one file.

    Attributes:
        report: What was done.
        warnings: Sentences for everybody.
        notes: Sentences for those who want to know more.
        failed: Why something that was asked for besides is missing; None where nothing is.
    """

    report: VeilReport
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failed: str | None = None


def veil_one(
    options: VeilOptions, settings: VeilSettings, order: FileOrder, detector: Detector, progress: Report
) -> FileOutcome:
    """Veil a file.

    Its manifest stands before the output does: what is found under an output's name later can be told by it, also where the
    process was killed at any moment.

    Raises:
        PasserbyError: it could not be veiled.
    """
    source, target = order.job.source.path, order.job.target
    version = source_version(source)
    with (
        folder_for(target),
        atomic_name(target, overwrite=order.replaces, inputs=[source]) as beside,
        sealed_beside(options.seal, target, overwrite=order.replaces) as pack,
    ):
        if options.manifest:
            check_manifest(target, overwrite=order.replaces)
        with _named(beside, target):
            veiled, notes = _veiled(options, settings, source, beside, detector=detector, progress=progress, pack=pack)
            if options.until_clean:
                veiled, rounds = cover_until_clean(
                    source, beside, settings, veiled, detector=detector, progress=progress
                )
                notes += rounds
        sealed: tuple[str, ...] = () if pack is None else (_sealed(pack),)
        told = replace(veiled.report, output=target.name, notes=(*veiled.report.notes, *sealed))
        veiled = replace(veiled, report=told)
        if options.tracks_out is not None:
            notes += (_write_tracks(options.tracks_out, veiled, beside, settings),)
        check_unchanged(source, version)
        report = with_places(veiled, beside, settings) if options.report is not None else told
        if options.manifest:
            manifest_beside(source, beside, target, settings, report, also=_also(pack))
    warnings: tuple[str, ...] = ()
    if report.no_hardware:
        warnings = (f"note: encoded in software, {report.encoder}: {report.no_hardware}",)
    if pack is not None and pack.sealing.failed:
        return FileOutcome(report, warnings, (_summary(report), *notes), failed=f"{target.name}: {' '.join(sealed)}")
    return FileOutcome(report, warnings, (_summary(report), *notes, *sealed))


@contextmanager
def _named(beside: Path, target: Path) -> Iterator[None]:
    """Say the output's name in errors, not the hidden one that it still has."""
    try:
        yield
    except PasserbyError as error:
        if beside.name not in error.message:
            raise
        message = error.message.replace(str(beside), str(target)).replace(beside.name, target.name)
        raise type(error)(message, hint=error.hint) from error


def _veiled(
    options: VeilOptions,
    settings: VeilSettings,
    source: Path,
    beside: Path,
    *,
    detector: Detector,
    progress: Report,
    pack: PackBeside | None,
) -> tuple[VeiledFile, tuple[str, ...]]:
    """Veil a file into a hidden one beside its output."""
    header, tracks = tracks_of(options.tracks_in, source) if options.tracks_in else (None, None)
    notes: tuple[str, ...] = ()
    if options.mend is not None and header is not None and tracks is not None:
        mended = mend_file(source, options.mend, beside, settings, header=header, tracks=tracks, progress=progress)
        if not isinstance(mended, str):
            return mended, ()
        notes = (f"note: veiled anew instead of mended: {mended}",)
    told = None if pack is None else pack.sealing.before_cover
    veiled = veil_file(source, beside, settings, detector=detector, tracks=tracks, progress=progress, before_cover=told)
    return veiled, notes


def _sealed(pack: PackBeside) -> str:
    """End a pack, and return what was sealed, for people."""
    pack.sealing.finish()
    return pack.sealing.told()


def _also(pack: PackBeside | None) -> dict[str, Path]:
    """Return what belongs to an output besides, by name, and where it lies until then."""
    return {} if pack is None or pack.sealing.failed else {pack.target.name: pack.beside}


def _write_tracks(path: Path, veiled: VeiledFile, beside: Path, settings: VeilSettings) -> str:
    write_tracks(path, veiled, settings)
    sheets = write_contact_sheets(path, veiled, beside, settings)
    return f"tracks: {path}" + (f"; contact sheet: {', '.join(sheet.name for sheet in sheets)}" if sheets else "")


@contextmanager
def folder_for(target: Path) -> Iterator[None]:
    """Make the folders that an output needs, and take away those that stayed empty; an object store needs none."""
    if isinstance(target, StoredPath):
        yield
        return
    made = []
    for folder in (target.parent, *target.parent.parents):
        if folder.exists():
            break
        made.append(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def _summary(report: VeilReport) -> str:
    if report.frames == 1:
        faces = f"{report.tracks} {'face' if report.tracks == 1 else 'faces'}"
        return f"{report.source}: {faces}, {report.covered_share:.1%} of the picture covered, {report.seconds:.1f} s"
    speed = report.frames / report.seconds if report.seconds else 0
    whole = sum(one.frames for one in report.whole)
    return (
        f"{report.source}: {report.frames} frames, {report.tracks} tracks of faces, "
        f"{report.covered_share:.1%} of the picture covered"
        + (f", {whole} frames covered whole" if whole else "")
        + f", {report.copied_share:.0%} of frames copied, {report.seconds:.1f} s ({speed:.0f} frames a second)"
        + (f", encoded by {report.encoder}" if report.encoder and report.frames_encoded else "")
    )
