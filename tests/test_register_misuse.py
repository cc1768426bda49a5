"""What people do wrong with ``passerby register`` and ``witness``: one line, what to do, the exit code, nothing left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from passerby.cli import main
from passerby.errors import StorageError
from passerby.register import Log, LogReader, Remark, WriterSettings, verify
from passerby.register.storage.directory_store import DirectoryStore, Disk

ORIGIN = "cameras.example.org/log"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0), *capsys.readouterr()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    with Log.create(tmp_path / "log", origin=ORIGIN) as made:
        made.append_many([Remark(at=datetime.now(UTC), text=str(number)) for number in range(5)])
    return tmp_path / "log"


@pytest.mark.parametrize(
    ("arguments", "code", "words", "hint"),
    [
        (["check", "http://"], 2, "a log's address must be like https://", ""),
        (["check", "https://exa mple.org/log"], 2, "a log's address must be like https://", ""),
        (["check", "http://127.0.0.1:1"], 1, "cannot be read", "does the server answer?"),
        (["check", "LOG", "--vkey", "garbage"], 2, "verifier key must be", "init` printed"),
        (["check", "LOG", "--policy", "GARBAGE"], 2, "must be a policy file", "docs/register.md"),
        (["prove", "LOG", "1", "--vkey", "garbage"], 2, "verifier key must be", "init` printed"),
        (["prove", "LOG", "1", "-o", "TMP"], 1, "TMP cannot be written: Is a directory", ""),
        (["prove", "LOG", "99"], 2, "entry must be from 0 to 4, got 99", ""),
        (["prove", "LOG", "--", "-1"], 2, "entry must be from 0 to 4, got -1", ""),
        (["reveal", "LOG", "5"], 2, "entry must be from 0 to 4, got 5", ""),
        (["show", "LOG", "3", "2"], 2, "entries must be from 0 to 5, the first before the last, got 3 to 2", ""),
        (["append", "NONE", "ENTRY"], 2, "holds no log that can be written", "register init"),
        (["append", "LOG", "LONG"], 2, "entry does not fit its form", "schema KIND"),
        (["rotate", "NONE"], 2, "holds no log that can be written", "register init"),
        (["policy", "LOG", "GARBAGE"], 2, "must be a policy file", "docs/register.md"),
        (["policy", "NONE", "LOG/public/policy"], 2, "holds no log that can be written", "register init"),
        (["check", "LOG", "--accept", "silent"], 2, "kind of problem must be one of tree, tile", ""),
        (["watch", "LOG", "--state", "TMP/state", "--silence-h", "nan"], 2, "must be above 0 and at most 87600", ""),
        (["watch", "LOG", "--state", "TMP/state", "--silence-h", "1e30"], 2, "must be above 0 and at most 87600", ""),
        (["init", "TMP/new", "--origin", "a b"], 2, "key name must be without spaces and plus", "like cameras.example"),
        (["init", "TMP/new", "--origin", ""], 2, "key name must be without spaces and plus", "like cameras.example"),
        (["check", "GARBAGE", "--policy", "LOG/public/policy"], 1, "proof must", ""),
        (["watch", "NONE", "--state", "TMP/state"], 2, "must be a directory or a URL", ""),
        (["site", "LOG", "-o", "TMP/site", "--vkey", "garbage"], 2, "verifier key must be", "init` printed"),
        (["init", "TMP/new", "--origin", f"https://{ORIGIN}"], 2, "URL without its scheme", ORIGIN),
        (["serve", "LOG", "--language", "xx"], 2, "language must be one of", ""),
        (["serve", "LOG", "--port", "TAKEN"], 1, "must be able to listen on 127.0.0.1:", "choose another --port"),
        (["serve", "LOG", "--host", "203.0.113.9"], 1, "must be able to listen on 203.0.113.9:8480", "--host"),
    ],
)
def test_mistake_is_said_in_one_line_with_the_right_exit_code(
    capsys: pytest.CaptureFixture[str],
    log: Path,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    words: str,
    hint: str,
) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x00garbage\xff" * 100)
    entry, long = tmp_path / "entry", tmp_path / "long"
    entry.write_text('{"kind":"remark","text":"x"}')
    long.write_text(json.dumps({"kind": "reveal", "entry": 1, "salt": "00" * 32, "value": "x" * 70_000}))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"LOG": log, "NONE": tmp_path / "none", "GARBAGE": garbage, "TAKEN": taken.getsockname()[1]}
        places |= {"ENTRY": entry, "LONG": long}
        for word, place in {**places, "TMP": tmp_path}.items():
            arguments = [argument.replace(word, str(place)) for argument in arguments]
            words = words.replace(word, str(place))
        before = set(tmp_path.rglob("*"))
        found, out, err = run(capsys, "register", *arguments)
    assert found == code, err
    (first, *rest) = err.splitlines()
    assert first.startswith("error: "), "nothing is promised before it"
    assert words in first
    assert hint in "".join(line for line in rest if line.startswith("hint: "))
    assert out == ""
    assert set(tmp_path.rglob("*")) == before, "nothing is left of it"


def test_port_in_use_and_missing_witness_are_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "register", "witness", "init", tmp_path / "w", "--name", "w.example")[0] == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = run(capsys, "register", "witness", "serve", tmp_path / "w", "--port", taken.getsockname()[1])
    assert (code, err.startswith("error: must be able to listen on 127.0.0.1:")) == (1, True)
    code, _, err = run(capsys, "register", "witness", "serve", tmp_path / "none")
    assert (code, "hint: make one with `passerby register witness init`" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words", "hint"),
    [
        (
            ["register", "witness", "init", "NEW", "--name", "a b"],
            "key name must be without",
            "like cameras.example.org",
        ),
        (["register", "witness", "add-log", "OLD", "garbage"], "verifier key must be", "init` printed"),
        (["register", "witness", "add-log", "OLD", "COSIGN"], "must be of type 0x01, got 0x04", "init` printed"),
        (["register", "witness", "add-log", "NEW", "KEY"], "holds no witness", "witness init"),
        (
            ["authority", "init", "NEW", "--name", "c.example", "--log", "garbage", "--ssh-key", "SSH"],
            "verifier key",
            "",
        ),
        (["authority", "init", "NEW", "--name", "c.example", "--log", "COSIGN", "--ssh-key", "SSH"], "type 0x01", ""),
        (["authority", "init", "NEW", "--name", "c d", "--log", "KEY", "--ssh-key", "SSH"], "key name must be", "like"),
        (
            ["authority", "init", "NEW", "--name", "c.example", "--log", "KEY", "--ssh-key", "NEW"],
            "No such file",
            ".pub",
        ),
        (["authority", "serve", "NEW"], "holds no witness", "witness init"),
    ],
)
def test_mistake_with_a_witness_or_authority_is_wrong_use_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], log: Path, tmp_path: Path, arguments: list[str], words: str, hint: str
) -> None:
    ssh = tmp_path / "id.pub"
    ssh.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ\n")
    assert run(capsys, "register", "witness", "init", tmp_path / "old", "--name", "w.example")[0] == 0
    places = {
        "NEW": tmp_path / "new",
        "OLD": tmp_path / "old",
        "SSH": ssh,
        "KEY": (log / "public" / "vkey").read_text().strip(),
        "COSIGN": (tmp_path / "old" / "vkey").read_text().strip(),
    }
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, out, err = run(capsys, *[places.get(argument, argument) for argument in arguments])
    assert (code, out) == (2, ""), err
    assert words in err.splitlines()[0]
    assert hint in err.partition("hint: ")[2]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_server_that_is_told_to_stop_ends_in_order(log: Path, tmp_path: Path, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "passerby",
        "register",
        "serve",
        log,
        "--port",
        port,
        "--state",
        tmp_path / "state",
    ]
    process = subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "serving" not in (line := process.stderr.readline()):
        assert line, "it comes up"
    with Log.open(log) as more:
        more.append(Remark(at=datetime.now(UTC), text="while it serves"))
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


def test_torn_bundle_is_named_with_its_file(capsys: pytest.CaptureFixture[str], log: Path) -> None:
    file = log / "public" / "tile" / "entries" / "000.p" / "5"
    file.write_bytes(file.read_bytes()[:100])
    code, out, _ = run(capsys, "register", "check", log)
    assert (code, out.startswith("format: tile/entries/000.p/5: entry bundle must hold 5 entries, got 1")) == (1, True)
    code, _, err = run(capsys, "register", "show", log)
    assert (code, "tile/entries/000.p/5" in err) == (1, True)


class FullDisk(Disk):
    """A disk that runs out of room in the middle of a file."""

    full = False

    def write(self, fd: int, data: bytes) -> None:
        if not self.full:
            super().write(fd, data)
            return
        os.write(fd, data[:10])
        raise OSError(28, "No space left on device")


def test_full_disk_is_said_and_what_was_half_written_is_cleared(log: Path, tmp_path: Path) -> None:
    disk = FullDisk()
    with Log.open(log, settings=WriterSettings(disk=disk)) as opened:
        disk.full = True
        with pytest.raises(StorageError, match="cannot be written: No space left on device"):
            opened.append(Remark(at=datetime.now(UTC), text="too much"))
        with pytest.raises(StorageError, match=f"{tmp_path}/one cannot be written: No space left on device"):
            DirectoryStore(tmp_path, disk=disk).put_all({"one": b"x" * 100})
        disk.full = False
        assert not list(tmp_path.rglob(".tmp-*")), "they would keep the disk full"
        assert opened.append(Remark(at=datetime.now(UTC), text="room again")).index == 5
    assert verify(LogReader.open(log)).problems == ()


@pytest.fixture
def nobody(log: Path, tmp_path: Path) -> Iterator[None]:
    """Run as somebody without rights to the log: root has rights to everything."""
    for path in (*tmp_path.parents[:2], tmp_path):
        path.chmod(path.stat().st_mode | 0o055)
    (log / "public").chmod(0o700)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    else:
        (log / "public").chmod(0o000)
        (log / "private").chmod(0o000)
    yield
    if root:
        os.seteuid(0)
    (log / "public").chmod(0o755)
    (log / "private").chmod(0o700)


def test_place_that_may_not_be_looked_at_is_said(capsys: pytest.CaptureFixture[str], log: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    if os.geteuid() == 0:
        os.seteuid(65_534)
    try:
        code, _, err = run(capsys, "register", "check", str(closed / "log"))
    finally:
        os.seteuid(os.getuid())
    closed.chmod(0o700)
    assert code == 1
    assert err.startswith("error: ")
    assert log.is_dir()


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    "arguments",
    [["check", "LOG"], ["show", "LOG"], ["prove", "LOG", "0"], ["rotate", "LOG"], ["init", "LOG", "--origin", ORIGIN]],
)
def test_missing_permission_is_said(capsys: pytest.CaptureFixture[str], log: Path, arguments: list[str]) -> None:
    code, _, err = run(capsys, "register", *[argument.replace("LOG", str(log)) for argument in arguments])
    assert code == 1
    assert err.startswith("error: ")
    assert "Permission denied" in err
