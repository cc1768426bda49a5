"""Comes back to a log and remembers: at each visit it must be what it was, and more.

The state directory holds, for each log, the last checkpoint that was accepted (``<hash of the place>.note``), and what was
read of its entries, with all that was found in them (``<hash of the place>.json``). A contradiction is kept with both signed
checkpoints as ``fork-*.txt``: they prove it to anyone. A signed checkpoint whose tiles the log withholds is kept as
``withheld-*.txt`` (``evidence``). Each step of a visit has its number in the code.

1. What was remembered at the last visit is read.
2. The log's checkpoint is signed by the key that it is known by.
3. The log starts with what its earlier keys signed, and with what it was at the last visit.
4. Each entry not read yet leads to the root, fits its form, and fits all entries before it, as ``verify`` holds them
   (``history``).
5. Some of the bundles read before are still there, and lead to the root, as the hash tiles above all bundles do; partial tiles
   of the last visit, where they are still served, are the start of those of now.
6. No signature stands twice, the policy's quorum signed, at times that can be, and the log names the witnesses that it named
   before.
7. It is not silent.
8. Where no file is missing or damaged, what was withheld before is held against what is shown, and this visit is remembered;
   else its checkpoint is kept. What was found in entries stays, until the log acknowledges it.

A visit has its time (``visit_time``): what was seen by then is remembered, and the next visit goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from passerby.errors import (
    EntryError,
    FormatError,
    RegisterError,
    RewrittenError,
    StorageError,
    TileError,
    UnfinishedError,
    UnreachableError,
    UsageError,
    VerificationError,
)
from passerby.register.codec import decode_entry
from passerby.register.fields import format_instant
from passerby.register.notes import Checkpoint, Policy, VerifierKey
from passerby.register.storage import WITHIN_S, LogSource, as_storage_errors, open_source
from passerby.register.tiles import CHECKPOINT, WIDTH, Tiles
from passerby.register.verification.announced import MOST_ANNOUNCED, announced_policy, is_announced
from passerby.register.verification.bundles import BundlesSeen, check_old_edge, choose, count_bundles, read_bundle
from passerby.register.verification.evidence import HeldTree
from passerby.register.verification.findings import LogFindings, LogProblem
from passerby.register.verification.history import History
from passerby.register.verification.memory import LastVisit, WatcherMemory
from passerby.register.verification.reader import LogReader, check_growth
from passerby.register.verification.visit_time import VisitTime
from passerby.values import utc_now

READ_AT_ONCE = 65_536
"""Entries that a visit reads at most, from where the last one ended; of a longer log the first visits read a part each."""
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
        problems: None of them when all is well. What was found in entries is there at each visit, until it is acknowledged.
        old: The checkpoint of the last visit, None at the first.
        new: The checkpoint of this visit, None where none could be accepted.
        own_word: The log's key was never confirmed from elsewhere.
        acknowledged: What was found in entries and the log acknowledges since, each with its reason.
        dropped: Findings in entries beyond those that are listed.
        read: Entries read so far, at this visit and before.
        bundles: How many bundles of entries were looked at in this visit, of how many.
        evidence: Files of the state directory that hold what counts against the log, as this visit found it.
    """

    problems: tuple[LogProblem, ...]
    old: Checkpoint | None
    new: Checkpoint | None
    own_word: bool = False
    acknowledged: tuple[LogProblem, ...] = ()
    dropped: int = 0
    read: int = 0
    bundles: BundlesSeen = field(default_factory=BundlesSeen)
    evidence: tuple[str, ...] = ()

    @property
    def unread(self) -> int:
        """Entries that no visit has read yet: nothing is said of them, and the next visit goes on there."""
        return self.new.size - self.read if self.new else 0


def watch(
    place: str | Path,
    state: Path,
    *,
    vkey: VerifierKey | str | None = None,
    policy: Policy | None = None,
    silence_h: float = SILENCE_H,
    read_at_once: int = READ_AT_ONCE,
    within_s: float = WITHIN_S,
    now: datetime | None = None,
) -> LogVisit:
    """Visit a log once.

    Args:
        place: A directory, an ``http(s)`` URL, or an object store's URL.
        state: A directory of the watcher's own; made if it is missing.
        vkey: The log's key; None takes the one of the first visit (at which it is the log's own word).
        policy: Which witnesses count; None takes the log's own word.
        silence_h: Hours without a new entry after which the log counts as silent.
        read_at_once: New entries that this visit reads at most.
        within_s: How long the visit may take, where a server answers.
        now: The watcher's time; None takes the clock.

    Raises:
        UsageError: the place or the state cannot be used, or the hours are none.
        UnreachableError: the log, or the state, cannot be read or written: the visit says nothing of the log.
        UnfinishedError: not even the checkpoint could be held against the last visit in that time.
    """
    if not 0 < silence_h <= MAX_SILENCE_H:
        raise UsageError(
            f"hours until a log is silent must be above 0 and at most {MAX_SILENCE_H:g}, got {silence_h:g}"
        )
    visit_time = VisitTime(within_s)
    source = open_source(place, within_s=within_s)
    key = VerifierKey.parse(vkey) if isinstance(vkey, str) else vkey
    try:
        with as_storage_errors(f"{state} cannot be made"):
            state.mkdir(parents=True, exist_ok=True)
        memory = WatcherMemory(state, str(place))
        visitor = _Visitor(source, memory, timedelta(hours=silence_h), now or utc_now(), visit_time)
        return visitor.visit(key, policy, read_at_once)
    except StorageError as exc:
        raise UnreachableError(exc.message, hint=exc.hint) from exc


class _Visitor:
    def __init__(
        self, source: LogSource, memory: WatcherMemory, silence: timedelta, now: datetime, visit_time: VisitTime
    ) -> None:
        self._source = source
        self._time = visit_time
        self._memory = memory
        self._silence = silence
        self._now = now
        self._last = memory.last_visit()  # 1
        self._before, self._old = memory.last_note()
        self._tree = memory.last_tree(self._old) if self._old else None
        self._own_word = self._last.own_word
        self._findings = LogFindings()
        self._seen = BundlesSeen()
        self._announced = list(self._last.announced)

    def visit(self, vkey: VerifierKey | None, policy: Policy | None, most: int) -> LogVisit:
        last = self._last
        if vkey is None and policy is None:
            vkey = last.key
        else:
            self._own_word = False
        reader = self._open(vkey, policy)  # 2
        if reader is None or not self._bridged(reader) or (self._old and not self._grew(self._old, reader)):  # 3
            if reader is not None and self._damaged():
                self._memory.evidence.keep_withheld(reader.snapshot.note.raw)
            return self._told(None, History(self._now, state=last.history))
        history = self._history(reader)
        read = self._read_entries(reader, history, most)  # 4
        turn = self._look_again(reader, read)  # 5
        grown = self._grown(reader)
        seen_s = self._check_signatures(reader, history)  # 6
        named = last.policy if policy else self._check_named(reader)
        self._check_silence(grown, seen_s)  # 7
        tree = self._read_tree(reader)
        if self._damaged():
            self._memory.evidence.keep_withheld(reader.snapshot.note.raw)
        else:  # 8
            for text in self._memory.evidence.judge_withheld(reader):
                self._say("fork", text)
            known = str(last.key or vkey or reader.snapshot.trust.key)
            kept = LastVisit(
                vkey=known,
                own_word=self._own_word,
                policy=named,
                announced=self._announced[-MOST_ANNOUNCED:],
                grown=grown,
                turn=turn,
                history=history.saved(),
            )
            self._memory.keep(reader.snapshot.note.raw, kept, tree)
        return self._told(reader.checkpoint(), history)

    def _told(self, new: Checkpoint | None, history: History) -> LogVisit:
        """What is said of the log itself, what is kept of its entries, and, where they could be looked at, what is missing."""
        # where entries are not read yet, nobody knows what is missing
        present = history.present() if new and history.state.read == new.size else []
        point = new or self._old
        for name in self._memory.evidence.earlier_forks(point.origin) if point else ():
            self._say("fork", f"the log signed two histories, which an earlier visit kept as {name}")
        return LogVisit(
            problems=(
                *self._findings.open,
                *history.findings.open,
                *(problem for problem in present if not problem.explained),
            ),
            old=self._old,
            new=new,
            own_word=self._own_word,
            acknowledged=(*history.findings.explained, *(problem for problem in present if problem.explained)),
            dropped=history.findings.dropped,
            read=history.state.read,
            bundles=self._seen,
            evidence=tuple(dict.fromkeys(self._memory.evidence.kept)),
        )

    def _damaged(self) -> bool:
        return bool(DAMAGE & {problem.kind for problem in self._findings.open})

    def _read_tree(self, reader: LogReader) -> HeldTree | None:
        try:
            return HeldTree.read(reader, self._tree)
        except UnfinishedError:
            return None  # it is read anew at the next visit
        except (FormatError, StorageError, TileError) as exc:
            self._say_of(exc)
        return None

    def _open(self, vkey: VerifierKey | None, policy: Policy | None) -> LogReader | None:
        try:
            return LogReader(self._source, vkey=vkey, policy=policy, bridged=False, clock=lambda: self._now)
        except (FormatError, VerificationError) as exc:
            self._say("format" if isinstance(exc, FormatError) else "signature", exc.message)
        except StorageError:
            if self._old is None or self._source.get(CHECKPOINT) is not None:
                raise
            self._say("missing", f"log has no checkpoint any more, had one of size {self._old.size} at the last visit")
        return None

    def _bridged(self, reader: LogReader) -> bool:
        """The log must start with what each of its earlier keys signed."""
        for passed in reader.snapshot.trust.passed:
            self._check_growth(passed, reader)
        return not self._findings.open

    def _check_growth(self, old: Checkpoint, reader: LogReader) -> None:
        new = reader.checkpoint()
        try:
            check_growth(old, new, Tiles(new.size, reader.source.get))
        except (FormatError, StorageError, TileError, RewrittenError) as exc:
            self._say_of(exc)

    def _grew(self, old: Checkpoint, reader: LogReader) -> bool:
        new = reader.checkpoint()
        if new.origin != old.origin:
            self._say("fork", f"origin was {old.origin}, is {new.origin}")
        elif new.size < old.size:
            self._compare_smaller(old, reader)
        elif new.size == old.size and new.root != old.root:
            self._say("fork", f"two histories of size {new.size} are signed")
        else:
            self._check_growth(old, reader)
        if any(problem.kind == "fork" for problem in self._findings.open):
            held = self._tree if new.size < old.size else None
            self._memory.evidence.keep_fork(self._before, reader.snapshot.note.raw, held)
        return not self._findings.open

    def _compare_smaller(self, old: Checkpoint, reader: LogReader) -> None:
        """A start of what was seen accuses nobody; another history does; what shows neither is kept."""
        new, tree = reader.checkpoint(), self._tree
        sizes = f"size was {old.size}, is {new.size}"
        root = tree.root_at(new.size, reader) if tree else None
        if root == new.root:
            self._say(
                "rollback", f"{sizes}: an older state is shown again, a start of what was seen (as a stale copy does)"
            )
        elif root is not None or (tree and tree.contradicts(reader)):
            self._say("fork", f"{sizes}, and it is no start of what was seen: the history was rewritten")
        else:
            self._say("rollback", f"{sizes}, and the log does not show whether it is a start of what was seen")
            self._memory.evidence.keep_withheld(reader.snapshot.note.raw)

    def _history(self, reader: LogReader) -> History:
        seen_s = reader.snapshot.time_s
        seen = None if seen_s is None else datetime.fromtimestamp(seen_s, UTC)
        return History(self._now, seen=seen, state=self._last.history)

    def _read_entries(self, reader: LogReader, history: History, most: int) -> set[int]:
        """Hold entries that were not read yet against all before them, and return the bundles that were read for it."""
        start = history.state.read
        stop = min(reader.size, start + most)
        read: set[int] = set()
        for bundle in range(start // WIDTH, count_bundles(stop) if start < stop else 0):
            if read and self._time.over(VisitTime.FOR_ENTRIES):
                break
            entries = read_bundle(reader, bundle, self._findings)
            if entries is None:
                break
            read.add(bundle)
            for index, data in enumerate(entries, bundle * WIDTH):
                if start <= index < stop and (digest := announced_policy(history.read(index, data))):
                    self._announced.append(digest)
        return read

    def _look_again(self, reader: LogReader, read: set[int]) -> int:
        """Look at bundles that were read at an earlier visit; returns where the next turn begins."""
        total = count_bundles(reader.size)
        chosen, turn = choose(total, read, self._last.turn)
        sound = 0
        for bundle in chosen:
            if self._time.over(VisitTime.FOR_OLD_BUNDLES):
                break
            sound += read_bundle(reader, bundle, self._findings) is not None
        self._seen = BundlesSeen(len(read) + sound, total)
        if self._old:
            check_old_edge(reader, self._old.size, self._findings)
        return turn

    def _grown(self, reader: LogReader) -> datetime:
        """Of when the newest entry is; one that is ahead, or cannot be read, is as new as this visit."""
        if self._last.grown and self._old and self._old.size == reader.size:
            return min(self._last.grown, self._now)
        first = max(0, reader.size - 1) // WIDTH * WIDTH
        try:
            instants = [decode_entry(data).at for data in reader.raws(first)]
        except (EntryError, FormatError, StorageError, UnfinishedError, VerificationError):
            return self._now
        return min(max(instants, default=self._now), self._now)

    def _check_signatures(self, reader: LogReader, history: History) -> int | None:
        """Return when the witnesses' quorum had seen the checkpoint."""
        snapshot = reader.snapshot
        times = snapshot.witnesses(history.state.newest)
        for name in snapshot.note.repeated:
            self._say("signature", f"{name} signed the checkpoint twice; it counts once")
        for reason in times.reasons():
            self._say("time", reason)
        if not snapshot.policy.met_by(times.counted):
            self._say("quorum", f"quorum {snapshot.policy.quorum} is not met: unwitnessed")
        return times.quorum_s(snapshot.policy)

    def _check_named(self, reader: LogReader) -> str:
        """Return which witnesses the log itself names; where no entry announced a change, those from before it."""
        snapshot = reader.snapshot
        named = replace(snapshot.policy, logs=()).to_text()
        if self._last.policy in (None, named):
            return named
        told = "the log names other witnesses, or another quorum, than at the last visit"
        keys = [snapshot.trust.key, *(key for _, key in snapshot.trust.rotations), *filter(None, [self._last.key])]
        if is_announced(snapshot.policy, keys, self._announced):
            self._say("quorum", told)
            return named
        self._say("quorum", f"{told}, and no entry says so")
        return self._last.policy or named

    def _check_silence(self, since: datetime, time_s: int | None) -> None:
        if self._now - since > self._silence:
            self._say("silence", f"no new entry since {format_instant(since)} ({self._now - since})")
        elif time_s is not None and self._now - datetime.fromtimestamp(time_s, UTC) > self._silence:
            at = datetime.fromtimestamp(time_s, UTC)
            self._say("silence", f"witnesses saw the checkpoint last at {format_instant(at)}")

    def _say(self, kind: str, text: str) -> None:
        self._findings.say(kind, text)

    def _say_of(self, error: RegisterError) -> None:
        match error:
            case StorageError():
                kind = "missing"
            case FormatError():
                kind = "format"
            case RewrittenError():
                kind = "fork"
            case _:
                kind = "tile"
        self._say(kind, error.message)
