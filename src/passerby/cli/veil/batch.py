"""Does what ``passerby veil`` was told, file after file or several at once: a bad one is named and the others go on."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import typer

from passerby.cli.progress import progress_for
from passerby.cli.veil.one_file import FileOrder, FileOutcome, folder_for, veil_one
from passerby.cli.veil.options import VeilOptions
from passerby.cli.veil.preview import check_preview, write_preview
from passerby.cli.veil.resuming import may_replace, stands_already
from passerby.cli.veil.sealed import check_seal
from passerby.cli.veil.settings import settings_of
from passerby.cli.veil.side_by_side import SideBySide
from passerby.config import processes_for
from passerby.errors import PasserbyError, SealError, UsageError
from passerby.files import check_target, unwind_on_signals
from passerby.media import (
    UNASKED,
    VEILED,
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
from passerby.objects import StoredPath
from passerby.values import Digest
from passerby.veil import (
    REVERSIBLE_STYLES,
    REVERSIBLE_WARNING,
    Detector,
    VeilReport,
    VeilSettings,
    report_names,
    sheet_names,
    veil_camera,
    write_report,
)

_MOST_NAMED = 5
_ASKED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Say:
    quiet: bool

    def note(self, text: str) -> None:
        if not self.quiet:
            typer.echo(text, err=True)


@dataclass(slots=True)
class _Batch:
    """One command, and what came of it.

    Attributes:
        skips_done: Outputs that stand already are left as they are.
        raises: There is one input and no report, so that its error ends the command.
        reports: By place among the inputs.
        stood: Input and reason of each file whose output stood already.
    """

    options: VeilOptions
    settings: VeilSettings
    say: _Say
    skips_done: bool
    raises: bool
    reports: dict[int, VeilReport] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    stood: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, path: Path, error: PasserbyError, *, single: bool) -> None:
        """Name a file that could not be veiled."""
        if self.raises and single:
            raise error
        self.failures.append((path.name, error.message))
        typer.echo(f"error: {error.message}" if single else f"error: {path}: {error.message}", err=True)
        if error.hint:
            typer.echo(f"hint: {error.hint}", err=True)


def veil_batch(options: VeilOptions) -> bool:
    """Veil every input and say what came of it.

    Returns:
        True when a file could not be veiled.

    Raises:
        PasserbyError: nothing could be begun.
    """
    settings = settings_of(options)
    inputs = expand_inputs(options.inputs, output=options.output, veiled=options.suffix or VEILED)
    jobs = plan_outputs(inputs, options.output, veiled=options.suffix)
    _check_single(options, many=inputs.many)
    _check_beside(options, jobs)
    check_preview(options, jobs)
    check_seal(options, jobs)
    protection = protect_process()
    say = _Say(options.quiet)
    for sentence in protection.missing:
        say.note(f"note: {sentence}")
    if settings.cover.style in REVERSIBLE_STYLES and settings.cover.allow_reversible:
        typer.echo(f"warning: {REVERSIBLE_WARNING.format(style=settings.cover.style)}", err=True)
    skips_done = inputs.many if options.skip_done is None else options.skip_done
    raises = len(jobs) == 1 and not inputs.failed and options.report is None
    run = _Batch(options, settings, say, skips_done and not options.overwrite, raises)
    _say_beforehand(inputs, jobs, say)
    for path, error in inputs.failed:
        run.fail(path, error, single=False)
    if jobs and options.preview is not None:
        write_preview(options, settings, jobs, options.preview)
    elif jobs:
        _veil_all(run, jobs)
    _report(run, inputs)
    if not jobs and not run.failures:
        raise UsageError("no picture or clip among the inputs", hint="see --help for the kinds of files")
    return bool(run.failures)


def _report(run: _Batch, inputs: Inputs) -> None:
    path, reports = run.options.report, [run.reports[place] for place in sorted(run.reports)]
    if path is not None and (reports or run.failures or run.stood):
        beside = [(str(one.path), one.reason) for one in inputs.skipped]
        page, data = write_report(path, reports, run.failures, run.stood + beside)
        run.say.note(f"report: {page} and {data.name}")


def _say_beforehand(inputs: Inputs, jobs: list[OutputJob], say: _Say) -> None:
    """Say what is passed over, which clips get another container, and which pictures another format."""
    for skipped in inputs.skipped:
        say.note(f"skipped {skipped.path}: {skipped.reason}")
    for job in jobs:
        changes = job.source.kind is SourceKind.CLIP or job.source.content in UNASKED
        if changes and job.target.suffix.lower() != job.source.path.suffix.lower():
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


def _veil_all(run: _Batch, jobs: list[OutputJob]) -> None:
    with unwind_on_signals():
        _record_cameras(run, [job for job in jobs if job.source.kind is SourceKind.CAMERA])
        places = {order: place for place, order in _orders(run, jobs)}
        left = dict.fromkeys(places)
        try:
            with closing(_came_of(run, list(places))) as all_that_came:
                for order, came in all_that_came:
                    _tell(run, order, came, places[order])
                    del left[order]
                    if isinstance(came, PasserbyError) and came.ends_run:
                        break  # the others would meet it too
        except BaseException:
            _say_what_is_left(list(left), len(places), "interrupted")
            raise
        if left:
            _say_what_is_left(list(left), len(places), "stopped")
            run.failures += [(order.job.source.path.name, "not done: the run was stopped") for order in left]


def _orders(run: _Batch, jobs: list[OutputJob]) -> Iterator[tuple[int, FileOrder]]:
    """Yield what is to be done, with its place among the inputs, and tell of what stands already and what cannot be done."""
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:  # digests are taken, and object stores asked, side by side
        for place, (job, found) in enumerate(zip(jobs, threads.map(partial(_order, run), jobs), strict=True)):
            if isinstance(found, FileOrder):
                yield place, found
            elif isinstance(found, str):
                run.say.note(f"{job.source.path.name}: {found}")
                run.stood.append((str(job.source.path), found))
            elif found is not None:
                if found.ends_run:
                    threads.shutdown(wait=False, cancel_futures=True)
                    raise found
                run.fail(job.source.path, found, single=run.raises)


def _order(run: _Batch, job: OutputJob) -> FileOrder | str | PasserbyError | None:
    """Return what is to be done for one input: an order, why nothing is in words, or why nothing can be; None for a camera."""
    if job.source.kind is SourceKind.CAMERA:
        return None
    try:
        if run.skips_done and stands_already(job, run.settings):
            return f"veiled already, {job.target}"
        replaces = may_replace(job.target, overwrite=run.options.overwrite)
        if isinstance(job.target, StoredPath) or job.target.parent.is_dir():
            check_target(job.target, overwrite=replaces, inputs=[job.source.path])
    except PasserbyError as error:
        return error
    return FileOrder(job, replaces)


def _came_of(
    run: _Batch, orders: list[FileOrder]
) -> Generator[tuple[FileOrder, FileOutcome | PasserbyError], None, None]:
    """Veil files one after another or side by side, and yield what came of each."""
    count = processes_for(len(orders)) if run.options.jobs is None else min(run.options.jobs, len(orders))
    if count > 1:
        run.say.note(f"{len(orders)} files, {count} at once")
        with SideBySide(run.options, run.settings, count) as hands:
            yield from hands.veil(orders)
    elif orders:
        detector = Detector(run.settings.find)
        try:
            run.say.note(f"detector: {detector.runs_on}, weights {detector.digest}")
            for order in orders:
                yield order, _one(run, order, detector)
        finally:
            detector.close()


def _one(run: _Batch, order: FileOrder, detector: Detector) -> FileOutcome | PasserbyError:
    try:
        with progress_for(order.job.source.path.name, quiet=run.options.quiet) as progress:
            return veil_one(run.options, run.settings, order, detector, progress)
    except PasserbyError as error:
        return error


def _tell(run: _Batch, order: FileOrder, came: FileOutcome | PasserbyError, place: int) -> None:
    if isinstance(came, PasserbyError):
        run.fail(order.job.source.path, came, single=run.raises)
        return
    run.reports[place] = came.report
    typer.echo(str(order.job.target))
    for sentence in came.warnings:
        typer.echo(sentence, err=True)
    for sentence in came.notes:
        run.say.note(sentence)
    if came.failed is not None:
        run.fail(order.job.source.path, SealError(came.failed), single=run.raises)


def _say_what_is_left(left: list[FileOrder], among: int, how: str) -> None:
    """Say what is written and what is not, also to those who want no summary."""
    if not left or (among == 1 and how == "stopped"):
        return
    names = ", ".join(order.job.source.path.name for order in left[:_MOST_NAMED])
    more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
    done = "are done" if how == "interrupted" else "were tried"
    told = f"{among - len(left)} of {among} files {done}; not {names}{more}" if among > 1 else f"{names} is not done"
    typer.echo(f"{how}: {told}; nothing is left half", err=True)
    typer.echo("the same command goes on with what is left", err=True)


def _record_cameras(run: _Batch, jobs: list[OutputJob]) -> None:
    if not jobs:
        return
    detector = Detector(run.settings.find)
    detector.close()
    for job in jobs:
        try:
            with folder_for(job.target):
                _record(run.options, run.settings, job, detector.digest, run.say)
        except PasserbyError as error:
            run.fail(job.source.path, error, single=run.raises)


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
