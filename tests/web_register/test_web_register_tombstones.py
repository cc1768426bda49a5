"""A bundle that is withheld, as Python and a browser find it: one table of forgeries, tried on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from starlette.types import ASGIApp

from passerby import register
from passerby.register.notes.note import sign_note
from passerby.register.tiles.tiles import WIDTH, pack_bundle, tile_path, unpack_bundle
from passerby.register.verification.withheld import Tombstone
from passerby.web.register.follow import LogFollower
from passerby.web.register.server import register_app
from passerby.web.register.site import write_site

if TYPE_CHECKING:
    from tests.web_register.conftest import Visit

pytestmark = pytest.mark.browser
Visitor = Callable[..., "Visit"]
Serving = Callable[[ASGIApp], AbstractContextManager[str]]
ORIGIN = "cameras.example.org/log"
CAMERA = f"{1:032x}"
REASON = "a label named somebody"
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Withdrawn:
    """A served log of which entries 1 and 3 are withdrawn.

    Attributes:
        url: Where it is served.
        folder: Its public files.
        signer: Its key.
        note, shown: What stands in the bundle's place.
    """

    url: str
    folder: Path
    signer: register.FileSigner
    note: bytes
    shown: bytes

    @property
    def text(self) -> str:
        return self.note.decode().rpartition("\n\n")[0] + "\n"

    def signed(self, old: str, new: str) -> bytes:
        return sign_note(self.text.replace(old, new, 1), [self.signer])

    def put(self, note: bytes, shown: bytes) -> None:
        path, beside = register.withheld_paths(0)
        (self.folder / path).write_bytes(note)
        (self.folder / beside).write_bytes(shown)


def made(path: Path) -> register.FileSigner:
    words = {"en": "safety"}
    with register.Log.create(path, origin=ORIGIN) as log:
        registered = register.CameraRegistered(
            at=NOW, camera=CAMERA, label="chez Dupont", purpose=words, legal_basis=words, position="act-2024", retention_h=7
        )  # fmt: skip
        told = register.OperatorStated(at=NOW, name="City of Example", contact="mailto:cameras@example.org")
        remarks = [register.Remark(at=NOW, text=f"remark {n}") for n in range(2)]
        log.append_many([told, registered, *remarks], public_text=True)
        log.withdraw([1, 3], REASON)
        log.append(register.Remark(at=datetime.now(UTC).replace(microsecond=0), text="the log goes on"))
    return register.FileSigner.load(next((path / "private" / "keys").iterdir()))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, serving: Serving) -> Iterator[Withdrawn]:
    path = tmp_path_factory.mktemp("withdrawn") / "log"
    signer, public = made(path), path / "public"
    note, shown = ((public / name).read_bytes() for name in register.withheld_paths(0))
    with serving(register_app(LogFollower(path))) as url:
        yield Withdrawn(url, public, signer, note, shown)


def swapped_leaves(log: Withdrawn) -> bytes:
    told = Tombstone.parse(log.note, [log.signer.key])
    leaves = (told.leaves[2], told.leaves[1], told.leaves[0], *told.leaves[3:])
    return Tombstone(ORIGIN, 0, leaves, frozenset({0, 1, 2, 3})).to_note(log.signer)


def another_entry(log: Withdrawn) -> bytes:
    entries = unpack_bundle(log.shown, WIDTH)
    return pack_bundle([*entries[:2], entries[0], *entries[3:]])


NOT_LOGGED, NO_FORM = "does not stand in the signed register", "does not have the form"
Forge = Callable[[Withdrawn], tuple[bytes, bytes]]
FORGERIES: dict[str, tuple[Forge, set[str], str]] = {
    "as it was written": (lambda log: (log.note, log.shown), set(), ""),
    "signed by a stranger": (
        lambda log: (sign_note(log.text, [register.FileSigner.fresh(ORIGIN)]), log.shown),
        {"signature"}, "The expected key did not sign.",
    ),
    "changed after it was signed": (
        lambda log: (log.note.replace(b"kept ", b"withdrawn ", 1), log.shown), {"signature"}, "key is wrong",
    ),
    "a list that was not announced": (lambda log: (log.signed("kept ", "withdrawn "), log.shown), {"missing"}, "that no entry"),
    "of another bundle": (lambda log: (log.signed("bundle 0", "bundle 1"), log.shown), {"tile"}, NOT_LOGGED),
    "of another log": (lambda log: (log.signed(ORIGIN, "x.org/y"), log.shown), {"tile"}, NOT_LOGGED),
    "a state that there is not": (lambda log: (log.signed("kept ", "maybe "), log.shown), {"tile"}, NO_FORM),
    "a number in another spelling": (lambda log: (log.signed("bundle 0", "bundle +0"), log.shown), {"tile"}, NO_FORM),
    "a hash that is none": (lambda log: (log.signed("kept ", "kept AAAA"), log.shown), {"tile"}, NO_FORM),
    "a list cut short": (
        lambda log: (sign_note(log.text.rsplit("\n", 2)[0] + "\n", [log.signer]), log.shown), {"tile"}, NO_FORM,
    ),
    "another version": (lambda log: (log.signed("tombstone v1", "tombstone v2"), log.shown), {"tile"}, NO_FORM),
    "no note": (lambda log: (b"withdrawn\n", log.shown), {"tile"}, NO_FORM),
    "leaves in another order": (lambda log: (swapped_leaves(log), log.shown), {"tile", "missing"}, NOT_LOGGED),
    "another entry in the place of one": (lambda log: (log.note, another_entry(log)), {"tile"}, NOT_LOGGED),
    "entries cut short": (lambda log: (log.note, log.shown[:-1]), {"tile", "format"}, NO_FORM),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_python_and_browser_find_the_same(log: Withdrawn, visit: Visitor, name: str) -> None:
    forge, kinds, words = FORGERIES[name]
    log.put(*forge(log))
    with closing(register.LogReader.open(log.folder)) as reader:
        report = register.verify(reader)
    found = {problem.kind for problem in report.problems}
    assert (found & kinds != set()) if kinds else report.sound, found
    asked = {"log": log.url, "key": str(log.signer.key), "entries": "1 2", "lang": "en"}
    page = visit().open(f"{log.url}verify.html#{urlencode(asked)}").page
    page.click("#go")
    page.wait_for_selector("#result[data-state]", timeout=60_000)
    told = page.inner_text("main")
    assert (page.get_attribute("#result", "data-state") == "good") == (not kinds), told
    assert words in told
    if not kinds:
        assert "Entry 1 stands in the register, and the operator withdrew what it said" in told
        assert "Entry 2 stands in the register." in told
        assert f"The operator withdrew what these entries said: 1, 3. Entry {WIDTH} announces it" in told
        assert REASON in told


def test_a_hole_without_a_tombstone_is_missing_in_both(log: Withdrawn, visit: Visitor) -> None:
    path, beside = (log.folder / name for name in register.withheld_paths(0))
    path.unlink()
    beside.unlink()
    assert not (log.folder / tile_path(None, 0)).exists()
    with closing(register.LogReader.open(log.folder)) as reader:
        assert "missing" in {problem.kind for problem in register.verify(reader).problems}
    asked = {"log": log.url, "key": str(log.signer.key), "entries": "2", "lang": "en"}
    page = visit().open(f"{log.url}verify.html#{urlencode(asked)}").page
    page.click("#go")
    page.wait_for_selector("#result[data-state=bad]", timeout=60_000)
    assert "A file could not be fetched." in page.inner_text("main")
    log.put(log.note, log.shown)


def test_the_newest_key_is_enough_to_know_whose_tombstone_it_is(
    tmp_path: Path, serving: Serving, visit: Visitor
) -> None:
    """What the key before it signed is still the log's: an entry that stands under the newest key says so."""
    path = tmp_path / "log"
    made(path)
    with register.Log.open(path) as log:
        log.rotate()
        newest = str(log.key)
    with closing(register.LogReader.open(path, vkey=newest)) as reader:
        assert [str(problem) for problem in register.verify(reader).problems] == []
    with serving(register_app(LogFollower(path))) as url:
        asked = {"log": url, "key": newest, "entries": "1", "lang": "en"}
        page = visit().open(f"{url}verify.html#{urlencode(asked)}").page
        page.click("#go")
        page.wait_for_selector("#result[data-state=good]", timeout=60_000)
        camera = visit().open(f"{url}c/{CAMERA}/")
        assert camera.checked() == "good"
        told = camera.page.inner_text("#checked")
        assert "The operator withdrew 1 more because they named a person" in told


def test_a_key_that_no_entry_names_makes_no_tombstone(tmp_path: Path) -> None:
    """Whoever holds a copy writes a change of key that never was, from a key of their own."""
    path = tmp_path / "log"
    signer, stranger = made(path), register.FileSigner.fresh(ORIGIN)
    public = path / "public"
    forged = register.KeyAdded(
        at=NOW, holder="operator", name=ORIGIN, use="log", key=str(signer.key), replaces=str(stranger.key)
    )
    with closing(register.LogReader.open(path)) as reader:
        proof = register.Proof(2, (), reader.snapshot.note.raw, register.encode_entry(forged))
    (public / "rotation").mkdir()
    (public / "rotation" / "0.tlog-proof").write_text(proof.to_text())
    note = public / register.withheld_paths(0)[0]
    note.write_bytes(sign_note(note.read_bytes().decode().rpartition("\n\n")[0] + "\n", [stranger]))
    with closing(register.LogReader.open(public, vkey=signer.key)) as reader:
        assert "signature" in {problem.kind for problem in register.verify(reader).problems}


def test_pages_as_files_bring_what_their_check_asks_for(tmp_path: Path) -> None:
    made(tmp_path / "log")
    with closing(LogFollower(tmp_path / "log")) as follower:
        write_site(follower, tmp_path / "site")
    assert (tmp_path / "site" / "vkey").is_file()
    assert (tmp_path / "site" / register.withheld_paths(0)[0]).is_file()
