"""The console behind reverse proxies: nginx and Caddy as the examples in deploy/ set them up, and proxies that nobody trusts."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway_site import PASSWORDS, TEXT, ConsoleSite
from tests.gateway_tools import certificate, wait_for
from tests.needs import chromium, program
from websockets.sync.client import connect
from websockets.typing import Origin

from passerby.errors import ConfigError
from passerby.gateway.access.accounts import Role
from passerby.gateway.config.load import parse_city
from passerby.web.proxies import ROOT, UNTRUSTED, BehindProxies, networks_of

DEPLOY = Path(__file__).parent.parent / "deploy"
VIEWER = {"name": "viewer", "password": PASSWORDS[Role.VIEWER]}
TRUSTING = TEXT.replace("max_viewers: 3", "max_viewers: 3, trusted_proxies: [127.0.0.1, 10.0.0.0/8]")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    made = ConsoleSite(tmp_path_factory.mktemp("site"), TRUSTING)
    yield made
    made.close()


@pytest.fixture(scope="module")
def distrusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    made = ConsoleSite(tmp_path_factory.mktemp("distrusting"))
    yield made
    made.close()


# what is believed


def told(headers: dict[str, str], peer: str = "127.0.0.1", kind: str = "http") -> dict[str, object]:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "client": (peer, 5), "scheme": "ws" if kind == "websocket" else "http", "headers": raw}
    trusted = networks_of(["127.0.0.1", "10.0.0.0/8"])

    async def nothing(*_: object) -> None:
        return None

    return dict(BehindProxies(nothing, trusted).told(scope))


ALL = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "cameras.example.org",
    "X-Forwarded-Prefix": "/cameras/",
    "Host": "127.0.0.1:18480",
}


def test_a_trusted_proxy_is_believed() -> None:
    found = told(ALL)
    assert found["client"] == ("203.0.113.9", 0)
    assert (found["scheme"], found[ROOT]) == ("https", "/cameras")
    assert (b"host", b"cameras.example.org") in found["headers"]  # type: ignore[operator]  # a list of pairs
    assert told(ALL, kind="websocket")["scheme"] == "wss"


@pytest.mark.parametrize("peer", ["192.0.2.1", "::1", "", "somewhere", "11.0.0.1"])
def test_anybody_else_is_not(peer: str) -> None:
    found = told(ALL, peer)
    assert found["client"] == (peer, 5)
    assert found["scheme"] == "http"
    assert ROOT not in found
    assert found[UNTRUSTED] == peer


@pytest.mark.parametrize(
    ("chain", "visitor"),
    [
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("10.1.2.3", "10.1.2.3"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("203.0.113.9, unknown", "127.0.0.1"),
        ("<script>", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_the_visitor_is_the_last_in_the_chain_that_is_no_proxy_of_ours(chain: str, visitor: str) -> None:
    client = told({"X-Forwarded-For": chain})["client"]
    assert isinstance(client, tuple)
    assert client[0] == visitor


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60))
def test_whatever_a_proxy_says_is_plain_or_nothing(text: str) -> None:
    raw = [(name.lower().encode(), text.encode("latin-1")) for name in ALL]
    scope = {"type": "http", "client": ("127.0.0.1", 5), "scheme": "http", "headers": raw}

    async def nothing(*_: object) -> None:
        return None

    found = BehindProxies(nothing, networks_of(["127.0.0.1"])).told(scope)
    assert re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)*", found.get(ROOT, ""))
    assert found["scheme"] in {"http", "https"}


def test_a_network_that_is_none_is_refused_with_its_line() -> None:
    with pytest.raises(ConfigError, match="must be an address or network"):
        parse_city(TEXT.replace("max_viewers: 3", "trusted_proxies: [everywhere]"), Path("/x/city.yml"))


# a console that is told


def test_pages_links_and_cookies_stand_below_the_prefix_and_over_tls(site: ConsoleSite) -> None:
    with httpx.Client(base_url=site.url, headers=ALL | {"Host": "cameras.example.org"}, timeout=20) as browser:
        away = browser.get("/console/events")
        assert (away.status_code, away.headers["location"]) == (303, "/cameras/console/login?next=/console/events")
        answer = browser.post(
            "/console/login",
            data=VIEWER | {"next": "/console/events"},
            headers={"Origin": "https://cameras.example.org"},
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/cameras/console/events")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Secure-passerby=")
        assert "Path=/cameras/" in cookie
        assert "Secure" in cookie
        token = {"Cookie": cookie.partition(";")[0]}
        for path in ("", "camera/hall", "events", "me"):
            page = browser.get("/console/" + path, headers=token)
            assert page.status_code == 200, page.text
            links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
            assert links
            assert [link for link in links if not link.startswith("/cameras/")] == []
            assert 'data-root="/cameras"' in page.text
    assert "203.0.113.9" in {line.address for line in site.runtime.access.lines()}


def test_a_login_over_tls_alone_has_the_cookie_of_this_host(site: ConsoleSite) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    answer = httpx.post(site.url + "/console/login", data=VIEWER, headers=headers)
    assert answer.headers["set-cookie"].startswith("__Host-passerby=")
    assert "Path=/;" in answer.headers["set-cookie"]


def test_guesses_of_one_visitor_slow_no_other_behind_the_same_proxy(site: ConsoleSite) -> None:
    def status(address: str, password: str) -> int:
        auth = ("operator", password)
        return httpx.get(site.url + "/api/cameras", auth=auth, headers={"X-Forwarded-For": address}).status_code

    found = [status("203.0.113.66", f"wrong {number}") for number in range(16)]
    assert found[:12] == [401] * 12
    assert 429 in found
    assert status("203.0.113.7", PASSWORDS[Role.OPERATOR]) == 200


def test_a_proxy_that_is_not_trusted_is_named_where_it_goes_wrong(distrusting: ConsoleSite) -> None:
    site = distrusting
    headers = {"Origin": "https://cameras.example.org", "X-Forwarded-For": "203.0.113.9"}
    answer = httpx.post(site.url + "/console/login", data=VIEWER, headers=headers)
    assert answer.status_code == 403
    assert "a proxy at 127.0.0.1" in answer.text
    assert "server.trusted_proxies" in answer.text
    del headers["X-Forwarded-For"]
    answer = httpx.post(site.url + "/console/login", data=VIEWER, headers=headers)
    assert "must pass the Host header on" in answer.text
    good = httpx.post(site.url + "/console/login", data=VIEWER)
    assert good.headers["set-cookie"].startswith("passerby=")


def test_the_address_that_people_use_is_its_own_page_whatever_host_the_proxy_tells(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    text = TEXT.replace("max_viewers: 3", 'max_viewers: 3, url: "https://cameras.example.org/cameras"')
    site = ConsoleSite(tmp_path_factory.mktemp("named"), text)
    for origin, status in [
        ("https://cameras.example.org", 303),
        ("http://cameras.example.org", 403),
        ("https://evil.example", 403),
    ]:
        assert httpx.post(site.url + "/console/login", data=VIEWER, headers={"Origin": origin}).status_code == status
    site.close()


# real proxies


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@contextmanager
def nginx(site: ConsoleSite, folder: Path) -> Iterator[str]:
    port = free_port()
    cert, key = certificate(folder)
    example = (DEPLOY / "nginx.conf").read_text()
    mapping = re.search(r"^# (map .*)$", example, re.MULTILINE)
    assert mapping
    temporary = "".join(
        f"{one}_temp_path {folder}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/errors; events {{ worker_connections 128; }}\n"
        f"http {{ access_log off; {temporary} {mapping[1]}\n"
        f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {cert}; ssl_certificate_key {key};\n"
        f"{example.replace('127.0.0.1:18480', f'127.0.0.1:{site.port}')} }} }}\n"
    )
    with running(
        [program("nginx", "/usr/sbin/nginx"), "-e", str(folder / "errors"), "-c", str(folder / "nginx.conf")], port
    ):
        yield f"https://127.0.0.1:{port}/cameras"


@contextmanager
def caddy(site: ConsoleSite, folder: Path) -> Iterator[str]:
    port = free_port()
    cert, key = certificate(folder)
    example = (DEPLOY / "Caddyfile").read_text()
    example = example.replace("cameras.example.org {", f"https://127.0.0.1:{port} {{\n\ttls {cert} {key}")
    example = example.replace("127.0.0.1:18480", f"127.0.0.1:{site.port}")
    options = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}/caddy\n}}\n"
    (folder / "Caddyfile").write_text(options + example)
    command = [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with running(command, port):
        yield f"https://127.0.0.1:{port}/cameras"


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    def listens() -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens() or process.poll() is not None)
        assert process.poll() is None
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.tool
@pytest.mark.parametrize("proxy", [nginx, caddy], ids=["nginx", "caddy"])
def test_the_examples_serve_pages_pictures_and_live_views(site: ConsoleSite, proxy: object, tmp_path: Path) -> None:
    assert callable(proxy)
    with proxy(site, tmp_path) as url, httpx.Client(verify=False, timeout=20) as browser:  # noqa: S501  # our own certificate
        host = url.removesuffix("/cameras")
        away = browser.get(url + "/console/")
        assert away.headers["location"] == "/cameras/console/login?next=/console/"
        answer = browser.post(
            url + "/console/login", data=VIEWER, headers={"Origin": host, "X-Forwarded-For": "198.51.100.5"}
        )
        assert answer.status_code == 303, answer.text
        assert answer.headers["set-cookie"].startswith("__Secure-passerby=")
        page = browser.get(url + "/console/")
        assert page.status_code == 200
        for address in re.findall(r'(?:src|href)="(/cameras/console/(?:static|live)/[^"]+)"', page.text):
            assert browser.get(host + address).status_code == 200
        assert browser.get(url + "/api/cameras/hall/latest.jpg").headers["content-type"] == "image/jpeg"
        assert browser.get(url + "/hls/hall/index.m3u8").status_code == 200
        assert "Example City" in browser.get(url + "/").text
        cookie = {"Cookie": "; ".join(f"{key}={value}" for key, value in browser.cookies.items())}
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        live = url.replace("https", "wss") + "/live/hall"
        with connect(live, additional_headers=cookie, ssl=trusting, origin=Origin(host)) as one:
            assert json.loads(one.recv(10))["codec"].startswith("avc1")
    addresses = {line.address for line in site.runtime.access.lines(user="viewer", most=5)}
    assert addresses == {"127.0.0.1"}, "what a visitor wrote into the header is dropped"


@pytest.mark.browser
def test_the_wall_works_in_a_browser_below_a_prefix(site: ConsoleSite, tmp_path: Path) -> None:
    with nginx(site, tmp_path) as url, chromium("--autoplay-policy=no-user-gesture-required") as browser:
        page = browser.new_context(ignore_https_errors=True).new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.goto(url + "/console/events")
        page.fill("#name", VIEWER["name"])
        page.fill("#password", VIEWER["password"])
        page.keyboard.press("Enter")
        page.wait_for_url(url + "/console/events")
        page.goto(url + "/console/")
        wait_for(lambda: page.evaluate("document.querySelector('video').currentTime") > 0.5)
        page.wait_for_selector("body[data-seen=yes]")
        assert wrong == []
