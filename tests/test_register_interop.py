"""Others check our log, and we check theirs: Go's packages for its checksum database, and OpenSSL for the signature."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from passerby.register import FileSigner, Log, LogReader, Remark, VerifierKey, encode_entry, verify, watch
from passerby.register.notes.note import encode_base64, split_note
from passerby.register.tiles.merkle import EMPTY_ROOT, prove_consistency
from passerby.register.tiles.merkle import tree_root as root_of
from passerby.register.tiles.tiles import Tiles, tile_path, unpack_bundle

pytestmark = pytest.mark.tool

HERE = Path(__file__).parent
GOCODE = Path("/usr/share/gocode")
ORIGIN = "cameras.example.org/log"
NOW = datetime.now(UTC).replace(microsecond=0)
TESSERA = os.environ.get("PASSERBY_TESSERA")
"""A checkout of ``testdata`` of github.com/transparency-dev/tessera, where there is one."""
SIZES = (1, 2, 255, 256, 257, 1000)


def need(found: object, what: str) -> None:
    if not found:
        if os.environ.get("CI"):
            pytest.fail(f"{what} is not installed: run scripts/install-test-tools")
        pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="module")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need(shutil.which("go"), "go")
    need((GOCODE / "src" / "golang.org" / "x" / "mod").exists(), "golang-golang-x-mod-dev")
    out = tmp_path_factory.mktemp("go")
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(GOCODE),
        "GOCACHE": str(out / "cache"),
        "GOFLAGS": "",
    }
    command = ["go", "build", "-o", str(out / "register"), str(HERE / "interop" / "register.go")]
    subprocess.run(command, check=True, env=environment, cwd=out)
    return out / "register"


def go(program: Path, *arguments: object, lines: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(program), *map(str, arguments)]
    return subprocess.run(command, input=lines, capture_output=True, text=True, check=False)


def remark(text: object) -> Remark:
    return Remark(at=NOW, text=f"remark é {text}")


@pytest.fixture(scope="module", params=SIZES)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VerifierKey]:
    path = tmp_path_factory.mktemp("log") / "log"
    with Log.create(path, origin=ORIGIN) as made:
        made.append_many([remark(i) for i in range(request.param)])
        return path / "public", made.key


def joined(hashes: list[bytes] | tuple[bytes, ...]) -> str:
    return ",".join(map(encode_base64, hashes))


def test_go_verifies_note_tiles_and_root_of_our_log(go_program: Path, log: tuple[Path, VerifierKey]) -> None:
    public, key = log
    found = go(go_program, "check", public, key)
    assert (found.returncode, found.stdout) == (0, f"{LogReader.open(public).size} entries\n"), found.stderr
    other = FileSigner.fresh(ORIGIN).key
    assert "no verifiable signatures" in go(go_program, "check", public, other).stderr


def test_go_accepts_our_inclusion_proofs_and_refuses_bent_ones(go_program: Path, log: tuple[Path, VerifierKey]) -> None:
    public, key = log
    reader = LogReader.open(public)
    indexes = sorted({0, 1, 100, 254, 255, 256, reader.size // 2, reader.size - 1} & set(range(reader.size)))
    lines = [f"{index} {joined(reader.prove(index).path)}" for index in indexes]
    found = go(go_program, "record", public, key, lines="\n".join(lines) + "\n")
    assert (found.returncode, found.stdout) == (0, f"{len(lines)} proofs\n"), found.stderr
    if reader.size > 1:
        path = list(reader.prove(0).path)
        bent = f"0 {joined([path[0][:-1] + bytes([path[0][-1] ^ 1]), *path[1:]])}\n"
        assert "invalid transparency proof" in go(go_program, "record", public, key, lines=bent).stderr


def test_go_accepts_our_consistency_proofs_and_refuses_bent_ones(
    go_program: Path, log: tuple[Path, VerifierKey]
) -> None:
    public, key = log
    reader = LogReader.open(public)
    size, tiles = reader.size, Tiles(reader.size, reader.source.get)
    olds = sorted({1, 2, 3, 128, 255, 256, 257, 999} & set(range(1, size + 1)))
    lines = [
        f"{old} {encode_base64(root_of(old, tiles.node))} {joined(prove_consistency(old, size, tiles.node))}"
        for old in olds
    ]
    found = go(go_program, "tree", public, key, lines="\n".join(lines) + "\n")
    assert (found.returncode, found.stdout) == (0, f"{len(lines)} proofs\n"), found.stderr
    bent = f"1 {encode_base64(EMPTY_ROOT)} {joined(prove_consistency(1, size, tiles.node))}\n"
    assert go(go_program, "tree", public, key, lines=bent).returncode != 0


def test_go_refuses_our_log_when_it_was_changed(
    go_program: Path, log: tuple[Path, VerifierKey], tmp_path: Path
) -> None:
    public, key = log
    shutil.copytree(public, tmp_path / "public")
    size = LogReader.open(public).size
    file = tmp_path / "public" / tile_path(None, 0, min(size, 256))
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "root is" in go(go_program, "check", tmp_path / "public", key).stderr


@pytest.mark.parametrize("size", SIZES)
def test_we_verify_a_log_that_go_wrote(go_program: Path, tmp_path: Path, size: int) -> None:
    signer = FileSigner.fresh(ORIGIN)
    signer.save(tmp_path / "key")
    secret = (tmp_path / "key").read_text().strip()
    entries = [encode_entry(remark(i)).decode() for i in range(size)]
    (tmp_path / "log").mkdir()
    found = go(go_program, "write", tmp_path / "log", secret, lines="\n".join(entries) + "\n")
    assert (found.returncode, found.stdout) == (0, f"{size} entries\n"), found.stderr
    reader = LogReader.open(tmp_path / "log", vkey=signer.key)
    assert verify(reader).problems == ()
    assert list(reader.entries()) == [remark(i) for i in range(size)]
    for index in {0, size // 2, size - 1}:
        assert reader.prove(index).index == index
    file = tmp_path / "log" / tile_path(None, 0, min(size, 256))
    first = unpack_bundle(file.read_bytes(), min(size, 256))[0]
    file.write_bytes(file.read_bytes().replace(first, first.replace(b"remark", b"remarx", 1), 1))
    assert {problem.kind for problem in verify(LogReader.open(tmp_path / "log", vkey=signer.key)).problems} >= {
        "tile",
        "tree",
    }


@pytest.mark.skipif(not TESSERA, reason="PASSERBY_TESSERA names no copy of transparency-dev/tessera's testdata")
def test_we_verify_the_log_that_tessera_wrote(tmp_path: Path) -> None:
    """Its entries are words and no entries of ours; all else must be right, at each of its fifteen sizes."""
    data = Path(TESSERA or "")
    (vkey,) = re.findall(r'LOG_PUBLIC_KEY="(.+)"', (data / "build_log.sh").read_text())
    shutil.copytree(data / "log", tmp_path / "log")
    for size in range(1, 16):
        shutil.copy(data / "log" / f"checkpoint.{size}", tmp_path / "log" / "checkpoint")
        report = verify(LogReader.open(tmp_path / "log", vkey=vkey))
        assert (report.checkpoint.size, {problem.kind for problem in report.problems}) == (size, {"schema"})
        visit = watch(tmp_path / "log", tmp_path / "state", vkey=vkey)
        assert (visit.old.size if visit.old else 0) == size - 1
        assert {problem.kind for problem in visit.problems} == {"schema"}
    tile = tmp_path / "log" / "tile" / "0" / "000.p" / "15"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    assert "tile" in {problem.kind for problem in verify(LogReader.open(tmp_path / "log", vkey=vkey)).problems}


def test_openssl_verifies_the_checkpoint_s_signature(log: tuple[Path, VerifierKey], tmp_path: Path) -> None:
    need(shutil.which("openssl"), "openssl")
    public, key = log
    text, (signature,) = split_note((public / "checkpoint").read_bytes())
    # Source: RFC 8410, the fixed start of an Ed25519 public key
    der = bytes.fromhex("302a300506032b6570032100") + key.public
    (tmp_path / "key.der").write_bytes(der)
    (tmp_path / "text").write_text(text)
    (tmp_path / "signature").write_bytes(signature.value)
    command = [
        "openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", str(tmp_path / "key.der"), "-rawin",
        "-in", str(tmp_path / "text"), "-sigfile", str(tmp_path / "signature"),
    ]  # fmt: skip
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    (tmp_path / "text").write_text(text.replace(ORIGIN, "cameras.example.org/lag"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
