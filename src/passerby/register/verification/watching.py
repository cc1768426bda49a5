"""Comes back to a log and remembers: at each visit it must be what it was, and more.

The state directory holds, for each log, the last checkpoint that was accepted (``<hash of the place>.note``), when the log last
grew, and which witnesses it named. A contradiction is kept with both signed checkpoints as ``fork-*.txt``: they prove it to
anyone.
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
from passerby.register.notes import NONE, Checkpoint, Policy, VerifierKey, split_note
from passerby.register.tiles import DirectoryStore, Source, Tiles, as_storage_errors, open_source
from passerby.register.verification.history import Problem
from passerby.register.verification.reader import Reader, check_growth
from passerby.register.words import format_instant
from passerby.values import utc_now

FIRST_VISIT = 65_536
"""New entries that a visit reads at most; to read all is what ``verify`` is for."""
SILENCE_H = 3.0
"""Source: twice the default heartbeat of a camera, and a half; a log with one running camera grows more often."""
MAX_SILENCE_H = 87_600.0
"""Ten years."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit found.

    Attributes:
        problems: None of them when all is well.
        old: The checkpoint of the last visit, None at the first.
        new: The checkpoint of this visit, None where none could be accepted.
        own_word: The log's key was never confirmed from elsewhere.
    """

    problems: tuple[Problem, ...]
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
) -> Visit:
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
    return _Watcher(str(place), source, DirectoryStore(state), silence_h, now or utc_now()).visit(vkey, policy)


class _Seen(BaseModel):
    """What is kept of a log besides its checkpoint."""

    place: str = ""
    vkey: str | None = None
    own_word: bool = True
    policy: str | None = None
    grown: AwareDatetime | None = None
    """Of when its newest entry is, or, in an empty log, when it was first seen."""


class _Watcher:
    def __init__(self, place: str, source: Source, state: DirectoryStore, silence_h: float, now: datetime) -> None:
        self._place = place
        self._source = source
        self._state = state
        self._silence = timedelta(hours=silence_h)
        self._now = now
        self._problems: list[Problem] = []
        name = hashlib.sha256(place.rstrip("/").encode()).hexdigest()[:16]
        self._note_path, self._seen_path = f"{name}.note", f"{name}.json"

    def visit(self, vkey: VerifierKey | str | None, policy: Policy | None) -> Visit:
        seen = self._load()
        before = self._state.get(self._note_path)
        old = self._old(before)
        own_word = vkey is None and policy is None and seen.own_word
        if vkey is None and policy is None:
            vkey = seen.vkey
        key = VerifierKey.parse(vkey) if isinstance(vkey, str) else vkey
        try:
            reader = Reader(self._source, vkey=key, policy=policy, bridged=False)
        except (FormatError, VerificationError) as exc:
            kind = "format" if isinstance(exc, FormatError) else "signature"
            return Visit((Problem(kind, exc.message),), old, None, own_word)
        new = reader.checkpoint()
        if not self._bridged(reader) or (old and not self._grew(old, before or b"", reader)):
            return Visit(tuple(self._problems), old, None, own_word)
        newest = self._check_entries(reader, old.size if old else 0)
        self._check_signatures(reader)
        named = replace(reader.snapshot.policy, logs=()).to_text()
        if policy is None and (seen.policy or named) != named:
            self._say("quorum", "the log names other witnesses, or another quorum, than at the last visit")
        grown = min(newest or seen.grown or self._now, self._now)
        self._check_silence(grown, reader)
        if not any(problem.kind in {"tile", "tree", "missing", "format"} for problem in self._problems):
            fresh = _Seen(
                place=self._place,
                vkey=seen.vkey or str(key or reader.snapshot.trust.key),
                own_word=own_word,
                policy=named if policy is None else seen.policy,
                grown=grown,
            )
            self._state.put_all(
                {self._note_path: reader.snapshot.note.raw, self._seen_path: fresh.model_dump_json().encode()}
            )
        return Visit(tuple(self._problems), old, new, own_word)

    def _load(self) -> _Seen:
        raw = self._state.get(self._seen_path)
        try:
            seen = _Seen() if raw is None else _Seen.model_validate_json(raw)
            if seen.vkey is not None:
                VerifierKey.parse(seen.vkey)
        except (ValidationError, FormatError) as exc:
            raise self._no_state(self._seen_path) from exc
        return seen

    def _old(self, before: bytes | None) -> Checkpoint | None:
        try:
            return Checkpoint.parse(split_note(before)[0]) if before else None
        except FormatError as exc:
            raise self._no_state(self._note_path) from exc

    def _no_state(self, name: str) -> UsageError:
        return UsageError(
            f"{self._state}/{name} must be this watcher's own state, but was changed",
            hint="put it back from a copy; in another directory the next visit counts as the first",
        )

    def _bridged(self, reader: Reader) -> bool:
        """The log must start with what each of its earlier keys signed."""
        for passed in reader.snapshot.trust.passed:
            self._check_growth(passed, reader)
        return not self._problems

    def _check_growth(self, old: Checkpoint, reader: Reader) -> None:
        new = reader.checkpoint()
        try:
            check_growth(old, new, Tiles(new.size, reader.source.get))
        except (StorageError, FormatError) as exc:
            self._say("missing" if isinstance(exc, StorageError) else "format", exc.message)
        except TileError as exc:
            self._say("tile", exc.message)
        except RewrittenError as exc:
            self._say("fork", exc.message)

    def _grew(self, old: Checkpoint, before: bytes, reader: Reader) -> bool:
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
            evidence = before + b"\n" + reader.snapshot.note.raw
            self._state.put_all({f"fork-{hashlib.sha256(evidence).hexdigest()[:16]}.txt": evidence})
        return not self._problems

    def _check_entries(self, reader: Reader, start: int) -> datetime | None:
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

    def _check_signatures(self, reader: Reader) -> None:
        snapshot = reader.snapshot
        for name in snapshot.note.repeated:
            self._say("signature", f"{name} signed the checkpoint twice; it counts once")
        if snapshot.policy.quorum != NONE and not snapshot.witnessed:
            self._say("quorum", f"quorum {snapshot.policy.quorum} is not met: unwitnessed")

    def _check_silence(self, since: datetime, reader: Reader) -> None:
        time_s = reader.snapshot.time_s
        if self._now - since > self._silence:
            self._say("silence", f"no new entry since {format_instant(since)} ({self._now - since})")
        elif time_s is not None and self._now - datetime.fromtimestamp(time_s, UTC) > self._silence:
            at = datetime.fromtimestamp(time_s, UTC)
            self._say("silence", f"witnesses saw the checkpoint last at {format_instant(at)}")

    def _say(self, kind: str, text: str) -> None:
        self._problems.append(Problem(kind, text))
