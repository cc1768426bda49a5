"""Who is let in at the desk: no other name, no other page, no other user, and the address once."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.desk_site import DeskSite, desk_site

from passerby.languages import LANGUAGES
from passerby.web.desk.door import HEADERS
from passerby.web.desk.entry import CHANGES, DeskEntry, desk_name
from passerby.web.desk.pages import desk_words
from passerby.web.desk.peers import is_own_program
from passerby.web.desk.server import loopback_port


@pytest.fixture
def site() -> Iterator[DeskSite]:
    with desk_site() as made:
        yield made


def path_of(site: DeskSite) -> str:
    return site.address.removeprefix(site.entry.origin)


def test_the_address_lets_one_browser_in_once(site: DeskSite) -> None:
    with site.stranger() as first, site.stranger() as second:
        assert first.get("/").status_code == 403
        answer = first.get(path_of(site))
        assert answer.status_code == 200
        assert 'content="0;url=/"' in answer.text, "the page goes on by itself, so that the cookie comes along"
        cookie = answer.headers["set-cookie"]
        assert "httponly" in cookie.lower()
        assert "samesite=strict" in cookie.lower()
        assert "expires" not in cookie.lower(), "it is gone with the browser's window"
        again = second.get(path_of(site))
        assert again.status_code == 403
        assert "used already" in again.text
        assert site.entry.used_twice
        assert "set-cookie" not in again.headers


def test_a_wrong_token_lets_nobody_in_and_leaves_the_right_one(site: DeskSite) -> None:
    with site.stranger() as asked:
        assert asked.get("/enter/guess").status_code == 403
        assert asked.head(path_of(site)).status_code == 403, "looking at the address does not use it up"
        assert asked.post(path_of(site)).status_code == 403
    with site.client() as let_in:
        assert let_in.get("/").status_code == 200


def test_another_name_that_leads_here_is_refused(site: DeskSite) -> None:
    """DNS rebinding: a page of evil.example whose name comes to mean this machine."""
    with site.client() as let_in:
        for host in ("evil.example", f"evil.example:{site.port}", f"127.0.0.1:{site.port}", "localhost", ""):
            refused = let_in.get("/", headers={"host": host})
            assert refused.status_code == 403, host
            assert "Choose" not in refused.text
        assert let_in.get("/").status_code == 200


def test_another_site_s_page_changes_nothing_and_reads_nothing(site: DeskSite) -> None:
    with site.client() as let_in:
        for headers in (
            {CHANGES: ""},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"origin": f"http://127.0.0.1:{site.port}"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ):
            refused = let_in.post("/api/end", headers=headers)
            assert refused.status_code == 403, headers
            assert set(refused.json()) == {"error", "hint"}
        assert not site.ended.is_set()
        assert let_in.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 403
        assert let_in.get("/", headers={"sec-fetch-site": "same-origin"}).status_code == 200
        assert let_in.post("/api/end").json() == {"ended": True}
        assert site.ended.is_set()


def test_every_answer_is_kept_nowhere_and_loads_nothing_from_elsewhere(site: DeskSite) -> None:
    with site.client() as let_in, site.stranger() as stranger:
        for answer in (
            let_in.get("/"),
            let_in.get("/static/desk.js"),
            let_in.get("/nothing"),
            let_in.get("/api/nothing"),
            stranger.get("/"),
            stranger.get("/enter/guess"),
        ):
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS, answer.url
            assert "'unsafe" not in answer.headers["content-security-policy"]
            assert "server" not in answer.headers or "uvicorn" in answer.headers["server"]


def test_a_name_of_its_own_so_that_other_servers_of_the_machine_never_get_the_cookie() -> None:
    names = {desk_name("linux") for _ in range(3)}
    assert len(names) == 3
    assert all(name.endswith(".localhost") for name in names)


def line(local: int, remote: int, user: int) -> str:
    return f"   0: 0100007F:{local:04X} 0100007F:{remote:04X} 01 00000000:00000000 00:00000000 00000000 {user:>5}        0 1 1"


def test_a_program_of_another_user_is_told_apart(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    table.write_text(
        "\n".join(
            ["  sl  local_address ...", line(40000, 5000, 1000), line(40001, 5000, 1001), line(40002, 6000, 1001)]
        )
    )
    assert is_own_program(40000, 5000, tables=[table], user=1000)
    assert not is_own_program(40001, 5000, tables=[table], user=1000)
    assert not is_own_program(40001, 5000, tables=[tmp_path / "none", table], user=1000), "one of them may be missing"
    assert is_own_program(40002, 5000, tables=[table], user=1000), "that one is connected to something else"
    assert is_own_program(40000, 5000, tables=[tmp_path / "none"], user=1000), "where nobody can tell"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells")
def test_the_system_says_whose_a_connection_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as ours:
        ports = ours.getsockname()[1], listener.getsockname()[1]
        assert is_own_program(*ports)
        assert not is_own_program(*ports, user=os.getuid() + 1)


@pytest.mark.skipif(not Path("/proc/net/tcp6").exists(), reason="only Linux tells, and only with IPv6")
def test_a_program_that_comes_through_a_socket_of_ipv6_is_told_apart_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_INET6) as theirs:
        port = listener.getsockname()[1]
        theirs.connect(("::ffff:127.0.0.1", port))
        ports = theirs.getsockname()[1], port
        assert is_own_program(*ports)
        assert not is_own_program(*ports, user=os.getuid() + 1)


def test_who_is_another_user_is_refused_with_the_right_token() -> None:
    entry = DeskEntry("desk.localhost:1", is_own=lambda _: False)

    with desk_site() as site:
        site.entry.is_own = entry.is_own
        with site.stranger() as stranger:
            refused = stranger.get(path_of(site))
        assert refused.status_code == 403
        assert "another user" in refused.text
        assert not site.entry.used_twice


def test_nobody_else_can_answer_on_the_same_port_under_the_other_family() -> None:
    with loopback_port() as listener:
        host, port = listener.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(OSError) as caught, socket.socket(socket.AF_INET6) as other:
            other.bind(("::1", port))
        assert caught.value.errno in {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def test_every_language_has_the_same_texts_and_a_browser_gets_its_own(site: DeskSite) -> None:
    keys = [set(desk_words(language).table) for language in LANGUAGES]
    assert all(found == keys[0] for found in keys)
    with site.client() as let_in:
        for language in LANGUAGES:
            page: httpx.Response = let_in.get("/", headers={"accept-language": language})
            assert page.headers["content-language"] == language
            assert f'<html lang="{language}">' in page.text
            assert desk_words(language).text("choose.title") in page.text
