"""The way out when something personal was published: the bundle is withheld, and nothing else is lost."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from passerby import register
from passerby.cli import main
from passerby.errors import EntryError, FormatError, StorageError, VerificationError
from passerby.register.log.withdraw import redacted
from passerby.register.notes.note import sign_note
from passerby.register.tiles.tiles import WIDTH, pack_bundle, unpack_bundle
from passerby.register.verification.withheld import Tombstone
from passerby.web.register.follow import LogFollower
from passerby.web.register.site import copy_log, write_site

ORIGIN = "cameras.example.org/log"
CAMERA = "1" * 32
SECRET = "chez Jean Dupont"
REASON = "a label named a person"


NOW = datetime.now(UTC).replace(microsecond=0)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def entries() -> list[register.Entry]:
    words = {"en": "safety"}
    return [
        register.OperatorStated(at=NOW, name="City of Example", contact="mailto:cameras@example.org"),
        register.CameraRegistered(
            at=NOW, camera=CAMERA, label=SECRET, purpose=words, legal_basis=words, position="act-2024", retention_h=7
        ),
        register.SelfTest(at=NOW, camera=CAMERA, passed=True),
        register.Remark(at=NOW, text=f"as {SECRET} wished"),
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with register.Log.create(tmp_path / "log", origin=ORIGIN) as log:
        log.append_many(entries(), public_text=True)
    return tmp_path / "log"


def holds(folder: Path, words: str = "Dupont") -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and words.encode() in file.read_bytes()]


def report_of(path: Path) -> register.LogReport:
    with closing(register.LogReader.open(path)) as reader:
        return register.verify(reader)


def test_what_was_withdrawn_is_nowhere_and_the_rest_is_there(path: Path) -> None:
    with register.Log.open(path) as log:
        kept = log.prove(1)
        announced = log.withdraw([1, 3], REASON)
        assert announced == [WIDTH]
        log.append(register.Remark(at=now(), text="the log goes on"))
        assert log.entry(2) == entries()[2]
        assert log.prove(1).extra is None
    assert not holds(path / "public")
    with closing(register.LogReader.open(path)) as reader:
        assert [reader.entry(0), reader.entry(2)] == [entries()[0], entries()[2]]
        shown = reader.entry(1)
        assert isinstance(shown, register.CameraRegistered)
        assert (shown.camera, shown.label, shown.position) == (CAMERA, "withdrawn", "act-2024")
        assert reader.withdrawn == {1, 3}
        # who has the entry can still prove it, with the old proof and with a new one
        for proof in (kept, reader.prove(1)):
            assert register.require(proof, entries()[1], reader.snapshot.policy).index == 1
        with pytest.raises(VerificationError):
            register.require(reader.prove(1), shown, reader.snapshot.policy)
    report = report_of(path)
    assert [str(problem) for problem in report.problems] == []
    assert report.withdrawn == (f"withdrawn: 1, 3 (announced by entry {WIDTH}: {REASON})",)
    with register.Log.open(path) as log:
        assert log.size == WIDTH + 2


def test_more_can_be_withdrawn_from_the_same_bundle_also_after_a_change_of_key(path: Path) -> None:
    with register.Log.open(path) as log:
        log.withdraw([3], REASON)
        log.rotate()
    with register.Log.open(path) as log:
        log.withdraw([1], REASON)
    assert not holds(path / "public")
    report = report_of(path)
    assert report.sound
    assert report.withdrawn[0].startswith("withdrawn: 1, 3 (")


def test_a_verifier_that_knows_no_tombstones_finds_the_bundle_missing(path: Path) -> None:
    with register.Log.open(path) as log:
        log.withdraw([1], REASON)
    (path / "public" / "withdrawn" / "000").unlink()
    assert [problem.kind for problem in report_of(path).problems][:1] == ["missing"]
    with closing(register.LogReader.open(path)) as reader, pytest.raises(StorageError, match="is missing"):
        reader.entry(2)


def test_a_tombstone_that_is_forged_changed_or_not_announced_is_named(path: Path) -> None:
    with register.Log.open(path) as log:
        log.withdraw([1], REASON)
        key = register.FileSigner.load(next((path / "private" / "keys").iterdir()))
    note, shown = (path / "public" / name for name in register.withheld_paths(0))
    good_note, good_shown = note.read_bytes(), shown.read_bytes()
    text = good_note.decode().rpartition("\n\n")[0] + "\n"

    def kinds() -> set[str]:
        return {problem.kind for problem in report_of(path).problems}

    stranger = register.FileSigner.fresh(ORIGIN)
    for forged, wanted in (
        (sign_note(text, [stranger]), "signature"),
        (sign_note(text.replace("kept ", "withdrawn ", 1), [key]), "missing"),
        (sign_note(text.replace("bundle 0", "bundle 1"), [key]), "tile"),
        (sign_note(text.replace("kept ", "maybe ", 1), [key]), "tile"),
        (sign_note("passerby tombstone v1\nx\nbundle 0\n", [key]), "tile"),
    ):
        note.write_bytes(forged)
        assert wanted in kinds(), forged
    note.write_bytes(good_note)
    others = unpack_bundle(good_shown, WIDTH)
    others[2] = others[0]
    shown.write_bytes(pack_bundle(others))
    assert "tile" in kinds()
    shown.write_bytes(good_shown[:-1])
    assert kinds() & {"tile", "format"}
    shown.write_bytes(good_shown)
    assert kinds() == set()
    swapped = Tombstone.parse(good_note, [key.key])
    leaves = (swapped.leaves[2], swapped.leaves[1], swapped.leaves[0], *swapped.leaves[3:])
    note.write_bytes(Tombstone(ORIGIN, 0, leaves, frozenset({0, 1, 2})).to_note(key))
    assert {"tile", "missing"} <= kinds()


def test_watch_stays_green_over_a_withdrawal(path: Path, tmp_path: Path) -> None:
    with register.Log.open(path) as log:
        vkey = log.key
        assert register.watch(path, tmp_path / "state", vkey=vkey).problems == ()
        log.withdraw([1], REASON)
        assert register.watch(path, tmp_path / "state", vkey=vkey).problems == ()
    visit = register.watch(path, tmp_path / "state", vkey=vkey)
    assert [str(problem) for problem in visit.problems] == []


def test_pages_and_copies_forget_it_too(path: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with closing(LogFollower(path, saved=site / ".state.json")) as follower:
        write_site(follower, site)
        copy_log(follower, site)
        assert holds(site)
        with register.Log.open(path) as log:
            log.withdraw([1, 3], REASON)
    with closing(LogFollower(path, saved=site / ".state.json")) as follower:
        write_site(follower, site)
        copy_log(follower, site)
    assert not holds(site)
    assert report_of(site).sound


def test_the_command_withdraws_and_check_says_so(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, code in (
        (["withdraw", str(path), "9", "--reason", REASON], 2),
        (["withdraw", str(path), "1", "--reason", "Jean Dupont asked"], 2),
        (["withdraw", str(path), "1", "3", "--reason", REASON], 0),
        (["check", str(path)], 0),
        (["check", str(path), "--json"], 0),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["register", *words])
        assert (ended.value.code or 0) == code, words
    said = capsys.readouterr().out.splitlines()
    assert said[0] == str(WIDTH)
    assert said[1] == f"withdrawn: 1, 3 (announced by entry {WIDTH}: {REASON})"
    assert json.loads(said[2])["withdrawn"] == [said[1]]


def test_every_kind_is_left_without_its_words() -> None:
    samples = json.loads((Path(__file__).parent / "vectors" / "entries.json").read_text())
    for sample in samples:
        told = {
            name: "chez Jean Dupont" if name in {"text", "label", "value"} else value for name, value in sample.items()
        }
        left = register.decode_entry(redacted(register.encode_entry(register.entry_from_fields(told))))
        assert "Dupont" not in left.model_dump_json()
        assert register.personal_texts(left) == []
    with pytest.raises(StorageError, match="fits no form"):
        redacted(b"{}")


def test_what_there_is_not_is_not_withdrawn(path: Path) -> None:
    with register.Log.open(path) as log:
        for wrong in ([], [4], [-1]):
            with pytest.raises(EntryError, match="entries must be from 0 to 3"):
                log.withdraw(wrong, REASON)
        assert log.size == 4
    with pytest.raises(FormatError):
        Tombstone.parse(b"x", [])
