"""Servers and folders that mean harm: every exchange ends in its bound, and only plain files of the log are opened."""

from __future__ import annotations

import gzip
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.errors import EntryError, PasserbyError, StorageError
from passerby.register import FileSigner, Log, LogProblem, LogReader, Remark, decode_entry, encode_entry, verify, watch
from passerby.register.notes.checkpoint import Checkpoint
from passerby.register.notes.note import sign_note
from passerby.register.storage.directory_store import DirectoryStore
from passerby.register.storage.exchange import Exchanges, Patience
from passerby.register.storage.places import HttpSource
from passerby.web.register.follow import LogFollower
from passerby.web.register.server import answer as page_answer

ORIGIN = "cameras.example.org/log"
NOW = datetime.now(UTC).replace(microsecond=0)
MIB = 1 << 20


def log_in(path: Path, entries: int = 3) -> Path:
    with Log.create(path, origin=ORIGIN) as log:
        log.append_many([Remark(at=NOW, text=f"remark {i}") for i in range(entries)])
    return path / "public"


@contextmanager
def served(give: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that takes any number of connections and does with each what it is told to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: list[socket.socket] = []

        def take() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    taken.append(client)
                    threading.Thread(target=hand_over, args=(client,), daemon=True).start()

        def hand_over(client: socket.socket) -> None:
            with client, suppress(OSError):
                client.recv(65_536)
                give(client)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for client in taken:
                client.close()
            thread.join(timeout=5)


def drip(client: socket.socket, head: bytes, piece: bytes) -> None:
    """Never silent for long, never done."""
    client.sendall(head)
    silence = threading.Event()
    while not silence.wait(0.02):
        client.sendall(piece)


DRIPS = {
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "chunk extensions": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x"),
    "header": (b"HTTP/1.1 200 OK\r\nx-slow: ", b"x"),
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "informational answers": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "nothing": (b"", b""),
}


@pytest.mark.parametrize("what", DRIPS)
def test_an_exchange_ends_in_its_time_whatever_drips(what: str) -> None:
    exchanges = Exchanges(deadline_s=0.4)
    with served(lambda client: drip(client, *DRIPS[what])) as url:
        begun = time.monotonic()
        with pytest.raises(StorageError, match=r"must answer within 0\.4 s, as a whole"):
            exchanges.ask("GET", url, most_bytes=1000)
        assert time.monotonic() - begun < 3
    exchanges.close()


def test_a_server_that_is_always_a_little_slow_is_given_up() -> None:
    """Each file comes just in time; all of them together would hold a reader for hours."""
    now = [0.0]

    def slow(_: httpx.Request) -> httpx.Response:
        now[0] += 9.0
        return httpx.Response(200, stream=httpx.ByteStream(b"x"))

    def clock() -> float:
        return now[0]

    source = HttpSource(
        "http://example.org/log",
        exchanges=Exchanges(transport=httpx.MockTransport(slow)),
        patience=Patience(30, clock),
    )
    for _ in range(4):
        assert source.get("checkpoint") == b"x"
    with pytest.raises(StorageError, match="not asked for any more: the server answers too slowly"):
        source.get("checkpoint")
    now[0] += 3600
    assert source.get("checkpoint") == b"x", "who reads for weeks forgives"


def test_a_far_and_slow_line_is_no_ill_will() -> None:
    patience = Patience(30, lambda: 0.0)
    for _ in range(10_000):
        patience.spend(0.5 + 77_000 / 64_000, 77_000)
    assert patience.left_s == 30


def squeezed(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("gzip", squeezed(64 * MIB), "must be at most 1000 bytes"),
        (
            "gzip, gzip",
            gzip.compress(gzip.compress(b"x", mtime=0), mtime=0),
            "one layer of gzip or none, got 'gzip, gzip'",
        ),
        ("gzip,identity", gzip.compress(b"x", mtime=0), "one layer of gzip or none"),
        ("deflate", zlib.compress(b"x"), "one layer of gzip or none, got 'deflate'"),
        ("br", b"\x0b\x02\x80abc\x03", "one layer of gzip or none, got 'br'"),
        ("zstd", b"(\xb5/\xfd", "one layer of gzip or none, got 'zstd'"),
        ("gzip", b"plain", "incorrect header check"),
        ("gzip", gzip.compress(b"x", mtime=0)[:-4], "one whole member"),
        ("gzip", gzip.compress(b"x", mtime=0) + b"more", "one whole member"),
        ("gzip", gzip.compress(b"", mtime=0) * 2, "one whole member"),
        ("identity", bytes(1001), "must be at most 1000 bytes"),
    ],
)
def test_a_body_is_bounded_as_sent_and_as_decoded(encoding: str, body: bytes, words: str) -> None:
    reply = httpx.Response(200, headers={"content-encoding": encoding}, stream=httpx.ByteStream(body))
    exchanges = Exchanges(transport=httpx.MockTransport(lambda _: reply))
    with pytest.raises(StorageError, match=words):
        exchanges.ask("GET", "http://example.org/x", most_bytes=1000)


@given(st.binary(max_size=2000))
def test_a_body_within_the_bound_comes_through(body: bytes) -> None:
    for encoding, sent in (("gzip", gzip.compress(body)), ("X-GZIP", gzip.compress(body)), ("identity", body)):
        reply = httpx.Response(200, headers={"content-encoding": encoding}, stream=httpx.ByteStream(sent))
        exchanges = Exchanges(transport=httpx.MockTransport(lambda _, reply=reply: reply))
        assert exchanges.ask("GET", "http://example.org/x", most_bytes=4000).body == body


def test_who_asks_learns_of_addresses_that_are_none() -> None:
    exchanges = Exchanges(deadline_s=2)
    for url in (
        "http://[",
        "http://x..y.invalid/",
        "http://\u2603\ud83d.example/",
        "http://127.0.0.1:99999/",
        "http:///x",
    ):
        with pytest.raises(StorageError, match="cannot be read"):
            exchanges.ask("GET", url, most_bytes=10)


def kinds_of_files(folder: Path) -> dict[str, Callable[[Path], None]]:
    (folder / "secret").write_text("secret\n")

    def put_socket(path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as held:
            here = Path.cwd()
            os.chdir(path.parent)  # a socket's name may have 108 bytes
            try:
                held.bind(path.name)
            finally:
                os.chdir(here)

    return {
        "a link": lambda path: path.symlink_to(folder / "secret"),
        "a link to a device": lambda path: path.symlink_to("/dev/zero"),
        "a link to nowhere": lambda path: path.symlink_to(folder / "none"),
        "a link to itself": lambda path: path.symlink_to(path.name),
        "a pipe": os.mkfifo,
        "a socket": put_socket,
        "a folder": lambda path: path.mkdir(),
    }


KINDS = ("a link", "a link to a device", "a link to nowhere", "a link to itself", "a pipe", "a socket", "a folder")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["checkpoint", "vkey", "policy", "rotation/0.tlog-proof", "tile/entries/000.p/3"])
def test_only_plain_files_of_a_folder_are_read(kind: str, path: str, tmp_path: Path) -> None:
    public = log_in(tmp_path / "log")
    target = public / path
    target.unlink(missing_ok=True)
    target.parent.mkdir(exist_ok=True)
    kinds_of_files(tmp_path)[kind](target)
    with pytest.raises(StorageError, match=rf"{target} must be a file, got {kind.split(' to ')[0]}"):
        DirectoryStore(public).get(path)
    reads: list[Callable[[], tuple[LogProblem, ...]]] = [
        lambda: verify(LogReader.open(public)).problems,
        lambda: watch(public, tmp_path / "state").problems,
    ]
    for read in reads:
        begun, said = time.monotonic(), ""
        try:
            said = " ".join(problem.text for problem in read())
        except StorageError as exc:
            said = exc.message
        assert "must be a file, got" in said
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize("part", ["tile", "tile/entries", "tile/entries/000.p", "public"])
def test_no_folder_inside_a_log_may_be_a_link(part: str, tmp_path: Path) -> None:
    public = log_in(tmp_path / "log")
    folder = public.parent / part if part == "public" else public / part
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="must be a folder, got a link"):
        LogReader.open(tmp_path / "log").raw(0)


def test_the_folder_that_is_named_may_be_reached_by_a_link(tmp_path: Path) -> None:
    """Whoever names it chose it."""
    public = log_in(tmp_path / "log")
    (tmp_path / "link").symlink_to(public)
    assert LogReader.open(tmp_path / "link").size == 3


def test_a_file_that_never_ends_is_refused_by_its_length(tmp_path: Path) -> None:
    public = log_in(tmp_path / "log")
    with (public / "tile/0/000.p/3").open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(StorageError, match="must be at most 16777472 bytes, got 1099511627776"):
        DirectoryStore(public).get("tile/0/000.p/3")


def test_serving_a_mirror_publishes_none_of_the_machine_s_own_files(tmp_path: Path) -> None:
    public = log_in(tmp_path / "log")
    follower = LogFollower(public)
    (tmp_path / "secret").write_text("secret\n")
    (public / "schemas").mkdir(exist_ok=True)
    for path in ("policy", "schemas/x.json", "tile/0/001", "rotation/7.tlog-proof"):
        target = public / path
        target.unlink(missing_ok=True)
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(tmp_path / "secret")
        found = page_answer(follower, path, "en")
        assert found.status == 503
        assert b"secret\n" not in found.document.body
    follower.close()


EDGES = [
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
    "9999-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
]  # fmt: skip


@pytest.mark.parametrize("at", EDGES)
def test_instants_at_the_calendar_s_end_fit_no_entry(at: str) -> None:
    with pytest.raises(EntryError, match="instant must be"):
        decode_entry(f'{{"at":"{at}","kind":"remark","text":"a","v":1}}'.encode())


INSTANTS = st.datetimes(timezones=st.timezones() | st.just(UTC))


@given(
    INSTANTS
    | INSTANTS.map(lambda at: at.replace(year=9998, day=1))
    | INSTANTS.map(lambda at: at.replace(year=1970, day=1))
)
def test_an_entry_that_can_be_written_can_be_read_and_compared(at: datetime) -> None:
    try:
        entry = Remark(at=at, text="x")
    except ValueError:
        return
    assert decode_entry(encode_entry(entry)).at == entry.at
    for slack in (timedelta(days=2), -timedelta(days=2)):
        assert entry.at + slack != entry.at


def test_a_whole_hostile_server_ends_in_the_package_s_own_error(tmp_path: Path) -> None:
    """It answers everything with the largest body that is taken: no time is lost, and no memory is kept."""
    body = gzip.compress(bytes(16 * MIB), 1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        place = f"http://127.0.0.1:{server.server_port}"
        key = FileSigner(ORIGIN, 1, b"k" * 32).key
        with pytest.raises(PasserbyError):
            LogReader.open(place, vkey=key)
        assert watch(place, tmp_path, vkey=key).problems[0].kind == "format"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Claim:
    """A log that signs a size it never had, and shows the same hash tile wherever one is asked for."""

    def __init__(self, size: int) -> None:
        text = Checkpoint(ORIGIN, size, bytes(32)).to_text()
        self._note = sign_note(text, [FileSigner(ORIGIN, 1, b"k" * 32)])

    def get(self, path: str) -> bytes | None:
        if path == "checkpoint":
            return self._note
        return bytes(8192) if path.startswith("tile/") and "entries" not in path else None


@pytest.mark.parametrize("size", [2**40, 2**63 - 1])
def test_a_check_of_a_log_that_only_claims_its_size_ends(size: int) -> None:
    begun = time.monotonic()
    report = verify(LogReader(Claim(size), vkey=FileSigner(ORIGIN, 1, b"k" * 32).key))
    assert {problem.kind for problem in report.problems} == {"missing", "tile", "tree"}
    assert time.monotonic() - begun < 30
