"""Veils one file in a process of its own: the order comes in, progress and the outcome go out, one JSON object a line.

The process ends when its input does: whoever ordered is gone then, and what it was doing is undone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from passerby.config import share_processors
from passerby.desk.project import SPREAD_FRAMES, Project, doubts_of_report, doubts_of_verify
from passerby.errors import PasserbyError
from passerby.files import atomic_name, unwind_on_signals
from passerby.media import (
    ContentKind,
    check_unchanged,
    protect_process,
    sniff_file,
    source_version,
)
from passerby.veil import (
    Detector,
    FindSettings,
    VeilReport,
    VeilSettings,
    manifest_beside,
    open_yunet,
    veil_file,
    verify_file,
    with_places,
    write_tracks,
)

TOLD_EVERY_S = 0.2
Tell = Callable[[dict[str, Any]], None]


class ProgressTold:
    """Joins the two passes over a file into one number, and tells it a few times a second.

    Args:
        tell: Takes what goes out.
        clock: Seconds.
    """

    def __init__(self, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._done = {"watching": 0, "writing": 0}
        self._told_s = -TOLD_EVERY_S

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Note frames that are done."""
        self._done[what] = done
        now_s = self._clock()
        if now_s - self._told_s >= TOLD_EVERY_S:
            self._told_s = now_s
            self._tell({"frames": sum(self._done.values()) / 2, "of": total})

    def checking(self) -> None:
        """Say that the output stands, and is looked at once more."""
        self._tell({"checking": True})


def veil_beside(source: Path, target: Path, tracks: Path, progress: ProgressTold) -> VeilReport:
    """Veil a file as ``passerby veil --tracks-out`` does: manifest and tracks stand before the output does.

    Raises:
        PasserbyError: it could not be veiled; nothing is left then.
    """
    settings, version = VeilSettings(), source_version(source)
    with atomic_name(target, overwrite=False, inputs=[source]) as beside:
        veiled = veil_file(source, beside, settings, progress=progress)
        report = replace(with_places(veiled, beside, settings), output=target.name)
        check_unchanged(source, version)
        made: list[Path] = []
        try:
            write_tracks(tracks, replace(veiled, report=report), settings)
            made.append(tracks)
            made.append(manifest_beside(source, beside, target, settings, report))
        except BaseException:
            for path in made:
                path.unlink(missing_ok=True)
            raise
    return report


def look_once_more(source: Path, target: Path, report: VeilReport, beside: Path | None) -> None:
    """Write the doubtful places of an output into its project: those of the report, and what the detectors that verify find.

    Raises:
        PasserbyError: the output cannot be looked at, or the project not be written.
    """
    with ExitStack() as opened:
        detectors = [Detector(FindSettings(floats=True)), open_yunet()]
        for one in detectors:
            opened.callback(one.close)
        seen = verify_file(target, detectors)
    by = 0 if sniff_file(target).kind is ContentKind.PICTURE else SPREAD_FRAMES
    found = (*doubts_of_report(report, spread=by), *doubts_of_verify(seen, spread=by))
    if found:
        with Project.open(source, target, beside=beside) as project:
            project.add_doubts(found)


def do(order: dict[str, Any], tell: Tell) -> None:
    """Veil what is ordered, and tell what came of it."""
    share_processors(int(order["among"]))
    places = [Path(order[name]) for name in ("source", "target", "tracks")]
    progress = ProgressTold(tell)
    try:
        report = veil_beside(places[0], places[1], places[2], progress)
    except PasserbyError as error:
        tell({"error": error.message, "hint": error.hint or "", "kind": type(error).__name__})
        return
    progress.checking()
    notes = []
    try:
        look_once_more(places[0], places[1], report, places[1].parent if order["held"] else None)
    except PasserbyError as error:
        notes = [f"not looked at once more: {error.message}"]
    notes += [*report.notes, *(f"{one.frames} frames are covered whole: {one.reason}" for one in report.whole)]
    tell({"veiled": {"frames": report.frames, "faces": report.tracks, "notes": notes}})


def main() -> None:
    """Do the one order that standard input holds."""
    protect_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who ordered says when to end
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, name="life", daemon=True).start()

    def tell(told: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):
            out.write(json.dumps(told) + "\n")

    with unwind_on_signals():
        do(order, tell)


def _end_with_input() -> None:
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
