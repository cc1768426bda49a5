"""What a watcher does at each visit: it names what ``verify`` names, looks at old bundles again, and forgets nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.cli import main
from passerby.errors import UnreachableError, UsageError
from passerby.register import (
    CameraRegistered,
    Entry,
    FileSigner,
    FindingAcknowledged,
    Heartbeat,
    Log,
    LogReader,
    LogVisit,
    Policy,
    Remark,
    RequestOpened,
    RequestReceived,
    RunningStarted,
    WriterSettings,
    YearStatistics,
    commit,
    encode_entry,
    verify,
    watch,
)
from passerby.register.fields import Commitment
from passerby.register.notes.checkpoint import Checkpoint
from passerby.register.notes.note import COSIGNATURE, sign_note
from passerby.register.tiles.growth import Edge, grow
from passerby.register.tiles.merkle import Frontier
from passerby.register.tiles.tiles import tile_path
from passerby.register.verification.bundles import SAMPLED, choose

ORIGIN = "cameras.example.org/log"
KEY = FileSigner(ORIGIN, 1, b"k" * 32)
NOW = datetime.now(UTC).replace(microsecond=0)
CAMERA, CASE = "0f" * 16, "c5" * 16
DIGEST = "sha256:" + "ab" * 32


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def remark(hours: float = 0.0) -> Remark:
    return Remark(at=ago(hours), text="a")


def publish(public: Path, entries: Sequence[bytes], *, size: int | None = None) -> None:
    """A log as its operator may publish it, past all checks of the writer."""
    growth = grow(Edge(Frontier()), entries[:size])
    text = Checkpoint(ORIGIN, growth.edge.size, growth.edge.frontier.root()).to_text()
    fixed = {"vkey": f"{KEY.key}\n".encode(), "policy": b"quorum none\n", "checkpoint": sign_note(text, [KEY])}
    for name, data in {**growth.files, **fixed}.items():
        (public / name).parent.mkdir(parents=True, exist_ok=True)
        (public / name).write_bytes(data)


def visit(public: Path, state: Path, *, hours: float = 0.0) -> LogVisit:
    return watch(public, state, vkey=KEY.key, now=ago(-hours))


@pytest.fixture
def public(tmp_path: Path) -> Path:
    return tmp_path / "public"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_bundles_that_are_taken_away_after_they_were_read_are_missed(public: Path, state: Path) -> None:
    entries = [encode_entry(remark())] * 601
    publish(public, entries, size=600)
    first = visit(public, state)
    assert (first.problems, first.read, first.bundles.looked, first.bundles.total) == ((), 600, 3, 3)
    gone = {name: (public / name).read_bytes() for name in (tile_path(None, 0), tile_path(None, 1))}
    for name in gone:
        (public / name).unlink()
    for size in (600, 601, 601):
        publish(public, entries, size=size)
        for name in gone:
            (public / name).unlink()
        found = visit(public, state)
        assert [(problem.kind, problem.text) for problem in found.problems] == [
            ("missing", f"{name} is missing") for name in gone
        ]
        assert (found.bundles.looked, found.bundles.total) == (1, 3)
    for name, data in gone.items():
        (public / name).write_bytes(data)
    assert visit(public, state).problems == ()


@pytest.mark.parametrize("name", [tile_path(None, 0), tile_path(0, 0), tile_path(None, 2, 88), tile_path(0, 2, 88)])
def test_byte_that_is_changed_after_it_was_read_is_seen(public: Path, state: Path, name: str) -> None:
    publish(public, [encode_entry(remark())] * 600)
    assert visit(public, state).problems == ()
    data = (public / name).read_bytes()
    (public / name).write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
    assert {problem.kind for problem in visit(public, state).problems} <= {"tile", "format"}
    assert visit(public, state).problems != ()


@pytest.mark.parametrize("name", [tile_path(None, 1, 144), tile_path(0, 1, 144), tile_path(1, 0, 1)])
@pytest.mark.parametrize("forged", [b"\0" * 32, b"", None])
def test_partial_tile_of_the_last_visit_that_is_forged_since_is_seen(
    public: Path, state: Path, name: str, forged: bytes | None
) -> None:
    entries = [encode_entry(remark())] * 600
    publish(public, entries, size=400)
    assert visit(public, state).problems == ()
    publish(public, entries)
    good = (public / name).read_bytes()
    (public / name).write_bytes(good[:-1] if forged is None else forged)
    (found,) = visit(public, state).problems
    assert str(found) == f"tile: {name} is not the start of the same tile at size 600"
    (public / name).write_bytes(good)
    assert visit(public, state).problems == ()


def test_full_tiles_that_are_served_for_partial_ones_are_right_or_named(public: Path, state: Path) -> None:
    """A log grew between its checkpoint and its tiles: that is no fault. Forged beyond the signed size, it is."""
    entries = [encode_entry(remark(1 - index / 1000)) for index in range(768)]
    publish(public, entries, size=600)
    old = (public / "checkpoint").read_bytes()
    publish(public, entries)
    for name in (tile_path(None, 2, 88), tile_path(0, 2, 88)):
        (public / name).unlink()
    (public / "checkpoint").write_bytes(old)
    assert visit(public, state).problems == verify(LogReader.open(public, vkey=KEY.key)).problems == ()
    good = (public / tile_path(None, 2)).read_bytes()
    (public / tile_path(None, 2)).write_bytes(good[:-1] + b"!")
    for found in (visit(public, state).problems, verify(LogReader.open(public, vkey=KEY.key)).problems):
        assert [str(problem) for problem in found] == [
            "tile: tile/entries/002 and tile/0/002 do not fit each other beyond the signed size"
        ]


def test_of_many_bundles_each_has_its_turn_and_others_are_drawn() -> None:
    total, turn, seen, drawn = 200, 0, set[int](), []
    for _ in range(-(-total // (SAMPLED // 2))):
        chosen, turn = choose(total, {199}, turn)
        assert len(chosen) == len(set(chosen)) == SAMPLED
        seen |= set(chosen)
        drawn.append(chosen)
    assert seen == set(range(199)), "all of them within so many visits"
    assert choose(total, {199}, 0)[0] != choose(total, {199}, 0)[0], "half of them nobody can foretell"


@given(st.integers(0, 300), st.sets(st.integers(0, 300)), st.integers(0, 400), st.integers(2, 40))
def test_what_is_chosen_is_never_more_than_there_is(total: int, read: set[int], turn: int, most: int) -> None:
    chosen, _ = choose(total, read, turn, most)
    assert set(chosen) <= set(range(total)) - read
    assert len(chosen) == min(most, len(set(range(total)) - read))


def contradictions() -> list[Entry]:
    """One of each thing that the entries of a log can be wrong in."""
    promise = Commitment(digest=commit("x", "5a" * 32), reveal_by=ago(3))
    counts = dict.fromkeys(("cameras", "requests", "granted", "refused", "withdrawn", "opened", "notified"), 0)
    return [
        remark(30),
        CameraRegistered(
            at=ago(30), camera=CAMERA, label="a", purpose={"en": "a"}, legal_basis={"en": "a"}, position="act-2024",
            retention_h=0,
        ),
        RunningStarted(at=ago(30), camera=CAMERA, mode="veil", software="a", configuration=DIGEST, weights=DIGEST),
        Heartbeat(at=ago(20), begin=ago(21), end=ago(20), camera=CAMERA, frames=1, faces_covered=0),
        Heartbeat(at=ago(19), begin=ago(20), end=ago(19), camera="1e" * 16, frames=1, faces_covered=0),
        RequestReceived(at=ago(10), case=CASE, position="act-2024", details=promise),
        RequestOpened(at=ago(9), case=CASE, tracks=3, warrant=DIGEST),
        YearStatistics.model_validate({"at": ago(8), "year": ago(9).year, **counts}),
        remark(400 * 24),
        remark(2),
        remark(-24 * 365 * 73),
        remark(1),
    ]  # fmt: skip


@pytest.mark.parametrize("step", [1, 3, 5, 99])
def test_watcher_names_what_verify_names_at_whatever_sizes_it_comes(public: Path, state: Path, step: int) -> None:
    entries = [*map(encode_entry, contradictions()), b'{"x":1}', encode_entry(remark())]
    for size in [*range(1, len(entries), step), len(entries)]:
        publish(public, entries, size=size)
        found = visit(public, state)
    wanted = verify(LogReader.open(public, vkey=KEY.key), now=NOW)
    assert {problem.kind for problem in wanted.problems} == {
        "silence", "order", "opening", "statistics", "time", "schema", "late-reveal",
    }  # fmt: skip
    assert sorted(map(str, found.problems)) == sorted(map(str, wanted.problems))
    assert sorted(map(str, visit(public, state).problems)) == sorted(map(str, wanted.problems)), "and at the next visit"


def test_what_was_found_is_kept_until_it_is_acknowledged(public: Path, state: Path) -> None:
    entries = [encode_entry(remark()), b'{"x":1}']
    publish(public, entries)
    for size in (2, 2, 3, 4):
        entries += [encode_entry(remark())] * (size - len(entries))
        publish(public, entries)
        (found,) = visit(public, state).problems
        assert (found.kind, found.index) == ("schema", 1)
    (public / "checkpoint").write_bytes(b"rubbish")
    assert {problem.kind for problem in visit(public, state).problems} == {"format", "schema"}
    entries.append(encode_entry(FindingAcknowledged(at=NOW, finding="schema", entry=1, reason="a test got in")))
    publish(public, entries)
    for _ in range(2):
        found_then = visit(public, state)
        assert found_then.problems == ()
        (answered,) = found_then.acknowledged
        assert str(answered).endswith("(acknowledged by entry 4: a test got in)")


def test_camera_that_is_silent_is_named_while_it_lasts_and_its_gap_afterwards(public: Path, state: Path) -> None:
    entries = [encode_entry(entry) for entry in contradictions()[1:4]]
    beat = Heartbeat(at=ago(-2), begin=ago(-1), end=ago(-2), camera=CAMERA, frames=1, faces_covered=0)
    publish(public, entries)
    (gap, silent) = [problem for problem in visit(public, state).problems if problem.index is not None]
    assert ("was not known from" in gap.text, "until now" in silent.text) == (True, True)
    publish(public, [*entries, encode_entry(beat)])
    found = visit(public, state, hours=2).problems
    assert [(problem.kind, problem.index) for problem in found] == [("silence", 2), ("silence", 3)]


def test_long_log_is_read_in_parts_and_no_entry_twice(public: Path, state: Path) -> None:
    """A camera is registered in the first part: read from there, what comes later fits."""
    beat = Heartbeat(at=NOW, begin=NOW, end=NOW, camera=CAMERA, frames=1, faces_covered=0)
    head = [entry.model_copy(update={"at": NOW}) for entry in contradictions()[1:3]]
    publish(public, [*map(encode_entry, head), *[encode_entry(beat)] * 598])
    read = [watch(public, state, vkey=KEY.key, now=NOW, read_at_once=250) for _ in range(4)]
    assert [one.read for one in read] == [250, 500, 600, 600]
    assert [one.problems for one in read] == [()] * 4
    assert [(one.bundles.looked, one.bundles.total) for one in read] == [(3, 3)] * 4


def test_log_that_lost_its_checkpoint_has_a_problem_and_one_that_is_away_has_none(public: Path, state: Path) -> None:
    publish(public, [encode_entry(remark())])
    assert visit(public, state).problems == ()
    (public / "checkpoint").unlink()
    (found,) = visit(public, state).problems
    assert (found.kind, found.text) == (
        "missing",
        "log has no checkpoint any more, had one of size 1 at the last visit",
    )
    with pytest.raises(UnreachableError, match="cannot be read"):
        watch("http://127.0.0.1:1", state, vkey=KEY.key)
    with pytest.raises(UnreachableError):
        watch(public, state / "none", vkey=KEY.key)


def code(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def test_exit_code_tells_a_problem_from_no_visit(public: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(public, [encode_entry(remark())])
    watching = ("register", "watch", public, "--state", state, "--json")
    assert code(*watching) == 0
    assert json.loads(capsys.readouterr().out)["bundles"] == {"looked": 1, "total": 1}
    publish(public, [encode_entry(remark()), b"{}"])
    assert code(*watching) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["read"], [problem["entry"] for problem in found["problems"]]) == (2, [1])
    assert code("register", "watch", "http://127.0.0.1:1", "--state", state) == 3
    captured = capsys.readouterr()
    assert (captured.out, "cannot be read" in captured.err) == ("", True)
    assert code("register", "watch", "ftp://example.org", "--state", state) == 2
    blocked = state / "file"
    blocked.write_text("")
    assert code("register", "watch", public, "--state", blocked / "inside") == 3


def test_operator_s_answer_reaches_the_watcher(tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Log.create(tmp_path / "log", origin=ORIGIN, signer=KEY, settings=WriterSettings(clock=lambda: NOW)) as log:
        log.append_many([remark(), remark(100)])
    assert visit(tmp_path / "log", state).problems[0].index == 1
    with Log.open(tmp_path / "log", signer=KEY) as log:
        log.append(FindingAcknowledged(at=NOW, finding="time", entry=1, reason="clock set by hand"))
    assert code("register", "watch", tmp_path / "log", "--state", state, "--vkey", KEY.key) == 0
    assert "(acknowledged by entry 2: clock set by hand)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changed", [b'{"history":{"read":-1}}', b'{"history":[]}', b'{"turn":-1}', b'{"history":{"read":7}}']
)
def test_history_that_was_changed_is_named_as_the_watcher_s_own(public: Path, state: Path, changed: bytes) -> None:
    publish(public, [encode_entry(remark())])
    visit(public, state)
    (file,) = state.glob("*.json")
    file.write_bytes(changed)
    with pytest.raises(UsageError, match="must be this watcher's own state, but was changed"):
        visit(public, state)


def test_a_size_that_is_only_claimed_costs_nothing_to_choose_from() -> None:
    """A log may sign that it holds 2^63 - 1 entries; a list of their bundles would take all memory there is."""
    for turn in (0, 2**54, 2**55 - 1):
        chosen, following = choose(2**55, {0, turn}, turn)
        assert len(set(chosen)) == SAMPLED
        assert {0, turn}.isdisjoint(chosen)
        assert 0 <= following <= 2**55


def test_witnesses_that_are_changed_without_an_entry_are_named_at_every_visit(tmp_path: Path, state: Path) -> None:
    witness = FileSigner.fresh("w.example", COSIGNATURE)
    other = Policy.parse(f"log {KEY.key}\nwitness w {witness.key}\nquorum none\n")
    with Log.create(tmp_path / "log", origin=ORIGIN, signer=KEY, policy=Policy()) as log:
        log.append(remark())
    path = tmp_path / "log" / "public" / "policy"
    assert watch(tmp_path / "log", state, vkey=KEY.key, now=datetime.now(UTC)).problems == ()
    old = path.read_bytes()
    path.write_text(other.to_text())
    for _ in range(2):
        (found,) = watch(tmp_path / "log", state, vkey=KEY.key, now=datetime.now(UTC)).problems
        assert found.text.endswith("than at the last visit, and no entry says so")
    path.write_bytes(old)
    assert watch(tmp_path / "log", state, vkey=KEY.key, now=datetime.now(UTC)).problems == ()
    with Log.open(tmp_path / "log", signer=KEY) as log:
        log.name_witnesses(other)
        log.rotate(FileSigner(ORIGIN, 1, b"n" * 32))
    (found,) = watch(tmp_path / "log", state, vkey=KEY.key, now=datetime.now(UTC)).problems
    assert found.text.endswith("than at the last visit"), "announced, though the key was changed since"
    assert watch(tmp_path / "log", state, vkey=KEY.key, now=datetime.now(UTC)).problems == ()


def test_fork_that_was_shown_once_is_named_for_good(public: Path, state: Path) -> None:
    entries = [encode_entry(remark())] * 20
    publish(public, entries)
    assert visit(public, state).problems == ()
    publish(public, [*entries[:19], encode_entry(remark(1))])
    (found,) = visit(public, state).problems
    assert found.text == "two histories of size 20 are signed"
    publish(public, entries)
    for _ in range(2):
        (found,) = visit(public, state).problems
        assert (found.kind, "which an earlier visit kept as fork-" in found.text) == ("fork", True)
    (evidence,) = state.glob("fork-*.txt")
    evidence.unlink()
    assert visit(public, state).problems == ()
