"""One log, broken in every way that was thought of: each break is caught, and named by what it is."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.cli import main
from passerby.errors import (
    FormatError,
    RegisterError,
    RewrittenError,
    StorageError,
    TileError,
    UsageError,
    VerificationError,
)
from passerby.register import (
    FileSigner,
    Log,
    LogProblem,
    LogReader,
    LogReport,
    Policy,
    Remark,
    WriterSettings,
    encode_entry,
    verify,
    watch,
)
from passerby.register.log.committer import Committer
from passerby.register.log.directory import LogDirectory
from passerby.register.notes.checkpoint import Checkpoint, cosign
from passerby.register.notes.note import COSIGNATURE, Signature, sign_note
from passerby.register.tiles.growth import Edge, grow
from passerby.register.tiles.merkle import Frontier, leaf_hash, tree_hash
from passerby.register.tiles.tiles import Tiles, pack_bundle, tile_path, unpack_bundle
from passerby.register.verification.reader import check_growth

ORIGIN = "cameras.example.org/log"
KEY = FileSigner(ORIGIN, 1, b"k" * 32)
WITNESSES = [FileSigner(f"w{i}.example", COSIGNATURE, bytes([i]) * 32) for i in (1, 2)]
POLICY = Policy.parse(
    f"log {KEY.key}\n"
    + "".join(f"witness w{i} {w.key}\n" for i, w in enumerate(WITNESSES))
    + "group q 2 w0 w1\nquorum q\n"
)
NOW = datetime.now(UTC).replace(microsecond=0)
SIZE = 600


def remark(text: object) -> Remark:
    return Remark(at=NOW, text=f"remark {text}")


def cosigned(note: bytes, text: str, now: datetime = NOW) -> bytes:
    return note + "".join(cosign(text, w, int(now.timestamp())).to_line() for w in WITNESSES).encode()


def witness(public: Path, now: datetime = NOW) -> None:
    """Put the witnesses' signatures under the published checkpoint."""
    note = (public / "checkpoint").read_bytes()
    (public / "checkpoint").write_bytes(cosigned(note, note.split(b"\n\n")[0].decode() + "\n", now))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "log"
    with Log.create(path, origin=ORIGIN, signer=KEY) as log:
        log.append_many([remark(i) for i in range(SIZE - 5)])
        for i in range(SIZE - 5, SIZE):
            log.append(remark(i))
    (path / "public" / "policy").write_text(POLICY.to_text())
    witness(path / "public")
    return path


@pytest.fixture
def public(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "log")
    return tmp_path / "log" / "public"


def problems_of(public: Path) -> tuple[LogProblem, ...]:
    """What ``verify`` says, with what it cannot even open as one problem."""
    try:
        report: LogReport = verify(LogReader.open(public, policy=POLICY))
    except FormatError as exc:
        return (LogProblem("format", exc.message),)
    except StorageError as exc:
        return (LogProblem("missing", exc.message),)
    except VerificationError as exc:
        return (LogProblem("signature", exc.message),)
    return report.problems


def log_files(public: Path) -> list[str]:
    return sorted(str(path.relative_to(public)) for path in (public / "tile").rglob("*") if path.is_file())


def test_the_log_is_sound_before_anything_is_broken(public: Path) -> None:
    report = verify(LogReader.open(public, policy=POLICY))
    assert report.problems == ()
    assert (report.witnessed, report.own_word, report.kinds) == (True, False, {"remark": SIZE})
    assert len(log_files(public)) == 2 * 2 + 2 * 6 + 1, (
        "two full tiles and bundles, six partial ones each, one of level 1"
    )


def test_one_flipped_byte_in_any_tile_or_bundle(public: Path) -> None:
    for name in log_files(public):
        file = public / name
        good = file.read_bytes()
        for at in sorted({0, 1, 2, len(good) // 2, len(good) - 1}):
            file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            kinds = {problem.kind for problem in problems_of(public)}
            assert kinds & {"tile", "format", "tree"}, f"{name} byte {at}: {kinds}"
        file.write_bytes(good)
    assert problems_of(public) == ()


def test_one_flipped_bit_anywhere_in_the_checkpoint(public: Path) -> None:
    file = public / "checkpoint"
    good = file.read_bytes()
    for at in range(len(good)):
        file.write_bytes(good[:at] + bytes([good[at] ^ (1 << at % 8)]) + good[at + 1 :])
        assert {problem.kind for problem in problems_of(public)} & {"signature", "format", "quorum"}, f"byte {at}"


def test_flipped_entry_is_named_by_its_index(public: Path) -> None:
    file = public / tile_path(None, 1)
    entries = unpack_bundle(file.read_bytes(), 256)
    entries[44] = entries[44].replace(b"remark", b"remarx")
    file.write_bytes(pack_bundle(entries))
    found = problems_of(public)
    assert ("tile", 300) in {(problem.kind, problem.index) for problem in found}
    assert str(found[0]) == "tile: entry 300: does not hash to its place in tile/0/001"
    with pytest.raises(VerificationError, match="does not lead to the root"):
        LogReader.open(public, policy=POLICY).entry(300)
    assert LogReader.open(public, policy=POLICY).entry(20) == remark(20)


@pytest.mark.parametrize("keep", [0, 1, -1])
def test_truncated_file(public: Path, keep: int) -> None:
    names = [
        *(tile_path(None, i) for i in (0, 1)),
        tile_path(0, 1),
        tile_path(1, 0, 2),
        tile_path(0, 2, 88),
        "checkpoint",
    ]
    for name in names:
        file = public / name
        good = file.read_bytes()
        file.write_bytes(good[:keep])
        assert "format" in {problem.kind for problem in problems_of(public)}, name
        file.write_bytes(good)


def test_longer_file(public: Path) -> None:
    for name in (tile_path(None, 0), tile_path(0, 1), tile_path(1, 0, 2), tile_path(None, 2, 88)):
        file = public / name
        good = file.read_bytes()
        file.write_bytes(good + b"\x00\x00")
        assert "format" in {problem.kind for problem in problems_of(public)}, name
        file.write_bytes(good)


def test_missing_file(public: Path) -> None:
    for name in (tile_path(None, 0), tile_path(0, 1), tile_path(1, 0, 2), tile_path(None, 2, 88)):
        file = public / name
        good = file.read_bytes()
        file.unlink()
        assert ("missing", f"{name} is missing") in {(p.kind, p.text) for p in problems_of(public)}, name
        file.write_bytes(good)
    for name in (tile_path(None, 0), tile_path(0, 0)):
        (public / name).unlink()
    assert ("tree", "root cannot be computed without bundle 0") in {(p.kind, p.text) for p in problems_of(public)}
    (public / "checkpoint").unlink()
    assert problems_of(public)[0].text.endswith("has no checkpoint")


def test_forged_tile_with_forged_bundle_is_not_believed(public: Path) -> None:
    """CVE-2026-56865: another verifier believed a tile of requested hashes because other tiles were checked in its place."""
    entries = unpack_bundle((public / tile_path(None, 0)).read_bytes(), 256)
    entries[7] = encode_entry(remark("that was never logged"))
    (public / tile_path(None, 0)).write_bytes(pack_bundle(entries))
    forged = [leaf_hash(entry) for entry in entries]
    (public / tile_path(0, 0)).write_bytes(b"".join(forged))
    reader = LogReader.open(public, policy=POLICY)
    for read in (reader.entry, reader.prove):
        with pytest.raises(VerificationError):
            read(7)
    assert {"tile", "tree"} <= {problem.kind for problem in problems_of(public)}
    above = public / tile_path(1, 0, 2)
    above.write_bytes(tree_hash(forged) + above.read_bytes()[32:])
    assert [(p.kind, p.text) for p in problems_of(public) if p.kind == "tree"] == [
        ("tree", "entries do not lead to the signed root of size 600")
    ]
    with pytest.raises(VerificationError):
        LogReader.open(public, policy=POLICY).entry(7)


def test_signature_that_stands_twice_counts_once(public: Path) -> None:
    file = public / "checkpoint"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:-1], lines[-2]]))
    found = problems_of(public)
    assert {problem.kind for problem in found} == {"signature", "quorum"}
    assert "w1.example signed the checkpoint twice; it counts once" in {problem.text for problem in found}
    file.write_text("".join([*lines, lines[-2]]))
    assert {problem.kind for problem in problems_of(public)} == {"signature"}


@pytest.mark.parametrize("place", ["log", "witness"])
def test_wrong_key_with_the_right_name(public: Path, place: str) -> None:
    text = (public / "checkpoint").read_text().split("\n\n")[0] + "\n"
    log = FileSigner(ORIGIN, 1, b"x" * 32) if place == "log" else KEY
    note = sign_note(text, [log])
    for signer in WITNESSES if place == "log" else [FileSigner(w.key.name, COSIGNATURE, b"x" * 32) for w in WITNESSES]:
        note += cosign(text, signer, 1000).to_line().encode()
    (public / "checkpoint").write_bytes(note)
    (found,) = problems_of(public)
    if place == "log":
        assert found.kind == "signature"
        assert f"no key of the policy for log {ORIGIN} signed" in found.text
    else:
        assert found.kind == "quorum"


def test_key_id_of_the_right_key_with_another_s_signature(public: Path) -> None:
    text = (public / "checkpoint").read_text().split("\n\n")[0] + "\n"
    thief = FileSigner(ORIGIN, 1, b"x" * 32)
    line = Signature(ORIGIN, KEY.key.key_id, thief.sign(text.encode())).to_line()
    (public / "checkpoint").write_bytes(f"{text}\n{line}".encode())
    (found,) = problems_of(public)
    assert (found.kind, found.text) == ("signature", f"signature of {ORIGIN} does not fit the text")


def test_entry_that_fits_no_form_is_named_though_the_tree_is_right(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "log")
    layout = LogDirectory.open(tmp_path / "log")
    writer = Committer(ORIGIN, KEY, layout.public, layout.state, layout.state.hold(), publish=True)
    good = encode_entry(remark("x"))
    writer.commit([b"{}", good.replace(b"remark x", b"\\u0072emark"), good + b" ", b"\xff", b""])
    witness(tmp_path / "log" / "public")
    found = problems_of(tmp_path / "log" / "public")
    assert [(problem.kind, problem.index) for problem in found] == [("schema", SIZE + i) for i in range(5)]


def test_rolled_back_directory(public: Path, made: Path, tmp_path: Path) -> None:
    assert watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems == ()
    with Log.open(public.parent, signer=KEY) as log:
        log.append(remark("later"))
    witness(public)
    visit = watch(public, tmp_path / "state", policy=POLICY, now=NOW)
    assert (visit.problems, visit.old and visit.old.size, visit.new and visit.new.size) == ((), 600, 601)
    shutil.rmtree(public.parent)
    shutil.copytree(made, public.parent)
    for _ in range(2):
        (found,) = watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems
        assert (found.kind, found.text) == (
            "rollback",
            "size was 601, is 600: an older state is shown again, a start of what was seen (as a stale copy does)",
        )
    assert not list((tmp_path / "state").glob("*-*.txt")), "nobody is accused by an older state of the same history"


def test_replayed_old_checkpoint(public: Path, tmp_path: Path) -> None:
    old = (public / "checkpoint").read_bytes()
    with Log.open(public.parent, signer=KEY) as log:
        log.append(remark("later"))
    witness(public)
    assert watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems == ()
    (public / "checkpoint").write_bytes(old)
    assert watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems[0].kind == "rollback"


@pytest.mark.parametrize("more", [0, 1, 300])
def test_forked_log(public: Path, tmp_path: Path, more: int) -> None:
    """Another history under the same key: of the same size, and longer."""
    assert watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems == ()
    with Log.create(tmp_path / "other", origin=ORIGIN, signer=KEY) as log:
        log.append_many([remark(i if i != 100 else "another") for i in range(SIZE + more)])
    shutil.rmtree(public)
    shutil.copytree(tmp_path / "other" / "public", public)
    witness(public)
    (found,) = watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems
    assert found.kind == "fork"
    assert ("two histories of size 600" if not more else "the history was rewritten") in found.text
    (found,) = watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems
    assert found.kind == "fork", "it is not forgotten at the next visit"


def test_silent_log(public: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert watch(public, state, vkey=KEY.key, now=NOW).problems == ()
    assert watch(public, state, now=NOW + timedelta(hours=2)).problems == ()
    (found,) = watch(public, state, now=NOW + timedelta(hours=4)).problems
    assert found.kind == "silence"
    assert found.text.startswith("no new entry since")
    for again in range(2):
        (found,) = watch(public, tmp_path / f"fresh{again}", vkey=KEY.key, now=NOW + timedelta(hours=9)).problems
        assert found.text.startswith("no new entry since"), "its newest entry shows it at the first visit too"
    with Log.open(public.parent, signer=KEY) as log:
        log.append(Remark(at=NOW + timedelta(hours=9), text="dated ahead"))
    witness(public)
    found, dated = watch(public, tmp_path / "ahead", policy=POLICY, now=NOW + timedelta(hours=9)).problems
    assert (dated.kind, dated.index) == ("time", SIZE), "witnesses saw it before that"
    assert found.text.startswith("witnesses saw the checkpoint last at"), (
        "and the witnesses' time, whatever entries say"
    )


def test_log_that_fell_silent_soon_after_a_visit_is_silent_at_the_next(public: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert watch(public, state, vkey=KEY.key, now=NOW).problems == ()
    with Log.open(public.parent, signer=KEY) as log:
        log.append(Remark(at=NOW + timedelta(minutes=10), text="the last word"))
    witness(public, NOW + timedelta(minutes=10))
    (found,) = watch(public, state, now=NOW + timedelta(days=1)).problems
    assert str(found).endswith("(23:50:00)")


def test_watcher_sees_broken_tiles_signatures_and_entries(public: Path, tmp_path: Path) -> None:
    file = public / tile_path(None, 1)
    good = file.read_bytes()
    file.write_bytes(bytes([*good[:-1], good[-1] ^ 1]))
    assert watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems[0].kind == "tile"
    assert list((tmp_path / "state").glob("*.note")) == [], "a visit that failed is not remembered as good"
    file.write_bytes(good)
    note = (public / "checkpoint").read_bytes()
    (public / "checkpoint").write_bytes(note[: note.rindex("— ".encode())])
    assert watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems[0].kind == "quorum"
    (public / "checkpoint").write_bytes(b"rubbish")
    assert watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems[0].kind == "format"
    (public / "checkpoint").write_bytes(sign_note(Checkpoint("other", 0, leaf_hash(b"")).to_text(), [KEY]))
    assert watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems[0].kind == "signature"


def test_watcher_keeps_the_key_of_its_first_visit(public: Path, tmp_path: Path) -> None:
    first = watch(public, tmp_path / "state", now=NOW)
    assert (first.problems, first.own_word) == ((), True)
    thief = FileSigner(ORIGIN, 1, b"t" * 32)
    shutil.rmtree(public.parent)
    with Log.create(public.parent, origin=ORIGIN, signer=thief) as log:
        log.append_many([remark(i) for i in range(SIZE + 1)])
    (found,) = watch(public, tmp_path / "state", now=NOW).problems
    assert found.kind == "signature"
    assert watch(public, tmp_path / "other", vkey=thief.key, now=NOW).own_word is False


def test_log_that_cannot_be_reached_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RegisterError, match="holds no log"):
        watch(tmp_path / "empty", tmp_path / "state", now=NOW)


NEXT = FileSigner(ORIGIN, 1, b"n" * 32)


@pytest.fixture
def rotated(tmp_path: Path) -> tuple[Path, str]:
    """A log whose key was changed half-way: its readers check that it starts with what the key before signed."""
    # the change of key is dated by the log's own clock, and the tests run long after they were collected
    with Log.create(tmp_path / "rotated", origin=ORIGIN, signer=KEY, settings=WriterSettings(clock=lambda: NOW)) as log:
        log.append_many([remark(i) for i in range(300)])
        log.rotate(NEXT)
        log.append_many([remark(i) for i in range(300)])
    return tmp_path / "rotated" / "public", str(KEY.key)


@pytest.mark.parametrize("name", ["tile/0/000", "tile/0/001", "tile/0/002.p/89", "tile/1/000.p/2", "tile/entries/001"])
def test_flipped_byte_is_named_with_its_file_though_the_key_was_changed(
    rotated: tuple[Path, str], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public, key = rotated
    state = tmp_path / "state"
    assert watch(public, state, vkey=key, now=NOW).problems == ()
    data = bytearray((public / name).read_bytes())
    data[40] ^= 1
    (public / name).write_bytes(data)
    with pytest.raises(SystemExit) as stop:
        main(["register", "check", str(public), "--vkey", key])
    assert stop.value.code == 1
    said = capsys.readouterr().out.splitlines()
    assert {line.split(":")[0] for line in said} <= {"tile", "tree", "schema"}
    named = "entry 25" if "entries" in name else name.partition(".p/")[0]
    assert any(line.startswith("tile: ") and named in line for line in said), said
    kinds = {problem.kind for problem in watch(public, tmp_path / "fresh", vkey=key, now=NOW).problems}
    assert kinds <= {"tile", "format"}
    assert not list((tmp_path / "fresh").glob("fork-*.txt")), "damage proves no fork"


def test_history_rewritten_behind_a_change_of_key_is_a_fork(rotated: tuple[Path, str], tmp_path: Path) -> None:
    public, key = rotated
    proof = (public / "rotation" / "0.tlog-proof").read_bytes()
    shutil.rmtree(public.parent)
    with Log.create(public.parent, origin=ORIGIN, signer=NEXT) as log:
        log.append_many([remark("another") for _ in range(601)])
    (public / "rotation").mkdir()
    (public / "rotation" / "0.tlog-proof").write_bytes(proof)
    with pytest.raises(RewrittenError, match="the history was rewritten"):
        LogReader.open(public, vkey=key)
    (found,) = verify(LogReader.open(public, vkey=key, bridged=False)).problems
    assert found.kind == "fork"
    (found,) = watch(public, tmp_path / "state", vkey=key, now=NOW).problems
    assert found.kind == "fork"


def test_rotation_proof_that_is_broken_is_named(rotated: tuple[Path, str], tmp_path: Path) -> None:
    public, key = rotated
    file = public / "rotation" / "0.tlog-proof"
    good = file.read_bytes()
    for at in range(0, len(good), 7):
        file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        (found,) = watch(public, tmp_path / "state", vkey=key, now=NOW).problems
        assert found.kind in {"format", "signature", "fork"}, f"byte {at}"


def test_damaged_tile_is_no_proof_of_a_fork(public: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert watch(public, state, policy=POLICY, now=NOW).problems == ()
    with Log.open(public.parent, signer=KEY) as log:
        log.append_many([remark("later")] * 300)
    witness(public)
    file = public / tile_path(0, 2)
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert watch(public, state, policy=POLICY, now=NOW).problems[0].kind == "tile"
    assert not list(state.glob("fork-*.txt"))
    file.write_bytes(data)
    assert watch(public, state, policy=POLICY, now=NOW).problems == ()


def test_watcher_without_a_policy_of_its_own_sees_that_the_log_s_was_changed(public: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert watch(public, state, vkey=KEY.key, now=datetime.now(UTC)).problems == ()
    with Log.open(public.parent, signer=KEY) as log:
        index = log.name_witnesses(Policy()).index
        assert "witnesses named: quorum none, 0 witnesses" in str(log.entry(index))
    (found,) = watch(public, state, now=datetime.now(UTC)).problems
    assert str(found) == "quorum: the log names other witnesses, or another quorum, than at the last visit"
    assert watch(public, state, now=datetime.now(UTC)).problems == (), "it is said once"
    assert watch(public, state, policy=POLICY, now=datetime.now(UTC)).problems[0].text.startswith("quorum q is not met")


@pytest.mark.parametrize(
    ("ending", "changed"),
    [
        ("note", b"garbage"),
        ("json", b"garbage"),
        ("json", b"[]"),
        ("json", b'{"grown":"soon"}'),
        ("json", b'{"grown":"2026-11-28T12:00:00"}'),
        ("json", b'{"vkey":"x"}'),
    ],
)
def test_state_that_was_changed_is_named_as_the_watcher_s_own(
    public: Path, tmp_path: Path, ending: str, changed: bytes
) -> None:
    assert watch(public, tmp_path / "state", policy=POLICY, now=NOW).problems == ()
    (file,) = (tmp_path / "state").glob(f"*.{ending}")
    file.write_bytes(changed)
    with pytest.raises(UsageError, match="must be this watcher's own state, but was changed"):
        watch(public, tmp_path / "state", policy=POLICY, now=NOW)


def tree(leaves: list[bytes]) -> tuple[Checkpoint, dict[str, bytes]]:
    growth = grow(Edge(Frontier()), leaves)
    return Checkpoint(ORIGIN, len(leaves), growth.edge.frontier.root()), dict(growth.files)


@given(st.data())
def test_what_is_called_a_fork_is_one_and_what_is_called_damage_is_none(data: st.DataObject) -> None:
    new_size = data.draw(st.integers(2, 600))
    old_size = data.draw(st.integers(1, new_size))
    leaves = [b"%d" % i for i in range(new_size)]
    old, _ = tree(leaves[:old_size])
    new, files = tree(leaves)
    check_growth(old, new, Tiles(new_size, files.get))
    name = data.draw(st.sampled_from([name for name in files if "entries" not in name]))
    at = data.draw(st.integers(0, len(files[name]) - 1))
    damaged = files[name][:at] + bytes([files[name][at] ^ 1]) + files[name][at + 1 :]
    with suppress(TileError):  # no proof needs every hash
        check_growth(old, new, Tiles(new_size, {**files, name: damaged}.get))
    leaves[data.draw(st.integers(0, old_size - 1))] = b"another"
    new, files = tree(leaves)
    with pytest.raises(RewrittenError, match="the history was rewritten"):
        check_growth(old, new, Tiles(new_size, files.get))
