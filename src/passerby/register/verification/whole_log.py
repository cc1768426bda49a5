"""Checks a whole log with nothing taken on trust but a key. Each check has its number in the code.

1. The checkpoint parses, the log's key signed it (followed from the trusted key through each change), no signature of a
   known key is wrong or stands twice; the log starts with what each earlier key signed.
2. Every entry bundle has exactly its entries, and each hashes to its place in its hash tile.
3. Every hash tile, at every level, is what the level below makes it.
4. The root over all entries is the checkpoint's.
5. Every entry fits its form, in its one spelling.
6. The entries fit each other (``history``): order, time, heartbeats, reveals, statistics; what the log acknowledges is set apart.
7. The policy's quorum of witnesses signed, at times that can be.

It goes on after a problem, to name them all, and reads each file once, in order: memory does not grow with the log. Where the
reader's time ends before the log does, it tells what was found by then, and that it is not finished.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from passerby.errors import FormatError, RewrittenError, StorageError, TileError, UnfinishedError, VerificationError
from passerby.register.entries import BundleWithdrawn
from passerby.register.notes import NO_QUORUM, Checkpoint, WitnessTimes, judge_witnesses
from passerby.register.storage import DirectoryStore
from passerby.register.tiles import (
    HEIGHT,
    WIDTH,
    Frontier,
    Tiles,
    leaf_hash,
    tile_path,
    tree_hash,
    width_at,
)
from passerby.register.verification.bundles import BEYOND, is_start
from passerby.register.verification.findings import LogProblem
from passerby.register.verification.history import History
from passerby.register.verification.reader import LogReader, check_growth
from passerby.register.verification.withheld import Tombstone, WithheldBundle
from passerby.values import utc_now

MOST_UNREAD = 1000
"""Bundles that cannot be read after which a check ends: a log may claim any size, and show hash tiles for it without end."""


@dataclass(frozen=True, slots=True)
class LogReport:
    """What ``verify`` found.

    Attributes:
        checkpoint: That was checked.
        read: Entries that were read.
        unfinished: The reader's time ended before the log did. Of the rest nothing is said: not what is wrong in it, nor what it
            acknowledges or announces, nor what is missing at present.
        key: The verifier key that signed it.
        own_word: The key came from the log itself: the log is sound, whose it is was not shown.
        problems: Those that count, in the order found, at most ``MAX_FINDINGS``.
        acknowledged: Those that the log itself acknowledges, each with its reason; they count no more.
        earlier: Those about entries before the ones that were asked for; they are listed only.
        withdrawn: Entries that the operator withholds, with the entry that announces it, a sentence for each bundle.
        dropped: Problems beyond ``MAX_FINDINGS``.
        kinds: Entries by kind.
        first_at, last_at: ``at`` of the first entry, and the newest that is not ahead of the clock; None in an empty log.
        witnessed: The policy asks for witnesses, and its quorum signed.
        witnesses: Names of those that signed, at times that can be.
        time_s: The witnesses' time, POSIX seconds; None where none signed.
    """

    checkpoint: Checkpoint
    read: int
    unfinished: bool
    key: str
    own_word: bool
    problems: tuple[LogProblem, ...]
    acknowledged: tuple[LogProblem, ...]
    earlier: tuple[LogProblem, ...]
    withdrawn: tuple[str, ...]
    dropped: int
    kinds: dict[str, int]
    first_at: datetime | None
    last_at: datetime | None
    witnessed: bool
    witnesses: tuple[str, ...]
    time_s: int | None

    @property
    def sound(self) -> bool:
        """Whether all was read, and nothing is wrong that counts."""
        return not (self.problems or self.dropped or self.unfinished)


def verify(reader: LogReader, *, now: datetime | None = None, since: int | datetime | None = None) -> LogReport:
    """Check a whole log at the reader's checkpoint, which was checked when it was opened (1).

    Args:
        reader: Of the log.
        now: Against which times, silence and late reveals are judged; None takes the clock.
        since: An entry, or an instant, which stands for the first entry of then or later. What was stated before it is checked
            like the rest, and found wrong it is listed as ``earlier``. Damage and rewriting count wherever they are, and so
            does what is missing at present.

    Raises:
        StorageError: the log cannot be read at all (a single missing file is a problem in the report).
    """
    snapshot, clock = reader.snapshot, now or utc_now()
    check = _Check(reader, clock, since)
    check.run()
    times = judge_witnesses(snapshot.note, snapshot.policy, clock, check.history.state.newest)
    check.check_quorum(times)
    withdrawn = check.check_announced()
    findings, present = check.findings, [] if check.unfinished else check.history.present()
    counted = [problem for problem in findings.open if not check.is_earlier(problem)]
    witnesses = {w.key: w.name for w in snapshot.policy.witnesses}
    return LogReport(
        checkpoint=snapshot.checkpoint,
        read=check.history.state.read,
        unfinished=check.unfinished,
        key=str(snapshot.trust.key),
        own_word=reader.own_word,
        problems=(*counted, *(problem for problem in present if not problem.explained)),
        acknowledged=(*findings.explained, *(problem for problem in present if problem.explained)),
        earlier=tuple(problem for problem in findings.open if check.is_earlier(problem)),
        withdrawn=withdrawn,
        dropped=findings.dropped,
        kinds=dict(sorted(check.kinds.items())),
        first_at=check.history.state.first_at,
        last_at=check.history.state.newest,
        witnessed=snapshot.policy.quorum != NO_QUORUM and snapshot.policy.met_by(times.counted),
        witnesses=tuple(witnesses[key] for key, _ in snapshot.note.signed_by if key in times.counted),
        time_s=times.quorum_s(snapshot.policy),
    )


class _Check:
    def __init__(self, reader: LogReader, clock: datetime, since: int | datetime | None) -> None:
        self.kinds: Counter[str] = Counter()
        seen_s = judge_witnesses(reader.snapshot.note, reader.snapshot.policy, clock).quorum_s(reader.snapshot.policy)
        self.history = History(clock, seen=None if seen_s is None else datetime.fromtimestamp(seen_s, UTC))
        self.findings = self.history.findings
        self._since = since
        self._snapshot = reader.snapshot
        self._reader, self._source = reader, reader.source
        self._tombstones: dict[int, Tombstone] = {}
        self._announced: dict[tuple[int, str], tuple[int, str]] = {}
        self._tiles = Tiles(reader.size, reader.source.get)
        self._frontier = Frontier()
        self._unread = 0
        self.unfinished = False
        self._levels: list[list[bytes]] = []

    def run(self) -> None:
        try:
            self._read()
        except UnfinishedError:
            self.unfinished = True

    def _read(self) -> None:
        self._check_signatures()
        size = self._snapshot.checkpoint.size
        for bundle in range(-(-size // WIDTH)):
            leaves = self._check_bundle(bundle)
            if leaves is None:
                self._say("tree", None, f"root cannot be computed without bundle {bundle}")
                return
            if self._unread > MOST_UNREAD:
                self._say(
                    "tree", None, f"nothing is read after bundle {bundle}: {self._unread} bundles could not be read"
                )
                return
            self._add(leaves, bundle)
        for level in range(1, len(self._levels)):
            self._check_tile(level, self._frontier.size >> (HEIGHT * (level + 1)), self._levels[level])
        self._check_partials()
        if self._frontier.root() != self._snapshot.checkpoint.root:  # 4
            self._say("tree", None, f"entries do not lead to the signed root of size {size}")

    def _check_signatures(self) -> None:
        snapshot = self._snapshot
        for name in snapshot.note.repeated:  # 1
            self._say("signature", None, f"{name} signed the checkpoint twice; it counts once")
        for passed in snapshot.trust.passed:
            self._check_growth(passed)

    def is_earlier(self, problem: LogProblem) -> bool:
        """Whether a problem is about what was stated before the entries that were asked for."""
        if self._since is None or problem.index is None or problem.kind not in LogProblem.EXPLAINABLE:
            return False
        return isinstance(self._since, datetime) or problem.index < self._since

    def check_quorum(self, times: WitnessTimes) -> None:  # 7
        policy = self._snapshot.policy
        for reason in times.reasons():
            self._say("time", None, reason)
        if not policy.met_by(times.counted):
            signed = len(times.counted)
            self._say("quorum", None, f"quorum {policy.quorum} is not met: {signed} witnesses signed: unwitnessed")

    def _check_growth(self, passed: Checkpoint) -> None:
        try:
            check_growth(passed, self._snapshot.checkpoint, self._tiles)
        except RewrittenError as exc:
            self._say("fork", None, exc.message)
        except TileError as exc:
            self._say("tile", None, exc.message)
        except (FormatError, StorageError) as exc:
            self._say("missing" if isinstance(exc, StorageError) else "format", None, exc.message)

    def _check_bundle(self, bundle: int) -> list[bytes] | None:
        """Return the leaves of one bundle: those of its entries, or of its tile where the entries cannot be read."""
        stated = self._stated(0, bundle)
        try:
            entries = self._tiles.entries(bundle)  # 2
        except (FormatError, StorageError) as exc:
            instead = self._instead(bundle)
            if instead is None:
                self._say("missing" if isinstance(exc, StorageError) else "format", None, exc.message)
                self._unread += 1
                return stated
            entries, leaves = list(instead.entries), list(instead.tombstone.leaves)
        else:
            leaves = [leaf_hash(entry) for entry in entries]
        first = bundle * WIDTH
        for place, (leaf, wanted) in enumerate(zip(leaves, stated or leaves, strict=True)):
            if leaf != wanted:
                self._say("tile", first + place, f"does not hash to its place in {tile_path(0, bundle)}")
        if not self._tiles.fits_beyond():
            self._say("tile", None, BEYOND.format(tile_path(None, bundle), tile_path(0, bundle)))
        for index, entry in enumerate(entries, first):
            self._check_entry(index, entry)
        return leaves

    def _instead(self, bundle: int) -> WithheldBundle | None:
        """What stands in the place of a bundle that is withheld."""
        try:
            found = self._reader.withheld(bundle)
        except (FormatError, StorageError, VerificationError) as exc:
            self._say("signature" if type(exc) is VerificationError else "tile", None, exc.message)
            return None
        if found is not None:
            self._tombstones[bundle] = found.tombstone
        return found

    def check_announced(self) -> tuple[str, ...]:
        """Return what is withdrawn, a sentence for each bundle; a tombstone that no entry announces is a hole."""
        told = []
        for bundle, tombstone in self._tombstones.items():
            by = self._announced.get((bundle, tombstone.digest))
            indexes = ", ".join(str(bundle * WIDTH + place) for place in sorted(tombstone.places))
            if by is None and self.unfinished:
                told.append(f"withdrawn: {indexes} (not announced by an entry that was read)")
            elif by is None:
                self._say("missing", None, f"{tile_path(None, bundle)} is withheld by a list that no entry announces")
            else:
                told.append(f"withdrawn: {indexes} (announced by entry {by[0]}: {by[1]})")
        return tuple(told)

    def _check_entry(self, index: int, data: bytes) -> None:
        entry = self.history.read(index, data)  # 5, 6
        if entry is None:
            return
        self.kinds[entry.kind] += 1
        if isinstance(entry, BundleWithdrawn):
            self._announced[entry.bundle, entry.list] = index, entry.reason
        if isinstance(self._since, datetime) and entry.at >= self._since:
            self._since = index

    def _add(self, leaves: list[bytes], bundle: int) -> None:
        if len(leaves) < WIDTH:
            for leaf in leaves:
                self._frontier.add(leaf)
            return
        node = tree_hash(leaves)
        self._frontier.add_full(HEIGHT, node)
        level, index = 1, bundle
        while True:
            if level == len(self._levels) or not self._levels:
                self._levels += [[] for _ in range(level + 1 - len(self._levels))]
            self._levels[level].append(node)
            if len(self._levels[level]) < WIDTH:
                return
            index //= WIDTH
            self._check_tile(level, index, self._levels[level])
            node, self._levels[level], level = tree_hash(self._levels[level]), [], level + 1

    def _check_tile(self, level: int, index: int, wanted: list[bytes]) -> None:
        stated = self._stated(level, index) if wanted else None  # 3
        if stated is not None and stated != wanted:
            self._say("tile", None, f"{tile_path(level, index)} is not what the level below makes it")

    def _check_partials(self) -> None:
        """Narrower partial tiles at the edge serve readers of earlier checkpoints; in a directory they can be looked through."""
        source, size = self._source, self._snapshot.checkpoint.size
        if not isinstance(source, DirectoryStore):
            return
        for level in (None, *range(max(1, len(self._levels)))):
            index = size >> (HEIGHT * ((level or 0) + 1))
            widest = width_at(level, index, size)
            wide = source.get(tile_path(level, index, widest)) if widest else None
            for width in range(1, widest) if wide else ():
                path = tile_path(level, index, width)
                data = source.get(path)
                if data is not None and not is_start(level, width, data, wide or b""):
                    self._say("tile", None, f"{path} is not the start of the same tile at size {size}")

    def _stated(self, level: int, index: int) -> list[bytes] | None:
        try:
            return self._tiles.hashes(level, index)
        except (FormatError, StorageError) as exc:
            self._say("missing" if isinstance(exc, StorageError) else "format", None, exc.message)
            return None

    def _say(self, kind: str, index: int | None, text: str) -> None:
        self.findings.say(kind, text, index)
