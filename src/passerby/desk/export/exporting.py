"""Writes a mended file with all that belongs beside it. What changed is encoded anew, the rest is copied from the earlier output.

Every file is written under a hidden name first; the output itself takes its name last. Whatever ends an export before that,
the earlier output stands as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from passerby.desk.export.keep_order import KEEP_SUFFIX, SIGNATURE_SUFFIX, KeepDecision, decision_of, keep_order
from passerby.desk.export.statement import DeskStatement, clear_line, statement_html, statement_pdf, statement_texts
from passerby.desk.project import SIDECAR_SUFFIX, DeskState, Project
from passerby.errors import PasserbyError
from passerby.files import atomic_name
from passerby.media import MANIFEST_SUFFIX, build_manifest, digest_named, write_manifest
from passerby.values import Track, digest_file, utc_now
from passerby.veil import (
    CoverStyle,
    VeiledFile,
    VeilSettings,
    check_sidecar_source,
    mend_file,
    read_measured,
    read_sidecar,
    veil_file,
    with_places,
    write_report,
    write_tracks,
)

ShareDone = Callable[[float], None]
"""Told how much is done, 0 to 1. What it raises ends the export."""
_WATCHED_SHARE = 0.4
EXPORT_SUFFIXES = {
    "manifest": MANIFEST_SUFFIX,
    "sidecar": SIDECAR_SUFFIX,
    "report": ".report.html",
    "report_data": ".report.json",
    "statement": ".statement.html",
    "statement_pdf": ".statement.pdf",
}
"""What an export writes beside the output, each behind its whole name."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote.

    Attributes:
        state: The project as it is now.
        mended: Only what changed was encoded anew; else all of it was veiled anew.
        notes: Sentences for those who want to know more.
        veiled: The output.
        manifest: Which file was made from which, how.
        sidecar: Its tracks.
        report: The page.
        report_data: The same as JSON.
        statement: One page.
        statement_pdf: The same as PDF.
        keep_order: What a second person may sign; None where nobody is left clear.
    """

    state: DeskState
    mended: bool
    notes: tuple[str, ...]
    veiled: Path
    manifest: Path
    sidecar: Path
    report: Path
    report_data: Path
    statement: Path
    statement_pdf: Path
    keep_order: Path | None


def export_project(project: Project, *, progress: ShareDone | None = None, language: str = "en") -> Exported:
    """Write the output of a project as its edits say, and what belongs beside it.

    Args:
        project: Open. Edits that come meanwhile are left for the next export.
        progress: Told as it goes.
        language: Of the statement.

    Raises:
        UsageError: there is no such language.
        DeskError: the input is another one by now.
        PasserbyError: it could not be written; the earlier output stands as it was.
    """
    return _Export(project, progress or (lambda _: None), language).write()


def export_settings(settings: VeilSettings, state: DeskState) -> VeilSettings:
    """Return the settings that cover a file as a project says."""
    kept = frozenset(one.number for one in state.tracks if one.kept)
    soft = tuple((one.number, CoverStyle(one.style)) for one in state.tracks if one.style != "solid")
    return replace(settings, cover=replace(settings.cover, zones=state.zones, keep=kept, soft=soft))


class _Export:
    """One export on its way."""

    def __init__(self, project: Project, progress: ShareDone, language: str) -> None:
        self._project, self._progress = project, progress
        self._texts, self._english = statement_texts(language), statement_texts("en")
        self._state = project.state()
        self._settings = export_settings(project.settings, self._state)
        self._target = project.veiled
        self._telling = False

    def write(self) -> Exported:
        """Write everything; it appears when all of it is there."""
        state, project, target = self._state, self._project, self._target
        order = keep_order(state, project.header.source)
        signed = self._beside(SIGNATURE_SUFFIX)
        decision = None if order is None else decision_of(state, order, signed)
        names = {name: self._beside(suffix) for name, suffix in EXPORT_SUFFIXES.items()}
        project.check_source()
        with ExitStack() as stack:
            hidden = stack.enter_context(atomic_name(target, overwrite=True, inputs=[project.source]))
            veiled, why_anew = self._veiled(hidden)
            digest = digest_file(hidden)
            veiled = replace(veiled, report=replace(veiled.report, output=target.name))
            ways = {name: stack.enter_context(atomic_name(path, overwrite=True)) for name, path in names.items()}
            self._write_beside(ways, veiled, hidden, decision)
            if order is not None:
                stack.enter_context(atomic_name(self._beside(KEEP_SUFFIX), overwrite=True)).write_bytes(order)
            project.check_source()  # it was read by its name, which may have led elsewhere meanwhile
            project.note_exporting(digest, state)
        if order is None:
            self._beside(KEEP_SUFFIX).unlink(missing_ok=True)
        self._progress(1.0)
        return Exported(
            state=project.note_exported(state),
            mended=why_anew is None,
            notes=(() if why_anew is None else (f"veiled anew instead of mended: {why_anew}",)) + veiled.report.notes,
            veiled=target,
            keep_order=None if order is None else self._beside(KEEP_SUFFIX),
            **names,
        )

    def _veiled(self, hidden: Path) -> tuple[VeiledFile, str | None]:
        """Mend the earlier output, or veil anew with the edited tracks; say why it was anew."""
        project, tracks = self._project, self._tracks()
        why = "the earlier output is not there"
        try:
            header, _ = read_sidecar(self._beside(SIDECAR_SUFFIX))
            check_sidecar_source(header, project.header.source, self._beside(SIDECAR_SUFFIX))
            mended = mend_file(
                project.source, self._target, hidden, self._settings, header=header, tracks=tracks, progress=self._told
            )
            if not isinstance(mended, str):
                return mended, None
            why = mended
        except PasserbyError as error:
            if self._telling:
                raise  # whoever is told how far it is wants it to end
            why = error.message  # an earlier output that was changed, moved away or is of other tracks
            hidden.unlink(missing_ok=True)
        return veil_file(project.source, hidden, self._settings, tracks=tracks, progress=self._told), why

    def _tracks(self) -> tuple[Track, ...]:
        return tuple(one.track for one in self._state.tracks)

    def _told(self, what: str, done: int, total: int | None) -> None:
        self._telling = True
        share = min(1.0, done / max(1, total or self._state.frames))
        self._progress(
            share * _WATCHED_SHARE if what == "watching" else _WATCHED_SHARE + share * (0.95 - _WATCHED_SHARE)
        )
        self._telling = False

    def _write_beside(
        self, ways: dict[str, Path], veiled: VeiledFile, hidden: Path, decision: KeepDecision | None
    ) -> None:
        write_tracks(ways["sidecar"], veiled, self._settings)
        report = with_places(veiled, hidden, self._settings)
        _, data = write_report(ways["report"], [report])
        data.replace(ways["report_data"])
        statement = DeskStatement(report, self._state, decision, read_measured(), utc_now())
        ways["statement"].write_text(statement_html(statement, self._texts), encoding="utf-8")
        ways["statement_pdf"].write_bytes(statement_pdf(statement, self._texts))
        manifest = build_manifest(
            inputs=[digest_named(self._project.source)],
            outputs=[digest_named(hidden, name=self._target.name)],
            settings=self._settings,
            weights=report.weights or None,
            encoder=report.encoder,
            clear="" if decision is None else clear_line(decision, self._english),
        )
        write_manifest(manifest, ways["manifest"], overwrite=True).replace(ways["manifest"])

    def _beside(self, suffix: str) -> Path:
        return self._target.with_name(self._target.name + suffix)
