"""Files that are looked over: each with its project and its frames, opened when its page is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from passerby.desk import (
    EXPORT_SUFFIXES,
    KEEP_SUFFIX,
    DeskFile,
    DeskState,
    FrameServer,
    Project,
    boxes_to_json,
    export_project,
    follow_box,
    next_pieces,
    open_frames,
    parse_edit,
    state_to_json,
)
from passerby.errors import UsageError
from passerby.web.desk.edited import EditedFile, Row, WrittenOutput

_BESIDE = {
    "statement": EXPORT_SUFFIXES["statement"],
    "statement_pdf": EXPORT_SUFFIXES["statement_pdf"],
    "report": EXPORT_SUFFIXES["report"],
    "keep": KEEP_SUFFIX,
    "manifest": EXPORT_SUFFIXES["manifest"],
    "tracks": EXPORT_SUFFIXES["sidecar"],
}
"""What stands beside a result, behind its whole name."""


class OpenedFile:
    """One file that is looked over.

    Args:
        file: That is veiled.

    Attributes:
        name: As the user knows it.
        exporting: Whether an export is on its way.
    """

    def __init__(self, file: DeskFile) -> None:
        self.name = file.name
        beside = None if file.held is None else file.veiled.parent
        self._project = Project.open(file.source, file.veiled, beside=beside)
        self._lock = threading.Lock()
        self._frames: dict[Path, FrameServer] = {}
        self.exporting = False

    def close(self) -> None:
        """Let go of it."""
        with self._lock:
            for one in self._frames.values():
                one.close()
            self._frames.clear()
        self._project.close()

    @property
    def veiled(self) -> FrameServer:
        """Frames of the result."""
        return self._frames_of(self._project.veiled)

    @property
    def original(self) -> FrameServer:
        """Frames of the input: opened when somebody first holds the button."""
        return self._frames_of(self._project.source)

    def _frames_of(self, path: Path) -> FrameServer:
        with self._lock:
            if path not in self._frames:
                self._frames[path] = open_frames(path, frames=self._project.header.frames)
            return self._frames[path]

    def state(self) -> Row:
        """Return what follows from the edits."""
        return self._told(self._project.state())

    def edit(self, row: object, seen: int | None) -> Row:
        """Make an edit, durably."""
        return self._told(self._project.apply(parse_edit(row), seen=seen))

    def undo(self, seen: int | None) -> Row:
        """Take the last edit back."""
        return self._told(self._project.undo(seen=seen))

    def redo(self, seen: int | None) -> Row:
        """Make it again."""
        return self._told(self._project.redo(seen=seen))

    def _told(self, state: DeskState) -> dict[str, Any]:
        about = {"cuts": list(self._project.header.cuts), "notes": list(self._project.notes), "steps": state.steps}
        return state_to_json(state) | about

    def boxes(self, first: int, last: int) -> Row:
        """Return the boxes of a span of frames."""
        return boxes_to_json(self._project.state(), first, last)

    def pieces(self, track: int, frame: int) -> list[Row]:
        """Return where the kept person may go on."""
        state = self._project.state()
        known = {track} | set(state.kept.tracks if state.kept is not None else ())
        rows = {row["number"]: row for row in state_to_json(state)["tracks"]}
        return [rows[one.number] for one in next_pieces(state, known, frame)]

    def follow(
        self, frame: int, box: tuple[float, float, float, float], *, direction: int, stop: Callable[[], bool]
    ) -> Iterator[Row]:
        """Follow a drawn box."""
        for one in follow_box(self.original, frame, box, direction=direction, stop=stop):
            yield {"frame": one.frame, "box": list(one.box), "quality": one.quality, "ended": one.ended}

    def export(self, progress: Callable[[float], None], language: str) -> tuple[str, ...]:
        """Write what changed; return what is to be said of it."""
        self.exporting = True
        try:
            done = export_project(self._project, progress=progress, language=language)
        finally:
            self.exporting = False
        with self._lock:
            before = self._frames.pop(self._project.veiled, None)
        if before is not None:
            before.close()
        return done.notes

    def outputs(self) -> list[WrittenOutput]:
        """Return the result and what stands beside it."""
        veiled = self._project.veiled
        beside = {name: veiled.with_name(veiled.name + suffix) for name, suffix in _BESIDE.items()}
        return [WrittenOutput(what, path) for what, path in ({"veiled": veiled} | beside).items() if path.is_file()]


class OpenedFiles:
    """Opens each file once; a context, which lets go of all.

    Args:
        find: Gives a file that was opened at this desk; LookupError where there is none.
    """

    def __init__(self, find: Callable[[str], DeskFile]) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._open: dict[str, OpenedFile] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def busy(self) -> bool:
        """Return whether something is being exported."""
        with self._lock:
            return any(one.exporting for one in self._open.values())

    def __call__(self, number: str) -> EditedFile:
        """Return a file that is looked over.

        Raises:
            LookupError: there is none of that number.
            UsageError: it is not veiled yet.
        """
        file = self._find(number)
        if not file.ready:
            raise UsageError(f"{file.name} must be veiled before it is looked over", hint="wait until it is done")
        with self._lock:
            if number not in self._open:
                opened = self._open[number] = OpenedFile(file)
                self._stack.callback(opened.close)
            return self._open[number]
