"""Comes back to a log and remembers: at each visit it must be what it was, and more.

The state directory holds, for each log, the last checkpoint that was accepted (``<hash of the place>.note``), when the log last
grew, and which witnesses it named. A contradiction is kept with both signed checkpoints as ``fork-*.txt``: they prove it to
anyone. Each step of a visit has its number in the code.

1. What was remembered at the last visit is read.
2. The log's checkpoint is signed by the key that it is known by.
3. The log starts with what its earlier keys signed, and with what it was at the last visit.
4. Each new entry leads to the root and fits its form.
5. No signature stands twice, the policy's quorum signed, at times that can be, and the log names the witnesses that it named
   before.
6. It is not silent.
7. Where no file is missing or damaged, this visit is remembered.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ValidationError

from passerby.errors import (
    EntryError,
    FormatError,
    RewrittenError,
    StorageError,
    TileError,
    UsageError,
    VerificationError,
)
from passerby.register.fields import format_instant
from passerby.register.notes import Checkpoint, Policy, VerifierKey, split_note
from passerby.register.storage import DirectoryStore, LogSource, as_storage_errors, open_source
from passerby.register.tiles import Tiles
from passerby.register.verification.findings import LogProblem
from passerby.register.verification.reader import LogReader, check_growth
from passerby.values import utc_now

FIRST_VISIT = 65_536
"""New entries that a visit reads at most; to read all is what ``verify`` is for."""
SILENCE_H = 3.0
"""Source: twice the default heartbeat of a camera, and a half; a log with one running camera grows more often."""
MAX_SILENCE_H = 87_600.0
"""Ten years."""
DAMAGE = {"tile", "tree", "missing", "format"}
"""Kinds of problems after which a visit is not remembered."""


@dataclass(frozen=True, slots=True)
class LogVisit:
    """What a visit found.

    Attributes:
        problems: None of them when all is well.
        old: The checkpoint of the last visit, None at the first.
        new: The checkpoint of this visit, None where none could be accepted.
        own_word: The log's key was never confirmed from elsewhere.
    """

    problems: tuple[LogProblem, ...]
    old: Checkpoint | None
    new: Checkpoint | None
    own_word: bool = False


def watch(
    place: str | Path,
    state: Path,
    *,
    vkey: VerifierKey | str | None = None,
    policy: Policy | None = None,
    silence_h: float = SILENCE_H,
    now: datetime | None = None,
) -> LogVisit:
    """Visit a log once.

    Args:
        place: A directory, an ``http(s)`` URL, or an object store's URL.
        state: A directory of the watcher's own; made if it is missing.
        vkey: The log's key; None takes the one of the first visit (at which it is the log's own word).
        policy: Which witnesses count; None takes the log's own word.
        silence_h: Hours without a new entry after which the log counts as silent.
        now: The watcher's time; None takes the clock.

    Raises:
        UsageError: the place or the state cannot be used, or the hours are none.
        StorageError: the log cannot be reached, or the state cannot be read or written.
    """
    if not 0 < silence_h <= MAX_SILENCE_H:
        raise UsageError(
            f"hours until a log is silent must be above 0 and at most {MAX_SILENCE_H:g}, got {silence_h:g}"
        )
    source = open_source(place)
    with as_storage_errors(f"{state} cannot be made"):
        state.mkdir(parents=True, exist_ok=True)
    visitor = _Visitor(source, _Memory(DirectoryStore(state), str(place)), timedelta(hours=silence_h), now or utc_now())
    return visitor.visit(VerifierKey.parse(vkey) if isinstance(vkey, str) else vkey, policy)


class _LastVisit(BaseModel):
    """What is kept of a log besides its checkpoint."""

    place: str = ""
    vkey: str | None = None
    own_word: bool = True
    policy: str | None = None
    grown: AwareDatetime | None = None
    """Of when its newest entry is, or, in an empty log, when it was first seen."""

    @property
    def key(self) -> VerifierKey | None:
        return VerifierKey.parse(self.vkey) if self.vkey else None


class _Memory:
    """The watcher's state directory, for one log."""

    def __init__(self, store: DirectoryStore, place: str) -> None:
        self._store = store
        self._place = place
        name = hashlib.sha256(place.rstrip("/").encode()).hexdigest()[:16]
        self._note_path, self._visit_path = f"{name}.note", f"{name}.json"

    def last_visit(self) -> _LastVisit:
        raw = self._store.get(self._visit_path)
        try:
            last = _LastVisit() if raw is None else _LastVisit.model_validate_json(raw)
            if last.vkey is not None:
                VerifierKey.parse(last.vkey)  # also where it is empty, which it never is
        except (ValidationError, FormatError) as exc:
            raise self._changed(self._visit_path) from exc
        return last

    def last_note(self) -> tuple[bytes, Checkpoint | None]:
        note = self._store.get(self._note_path)
        try:
            return note or b"", Checkpoint.parse(split_note(note)[0]) if note else None
        except FormatError as exc:
            raise self._changed(self._note_path) from exc

    def keep(self, note: bytes, visit: _LastVisit) -> None:
        fresh = visit.model_copy(update={"place": self._place})
        self._store.put_all({self._note_path: note, self._visit_path: fresh.model_dump_json().encode()})

    def keep_evidence(self, before: bytes, now: bytes) -> None:
        evidence = before + b"\n" + now
        self._store.put_all({f"fork-{hashlib.sha256(evidence).hexdigest()[:16]}.txt": evidence})

    def _changed(self, name: str) -> UsageError:
        return UsageError(
            f"{self._store}/{name} must be this watcher's own state, but was changed",
            hint="put it back from a copy; in another directory the next visit counts as the first",
        )


class _Visitor:
    def __init__(self, source: LogSource, memory: _Memory, silence: timedelta, now: datetime) -> None:
        self._source = source
        self._memory = memory
        self._silence = silence
        self._now = now
        self._problems: list[LogProblem] = []

    def visit(self, vkey: VerifierKey | None, policy: Policy | None) -> LogVisit:
        last = self._memory.last_visit()  # 1
        before, old = self._memory.last_note()
        on_own_word = vkey is None and policy is None
        own_word = on_own_word and last.own_word
        if on_own_word:
            vkey = last.key
        try:
            reader = LogReader(self._source, vkey=vkey, policy=policy, bridged=False, clock=lambda: self._now)  # 2
        except (FormatError, VerificationError) as exc:
            kind = "format" if isinstance(exc, FormatError) else "signature"
            return LogVisit((LogProblem(kind, exc.message),), old, None, own_word)
        if not self._bridged(reader) or (old and not self._grew(old, before, reader)):  # 3
            return LogVisit(tuple(self._problems), old, None, own_word)
        grown = self._check_entries(reader, old.size if old else 0) or last.grown or self._now  # 4
        seen_s = self._check_signatures(reader, grown)  # 5
        named = last.policy if policy else self._check_named(reader, last)
        grown = min(grown, self._now)
        self._check_silence(grown, seen_s)  # 6
        known = last.key or vkey or reader.snapshot.trust.key
        self._remember(reader, _LastVisit(vkey=str(known), own_word=own_word, policy=named, grown=grown))  # 7
        return LogVisit(tuple(self._problems), old, reader.checkpoint(), own_word)

    def _remember(self, reader: LogReader, visit: _LastVisit) -> None:
        if not DAMAGE & {problem.kind for problem in self._problems}:
            self._memory.keep(reader.snapshot.note.raw, visit)

    def _bridged(self, reader: LogReader) -> bool:
        """The log must start with what each of its earlier keys signed."""
        for passed in reader.snapshot.trust.passed:
            self._check_growth(passed, reader)
        return not self._problems

    def _check_growth(self, old: Checkpoint, reader: LogReader) -> None:
        new = reader.checkpoint()
        try:
            check_growth(old, new, Tiles(new.size, reader.source.get))
        except (StorageError, FormatError) as exc:
            self._say("missing" if isinstance(exc, StorageError) else "format", exc.message)
        except TileError as exc:
            self._say("tile", exc.message)
        except RewrittenError as exc:
            self._say("fork", exc.message)

    def _grew(self, old: Checkpoint, before: bytes, reader: LogReader) -> bool:
        new = reader.checkpoint()
        if new.origin != old.origin:
            self._say("fork", f"origin was {old.origin}, is {new.origin}")
        elif new.size < old.size:
            self._say("rollback", f"size was {old.size}, is {new.size}: an older state is shown again")
        elif new.size == old.size and new.root != old.root:
            self._say("fork", f"two histories of size {new.size} are signed")
        else:
            self._check_growth(old, reader)
        if any(problem.kind in {"fork", "rollback"} for problem in self._problems):
            self._memory.keep_evidence(before, reader.snapshot.note.raw)
        return not self._problems

    def _check_entries(self, reader: LogReader, start: int) -> datetime | None:
        """Every entry that is new must lead to the root and fit its form; a large first visit is left to ``verify``.

        Returns the newest instant that one of them is of, None where none is new.
        """
        newest = None
        try:
            for entry in reader.entries(max(start, reader.size - FIRST_VISIT)):
                newest = max(entry.at, newest or entry.at)
        except EntryError as exc:
            self._say("schema", exc.message)
        except (FormatError, StorageError) as exc:
            self._say("missing" if isinstance(exc, StorageError) else "format", exc.message)
        except VerificationError as exc:
            self._say("tile", exc.message)
        return newest

    def _check_signatures(self, reader: LogReader, grown: datetime) -> int | None:
        """Return when the witnesses' quorum had seen the checkpoint."""
        snapshot = reader.snapshot
        times = snapshot.witnesses(min(grown, self._now) if reader.size else None)
        for name in snapshot.note.repeated:
            self._say("signature", f"{name} signed the checkpoint twice; it counts once")
        for reason in times.reasons():
            self._say("time", reason)
        if not snapshot.policy.met_by(times.counted):
            self._say("quorum", f"quorum {snapshot.policy.quorum} is not met: unwitnessed")
        return times.quorum_s(snapshot.policy)

    def _check_named(self, reader: LogReader, last: _LastVisit) -> str:
        """Return which witnesses the log itself names."""
        named = replace(reader.snapshot.policy, logs=()).to_text()
        if (last.policy or named) != named:
            self._say("quorum", "the log names other witnesses, or another quorum, than at the last visit")
        return named

    def _check_silence(self, since: datetime, time_s: int | None) -> None:
        if self._now - since > self._silence:
            self._say("silence", f"no new entry since {format_instant(since)} ({self._now - since})")
        elif time_s is not None and self._now - datetime.fromtimestamp(time_s, UTC) > self._silence:
            at = datetime.fromtimestamp(time_s, UTC)
            self._say("silence", f"witnesses saw the checkpoint last at {format_instant(at)}")

    def _say(self, kind: str, text: str) -> None:
        self._problems.append(LogProblem(kind, text))
