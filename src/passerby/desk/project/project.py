"""One file that is being mended: the tracks of its first veil, the journal of edits, and the state that follows from both.

An edit is checked, then written and flushed, then seen. Whatever ends the process, what was acknowledged is there again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Self

import passerby
from passerby.desk.project.doubts import doubt_to_json, doubts_of_tracks, in_order, join_doubts
from passerby.desk.project.draft import Draft
from passerby.desk.project.edit_json import edit_to_json, parse_edit
from passerby.desk.project.edits import DeskEdit, ZoneEdit
from passerby.desk.project.journal import FORMAT, VERSION, Journal, exported_digests
from passerby.desk.project.known import known_digest
from passerby.desk.project.paths import differing
from passerby.desk.project.replay import Replay
from passerby.desk.project.state import DeskDoubt, DeskState, DeskTrack
from passerby.desk.project.taken_in import unknown_covers
from passerby.desk.project.told import told_settings, told_zones
from passerby.errors import DeskError, PasserbyError, UnreadableError
from passerby.files import FileSystem, write_atomic
from passerby.media import expand_inputs, plan_outputs
from passerby.values import Digest, Zone, digest_bytes
from passerby.veil import (
    check_sidecar_source,
    merge_intervals,
    read_sidecar,
    read_sidecar_header,
    run_digests,
    settings_digest,
    tracks_from_edited,
)

JOURNAL_SUFFIX, BASE_SUFFIX = ".desk.jsonl", ".desk.tracks.json"
"""Behind the whole name of the input."""
SIDECAR_SUFFIX = ".tracks.json"
"""Behind the whole name of the output."""

_STEPS = frozenset({"do", "undo", "redo"})
Shown = tuple[tuple[DeskTrack, ...], tuple[Zone, ...]]
"""What an output shows: tracks and zones."""


class Project:
    """A file that is being mended; a context, which closes it. Safe to use from several threads.

    Args:
        source: The bare input.
        veiled: Its output.
        journal: Open.
        base: The sidecar of the first veil.

    Attributes:
        source: As given.
        veiled: As given.
        header: Of the sidecar of the first veil.
        settings: How the output was made.
        notes: What was noticed while it was opened, in words.
    """

    def __init__(self, source: Path, veiled: Path, journal: Journal, base: Path) -> None:
        self.source, self.veiled, self._journal = source, veiled, journal
        self._lock = threading.RLock()
        self.header, boxes = read_sidecar(base)
        self.settings, self.notes = told_settings(veiled)
        if journal.torn:
            self.notes += (f"half a last line of {journal.torn} bytes was left out: its edit was never acknowledged",)
        zones = _zones_of(journal, self.settings.cover.zones)
        self._base = Draft.of(tracks_from_edited(boxes), zones, self.header.frames)
        rows = journal.rows[1:]
        replay = Replay(journal.path, rows)
        self._edits, self._redo, self._doubts = replay.edits, replay.redo, replay.doubts
        self._draft = replay.fold(self._base)
        self._lines = 1 + len(rows)
        self._steps = sum(not row.keys().isdisjoint(_STEPS) for row in rows)
        self._state: DeskState | None = None
        output = _output_digest(veiled)
        self._exported = self._shown(output, replay, rows)
        if self._exported is None and output is not None:
            self._take_in(output)

    @classmethod
    def open(
        cls, source: Path, veiled: Path | None = None, *, beside: Path | None = None, system: FileSystem | None = None
    ) -> Self:
        """Open the project of a file, or begin one.

        Args:
            source: The bare input; picture or clip.
            veiled: Its output, with the sidecar of its tracks beside it; None takes the name that ``passerby veil`` gives.
            beside: Folder of the journal; None is the input's.
            system: Another one breaks its calls in tests.

        Raises:
            DeskError: the journal is of another file, broken, or open elsewhere.
            UsageError: a sidecar does not fit.
            UnreadableError: a file cannot be read.
            OutputError: the journal cannot be written.
        """
        veiled = veiled or plan_outputs(expand_inputs([str(source)]))[0].target
        folder = beside or source.parent
        path, base = folder / (source.name + JOURNAL_SUFFIX), folder / (source.name + BASE_SUFFIX)
        digest = _digest(source)
        if not path.exists():
            _begin(path, base, veiled, digest)
        journal = Journal(path, system=system or FileSystem())
        try:
            _check_header(path, journal.rows, digest, base)
            project = cls(source, veiled, journal, base)
        except BaseException:
            journal.close()
            raise
        project.add_doubts(doubts_of_tracks(one.track for one in project._base.tracks.values()))
        return project

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the journal. Nothing is lost by leaving this out."""
        self._journal.close()

    def state(self) -> DeskState:
        """Return what is there now."""
        with self._lock:
            if self._state is None:
                self._state = self._made()
            return self._state

    def apply(self, edit: DeskEdit, *, seen: int | None = None) -> DeskState:
        """Apply an edit; when this returns it is on disk, when it raises nothing was changed.

        Args:
            edit: What to do.
            seen: The ``steps`` of the state that it was made for, where that is known: a track's number may stand for another
                one once edits were taken back.

        Raises:
            UsageError: the edit does not fit.
            DeskError: it was made for an earlier state.
            OutputError: it cannot be written.
        """
        with self._lock:
            self._check_seen(seen)
            draft = self._draft.copy()
            draft.apply(edit, self._doubts)
            self._write(edit_to_json(edit))
            self._draft, self._redo = draft, []
            self._edits.append(edit)
            return self.state()

    def undo(self, *, seen: int | None = None) -> DeskState:
        """Take back the last edit, where there is one; as for :meth:`apply`."""
        return self._step("undo", self._edits, self._redo, seen)

    def redo(self, *, seen: int | None = None) -> DeskState:
        """Apply again what was taken back last, where there is something; as for :meth:`apply`."""
        return self._step("redo", self._redo, self._edits, seen)

    def add_doubts(self, found: Iterable[DeskDoubt]) -> DeskState:
        """Take in places for a person to look at; those that are known already are joined. No step of undo.

        Raises:
            OutputError: they cannot be written.
        """
        with self._lock:
            new = join_doubts(self._doubts.values(), found)
            if new:
                self._write({"doubts": [doubt_to_json(one) for one in new]})
                self._doubts |= {one.id: one for one in new}
            return self.state()

    def check_source(self) -> None:
        """Refuse to go on with an input that is another one by now: its faces are not where the covers are.

        Raises:
            DeskError: that is so.
            UnreadableError: it cannot be read.
        """
        if _digest(self.source) != self.header.source:
            raise DeskError(
                f"{self.source} must be as it was when the project was opened, got another file",
                hint="put the input back; what was written before stands as it was",
            )

    def note_exporting(self, output: Digest, state: DeskState) -> None:
        """Take in which state an output shows that is about to take its name; errors as for :meth:`add_doubts`."""
        with self._lock:
            self._write({"exported": output, "line": state.line})

    def note_exported(self, state: DeskState) -> DeskState:
        """Take in that the output shows a state now."""
        with self._lock:
            self._state = None
            self._exported = (state.tracks, state.zones)
            return self.state()

    def _check_seen(self, seen: int | None) -> None:
        if seen is not None and seen != self._steps:
            raise DeskError("the file was changed in another window meanwhile", hint="look again, and repeat it")

    def _step(self, name: str, there: list[DeskEdit], other: list[DeskEdit], seen: int | None) -> DeskState:
        with self._lock:
            self._check_seen(seen)
            if there:
                self._write({name: 1})
                other.append(there.pop())
                self._draft = self._base.copy()
                for edit in self._edits:
                    self._draft.apply(edit, self._doubts)
            return self.state()

    def _write(self, row: dict[str, Any]) -> None:
        self._journal.append(row)
        self._lines += 1
        self._steps += not row.keys().isdisjoint(_STEPS)
        self._state = None

    def _shown(self, output: Digest | None, replay: Replay, rows: Sequence[dict[str, Any]]) -> Shown | None:
        """Return what the output shows; None where nobody knows."""
        line = next((line for digest, line in reversed(replay.exports) if digest == output), None)
        if line is not None:
            draft = Replay(self._journal.path, rows[: line - 1]).fold(self._base)
            return tuple(draft.tracks.values()), tuple(draft.zones.values())
        if output is not None and output == self.header.output and self._is_covered_so():
            return tuple(self._base.tracks.values()), tuple(self._base.zones.values())
        self.notes += ("the output does not show what the project says: all of it is veiled anew",)
        return None

    def _is_covered_so(self) -> bool:
        """Return whether the first output covers all its tracks, as the project will: nobody was left clear, nothing blurred."""
        header = self.header
        if header.settings is not None and header.settings != settings_digest(self.settings):
            return False
        tracks, run_frames = [one.track for one in self._base.tracks.values()], header.run_frames or 1
        return not header.runs or any(
            header.runs == run_digests(tracks, header.frames, run_frames, numbered=numbered)
            for numbered in (False, True)
        )

    def _take_in(self, output: Digest) -> None:
        """Go on covering what an output covers that was not made from this project, where its sidecar tells."""
        try:
            header, boxes = read_sidecar(self.veiled.with_name(self.veiled.name + SIDECAR_SUFFIX))
        except PasserbyError:
            return
        if (header.output, header.source, header.frames) != (output, self.header.source, self.header.frames):
            return
        known = [*self._base.tracks.values(), *self._draft.tracks.values()]
        more: list[DeskEdit] = [*unknown_covers(tracks_from_edited(boxes), [one.track for one in known])]
        there = {zone.points for zone in self._draft.zones.values()}
        free = (name for n in count(1) if (name := f"zone {n}") not in self._draft.zones)
        more += [ZoneEdit(one.points, next(free)) for one in self.settings.cover.zones if one.points not in there]
        for edit in more:
            self.apply(parse_edit(edit_to_json(edit)))
        if more:
            self.notes += (f"{len(more)} covers of the output that the project did not know were taken in",)

    def _made(self) -> DeskState:
        draft = self._draft
        tracks = tuple(draft.tracks[number] for number in sorted(draft.tracks))
        zones = tuple(draft.zones.values())
        doubts = []
        for one in self._doubts.values():
            settled, made = draft.settled.get(one.id, (None, None))
            doubts.append(replace(one, settled=settled, track=made or one.track))
        return DeskState(
            frames=draft.frames,
            tracks=tracks,
            zones=zones,
            doubts=in_order(doubts),
            kept=draft.kept,
            taken_away=tuple(draft.taken_away),
            moved=draft.moved,
            changed_frames=_changed(self._exported, (tracks, zones), draft.frames),
            whole=self.header.whole,
            undo_depth=len(self._edits),
            redo_depth=len(self._redo),
            line=self._lines,
            steps=self._steps,
        )


def outputs_of_project(source: Path, folder: Path) -> frozenset[str]:
    """Return the digests of all outputs that the project of a file knows: of its first veil, and of its exports.

    An export that was killed between two names leaves the earlier output beside the sidecar of the later one: it is still of
    this project.

    Args:
        source: The bare input, of whatever content.
        folder: Of the journal.
    """
    try:
        first = read_sidecar_header(folder / (source.name + BASE_SUFFIX))
        if first.source != known_digest(source):
            return frozenset()
        return exported_digests(folder / (source.name + JOURNAL_SUFFIX)) | {str(first.output)}
    except (OSError, PasserbyError):
        return frozenset()


def _changed(old: Shown | None, new: Shown, frames: int) -> tuple[tuple[int, int], ...]:
    """Return the intervals of frames in which something else is covered."""
    if old is None or {zone.points for zone in old[1]} != {zone.points for zone in new[1]}:
        return ((0, frames - 1),)
    return merge_intervals((frame, frame) for frame in differing(old[0], new[0]))


def _digest(path: Path) -> Digest:
    try:
        return known_digest(path)
    except OSError as exc:
        raise UnreadableError(f"{path} must be readable, got: {exc.strerror or exc}") from exc


def _output_digest(veiled: Path) -> Digest | None:
    try:
        return known_digest(veiled)
    except OSError:
        return None


def _zones_of(journal: Journal, usual: tuple[Zone, ...]) -> tuple[Zone, ...]:
    """Return the zones of the first veil: an export's manifest tells those that edits made too."""
    told = journal.rows[0].get("zones")
    try:
        return usual if told is None else told_zones(told)
    except (LookupError, TypeError, ValueError) as exc:
        raise DeskError(f"{journal.path}:1: zones must be a list of names and points, got: {exc}") from exc


def _begin(path: Path, base: Path, veiled: Path, source: Digest) -> None:
    """Begin a project: the sidecar of the first veil is kept as it is, and the journal names both, and the zones."""
    sidecar = veiled.with_name(veiled.name + SIDECAR_SUFFIX)
    check_sidecar_source(read_sidecar_header(sidecar), source, sidecar)
    data = sidecar.read_bytes()
    write_atomic(base, data, mode=0o600)
    zones = told_settings(veiled)[0].cover.zones
    Journal.begin(path, _header(source, digest_bytes(data), zones))


def _header(source: Digest, tracks: Digest, zones: Iterable[Zone]) -> dict[str, Any]:
    return {
        "format": FORMAT, "version": VERSION, "source": source, "tracks": tracks, "passerby": passerby.__version__,
        "zones": [{"name": zone.name, "points": [list(point) for point in zone.points]} for zone in zones],
    }  # fmt: skip


def _check_header(path: Path, rows: Sequence[dict[str, Any]], source: Digest, base: Path) -> None:
    header = rows[0] if rows else {}
    if header.get("format") != FORMAT or header.get("version") != VERSION:
        raise DeskError(
            f"{path}:1: header must say format {FORMAT!r} and version {VERSION}, "
            f"got {header.get('format')!r} and {header.get('version')!r}",
            hint="it is no project, or one of a later version of Passerby; move it away to begin anew",
        )
    if header.get("source") != source:
        raise DeskError(
            f"{path} must be the project of this very file, got one of {str(header.get('source'))[:19]}...",
            hint="was the file changed since? move the project away to begin anew",
        )
    if header.get("tracks") != _digest(base):
        raise DeskError(
            f"{base} must be as it was when the project began, got other bytes", hint="put it back, or move both away"
        )
