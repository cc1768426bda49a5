"""``passerby register`` and ``passerby witness`` as a user types them: streams, exit codes, hints."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.deadlines import killed_after

from passerby.cli import main
from passerby.register import Log, Remark, RequestReceived, VerifierKey, entry_kinds, entry_schema, new_identifier
from passerby.values import digest_file

ORIGIN = "cameras.example.org/log"


class Shell:
    """Runs commands in this process and keeps what came out."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.out = ""
        self.err = ""

    def __call__(self, *arguments: object, stdin: str = "") -> int:
        self._monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(stdin.encode())))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        self.out, self.err = self._capsys.readouterr()
        return int(stop.value.code or 0)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


@pytest.fixture
def log(shell: Shell, tmp_path: Path) -> Path:
    path = tmp_path / "log"
    assert shell("register", "init", path, "--origin", ORIGIN) == 0
    return path


REMARKS = json.dumps([{"kind": "remark", "v": 1, "text": "first"}, {"kind": "remark", "v": 1, "text": "second"}])


def test_a_log_from_its_making_to_its_proof(shell: Shell, log: Path, tmp_path: Path) -> None:
    key = (log / "public" / "vkey").read_text().strip()
    assert shell("register", "append", log, stdin=REMARKS) == 0
    assert (shell.out, shell.err) == ("0\n1\n", "")
    assert shell("register", "show", log) == 0
    shown = [json.loads(line) for line in shell.out.splitlines()]
    assert [(line["index"], line["entry"]["text"]) for line in shown] == [(0, "first"), (1, "second")]
    proof = tmp_path / "new" / "one.tlog-proof"
    assert shell("register", "prove", log, 1, "-o", proof) == 0, "a folder that is missing is made"
    assert shell("register", "prove", log, 1) == 0
    assert shell.out == proof.read_text()
    assert shell("register", "check", proof, "--vkey", key, "--offline") == 0
    assert json.loads(shell.out)["text"] == "second"
    assert shell.err == f"entry 1 of {ORIGIN}, at size 2, unwitnessed\n"
    assert shell("register", "check", proof, "--policy", log / "public" / "policy") == 0
    assert shell("register", "check", log, "--vkey", key) == 0
    assert (shell.out, shell.err) == ("", f"{ORIGIN}: 2 entries, unwitnessed, signed by {key}\n")


def test_key_of_init_is_printed_and_says_where_things_are(shell: Shell, tmp_path: Path) -> None:
    assert shell("register", "init", tmp_path / "log", "--origin", ORIGIN) == 0
    assert VerifierKey.parse(shell.out.strip()).name == ORIGIN
    assert "the key stays in" in shell.err
    assert shell("register", "init", tmp_path / "log", "--origin", ORIGIN) == 2
    assert "error: " in shell.err
    assert "must not hold a log yet" in shell.err


def test_verify_prints_each_problem_and_fails(shell: Shell, log: Path) -> None:
    shell("register", "append", log, stdin=REMARKS)
    file = log / "public" / "tile" / "entries" / "000.p" / "2"
    file.write_bytes(file.read_bytes().replace(b"second", b"secund"))
    assert shell("register", "check", log) == 1
    assert shell.out.splitlines()[0] == "tile: entry 1: does not hash to its place in tile/0/000"
    assert f"error: {log} has problems: 2" in shell.err
    assert "the key is the log's own word" in shell.err
    assert shell("register", "check", log, "--json") == 1
    found = json.loads(shell.out)
    assert (found["size"], found["own_word"], found["witnessed"]) == (2, True, False)
    assert [(p["kind"], p["entry"]) for p in found["problems"]] == [("tile", 1), ("tree", None)]
    (log / "public" / "checkpoint").write_text("rubbish")
    assert shell("register", "check", log, "--json") == 1
    assert json.loads(shell.out)["problems"][0]["kind"] == "format"


def test_verify_can_be_told_what_shall_not_count(shell: Shell, log: Path) -> None:
    old = json.dumps(
        [{"kind": "remark", "v": 1, "text": "a", "at": at} for at in ("2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z")]
    )
    shell("register", "append", log, stdin=old)
    assert shell("register", "check", log) == 1
    assert shell.out.startswith("time: entry 1: ")
    assert shell("register", "check", log, "--accept", "time") == 0
    assert shell.out.startswith("time: entry 1: "), "it is still said"


BACKDATED = json.dumps(
    [{"kind": "remark", "v": 1, "text": "a", "at": at} for at in ("2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z")]
)


def test_finding_that_is_acknowledged_is_listed_with_its_reason_and_no_longer_fails(shell: Shell, log: Path) -> None:
    shell("register", "append", log, stdin=BACKDATED)
    assert shell("register", "check", log) == 1
    assert shell("register", "acknowledge", log, "time", 1, "--reason", "the clock was set by hand") == 0, shell.err
    assert shell.out == "2\n"
    assert shell("register", "check", log) == 0
    assert shell.out.startswith("time: entry 1: is of 2026-01-01")
    assert shell.out.endswith(" (acknowledged by entry 2: the clock was set by hand)\n")
    assert shell("register", "check", log, "--json") == 0
    found = json.loads(shell.out)
    assert found["problems"] == []
    assert found["acknowledged"][0]["acknowledged"] == {"entry": 2, "reason": "the clock was set by hand"}


@pytest.mark.parametrize(
    ("kind", "entry", "reason", "words"),
    [
        ("order", 0, "x", "entry 0 must be found to be order, is not"),
        ("silence", 1, "x", "entry 1 must be found to be silence, is not"),
        ("time", 99, "x", "entry must be from 0 to 1, got 99"),
        ("tile", 1, "x", "finding must be one of schema, order, time"),
        ("time", 1, "", "reason: String should have at least 1 character"),
        ("time", 1, "two\nlines", "reason: String should match"),
    ],
)
def test_what_was_not_found_cannot_be_acknowledged(
    shell: Shell, log: Path, kind: str, entry: int, reason: str, words: str
) -> None:
    shell("register", "append", log, stdin=BACKDATED)
    assert shell("register", "acknowledge", log, kind, entry, "--reason", reason) == 2
    assert words in shell.err
    assert shell("register", "check", log) == 1


@pytest.mark.parametrize(
    ("since", "code"),
    [("1", 1), ("2", 0), ("2025-12-31", 1), ("2026-03-01T00:00:00Z", 0), ("2026-06-01", 0), ("2099-01-01", 0)],
)
def test_what_was_stated_before_a_time_or_an_entry_is_listed_only(
    shell: Shell, log: Path, since: str, code: int
) -> None:
    later = json.dumps({"kind": "remark", "v": 1, "text": "a", "at": "2026-03-02T00:00:00Z"})
    shell("register", "append", log, stdin=BACKDATED)
    shell("register", "append", log, stdin=later)
    assert shell("register", "check", log, "--since", since) == code
    assert shell.out.startswith("time: entry 1: ")
    assert ("(before --since)" in shell.out) == (code == 0)
    file = log / "public" / "tile" / "0" / "000.p" / "3"
    file.write_bytes(file.read_bytes()[::-1])
    assert shell("register", "check", log, "--since", since) == 1, "damage counts wherever it is"


@pytest.mark.parametrize("since", ["yesterday", "-1", "2026-13-01", "9" * 40, "0001-01-01T00:00:00+14:00"])
def test_since_that_is_no_moment_is_wrong_use(shell: Shell, log: Path, since: str) -> None:
    assert shell("register", "check", log, "--since", since) == 2


def test_watch_remembers(shell: Shell, log: Path, tmp_path: Path) -> None:
    shell("register", "append", log, stdin=REMARKS)
    state = tmp_path / "state"
    assert shell("register", "watch", log, "--state", state) == 0
    assert "size 2, was never seen" in shell.err
    old = {path: path.read_bytes() for path in (log / "public").rglob("*") if path.is_file()}
    shell("register", "append", log, stdin=REMARKS)
    assert shell("register", "watch", log, "--state", state) == 0
    assert "size 4, was 2" in shell.err
    for path, data in old.items():
        path.write_bytes(data)
    assert shell("register", "watch", log, "--state", state) == 1
    assert shell.out == (
        "rollback: size was 4, is 2: an older state is shown again, a start of what was seen (as a stale copy does)\n"
    )
    assert f"hint: what was seen is kept in {state}" in shell.err
    assert shell("register", "watch", log, "--state", state, "--json") == 1
    assert json.loads(shell.out)["problems"][0]["kind"] == "rollback"


def test_key_is_changed_and_old_readers_follow(shell: Shell, log: Path) -> None:
    key = (log / "public" / "vkey").read_text().strip()
    assert shell("register", "rotate", log) == 0
    new = shell.out.strip()
    assert new != key
    assert shell("register", "check", log, "--vkey", key) == 0
    assert f"signed by {new}" in shell.err


def test_commitment_is_revealed(shell: Shell, log: Path) -> None:
    with Log.open(log) as opened:
        now = datetime.now(UTC)
        promise = opened.salts.commit('{"camera":"x"}', now + timedelta(days=1))
        entry = RequestReceived(at=now, case=new_identifier(), position="act-2024", details=promise)
        opened.append_many([entry, Remark(at=now, text="x")])
    assert shell("register", "reveal", log, 0) == 0
    assert shell.out == "2\n"
    assert shell("register", "check", log) == 0
    assert shell("register", "reveal", log, 1) == 2
    assert "entry 1 must hold a commitment" in shell.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "words"),
    [
        (["append", "LOG"], "not json", 2, "standard input must be JSON"),
        (["append", "LOG"], "[5]", 2, "entry must be a JSON object, got int"),
        (["append", "LOG"], '{"kind":"remark","v":1}', 2, "remark.text: Field required"),
        (["append", "LOG", "none.json"], "", 2, "none.json cannot be read"),
        (["append", "NONE"], '{"kind":"remark","v":1,"text":"x"}', 2, "holds no log"),
        (["show", "NONE"], "", 2, "must be a directory or a URL"),
        (["check", "ftp://example.org"], "", 2, "got ftp://example.org"),
        (["check", "LOG", "--vkey", "x"], "", 2, "verifier key must be"),
        (["check", "LOG", "--policy", "none"], "", 2, "none cannot be read"),
        (["prove", "LOG", "9"], "", 2, "log has no entry yet"),
        (["check", "NONE.tlog-proof", "--vkey", "x"], "", 2, "verifier key must be"),
        (["check", "NONE.tlog-proof"], "", 2, "give --vkey or --policy"),
        (["schema", "face"], "", 2, "kind must be one of"),
        (["watch", "LOG"], "", 2, ""),
    ],
)
def test_wrong_use_is_said(
    shell: Shell, log: Path, tmp_path: Path, arguments: list[str], stdin: str, code: int, words: str
) -> None:
    places = {"LOG": str(log), "NONE": str(tmp_path / "none")}
    assert shell("register", *[places.get(argument, argument) for argument in arguments], stdin=stdin) == code
    assert words in shell.err
    assert shell.out == "" or arguments[0] == "verify"


def test_schemas_are_printed(shell: Shell) -> None:
    assert shell("register", "schema") == 0
    assert tuple(shell.out.split()) == entry_kinds()
    assert shell("register", "schema", "heartbeat") == 0
    assert json.loads(shell.out) == entry_schema("heartbeat")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_witness_runs_and_signs_for_a_log(shell: Shell, tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "w"
    assert shell("register", "witness", "init", path, "--name", "w.example") == 0
    key = shell.out.strip()
    policy = tmp_path / "policy"
    policy.write_text(f"witness w {key} http://127.0.0.1:{port}\nquorum w\n")
    assert shell("register", "init", tmp_path / "log", "--origin", ORIGIN, "--policy", policy) == 0
    assert shell("register", "witness", "add-log", path, shell.out.strip()) == 0
    command = [sys.executable, "-m", "passerby", "register", "witness", "serve", str(path), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        first = wait_for(process)
        assert shell("register", "append", tmp_path / "log", "--witnessed", stdin=REMARKS) == 0, shell.err
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert out == ""
    assert first.startswith(f"witness {key} on http://127.0.0.1:{port}")
    assert "add-checkpoint" not in err, "no record of who asked"
    assert shell("register", "check", tmp_path / "log") == 0
    assert "witnessed by w" in shell.err


def test_an_authority_is_a_witness_from_the_start(shell: Shell, tmp_path: Path) -> None:
    port, home, log = free_port(), tmp_path / "court", tmp_path / "log"
    public = tmp_path / "id.pub"
    public.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ judge@court\n")
    assert shell("register", "init", log, "--origin", ORIGIN) == 0
    assert (
        shell("authority", "init", home, "--name", "court.example", "--log", shell.out.strip(), "--ssh-key", public)
        == 0
    )
    approve, cosign = json.loads(shell.out)
    assert (approve["use"], approve["key"]) == ("approve", public.read_text().rsplit(" ", 1)[0]), (
        "no comment: it names a person"
    )
    assert shell("register", "append", log, stdin=shell.out) == 0, shell.err
    policy = tmp_path / "policy"
    policy.write_text(f"witness court {cosign['key']} http://127.0.0.1:{port}\nquorum court\n")
    assert shell("register", "policy", log, policy) == 0
    asked = f"http://127.0.0.1:{port}/add-checkpoint"
    told = f"note: no signature yet from court: {asked} cannot be read: [Errno 111] Connection refused\n"
    assert (shell.out, shell.err) == ("2\n", told)
    assert shell("register", "check", log) == 1
    assert shell.out == "quorum: quorum court is not met: 0 witnesses signed: unwitnessed\n"
    assert shell("register", "show", log, 2) == 0
    digest = digest_file(log / "public" / "policy")
    assert f"witnesses named: quorum court, 1 witnesses, policy {digest}" in shell.out
    command = [sys.executable, "-m", "passerby", "authority", "serve", str(home), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(process)
        assert shell("register", "append", log, "--witnessed", stdin=REMARKS) == 0, shell.err
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert shell("register", "check", log) == 0
    assert "witnessed by court" in shell.err
    assert shell("register", "rotate", log) == 0
    assert "give this key to each witness" in shell.err


@pytest.mark.parametrize("text", ["", "ssh-rsa AAAAB3 x", "-----BEGIN OPENSSH PRIVATE KEY-----"])
def test_an_authority_needs_a_public_key(shell: Shell, tmp_path: Path, text: str) -> None:
    public = tmp_path / "id.pub"
    public.write_text(text)
    assert shell("register", "init", tmp_path / "log", "--origin", ORIGIN) == 0
    key = shell.out.strip()
    assert shell("authority", "init", tmp_path / "a", "--name", "a.example", "--log", key, "--ssh-key", public) == 2
    assert "must begin with ssh-ed25519" in shell.err
    assert not (tmp_path / "a").exists()


def wait_for(process: subprocess.Popen[str]) -> str:
    """Return the line that a witness writes once its port is taken: who comes then has to wait, not to go."""
    assert process.stderr is not None
    with killed_after(process, 60):
        first = process.stderr.readline()
    assert first, "the witness came up"
    return first


def test_witness_stays_on_loopback_until_told(shell: Shell, tmp_path: Path) -> None:
    shell("register", "witness", "init", tmp_path / "w", "--name", "w.example")
    for host in ("0.0.0.0", "192.0.2.1", "example.org"):  # noqa: S104 # refused is what is tested
        assert shell("register", "witness", "serve", tmp_path / "w", "--host", host) == 2
        assert f"host must be loopback, got {host}" in shell.err
        assert "hint: say --beyond-loopback" in shell.err
    assert shell("register", "witness", "serve", tmp_path / "none") == 2


@pytest.fixture
def url(log: Path) -> Iterator[str]:
    """The log's public files behind a web server that knows nothing of logs."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(log / "public")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_any_web_server_will_do(shell: Shell, log: Path, url: str, tmp_path: Path) -> None:
    with Log.open(log) as opened:
        opened.append_many([Remark(at=datetime.now(UTC), text=str(i)) for i in range(300)])
        opened.append(Remark(at=datetime.now(UTC), text="300"))
    key = (log / "public" / "vkey").read_text().strip()
    assert shell("register", "check", url, "--vkey", key) == 0, shell.err
    assert "301 entries" in shell.err
    assert shell("register", "watch", url, "--state", tmp_path / "state", "--vkey", key) == 0
    assert shell("register", "prove", url, 256, "-o", tmp_path / "proof") == 0
    assert shell("register", "check", tmp_path / "proof", "--vkey", key) == 0
    assert json.loads(shell.out)["text"] == "256"
    (log / "public" / "tile" / "entries" / "000").unlink()
    assert shell("register", "check", url, "--vkey", key) == 1
    assert shell.out.startswith("missing: tile/entries/000 is missing")
    assert shell("register", "check", url + "/nothing", "--vkey", key) == 1
    assert "has no checkpoint" in shell.err
    assert shell("register", "check", "http://127.0.0.1:1", "--vkey", key) == 1
    assert "cannot be read" in shell.err
