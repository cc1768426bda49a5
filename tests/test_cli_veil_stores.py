"""``passerby veil`` from and to an object store: an S3 server over HTTP, also one that refuses, breaks off or is away."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store
from PIL import Image
from tests import s3_server
from typer.testing import CliRunner, Result

from passerby.cli.app import build
from passerby.config import PORTRAIT
from passerby.errors import PasserbyError
from passerby.objects.bucket import Bucket
from passerby.values import digest_bytes
from passerby.veil.tools.demo_clip import demo_clip

LOGS = f"s3://{s3_server.BUCKET}"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with s3_server.running() as port:
        yield port


@pytest.fixture(scope="module")
def relay(port: int) -> Iterator[s3_server.Relay]:
    relay = s3_server.Relay(port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT", relay.url)
        patch.setenv("AWS_ALLOW_HTTP", "true")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        yield relay
    relay.close()


@pytest.fixture(scope="module")
def store(relay: s3_server.Relay) -> S3Store:
    return S3Store(s3_server.BUCKET, endpoint=relay.url, client_options={"allow_http": True})


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    demo_clip(folder / "walk.mp4", 0.6, (320, 180))
    (folder / "deep").mkdir()
    with Image.open(PORTRAIT) as portrait:
        portrait.convert("RGB").resize((128, 128)).save(folder / "deep" / "Été #1?.jpg")
    (folder / "note.txt").write_text("seen", encoding="utf-8")
    return folder


def filled(store: S3Store, footage: Path, name: str) -> str:
    """Put the footage into a folder of the store, and return its address."""
    for path in footage.rglob("*"):
        if path.is_file():
            obstore.put(store, f"{name}/{path.relative_to(footage)}", path.read_bytes())
    return f"{LOGS}/{name}/"


def veil(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ["veil", *arguments, "--jobs", "1"])


def refused(done: Result) -> tuple[int, str]:
    assert isinstance(done.exception, PasserbyError), done.output
    return done.exception.exit_code, f"{done.exception.message} {done.exception.hint}"


def keys(store: S3Store, name: str) -> dict[str, bytes]:
    found = [item["path"] for page in obstore.list(store, prefix=f"{name}/") for item in page]
    return {key.removeprefix(f"{name}/"): bytes(obstore.get(store, key).bytes()) for key in found}


def test_a_folder_of_a_store_is_veiled_into_another_and_finished_by_the_same_command(
    store: S3Store, footage: Path, tmp_path: Path
) -> None:
    place, out = filled(store, footage, "whole"), f"{LOGS}/out/"
    done = veil(place, "-o", out)
    assert done.exit_code == 0, done.output
    assert "skipped s3://logs/whole/note.txt: no picture or clip, but text" in done.stderr
    made = keys(store, "out")
    assert made.keys() == {
        f"{name}{more}" for name in ("walk.mp4", "deep/Été #1?.jpg") for more in ("", ".manifest.json")
    }
    for name in ("walk.mp4", "deep/Été #1?.jpg"):
        told = json.loads(made[f"{name}.manifest.json"])
        assert told["outputs"][0]["digest"] == digest_bytes(made[name])
        assert told["inputs"][0]["digest"] == digest_bytes((footage / name).read_bytes())
    here = veil(str(footage), "-o", str(tmp_path / "here"))
    assert here.exit_code == 0, here.output
    assert (tmp_path / "here" / "deep" / "Été #1?.jpg").read_bytes() == made["deep/Été #1?.jpg"], "as from a disk"
    obstore.delete(store, "out/walk.mp4")  # its manifest stays, as where a process was killed between the two
    again = veil(place, "-o", out)
    assert (again.exit_code, again.stdout) == (0, f"{LOGS}/out/walk.mp4\n"), again.output
    assert again.stderr.count("veiled already") == 1
    obstore.put(store, "whole/walk.mp4", (footage / "walk.mp4").read_bytes() + b"\0" * 9)
    changed = veil(place, "-o", out)
    assert changed.exit_code == 1
    assert "made of another input" in changed.stderr


@pytest.mark.usefixtures("relay")
def test_stores_and_disks_mix(store: S3Store, footage: Path, tmp_path: Path) -> None:
    place = filled(store, footage, "mixed")
    down = veil(f"{place}walk.mp4", "-o", str(tmp_path / "walk.mp4"), "-q")
    assert down.exit_code == 0, down.output
    up = veil(str(footage / "walk.mp4"), "-o", f"{LOGS}/mixed/up.mp4", "-q")
    assert up.exit_code == 0, up.output
    beside = veil(f"{place}walk.mp4", "--suffix", "_hidden", "-q")
    assert (beside.exit_code, beside.stdout) == (0, f"{LOGS}/mixed/walk_hidden.mp4\n"), beside.output
    twice = veil(f"{place}walk.mp4", "--suffix", "_hidden", "-q")
    assert refused(twice) == (
        2,
        f"output exists already: {LOGS}/mixed/walk_hidden.mp4 add --overwrite, or choose another name",
    )


def test_nothing_bare_touches_the_disk(
    store: S3Store, footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = filled(store, footage, "bare")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    opened: list[str] = []
    watched = [True]

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watched and event == "open" and isinstance(arguments[2], int) and arguments[2] & 3:
            opened.append(str(arguments[0]))

    sys.addaudithook(note)
    done = veil(f"{place}walk.mp4", "-o", f"{LOGS}/bare/out.mp4", "-q")
    watched.clear()
    assert done.exit_code == 0, done.output
    assert not [name for name in opened if name.endswith("walk.mp4")]
    assert not list(tmp_path.iterdir()), "what was put together here is gone"


def test_a_store_that_refuses_ends_the_run_and_leaves_nothing_half(
    relay: s3_server.Relay, store: S3Store, footage: Path, tmp_path: Path
) -> None:
    for number in range(3):
        shutil.copy(footage / "deep" / "Été #1?.jpg", tmp_path / f"{number}.jpg")
    relay.denies = True
    try:
        done = veil(str(tmp_path), "-o", f"{LOGS}/refused/")
    finally:
        relay.denies = False
    assert done.exit_code == 1
    assert done.stderr.count("error:") == 1, "the others would meet it too"
    assert "cannot be written" in done.stderr
    assert "hint: give credentials" in done.stderr
    assert "stopped: 1 of 3 files were tried; not 1.jpg, 2.jpg" in done.stderr
    assert keys(store, "refused") == {}
    assert veil(str(tmp_path), "-o", f"{LOGS}/refused/", "-q").exit_code == 0


def test_parts_of_an_upload_that_breaks_are_given_up(
    relay: s3_server.Relay, store: S3Store, port: int, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(12 << 20))
    bucket = Bucket(LOGS, S3Store(s3_server.BUCKET, endpoint=relay.url, client_options={"allow_http": True},
                                  retry_config={"max_retries": 0}))  # fmt: skip
    relay.arm(2, "lost")
    with pytest.raises(Exception, match="cannot be written"):
        bucket.write("parts", large, overwrite=True)
    assert s3_server.unfinished_uploads(port) == 0
    bucket.write("parts", large, overwrite=True)
    assert obstore.head(store, "parts")["size"] == 12 << 20


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        ([f"{LOGS}/nothing"], "no such object or folder", 2),
        ([f"{LOGS}/whole/*.jpg"], "name the folder", 2),
        (["s3://", "-o", "x.mp4"], "without empty parts", 2),
        (["s3://no-such-bucket/a/"], "make the bucket first", 1),
    ],
)
@pytest.mark.usefixtures("relay")
def test_wrong_addresses_are_answered_with_what_helps(arguments: list[str], words: str, code: int) -> None:
    done = veil(*arguments)
    exit_code, said = refused(done)
    assert (exit_code, words in said) == (code, True), said


def test_verify_looks_at_an_object(store: S3Store, footage: Path, tmp_path: Path) -> None:
    bare = filled(store, footage, "looked") + "deep/Été #1?.jpg"
    veiled = f"{LOGS}/looked-veiled/a.jpg"
    assert veil(bare, "--output", veiled).exit_code == 0
    for place, code in ((bare, 4), (veiled, 0)):
        done = CliRunner().invoke(build(), ["verify", place, "-q", "--tracks-out", str(tmp_path / f"{code}.json")])
        assert (done.exit_code, place in done.output) == (code, True), done.output
    assert len(json.loads((tmp_path / "4.json").read_text())["annotations"]) == 1
    gone = CliRunner().invoke(build(), ["verify", f"{LOGS}/none.jpg", "-q"])
    assert refused(gone)[0] == 1
