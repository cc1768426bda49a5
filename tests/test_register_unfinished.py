"""A log that is valid and has no end, or is only slow: whoever reads it stops in time, and says what was not read."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from obstore.store import MemoryStore

from passerby.cli import main
from passerby.errors import StorageError, UnfinishedError
from passerby.register import FileSigner, Log, LogReader, Remark, encode_entry, verify, watch
from passerby.register.notes.checkpoint import Checkpoint
from passerby.register.notes.note import sign_note
from passerby.register.storage.directory_store import DirectoryStore
from passerby.register.storage.exchange import Exchanges, Patience
from passerby.register.storage.object_store import ObjectStore
from passerby.register.storage.places import HttpSource
from passerby.register.storage.timed_objects import TimedObjects
from passerby.register.tiles.merkle import leaf_hash, node_hash
from passerby.register.tiles.tiles import WIDTH, pack_bundle
from passerby.register.verification.visit_time import VisitTime
from passerby.web.register.follow import LogFollower

ORIGIN = "cameras.example.org/log"
NOW = datetime.now(UTC).replace(microsecond=0)
SIGNER = FileSigner(ORIGIN, 1, b"k" * 32)
LEVELS = 40
Get = Callable[[str], bytes | None]


class Endless:
    """A valid log of 2**40 entries, all of them the same: every tile of a level is the same 256 hashes, and all proofs hold."""

    def __init__(self) -> None:
        entry = encode_entry(Remark(at=NOW, text="again"))
        self._bundle = pack_bundle([entry] * WIDTH)
        self._nodes = [leaf_hash(entry)]
        for _ in range(LEVELS):
            self._nodes.append(node_hash(self._nodes[-1], self._nodes[-1]))
        self._note = sign_note(Checkpoint(ORIGIN, 2**LEVELS, self._nodes[-1]).to_text(), [SIGNER])

    def get(self, path: str) -> bytes | None:
        if path == "checkpoint":
            return self._note
        if path == "vkey":
            return f"{SIGNER.key}\n".encode()
        parts = path.split("/")
        if parts[0] != "tile":
            return None
        return self._bundle if parts[1] == "entries" else self._nodes[8 * int(parts[1])] * WIDTH


class Slow:
    """A server of which each file takes the same time, by a clock that only its answers move."""

    def __init__(self, get: Get, file_s: float) -> None:
        self.now_s, self._get, self._file_s = 0.0, get, file_s

    def source(self, within_s: float | None) -> HttpSource:
        return HttpSource(
            "http://example.org/log",
            exchanges=Exchanges(transport=httpx.MockTransport(self._answer)),
            patience=Patience(clock=lambda: self.now_s),
            within_s=within_s,
            wait=self.wait,
        )

    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.now_s += self._file_s
        body = self._get(request.url.path.removeprefix("/log/"))
        return httpx.Response(404 if body is None else 200, stream=httpx.ByteStream(body or b""))


@pytest.fixture
def endless() -> Iterator[str]:
    log = Endless()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = log.get(self.path.removeprefix("/"))
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.05))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty bundles, with an entry that is withdrawn and announced at the end."""
    path = tmp_path_factory.mktemp("long") / "log"
    with Log.create(path, origin=ORIGIN, signer=SIGNER) as log:
        log.append_many([Remark(at=NOW, text=f"remark {n}") for n in range(20 * WIDTH)])
        log.withdraw([3], "it named somebody")
    return path / "public"


@pytest.mark.parametrize("file_s", [0.1, 0.5, 2.0])
def test_a_check_of_a_valid_log_without_an_end_ends_and_says_so(file_s: float) -> None:
    server = Slow(Endless().get, file_s)
    report = verify(LogReader(server.source(50), vkey=SIGNER.key))
    assert server.now_s <= 60
    assert (report.unfinished, report.sound, report.problems) == (True, False, ())
    assert 0 < report.read < report.checkpoint.size
    assert report.read % WIDTH == 0


def test_an_honest_log_of_many_files_on_a_slow_line_is_no_worse_for_it(public: Path) -> None:
    """Fifty files at half a second: what was not read is nobody's fault, nor is what only an entry of the rest explains."""
    slow = Slow(DirectoryStore(public).get, 0.5)
    part = verify(LogReader(slow.source(12), vkey=SIGNER.key))
    assert slow.now_s <= 13
    assert (part.unfinished, part.problems) == (True, ())
    assert part.withdrawn == ("withdrawn: 3 (not announced by an entry that was read)",)
    whole = verify(LogReader(Slow(DirectoryStore(public).get, 0.5).source(60), vkey=SIGNER.key))
    assert (whole.unfinished, whole.sound, whole.read) == (False, True, whole.checkpoint.size)
    assert whole.withdrawn == (f"withdrawn: 3 (announced by entry {20 * WIDTH}: it named somebody)",)


def test_what_was_found_before_the_time_was_over_is_told(public: Path) -> None:
    def spoilt(path: str) -> bytes | None:
        found = DirectoryStore(public).get(path)
        return found[:-1] + b"x" if found and path == "tile/entries/001" else found

    report = verify(LogReader(Slow(spoilt, 0.5).source(12), vkey=SIGNER.key))
    assert report.unfinished
    assert {problem.kind for problem in report.problems} == {"schema", "tile"}


def test_time_that_is_over_before_an_answer_is_told_apart_from_a_server_that_is_away() -> None:
    def away(_: str) -> bytes | None:
        raise httpx.ConnectError("nobody there")

    source = Slow(away, 1.0).source(2.5)
    with pytest.raises(StorageError, match="cannot be read"):
        source.get("checkpoint")
    with pytest.raises(StorageError, match="cannot be read"):
        source.get("checkpoint")
    with pytest.raises(UnfinishedError, match=r"was read for 2\.5 s, and is not read whole"):
        source.get("checkpoint")


class Busy(Slow):
    """A server that takes three requests and then asks to come again in two seconds."""

    def __init__(self, get: Get) -> None:
        super().__init__(get, 0.1)
        self.asked, self.waited = 0, [0.0]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked % 4 == 0:
            return httpx.Response(429, headers={"retry-after": "2"}, stream=httpx.ByteStream(b"later"))
        return super()._answer(request)

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.waited.append(seconds)


def test_a_server_that_is_asked_too_much_is_asked_again_when_it_says(public: Path) -> None:
    busy = Busy(DirectoryStore(public).get)
    report = verify(LogReader(busy.source(50), vkey=SIGNER.key))
    assert report.sound
    assert set(busy.waited) == {0.0, 2.0}
    busy = Busy(DirectoryStore(public).get)
    report = verify(LogReader(busy.source(5), vkey=SIGNER.key))
    assert (report.unfinished, report.problems) == (True, ())


def test_a_server_that_always_says_later_is_given_up() -> None:
    server = Slow(Endless().get, 0.1)
    waited: list[float] = []
    source = HttpSource(
        "http://example.org/log",
        exchanges=Exchanges(
            transport=httpx.MockTransport(
                lambda _: httpx.Response(429, headers={"retry-after": "9"}, stream=httpx.ByteStream(b""))
            )
        ),
        patience=Patience(clock=lambda: server.now_s),
        wait=waited.append,
    )
    with pytest.raises(StorageError, match="not asked for any more"):
        source.get("checkpoint")
    assert 1 <= len(waited) < 10
    for said in ("soon", "-1", "9999", "0", ""):
        answer = httpx.Response(429, headers={"retry-after": said}, stream=httpx.ByteStream(b""))
        exchanges = Exchanges(transport=httpx.MockTransport(lambda _, answer=answer: answer))
        with pytest.raises(StorageError, match="must answer 200, got 429"):
            HttpSource("http://example.org/log", exchanges=exchanges, wait=waited.append).get("checkpoint")


def test_a_watcher_goes_on_where_its_time_was_over(public: Path, tmp_path: Path) -> None:
    """A folder is never asked in vain, so that each visit reads one bundle where no time is left at all."""
    read = [watch(public, tmp_path, vkey=SIGNER.key, within_s=1e-9, now=datetime.now(UTC)) for _ in range(22)]
    assert [visit.read for visit in read[:3]] == [WIDTH, 2 * WIDTH, 3 * WIDTH]
    assert [visit.unread > 0 for visit in read] == [True] * 20 + [False] * 2
    assert {visit.problems for visit in read} == {()}
    assert read[0].bundles.looked == 1


def test_a_visit_has_its_time_in_shares() -> None:
    now = [100.0]
    time = VisitTime(50, lambda: now[0])
    for at, entries, old in ((100, False, False), (124, False, False), (126, True, False), (141, True, True)):
        now[0] = at
        assert (time.over(VisitTime.FOR_ENTRIES), time.over(VisitTime.FOR_OLD_BUNDLES)) == (entries, old)


def code(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def test_commands_end_in_their_time_with_a_code_of_their_own(
    endless: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code("register", "check", endless, "--within", 1) == 3
    told = capsys.readouterr().err
    assert "of the rest nothing is said" in told
    assert "more time: --within; `passerby register watch` keeps what it read" in told
    assert code("register", "check", endless, "--within", 1, "--json") == 3
    listed = json.loads(capsys.readouterr().out)
    assert (listed["unfinished"], listed["problems"]) == (True, [])
    assert code("register", "watch", endless, "--state", tmp_path / "state", "--within", 1) == 3
    assert code("register", "site", endless, "-o", tmp_path / "site", "--within", 1) == 3
    city = tmp_path / "city.geojson"
    camera = {
        "type": "Feature", "id": "node/1", "properties": {"man_made": "surveillance"},
        "geometry": {"type": "Point", "coordinates": [2.35, 48.85]},
    }  # fmt: skip
    city.write_text(json.dumps({"type": "FeatureCollection", "features": [camera]}))
    assert code("register", "compare", city, endless, "--within", 1) == 3
    assert code("register", "check", endless, "--within", 0) == 2


def test_pages_go_on_from_what_was_read_in_time(public: Path, tmp_path: Path) -> None:
    saved, sizes = tmp_path / "state.json", []
    for _ in range(9):
        source = Slow(DirectoryStore(public).get, 0.5).source(6)
        try:
            follower = LogFollower(LogReader(source, vkey=SIGNER.key), saved=saved)
        except UnfinishedError:
            sizes.append(json.loads(saved.read_text())["state"]["size"])
        else:
            assert follower.state.size == follower.reader.size
            break
    else:
        pytest.fail(f"it never ends: {sizes}")
    assert len(sizes) > 1
    assert sizes == sorted(set(sizes))


class Drips(BaseHTTPRequestHandler):
    """An object store that sends a byte now and then, and never all of them."""

    def do_GET(self) -> None:
        self.send_response(200)
        for name, value in (
            ("Content-Length", "100000"),
            ("ETag", '"1"'),
            ("Last-Modified", "Mon, 30 Nov 2026 00:00:00 GMT"),
        ):
            self.send_header(name, value)
        self.end_headers()
        try:
            while not OVER.wait(0.05):
                self.wfile.write(b"x")
        except OSError:
            OVER.set()

    def log_message(self, *_: object) -> None: ...


OVER = threading.Event()


def test_an_object_store_that_never_ends_is_read_for_so_long_and_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Drips)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    for name in ("AWS_ALLOW_HTTP", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "true")
    assert code("register", "check", "s3://bucket/log", "--vkey", SIGNER.key, "--within", 1) == 3
    assert "was read for 1 s, and is not read whole" in capsys.readouterr().err
    assert OVER.wait(20), "the request goes on"
    OVER.clear()
    state = ["--state", tmp_path / "state", "--vkey", SIGNER.key]
    assert code("register", "watch", "s3://bucket/log", *state, "--within", 1) == 3
    OVER.set()
    server.shutdown()
    server.server_close()


def test_the_time_of_an_object_store_is_that_of_all_its_files_together() -> None:
    seconds = iter((0.0, 1.0, 59.0, 61.0))
    backend = MemoryStore()
    backend.put("checkpoint", b"c")
    objects = TimedObjects(ObjectStore(backend, "memory://log"), 60, clock=lambda: next(seconds))
    assert objects.get("checkpoint") == b"c"
    assert objects.get("vkey") is None
    with pytest.raises(UnfinishedError, match=r"memory://log was read for 60 s, and is not read whole"):
        objects.get("checkpoint")
