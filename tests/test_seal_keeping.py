"""Packs after their hour: to the bucket, or kept in the folder until their retention is over, and no longer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.seal_tools import holders, sealed

from passerby.errors import StoreError
from passerby_seal.camera.hours import HOUR_NS, hour_text
from passerby_seal.camera.keeping import PackSweeper
from passerby_seal.camera.spool import UNFINISHED, pack_name
from passerby_seal.pieces import Pack, PackFiles

NOW_H = 494_890
NOW_NS = NOW_H * HOUR_NS + 5
CAMERA = "c" * 32


def pack(folder: Path, hours_ago: int, *, unfinished: bool = False) -> Path:
    name = pack_name(hour_text(NOW_H - hours_ago), bytes([hours_ago % 256]) * 16)
    path = folder / CAMERA / (name + (UNFINISHED if unfinished else ""))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"locked")
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / CAMERA).iterdir()}


def test_a_pack_goes_when_its_retention_is_over_and_not_before(tmp_path: Path) -> None:
    kept, gone, other = pack(tmp_path, 72), pack(tmp_path, 73), tmp_path / CAMERA / "notes.txt"
    other.write_text("of somebody else")
    sweeper = PackSweeper(tmp_path)
    sweeper.sweep(NOW_NS, lambda _: 72)
    assert names(tmp_path) == {kept.name, other.name}
    assert not gone.exists()
    assert sweeper.failed == ""


@pytest.mark.parametrize(("until_h", "stays"), [(NOW_H + 1, True), (NOW_H - 1, False)])
def test_a_hold_keeps_a_pack_until_it_ends(tmp_path: Path, until_h: int, *, stays: bool) -> None:
    path = pack(tmp_path, 100)
    hold = path.with_name(path.name + ".hold")
    hold.write_text(json.dumps({"until": datetime.fromtimestamp(until_h * 3600, UTC).isoformat()}))
    PackSweeper(tmp_path).sweep(NOW_NS, lambda _: 72)
    assert path.exists() is stays
    assert hold.exists() is stays


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"until": 5}', '{"until": "0001-01-01T00:00:00+14:00"}', '{"until": "never"}']
)
def test_a_hold_without_an_end_keeps_nothing(tmp_path: Path, text: str) -> None:
    path = pack(tmp_path, 100)
    path.with_name(path.name + ".hold").write_text(text)
    PackSweeper(tmp_path).sweep(NOW_NS, lambda _: 72)
    assert not path.exists()


def test_what_a_killed_process_left_is_finished_once_nobody_writes_it(tmp_path: Path) -> None:
    now, before, old = (pack(tmp_path, ago, unfinished=True) for ago in (0, 1, 2))
    PackSweeper(tmp_path).sweep(NOW_NS, lambda _: 72)
    assert names(tmp_path) == {now.name, before.name, old.name.removesuffix(UNFINISHED)}


def test_finished_packs_go_to_the_bucket_and_a_bucket_that_is_away_keeps_them_here(tmp_path: Path) -> None:
    stored: dict[str, bytes] = {}
    away = True

    def put(key: str, path: Path) -> None:
        if away:
            raise StoreError("the store does not answer")
        stored[key] = path.read_bytes()

    done, opened = pack(tmp_path, 1), pack(tmp_path, 0, unfinished=True)
    sweeper = PackSweeper(tmp_path, put)
    sweeper.sweep(NOW_NS, lambda _: 72)
    assert sweeper.failed == "the store does not answer"
    assert names(tmp_path) == {done.name, opened.name}
    away = False
    sweeper.sweep(NOW_NS, lambda _: 72)
    assert sweeper.failed == ""
    assert names(tmp_path) == {opened.name}
    assert stored == {f"{CAMERA}/{done.name}": b"locked"}


def test_what_the_register_holds_stays_until_the_hold_ends(tmp_path: Path) -> None:
    path, other = pack(tmp_path, 100), pack(tmp_path, 101)
    path.write_bytes(sealed(holders(), b"face"))
    other.write_bytes(sealed(holders(), b"another"))
    with PackFiles(path) as files:
        digest = Pack.read(files).pieces[0].digest
    until = datetime.fromtimestamp((NOW_H + 2) * 3600, UTC)
    PackSweeper(tmp_path).sweep(NOW_NS, lambda _: 72, lambda: {digest: until})
    assert names(tmp_path) == {path.name, path.name + ".hold"}
    PackSweeper(tmp_path).sweep(NOW_NS + HOUR_NS, lambda _: 72)
    assert path.exists(), "the note beside it is enough"
    PackSweeper(tmp_path).sweep(NOW_NS + 3 * HOUR_NS, lambda _: 72, lambda: {digest: until})
    assert names(tmp_path) == set()
