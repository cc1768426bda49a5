"""What the lines of a journal come to: the edits that count, those that were taken back, the doubts, the exports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from passerby.desk.project.doubts import parse_doubt
from passerby.desk.project.draft import Draft
from passerby.desk.project.edit_json import parse_edit
from passerby.desk.project.edits import DeskEdit
from passerby.desk.project.fields import Fields, shown
from passerby.desk.project.state import DeskDoubt
from passerby.errors import DeskError, UsageError
from passerby.values import Digest


class Replay:
    """The lines of one journal, taken one after another.

    Args:
        path: Of the journal, for errors.
        rows: Its lines behind the header.

    Attributes:
        edits: Those that count, in order.
        redo: Those that were taken back; the last one is applied again first.
        doubts: All that were ever found, by id.
        exports: Digest of the output and number of the line up to which it shows the project, for each export.

    Raises:
        DeskError: a line is none of a journal, or does not fit what stands before it.
    """

    def __init__(self, path: Path, rows: Sequence[dict[str, Any]]) -> None:
        self._path = path
        self.edits: list[DeskEdit] = []
        self.redo: list[DeskEdit] = []
        self.doubts: dict[str, DeskDoubt] = {}
        self.exports: list[tuple[Digest, int]] = []
        for number, row in enumerate(rows, 2):
            try:
                self._take(row)
            except UsageError as exc:
                raise DeskError(f"{path}:{number}: {exc.message}", hint=exc.hint) from exc

    def _take(self, row: dict[str, Any]) -> None:
        if "do" in row:
            self.edits.append(parse_edit(row))
            self.redo = []
        elif "doubts" in row:
            found = Fields.of("line", row, ("doubts",)).row["doubts"]
            if not isinstance(found, list):
                raise UsageError(f"doubts must be a list, got {shown(found)}")
            self.doubts |= {one.id: one for one in map(parse_doubt, found)}
        elif "exported" in row:
            given = Fields.of("line", row, ("exported", "line"))
            self.exports.append((Digest(given.text("exported", most=80)), given.whole("line", least=1)))
        else:
            self._step(Fields.of("line", row, ("undo", "redo")))

    def _step(self, row: Fields) -> None:
        name, there, other = ("undo", self.edits, self.redo) if "undo" in row.row else ("redo", self.redo, self.edits)
        steps = row.whole(name, least=1)
        if steps > len(there):
            raise UsageError(f"{name} must be of at most {len(there)} edits here, got {steps}")
        for _ in range(steps):
            other.append(there.pop())

    def fold(self, base: Draft) -> Draft:
        """Return what the edits that count make of a project.

        Raises:
            DeskError: one does not fit.
        """
        draft = base.copy()
        for edit in self.edits:
            try:
                draft.apply(edit, self.doubts)
            except UsageError as exc:
                raise DeskError(
                    f"{self._path}: an edit must fit the clip: {exc.message}",
                    hint="was the project changed by hand? move it away",
                ) from exc
        return draft
