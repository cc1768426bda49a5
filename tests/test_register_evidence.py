"""What counts against a log: another history is a fork at any size, a stale copy is none, and what is withheld is kept."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from passerby.cli import main
from passerby.register import FileSigner, LogReader, LogVisit, Remark, encode_entry, watch
from passerby.register.notes.checkpoint import Checkpoint
from passerby.register.notes.note import sign_note
from passerby.register.tiles.growth import Edge, grow
from passerby.register.tiles.merkle import Frontier
from passerby.register.tiles.tiles import tile_path
from passerby.register.verification.evidence import MOST_WITHHELD, HeldTree

ORIGIN = "cameras.example.org/log"
KEY = FileSigner(ORIGIN, 1, b"k" * 32)
NOW = datetime.now(UTC).replace(microsecond=0)
ENTRIES = [encode_entry(Remark(at=NOW, text=f"remark {i}")) for i in range(900)]
OTHERS = [encode_entry(Remark(at=NOW, text=f"other {i}")) for i in range(900)]


def signed(entries: Sequence[bytes]) -> dict[str, bytes]:
    """A log's files, as whoever has its key can make them."""
    growth = grow(Edge(Frontier()), entries)
    text = Checkpoint(ORIGIN, growth.edge.size, growth.edge.frontier.root()).to_text()
    fixed = {"vkey": f"{KEY.key}\n".encode(), "policy": b"quorum none\n", "checkpoint": sign_note(text, [KEY])}
    return dict(growth.files) | fixed


class Shelf:
    """A log's files in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.get = files.get


def show(public: Path, *layers: dict[str, bytes], tiles: bool = True) -> None:
    """Put files in the place of whatever stood there; later layers win."""
    shutil.rmtree(public, ignore_errors=True)
    for name, data in {name: data for layer in layers for name, data in layer.items()}.items():
        if tiles or not name.startswith("tile/"):
            (public / name).parent.mkdir(parents=True, exist_ok=True)
            (public / name).write_bytes(data)


def visit(public: Path, state: Path) -> LogVisit:
    return watch(public, state, vkey=KEY.key, now=NOW)


def kept(state: Path, kind: str) -> list[str]:
    return sorted(path.name for path in state.glob(f"{kind}-*.txt"))


@pytest.fixture
def public(tmp_path: Path) -> Path:
    return tmp_path / "public"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@given(st.integers(0, 900), st.data())
@example(512, None)
def test_every_older_root_can_be_computed_from_what_is_held(size: int, data: st.DataObject | None) -> None:
    older = 300 if data is None else data.draw(st.integers(0, size))
    reader = LogReader(Shelf(signed(ENTRIES[:size])), vkey=KEY.key)
    held = HeldTree.read(reader, None)
    assert held is not None
    assert HeldTree.from_bytes(held.to_bytes(), reader.checkpoint()) == held
    if size:
        bent = held.to_bytes()
        assert HeldTree.from_bytes(bent[:-1] + bytes([bent[-1] ^ 1]), reader.checkpoint()) is None
    assert held.root_at(older, reader) == LogReader(Shelf(signed(ENTRIES[:older])), vkey=KEY.key).checkpoint().root
    assert HeldTree.read(reader, held) == held, "what is new is read, and here nothing is"


@pytest.mark.parametrize("served", [True, False])
@pytest.mark.parametrize(("seen", "older"), [(400, 300), (400, 256), (400, 200), (600, 300), (512, 256), (300, 0)])
def test_a_stale_copy_accuses_nobody(public: Path, state: Path, seen: int, older: int, *, served: bool) -> None:
    show(public, signed(ENTRIES[:seen]))
    assert visit(public, state).problems == ()
    show(public, signed(ENTRIES[:seen]), signed(ENTRIES[:older]), tiles=served)
    if not served and older % 256 and older // 256 < seen // 256:
        return  # then nothing shows it: see below
    (found,) = visit(public, state).problems
    assert (found.kind, found.text.partition(":")[0]) == ("rollback", f"size was {seen}, is {older}")
    assert "a start of what was seen (as a stale copy does)" in found.text
    assert not kept(state, "fork")
    assert not kept(state, "withheld")
    show(public, signed(ENTRIES[: seen + 1]))
    assert visit(public, state).problems == (), "it is the same log, and is taken up where it was left"


@pytest.mark.parametrize("how", ["its own tiles only", "beside the old tiles", "no tiles"])
@pytest.mark.parametrize(("seen", "smaller"), [(400, 300), (400, 256), (400, 399), (600, 300), (600, 256), (600, 520)])
def test_a_smaller_history_that_is_another_is_a_fork(
    public: Path, state: Path, seen: int, smaller: int, how: str
) -> None:
    show(public, signed(ENTRIES[:seen]))
    assert visit(public, state).problems == ()
    other = signed(OTHERS[:smaller])
    layers = (signed(ENTRIES[:seen]), other) if how == "beside the old tiles" else (other,)
    show(public, *layers, tiles=how != "no tiles")
    for _ in range(2):
        found = visit(public, state)
        (problem,) = found.problems
        if how == "no tiles" and (seen, smaller) == (600, 300):
            # the hashes of that bundle are not held, and not shown: nobody can tell, so what was signed is kept
            assert (problem.kind, len(kept(state, "withheld"))) == ("rollback", 1)
            assert "does not show whether" in problem.text
            continue
        assert problem.kind == "fork"
        assert "it is no start of what was seen" in problem.text
        (name,) = kept(state, "fork")
        evidence = (state / name).read_text()
        assert f"\n{seen}\n" in evidence
        assert f"\n{smaller}\n" in evidence
        assert found.evidence == (name, name.replace(".txt", ".hashes"))


def test_the_evidence_of_a_smaller_fork_stands_alone(public: Path, state: Path) -> None:
    """Two signed checkpoints of different sizes contradict each other only by the hashes of the one; these lie beside them."""
    show(public, signed(ENTRIES[:400]))
    visit(public, state)
    show(public, signed(OTHERS[:300]))
    visit(public, state)
    (name,) = kept(state, "fork")
    notes = (state / name).read_text().split(f"\n\n{ORIGIN}\n")
    larger, smaller = Checkpoint.parse("\n".join(notes[0].split("\n")[:3]) + "\n"), notes[1].split("\n")
    held = HeldTree.from_bytes((state / name.replace(".txt", ".hashes")).read_bytes(), larger)
    assert held is not None, "the hashes lead to the root of the one"
    nothing = LogReader(Shelf(signed(())), vkey=KEY.key)
    root = held.root_at(int(smaller[0]), nothing)
    assert root is not None
    assert Checkpoint(ORIGIN, 300, root).to_text() not in (state / name).read_text(), "and to another than the other's"


def test_a_signed_checkpoint_whose_tiles_are_withheld_is_kept_until_it_is_judged(public: Path, state: Path) -> None:
    show(public, signed(ENTRIES[:400]))
    assert visit(public, state).problems == ()
    show(public, signed(OTHERS[:600]), tiles=False)
    for _ in range(2):
        found = visit(public, state)
        assert {problem.kind for problem in found.problems} == {"missing"}
        (name,) = kept(state, "withheld")
        assert found.evidence == (name,)
        assert b"\n600\n" in (state / name).read_bytes()
    show(public, signed(ENTRIES[:500]))
    assert visit(public, state).problems == (), "it is longer than what is shown now, so it may yet be the same"
    for size in (600, 601):
        show(public, signed(ENTRIES[:size]))
        (problem,) = visit(public, state).problems
        assert problem.kind == "fork"
        assert problem.text.startswith("a checkpoint that was signed and not shown is of another history")
    (fork,) = kept(state, "fork")
    assert (state / fork).read_text().count("\n600\n") == 2
    assert kept(state, "withheld") == [name], "it is named at each visit"


def test_what_was_only_late_is_let_go(public: Path, state: Path) -> None:
    show(public, signed(ENTRIES[:400]))
    visit(public, state)
    show(public, signed(ENTRIES[:600]), tiles=False)
    assert visit(public, state).evidence == tuple(kept(state, "withheld"))
    assert kept(state, "withheld")
    show(public, signed(ENTRIES[:601]))
    found = visit(public, state)
    assert (found.problems, found.evidence, kept(state, "withheld")) == ((), (), [])


def test_what_is_withheld_at_the_first_visit_is_kept_too(public: Path, state: Path) -> None:
    show(public, signed(ENTRIES[:300]), tiles=False)
    assert visit(public, state).new is not None
    assert len(kept(state, "withheld")) == 1


def test_a_log_cannot_push_out_what_is_kept(public: Path, state: Path) -> None:
    names = set[str]()
    for size in range(2, MOST_WITHHELD + 6):
        show(public, signed(OTHERS[:size]), tiles=False)
        visit(public, state)
        names |= set(kept(state, "withheld"))
    assert len(names) == len(kept(state, "withheld")) == MOST_WITHHELD


def test_a_hash_tile_that_no_proof_needs_is_looked_at(public: Path, state: Path) -> None:
    show(public, signed(ENTRIES[:600]))
    file = public / tile_path(1, 0, 2)
    file.write_bytes(b"x" + file.read_bytes()[1:])
    assert {problem.kind for problem in visit(public, state).problems} <= {"tile"}
    assert visit(public, state).problems != ()


def test_hashes_that_are_not_those_of_the_last_visit_are_read_anew(public: Path, state: Path) -> None:
    """A watcher that was cut off between two files, or has none from before, loses nothing."""
    show(public, signed(ENTRIES[:400]))
    visit(public, state)
    (file,) = state.glob("*.hashes")
    for broken in (b"", b"x" * len(file.read_bytes()), None):
        if broken is None:
            file.unlink()
        else:
            file.write_bytes(broken)
        show(public, signed(ENTRIES[:400]))
        assert visit(public, state).problems == ()
        show(public, signed(OTHERS[:300]))
        assert visit(public, state).problems[0].kind == "fork"
        for kept_for_good in state.glob("fork-*.txt"):
            kept_for_good.unlink()


def test_evidence_is_told(public: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told() -> str:
        with pytest.raises(SystemExit) as stop:
            main(["register", "watch", str(public), "--state", str(state), "--vkey", str(KEY.key)])
        assert stop.value.code == 1
        return capsys.readouterr().err

    show(public, signed(ENTRIES[:400]))
    visit(public, state)
    show(public, signed(OTHERS[:600]), tiles=False)
    said = told()
    assert "evidence: the log signed this and does not show what it signed, which it cannot deny: withheld-" in said
    show(public, signed(OTHERS[:300]))
    assert "evidence: the log signed two histories, which proves it to anyone: fork-" in told()
