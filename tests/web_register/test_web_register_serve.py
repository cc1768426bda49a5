from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import VerificationError
from passerby.register import Log, Policy, Proof, Remark, VerifierKey, encode_entry, require
from passerby.values import is_loopback
from passerby.web.listening import server_config
from passerby.web.register.follow import LogFollower
from passerby.web.register.server import answer, register_app

if TYPE_CHECKING:
    from tests.web_register.conftest import City

PAGES = ["/", "/fr/", "/c/" + "0" * 31 + "1/", "/de/c/" + "0" * 31 + "1/sign.html", "/verify.html", "/feed.atom"]
LOG = ["/checkpoint", "/vkey", "/policy", "/tile/0/000.p/98", "/tile/entries/000.p/98", "/proof/3", "/entry/3.json"]


@pytest.fixture
def log(city_now: City, tmp_path: Path) -> tuple[Path, str, City]:
    city = city_now.usual()
    return tmp_path / "log", city.write(tmp_path / "log"), city


@pytest.fixture
def client(log: tuple[Path, str, City], serving: Callable[..., AbstractContextManager[str]]) -> Iterator[httpx.Client]:
    follower = LogFollower(log[0], vkey=log[1], fresh_s=0, check_every_s=0)
    with serving(register_app(follower)) as address, httpx.Client(base_url=address) as made:
        yield made


def get_raw(client: httpx.Client, path: str) -> tuple[int, str]:
    """Ask for a path exactly as spelled."""
    connection = HTTPConnection(client.base_url.host, client.base_url.port or 80, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_everything_that_is_served_has_the_headers_that_keep_readers_safe(client: httpx.Client) -> None:
    for path in [*PAGES, *LOG, "/none"]:
        answer = client.get(path)
        headers = answer.headers
        assert headers["content-security-policy"].startswith("default-src 'none'"), path
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["access-control-allow-origin"] == "*"
        assert "set-cookie" not in headers
        assert "server" not in headers, "uvicorn is told not to name itself"


def test_content_types_are_right(client: httpx.Client) -> None:
    wanted = {
        "/": "text/html; charset=utf-8", "/feed.atom": "application/atom+xml; charset=utf-8",
        "/checkpoint": "text/plain; charset=utf-8",
        "/tile/0/000.p/98": "application/octet-stream", "/proof/3": "text/plain; charset=utf-8",
        "/entry/3.json": "application/json",
        "/static/register/page.css": "text/css; charset=utf-8", "/static/register/log.js": "text/javascript; charset=utf-8",
        "/c/" + "0" * 31 + "1/sign.svg": "image/svg+xml",
    }  # fmt: skip
    for path, media_type in wanted.items():
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type), path


def test_tiles_may_be_kept_for_ever_and_the_checkpoint_never(client: httpx.Client) -> None:
    assert client.get("/checkpoint").headers["cache-control"] == "no-store"
    assert client.get("/tile/0/000.p/98").headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/").headers["cache-control"] == "no-cache"


def test_unchanged_content_is_not_sent_again(client: httpx.Client) -> None:
    for path in ("/verify.html", "/entry/3.json", "/tile/0/000.p/98", "/proof/3"):
        tag = client.get(path).headers["etag"]
        assert tag.startswith('W/"'), "the same for every encoding"
        again = client.get(path, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content) == (304, b""), path
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_head_answers_as_get_without_content(client: httpx.Client) -> None:
    for path in [*PAGES, *LOG[:-2]]:
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b""), path
        assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(client: httpx.Client, method: str) -> None:
    assert client.request(method, "/").status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/private/key", "/../private/key", "/tile/../../private/key", "/tile/0/..%2f..%2f..%2fprivate/key",
        "/%2e%2e/private/key",
        "/tile/0/000.p/0", "/tile/64/000", "/tile/0/0000", "/static/register/../../register_serve.py",
        "/checkpoint/", "//etc/passwd",
        "/proof/01", "/proof/99999", "/proof/-1", "/entry/99999.json",
        "/proof/9999999999999999", "/c/%00/", "/.register-state.json",
    ],
)  # fmt: skip
def test_only_the_log_and_its_pages_are_served(client: httpx.Client, path: str) -> None:
    status, text = get_raw(client, path)
    assert status == 404
    assert "Nothing stands here" in text


def test_any_path_has_an_answer(log: tuple[Path, str, City]) -> None:
    follower = LogFollower(log[0])
    start = st.sampled_from(
        ["", "c/", "fr/", "proof/", "entry/", "tile/0/", "static/register/", "c/" + "0" * 31 + "1/"]
    )

    @settings(max_examples=200, deadline=None)
    @given(start, st.text(max_size=40))
    def check(begin: str, rest: str) -> None:
        found = answer(follower, begin + rest, "en")
        assert found.status in {200, 404}
        assert found.document.body

    check()


def test_very_long_paths_are_refused(client: httpx.Client) -> None:
    assert client.get("/" + "a" * 5000).status_code == 414


@pytest.mark.parametrize("path", ["/c/" + "0" * 31 + "1", "/fr", "/de/c/" + "0" * 31 + "1", "/part/2"])
def test_folders_are_found_without_their_slash(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (308, f"{path}/")


def test_language_follows_the_browser_where_the_path_names_none(client: httpx.Client) -> None:
    french = client.get("/", headers={"Accept-Language": "fr-BE,fr;q=0.9"})
    assert (french.headers["content-language"], french.headers["vary"]) == ("fr", "Accept-Language, Accept-Encoding")
    assert "Caméras :" in french.text.replace("\u00a0", " ")
    german = client.get("/de/", headers={"Accept-Language": "fr"})
    assert german.headers["content-language"] == "de"
    assert german.headers["vary"] == "Accept-Encoding"


def test_bundles_and_files_are_compressed_for_who_takes_it(client: httpx.Client) -> None:
    for path in ("/tile/entries/000.p/98", "/verify.html"):
        packed = client.get(path)
        bare = client.get(path, headers={"Accept-Encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip", path
        assert "content-encoding" not in bare.headers
        assert packed.content == bare.content
        assert int(packed.headers["content-length"]) < len(bare.content) / 2
        assert packed.headers["vary"].endswith("Accept-Encoding")


def test_served_proof_shows_the_entry_under_the_logs_key(client: httpx.Client, log: tuple[Path, str, City]) -> None:
    policy = Policy(logs=(VerifierKey.parse(log[1]),))
    for index in (0, 3, 97):
        proof = Proof.parse(client.get(f"/proof/{index}").content)
        assert require(proof, log[2].entries[index], policy).index == index
        assert client.get(f"/entry/{index}.json").content == encode_entry(log[2].entries[index])


def test_new_entries_show_at_the_next_look(client: httpx.Client, log: tuple[Path, str, City]) -> None:
    city = log[2]
    path = f"/c/{city.name(3)}/"
    assert 'data-light="new"' in client.get(path).text
    with Log.open(log[0]) as writer:
        city.start(3, 30)
        writer.append(city.entries[-1])
    assert 'data-light="on"' in client.get(path).text


def test_log_that_was_rolled_back_is_an_alarm_and_not_believed(
    client: httpx.Client, log: tuple[Path, str, City], tmp_path: Path
) -> None:
    shutil.copytree(log[0] / "public", tmp_path / "old")
    with Log.open(log[0]) as writer:
        writer.append(log[2].start(3, 30).entries[-1])
    assert 'role="alert"' not in client.get("/").text
    shutil.rmtree(log[0] / "public")
    shutil.copytree(tmp_path / "old", log[0] / "public")
    page = client.get("/").text
    assert "rolled back, rewritten or damaged" in page
    assert 'role="alert"' in client.get("/fr/").text


def test_log_that_cannot_be_read_is_said_and_the_pages_stay(client: httpx.Client, log: tuple[Path, str, City]) -> None:
    (log[0] / "public" / "checkpoint").unlink()
    answer = client.get("/")
    assert answer.status_code == 200
    assert "The register cannot be read at present." in answer.text


def test_log_with_a_damaged_entry_is_not_shown(log: tuple[Path, str, City]) -> None:
    bundle = log[0] / "public" / "tile" / "entries" / "000.p" / "98"
    data = bytearray(bundle.read_bytes())
    data[-3] ^= 1
    bundle.unlink()
    bundle.write_bytes(bytes(data))
    with pytest.raises(VerificationError, match="root"):
        LogFollower(log[0], vkey=log[1])


def test_no_line_is_kept_about_visitors(
    client: httpx.Client, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = set(tmp_path.rglob("*"))
    for path in [*PAGES, *LOG, "/none"]:
        client.get(path, headers={"User-Agent": "somebody", "X-Forwarded-For": "203.0.113.9"})
    out, err = capfd.readouterr()
    assert "somebody" not in out + err
    assert "203.0.113.9" not in out + err
    assert set(tmp_path.rglob("*")) == before


def test_server_is_told_to_keep_no_log_and_trust_no_proxy(log: tuple[Path, str, City]) -> None:
    config = server_config(register_app(LogFollower(log[0])))
    assert (config.access_log, config.proxy_headers, config.server_header) == (False, False, False)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104  # never bound
        ("::", False),
        ("cameras.example", False),
    ],
)
def test_addresses_of_this_machine_are_known(host: str, here: bool) -> None:
    assert is_loopback(host) is here


def test_partial_tile_of_an_older_checkpoint_can_still_be_read(client: httpx.Client) -> None:
    size = int(client.get("/checkpoint").text.splitlines()[1])
    assert re.fullmatch(rb".{%d}" % (32 * size), client.get(f"/tile/0/000.p/{size}").content, re.S)


def test_pages_and_proofs_hold_while_the_log_is_being_written(city: City, tmp_path: Path) -> None:
    city.operator()
    with Log.create(tmp_path / "busy", origin="busy.example/log") as writer:
        writer.append_many(city.entries)
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                writer.append_many([Remark(at=city.begin, text="again")] * 7)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            follower = LogFollower(tmp_path / "busy", check_every_s=0)
            until = time.monotonic() + 3
            while follower.reader.size < 600 and time.monotonic() < until:
                assert follower.document("index.html", "en")
                assert follower.trouble is None
                Proof.parse(follower.proof(follower.reader.size - 1))
        finally:
            stop.set()
            thread.join()
    assert follower.state.size == follower.reader.size > 7
