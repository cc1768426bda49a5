from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.types import ASGIApp

from passerby.errors import PasserbyError, StorageError, VerificationError
from passerby.register import (
    CameraChanged,
    FileSigner,
    Log,
    LogReader,
    Policy,
    Proof,
    VerifierKey,
    require,
    tile_paths,
    verify,
)
from passerby.register.notes.checkpoint import cosign
from passerby.register.notes.note import COSIGNATURE
from passerby.register.storage.places import open_source
from passerby.web.register.documents import every_path
from passerby.web.register.follow import LogFollower, SiteAddresses
from passerby.web.register.server import register_app
from passerby.web.register.site import copy_log, write_site

if TYPE_CHECKING:
    from tests.web_register.conftest import City

Serving = Callable[[ASGIApp], AbstractContextManager[str]]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_site_holds_every_page_and_the_proof_of_every_entry_it_cites(city: City, tmp_path: Path) -> None:
    key = city.usual().write(tmp_path / "log")
    follower = LogFollower(tmp_path / "log", saved=tmp_path / "site" / ".state")
    written = write_site(follower, tmp_path / "site", now=city.now)
    made = files(tmp_path / "site")
    assert set(every_path(follower.pages(city.now))) <= set(made)
    proofs = [name for name in made if name.startswith("proof/")]
    assert len(proofs) == written.proofs > 50
    policy = Policy(logs=(VerifierKey.parse(key),))
    for name in proofs:
        index = int(name.removeprefix("proof/"))
        require(Proof.parse(made[name]), made[f"entry/{index}.json"], policy)


class WatchedReader(LogReader):
    """Knows from where on entries were read first."""

    first: int | None = None

    def raws(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        self.first = start if self.first is None else self.first
        return super().raws(start, stop)


def test_second_run_reads_only_what_is_new_and_writes_only_what_changed(city: City, tmp_path: Path) -> None:
    city.usual().write(tmp_path / "log")
    saved = tmp_path / "site" / ".state"
    write_site(LogFollower(tmp_path / "log", saved=saved), tmp_path / "site", now=city.now)
    again = write_site(LogFollower(tmp_path / "log", saved=saved), tmp_path / "site", now=city.now)
    assert again.changed == 0
    with Log.open(tmp_path / "log") as log:
        log.append(CameraChanged(at=city.now, camera=city.name(3), label="Annex"))
    reader = WatchedReader(open_source(tmp_path / "log"))
    follower = LogFollower(reader, saved=saved)
    assert reader.first == 98
    third = write_site(follower, tmp_path / "site", now=city.now)
    assert 0 < third.changed < third.pages + 4
    fresh = LogFollower(tmp_path / "log")
    assert follower.state == fresh.state


def test_state_of_a_log_that_was_rewritten_is_not_gone_on_from(city: City, tmp_path: Path) -> None:
    city.usual().write(tmp_path / "log")
    saved = tmp_path / ".state"
    LogFollower(tmp_path / "log", saved=saved).save()
    state = json.loads(saved.read_text())
    state["root"] = "00" * 32
    saved.write_text(json.dumps(state))
    with pytest.raises(VerificationError):
        LogFollower(tmp_path / "log", saved=saved)


def test_state_that_does_not_parse_is_made_anew(city: City, tmp_path: Path) -> None:
    city.usual().write(tmp_path / "log")
    saved = tmp_path / ".state"
    saved.write_text('{"form": 99}')
    assert LogFollower(tmp_path / "log", saved=saved).state.size == 98


def test_site_of_a_log_that_fails_is_not_touched(city: City, tmp_path: Path) -> None:
    city.usual().write(tmp_path / "log")
    follower = LogFollower(tmp_path / "log")
    write_site(follower, tmp_path / "site", now=city.now)
    before = files(tmp_path / "site")
    checkpoint = tmp_path / "log" / "public" / "checkpoint"
    checkpoint.chmod(0o644)
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b"\n98\n", b"\n97\n"))
    with pytest.raises(StorageError, match="it is broken"):
        write_site(follower, tmp_path / "site")
    with pytest.raises(PasserbyError):
        LogFollower(tmp_path / "log")
    assert files(tmp_path / "site") == before


def test_folder_that_cannot_be_written_is_said(city: City, tmp_path: Path) -> None:
    city.operator().write(tmp_path / "log")
    (tmp_path / "site").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        write_site(LogFollower(tmp_path / "log"), tmp_path / "site")


def test_copied_log_beside_the_pages_verifies(city: City, tmp_path: Path) -> None:
    city.begin -= timedelta(days=20)  # nothing of it lies ahead of the writer's clock
    city.usual()
    for hour in range(30, 330):
        city.heartbeat(0, hour)
    key = city.write(tmp_path / "log")
    follower = LogFollower(tmp_path / "log")
    assert copy_log(follower, tmp_path / "site") > 4
    assert copy_log(follower, tmp_path / "site") == 0
    reader = LogReader.open(tmp_path / "site", vkey=key)
    report = verify(reader, now=city.now)
    assert report.checkpoint.size == len(city.entries)
    assert not [problem for problem in report.problems if problem.kind not in {"silence", "time", "late-reveal"}]


def test_reader_who_knows_an_earlier_key_can_read_the_copy(city: City, tmp_path: Path) -> None:
    key = city.usual().write(tmp_path / "log")
    with Log.open(tmp_path / "log") as log:
        log.rotate()
        log.rotate()
    copy_log(LogFollower(tmp_path / "log"), tmp_path / "site")
    assert LogReader.open(tmp_path / "site", vkey=key).size == 100
    assert (tmp_path / "site" / "schemas" / "heartbeat.json").is_file()


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000])
def test_tiles_of_a_size_are_those_that_c2sp_names(size: int) -> None:
    paths = tile_paths(size)
    assert len(paths) == len(set(paths))
    hashes = sum(int(p.rpartition("/")[2]) if ".p/" in p else 256 for p in paths if p.startswith("tile/0/"))
    assert hashes == size


def test_newspaper_can_mirror_pages_and_log_from_an_address(city_now: City, tmp_path: Path, serving: Serving) -> None:
    city = city_now.usual()
    key = city.write(tmp_path / "log")
    with serving(register_app(LogFollower(tmp_path / "log"))) as address:
        mirror = LogFollower(address, vkey=key, addresses=SiteAddresses("https://news.example/cameras/"))
        write_site(mirror, tmp_path / "mirror", now=city.now)
        copy_log(mirror, tmp_path / "mirror")
        local = LogFollower(tmp_path / "log", vkey=key, addresses=SiteAddresses("https://news.example/cameras/"))
        write_site(local, tmp_path / "local", now=city.now)
        mirror.close()
    assert mirror.state == local.state
    names = {name for name in files(tmp_path / "local") if not name.startswith(("proof/", "."))}
    assert {n: files(tmp_path / "mirror")[n] for n in names} == {n: files(tmp_path / "local")[n] for n in names}
    assert LogReader.open(tmp_path / "mirror", vkey=key).size == 98


def test_proofs_are_made_again_after_the_key_has_changed(city: City, tmp_path: Path) -> None:
    city.usual().write(tmp_path / "log")
    saved = tmp_path / "site" / ".state"
    write_site(LogFollower(tmp_path / "log", saved=saved), tmp_path / "site", now=city.now)
    state = json.loads(saved.read_text())
    assert state["proofs"]
    state["vkey"] = "another"
    saved.write_text(json.dumps(state))
    assert LogFollower(tmp_path / "log", saved=saved).proofs == {}


def test_wrong_key_is_refused(city: City, tmp_path: Path) -> None:
    city.operator().write(tmp_path / "log")
    other = city.write(tmp_path / "other")
    with pytest.raises(VerificationError, match="no known key signed"):
        LogFollower(tmp_path / "log", vkey=other)


def test_site_in_another_language_uses_it_where_the_path_names_none(city: City, tmp_path: Path) -> None:
    city.usual().write(tmp_path / "log")
    write_site(LogFollower(tmp_path / "log"), tmp_path / "site", language="de", now=city.now)
    assert '<html lang="de"' in (tmp_path / "site" / "index.html").read_text()
    assert '<html lang="fr"' in (tmp_path / "site" / "fr" / "index.html").read_text()
    shutil.rmtree(tmp_path / "site")


def test_witnesses_of_the_policy_are_counted_and_a_later_quorum_renews_the_proofs(city: City, tmp_path: Path) -> None:
    city.usual().write(tmp_path / "log")
    public, site = tmp_path / "log" / "public", tmp_path / "site"
    signers = [FileSigner.fresh(f"w{n}.example", COSIGNATURE) for n in range(3)]
    lines = [f"witness w{n} {signer.key}" for n, signer in enumerate(signers)]
    bare = (public / "checkpoint").read_bytes()
    text = bare.decode().split("\n\n")[0] + "\n"
    (public / "policy").unlink(missing_ok=True)
    (public / "policy").write_text("\n".join([*lines, "group two 2 w0 w1 w2", "quorum two", ""]))
    found = []
    for count in (0, 1, 2):
        made = "".join(cosign(text, signer, 1_700_000_000).to_line() for signer in signers[:count])
        (public / "checkpoint").unlink()
        (public / "checkpoint").write_bytes(bare + made.encode())
        follower = LogFollower(tmp_path / "log", saved=site / ".state")
        write_site(follower, site, now=city.now)
        seen = follower.seen
        found.append((seen.witnesses, seen.met, (site / "proof" / "0").read_text().count("w1.example")))
    assert found == [(0, False, 0), (1, False, 0), (2, True, 1)]
    assert "Witnessed: 2 independent witnesses" in (site / "index.html").read_text()
