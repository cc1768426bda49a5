"""Exports that run while the page goes on: one a file, with its progress and its end."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from passerby.errors import PasserbyError, UsageError
from passerby.web.desk.edited import EditedFile


@dataclass(slots=True)
class RunningExport:
    """How far an export is.

    Attributes:
        file: What is exported.
        language: Of its statement.
        done: Share, 0 to 1.
        state: ``running``, ``done`` or ``failed``.
        error: What went wrong.
        hint: What helps.
        kind: Of error, by its class.
        notes: Sentences about what was written.
    """

    file: EditedFile
    language: str
    done: float = 0.0
    state: str = "running"
    error: str = ""
    hint: str = ""
    kind: str = ""
    notes: tuple[str, ...] = ()
    thread: threading.Thread | None = field(default=None, repr=False)

    def run(self) -> None:
        """Export, in the thread of this call."""
        try:
            self.notes = self.file.export(self.tell, self.language)
            self.state = "done"
        except PasserbyError as exc:
            self.error, self.hint, self.state = exc.message, exc.hint or "", "failed"
            self.kind = type(exc).__name__
        except OSError as exc:
            self.error, self.state = f"the export could not be written: {exc.strerror or exc}", "failed"
            self.kind = "OutputError"
        finally:
            if self.state == "running":  # what nobody foresaw: the page must not wait for ever
                self.error, self.hint, self.state = (
                    "the export broke off",
                    "passerby doctor says what is missing",
                    "failed",
                )

    def tell(self, done: float) -> None:
        """Take note of how far it is."""
        self.done = done


class Exports:
    """The exports of a desk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, RunningExport] = {}

    def begin(self, number: str, file: EditedFile, language: str) -> None:
        """Begin one, with its statement in a language.

        Raises:
            UsageError: One of the same file runs.
        """
        with self._lock:
            before = self._of.get(number)
            if before is not None and before.state == "running":
                raise UsageError("this file is being exported", hint="wait for the end, then export again")
            begun = self._of[number] = RunningExport(file, language)
            begun.thread = threading.Thread(target=begun.run, name="export", daemon=True)
            begun.thread.start()

    def told(self, number: str) -> dict[str, Any]:
        """Return how far the last one is."""
        one = self._of.get(number)
        if one is None:
            return {"state": "none", "done": 0.0}
        said = {"error": one.error, "hint": one.hint, "kind": one.kind, "notes": list(one.notes)}
        return {"state": one.state, "done": one.done, **said}
