"""Does what ``passerby veil`` was told, file after file: a bad one is named and the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import typer

import passerby
from passerby.cli.progress import progress_for
from passerby.cli.veil.options import VeilOptions
from passerby.cli.veil.settings import settings_of
from passerby.cli.veil.tracks import contact_sheet, tracks_of, with_places, write_tracks
from passerby.errors import PasserbyError, UsageError
from passerby.files import check_target, unwind_on_signals
from passerby.media import (
    Inputs,
    OutputJob,
    SourceKind,
    build_manifest,
    digest_named,
    expand_inputs,
    plan_outputs,
    protect_process,
    write_manifest,
)
from passerby.values import Digest
from passerby.veil import (
    REVERSIBLE_STYLES,
    REVERSIBLE_WARNING,
    Detector,
    VeiledFile,
    VeilReport,
    VeilSettings,
    mend_file,
    report_names,
    sheet_names,
    veil_camera,
    veil_file,
    write_report,
)

MANIFEST_SUFFIX = ".manifest.json"


@dataclass(slots=True)
class _Done:
    reports: list[VeilReport] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)


def veil_batch(options: VeilOptions) -> bool:
    """Veil every input and say what came of it.

    Returns:
        True when a file could not be veiled.

    Raises:
        PasserbyError: nothing could be begun.
    """
    settings = settings_of(options)
    inputs = expand_inputs(options.inputs, output=options.output)
    jobs = plan_outputs(inputs, options.output)
    _check_single(options, many=inputs.many)
    _check_beside(options, jobs)
    protection = protect_process()
    say = _Say(options.quiet)
    for sentence in protection.missing:
        say.note(f"note: {sentence}")
    if settings.cover.style in REVERSIBLE_STYLES and settings.cover.allow_reversible:
        typer.echo(f"warning: {REVERSIBLE_WARNING.format(style=settings.cover.style)}", err=True)
    done = _Done()
    _say_beforehand(inputs, jobs, say)
    for path, error in inputs.failed:
        _fail(done, path, error, single=False)
    if jobs:
        _veil_all(options, settings, jobs, done, say)
    if options.report is not None and (done.reports or done.failures):
        beside = [(str(one.path), one.reason) for one in inputs.skipped]
        page, data = write_report(options.report, done.reports, done.failures, beside)
        say.note(f"report: {page} and {data.name}")
    if not jobs and not done.failures:
        raise UsageError("no picture or clip among the inputs", hint="see --help for the kinds of files")
    return bool(done.failures)


def _say_beforehand(inputs: Inputs, jobs: list[OutputJob], say: _Say) -> None:
    """Say what is passed over, and which clips get another container."""
    for skipped in inputs.skipped:
        say.note(f"skipped {skipped.path}: {skipped.reason}")
    for job in jobs:
        if job.source.kind is SourceKind.CLIP and job.target.suffix.lower() != job.source.path.suffix.lower():
            say.note(f"{job.source.path.name} ({job.source.content}) is written as {job.target.name}")


def _check_single(options: VeilOptions, *, many: bool) -> None:
    for name, value in (
        ("--tracks-out", options.tracks_out),
        ("--tracks-in", options.tracks_in),
        ("--mend", options.mend),
    ):
        if value and many:
            raise UsageError(f"{name} goes with one input, got several", hint="a track means nothing in another file")
    if options.mend is not None and not options.tracks_in:
        raise UsageError("--mend needs --tracks-in, got none", hint="name the edited tracks of the same file")


def _check_beside(options: VeilOptions, jobs: list[OutputJob]) -> None:
    """Refuse to write tracks, sheet or report over an input, an output, or whatever else stands there."""
    beside: list[Path] = []
    if options.tracks_out is not None:
        beside += [options.tracks_out, *sheet_names(options.tracks_out)]
    if options.report is not None:
        beside += report_names(options.report)
    named = [options.detector, options.replaceimg, options.mend, *(options.tracks_in or ())]
    taken = [job.source.path for job in jobs] + [path for path in named if path is not None]
    targets = {job.target.resolve() for job in jobs}
    for path in beside:
        if path.resolve() in targets:
            raise UsageError(f"{path} must not be the output too", hint="choose another name")
        check_target(path, overwrite=options.overwrite, inputs=taken)


def _veil_all(options: VeilOptions, settings: VeilSettings, jobs: list[OutputJob], done: _Done, say: _Say) -> None:
    detector = Detector(settings.find)
    try:
        say.note(f"detector: {detector.runs_on}, weights {detector.digest}")
        with unwind_on_signals():
            for job in jobs:
                try:
                    with _folder_for(job.target):
                        if job.source.kind is SourceKind.CAMERA:
                            _record(options, settings, job, detector.digest, say)
                        else:
                            done.reports.append(_veil_one(options, settings, job, detector, say))
                except PasserbyError as error:
                    if len(jobs) == 1 and not done.failures and options.report is None:
                        raise
                    _fail(done, job.source.path, error, single=len(jobs) == 1)
    finally:
        detector.close()


def _veil_one(
    options: VeilOptions, settings: VeilSettings, job: OutputJob, detector: Detector, say: _Say
) -> VeilReport:
    source, target = job.source.path, job.target
    if options.manifest:
        check_target(target.with_name(target.name + MANIFEST_SUFFIX), overwrite=options.overwrite)
    header, tracks = tracks_of(options.tracks_in, source) if options.tracks_in else (None, None)
    veiled: VeiledFile | str = "nothing to mend"
    with progress_for(source.name, quiet=options.quiet) as progress:
        if options.mend is not None and header is not None and tracks is not None:
            veiled = mend_file(source, options.mend, target, settings, header=header, tracks=tracks, progress=progress)
            if isinstance(veiled, str):
                say.note(f"note: veiled anew instead of mended: {veiled}")
        if isinstance(veiled, str):
            veiled = veil_file(source, target, settings, detector=detector, tracks=tracks, progress=progress)
    typer.echo(str(target))
    if veiled.report.no_hardware:
        typer.echo(f"note: encoded in software, {veiled.report.encoder}: {veiled.report.no_hardware}", err=True)
    say.note(_summary(veiled.report))
    if options.tracks_out is not None:
        _tell_tracks(options.tracks_out, veiled, target, settings, say)
    if options.manifest:
        found = build_manifest(
            inputs=[digest_named(source)],
            outputs=[digest_named(target)],
            settings=settings,
            weights=veiled.report.weights,
            encoder=veiled.report.encoder,
        )
        write_manifest(found, target, overwrite=options.overwrite)
    return with_places(veiled, target, settings) if options.report is not None else veiled.report


def _record(options: VeilOptions, settings: VeilSettings, job: OutputJob, weights: Digest, say: _Say) -> None:
    for name, value in (
        ("--tracks-out", options.tracks_out),
        ("--tracks-in", options.tracks_in),
        ("--start", options.start),
    ):
        if value:
            raise UsageError(f"{name} does not go with a camera")
    say.note(f"recording {job.source.path}; Ctrl-C ends it")
    with progress_for(job.source.path.name, quiet=options.quiet) as progress:
        done = veil_camera(job.source.path, job.target, settings, progress=progress)
    typer.echo(str(job.target))
    say.note(f"{done.frames} frames of {done.width}x{done.height} in {done.seconds:.1f} s")
    if options.manifest:
        found = build_manifest(inputs=[], outputs=[digest_named(job.target)], settings=settings, weights=weights)
        write_manifest(found, job.target, overwrite=options.overwrite)


def _tell_tracks(path: Path, veiled: VeiledFile, target: Path, settings: VeilSettings, say: _Say) -> None:
    write_tracks(path, veiled, settings, passerby.__version__)
    sheets = contact_sheet(path, veiled, target, settings)
    say.note(f"tracks: {path}" + (f"; contact sheet: {', '.join(sheet.name for sheet in sheets)}" if sheets else ""))


@contextmanager
def _folder_for(target: Path) -> Iterator[None]:
    """Make the folders that an output needs, and take away those that stayed empty."""
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


def _fail(done: _Done, path: Path, error: PasserbyError, *, single: bool) -> None:
    done.failures.append((path.name, error.message))
    typer.echo(f"error: {error.message}" if single else f"error: {path}: {error.message}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)


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


@dataclass(frozen=True, slots=True)
class _Say:
    quiet: bool

    def note(self, text: str) -> None:
        if not self.quiet:
            typer.echo(text, err=True)
