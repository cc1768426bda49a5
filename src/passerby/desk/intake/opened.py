"""The files that are open at the desk: each with its output, and how far it is.

A file that was veiled before is opened as it is, if its sidecar is of this very input and this very output, and shows all of
it. Whatever else stands under the output's name is left alone, and the output gets another one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from passerby.desk.intake.dropped import DroppedFiles, HeldFile
from passerby.desk.intake.places import is_text
from passerby.desk.jobs import JobPhase, JobState, VeilJobs, VeilOrder
from passerby.desk.project import SIDECAR_SUFFIX, known_digests, outputs_of_project, shows_a_part
from passerby.errors import PasserbyError, UsageError
from passerby.media import Inputs, OutputJob, expand_inputs, plan_outputs

_MOST_NAMES = 1000
_OVER = frozenset({JobPhase.STOPPED, JobPhase.FAILED})
_FIRST_LINE = 1 << 24


@dataclass(frozen=True, slots=True)
class DeskFile:
    """One file.

    Attributes:
        id: By which the page names it.
        source: The file.
        veiled: Its output.
        state: How far that is.
        stood: The output was there already.
        held: Where it was dropped: its bytes.
        job: That veils it.
    """

    id: str
    source: Path
    veiled: Path
    state: JobState
    stood: bool = False
    held: HeldFile | None = None
    job: int | None = None

    @property
    def name(self) -> str:
        """Return the file's name."""
        return self.source.name

    @property
    def tracks(self) -> Path:
        """Return the output's sidecar."""
        return tracks_of(self.veiled)

    @property
    def ready(self) -> bool:
        """Return whether it can be looked at."""
        return self.state.phase is JobPhase.DONE


class DeskFiles:
    """Opens files and knows how far each is; a context, which ends what still runs.

    Args:
        jobs: Veil them; usual ones by default.
        dropped: Hold those that came as bytes.
    """

    def __init__(self, jobs: VeilJobs | None = None, dropped: DroppedFiles | None = None) -> None:
        self._jobs, self.dropped = jobs or VeilJobs(), dropped or DroppedFiles()
        self._lock = threading.Lock()
        self._files: dict[str, DeskFile] = {}
        self._looking = ThreadPoolExecutor(1, "desk-files")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._looking.shutdown(cancel_futures=True)

    def all(self) -> list[DeskFile]:
        """Return every file, in the order in which they were opened."""
        with self._lock:
            names = [*self._files]
        return [self.get(name) for name in names]

    def get(self, name: str) -> DeskFile:
        """Return a file.

        Raises:
            LookupError: there is none of that name.
        """
        with self._lock:
            found = self._files[name]
        return found if found.job is None else replace(found, state=self._jobs.state(found.job))

    @property
    def busy(self) -> bool:
        """Return whether something is being veiled, or waits for it."""
        return any(one.state.phase in {JobPhase.WAITING, JobPhase.VEILING} for one in self.all())

    def open(self, path: Path) -> list[DeskFile]:
        """Open a file, or every file of a folder; what is open already is returned as it is.

        A file that cannot be veiled is among them, with the reason and what helps.

        Raises:
            UsageError: there is nothing to veil.
        """
        inputs = expand_inputs([str(path)])
        found = [self._opened_if_text(job.source.path, job.target) for job in _planned(inputs)]
        found += [self._refused(failed, error) for failed, error in inputs.failed]
        if not found:
            raise UsageError(f"no picture or clip in {path}", hint="choose another folder, or a file")
        return found

    def take(self, held: HeldFile, folder: Path) -> DeskFile:
        """Open a file that was dropped.

        Args:
            held: The file.
            folder: In which its output shall stand.
        """
        inputs = expand_inputs([str(held.path)])
        if inputs.failed:
            self.dropped.forget(held)
            return self._refused(*inputs.failed[0])
        target = plan_outputs(inputs)[0].target
        return self._opened(held.path, folder / target.name, held)

    def stop(self, name: str) -> DeskFile:
        """Stop veiling a file.

        Raises:
            LookupError: there is none of that name.
        """
        found = self.get(name)
        if found.job is not None:
            self._jobs.stop(found.job)
        elif found.state.phase is JobPhase.WAITING:
            self._put(replace(found, state=JobState(JobPhase.STOPPED)))
        return self.get(name)

    def again(self, name: str) -> DeskFile:
        """Veil a file that was stopped, or failed, from its beginning.

        Raises:
            LookupError: there is none of that name.
        """
        found = self.get(name)
        return self._anew(found, found.veiled) if found.state.phase in _OVER and found.veiled.name else found

    def _anew(self, found: DeskFile, target: Path) -> DeskFile:
        self._put(replace(found, veiled=target, state=JobState(), job=None))
        self._looking.submit(self._begin, found.id, target)
        return self.get(found.id)

    def _opened_if_text(self, source: Path, target: Path) -> DeskFile:
        if is_text(str(target)):
            return self._opened(source, target)
        return self._refused(source, UsageError("a name must be text (UTF-8), got other bytes", hint="rename it first"))

    def _opened(self, source: Path, target: Path, held: HeldFile | None = None) -> DeskFile:
        for one in self.all():
            if one.source == source:
                return self._anew(one, target) if one.state.phase in _OVER else one
        made = self._put(DeskFile(self._next(), source, target, JobState(), held=held))
        self._looking.submit(self._begin, made.id, made.veiled)
        return made

    def _refused(self, path: Path, error: PasserbyError) -> DeskFile:
        state = JobState(JobPhase.FAILED, error=error.message, hint=error.hint or "", kind=type(error).__name__)
        same = next((one for one in self.all() if one.source == path), None)
        return self._put(DeskFile(self._next() if same is None else same.id, path, Path(), state))

    def _begin(self, name: str, wanted: Path) -> None:
        """Find the output that fits, or a free name and begin to veil. Runs in a thread of its own: digests take time."""
        found = self.get(name)
        try:
            target, stood = fitting_output(found.source, wanted)
            if stood:
                self._put(replace(found, veiled=target, stood=True, state=JobState(JobPhase.DONE)))
                return
            if self.get(name).state.phase is not JobPhase.WAITING:
                return  # stopped meanwhile
            held = None if found.held is None else found.held.descriptor
            job = self._jobs.start(VeilOrder(found.source, target, tracks_of(target), held))
            self._put(replace(found, veiled=target, job=job))
        except (PasserbyError, OSError) as error:
            self._refused_at(found, error)

    def _refused_at(self, found: DeskFile, error: PasserbyError | OSError) -> None:
        told, hint = (error.message, error.hint) if isinstance(error, PasserbyError) else (str(error), None)
        kind = type(error).__name__ if isinstance(error, PasserbyError) else "OutputError"
        self._put(replace(found, state=JobState(JobPhase.FAILED, error=told, hint=hint or "", kind=kind)))

    def _next(self) -> str:
        with self._lock:
            return str(len(self._files) + 1)

    def _put(self, file: DeskFile) -> DeskFile:
        with self._lock:
            self._files[file.id] = file
        return file


def tracks_of(target: Path) -> Path:
    """Return where the sidecar of an output stands.

    >>> tracks_of(Path("a_veiled.mp4")).name
    'a_veiled.mp4.tracks.json'
    """
    return target.with_name(target.name + SIDECAR_SUFFIX)


def _planned(inputs: Inputs) -> list[OutputJob]:
    """Plan each source by itself, so that two outputs of one name cost one file and not all."""
    jobs = []
    for source in inputs.sources:
        with suppress(UsageError):
            jobs += plan_outputs(Inputs(sources=[source]))
    return jobs


def fitting_output(source: Path, wanted: Path) -> tuple[Path, bool]:
    """Return the output of a file that is there already, or a free name for one, and which of the two it is.

    Raises:
        UsageError: no name is free.
    """
    for target in _names(wanted):
        if not target.exists() and not target.is_symlink():
            return target, False
        made_of = _made_of(tracks_of(target))
        if made_of is None or shows_a_part(target):
            continue
        digests = tuple(known_digests(source, target))
        if made_of == digests or (made_of[0] == digests[0] and digests[1] in outputs_of_project(source, source.parent)):
            return target, True
    raise UsageError(f"no name is free beside {wanted}", hint="move some of the outputs away")


def _names(wanted: Path) -> Iterator[Path]:
    yield wanted
    for number in range(2, _MOST_NAMES):
        yield wanted.with_stem(f"{wanted.stem} {number}")


def _made_of(tracks: Path) -> tuple[str, str] | None:
    """Return the digests of input and output that a sidecar names, or None where it names none."""
    try:
        with tracks.open("rb") as file:
            told: Any = json.loads(file.readline(_FIRST_LINE))
        return str(told["source"]), str(told["output"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def file_to_json(file: DeskFile) -> dict[str, Any]:
    """Return what the page is told of a file."""
    state = file.state
    share = min(1.0, state.frames / state.of) if state.of else None
    told = {
        "id": file.id,
        "name": file.name,
        "folder": "" if file.held is not None else str(file.source.parent),
        "output": str(file.veiled) if file.veiled.name else "",
        "phase": state.phase.value,
        "share": 1.0 if file.ready else share,
        "checking": state.checking,
        "speed": round(state.speed, 1),
        "left_s": None if state.left_s is None else round(state.left_s),
        "faces": state.faces,
        "notes": list(state.notes),
        "stood": file.stood,
        "error": state.error,
        "kind": state.kind,
        "hint": state.hint,
    }
    return {
        key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for key, value in told.items()
    }
