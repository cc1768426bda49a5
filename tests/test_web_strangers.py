"""All at once, for seconds: strangers fill, drip, guess and grab; known people and programs are served all the while.

Ten minutes of it, over a gateway that runs cameras, is ``bench/strangers.py``.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from tests.gateway_site import PASSWORDS, ConsoleSite
from tests.gateway_tools import SMALL, Served, wait_for
from tests.rtsp_client import RtspClient
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from passerby.gateway.access.accounts import Role
from passerby.gateway.config import RtspConfig
from passerby.gateway.entrance.limits import RateLimit

HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX: "
BODY = b"POST /console/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\nname="
ROOM = 64


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    made = ConsoleSite(tmp_path_factory.mktemp("site"), most=ROOM)
    yield made
    made.close()


def viewer(site: ConsoleSite) -> httpx.Client:
    return httpx.Client(base_url=site.url, auth=("viewer", PASSWORDS[Role.VIEWER]), timeout=20)


@contextmanager
def meanwhile(*what: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do things in threads until the block ends."""
    over = threading.Event()
    with ThreadPoolExecutor(len(what)) as pool:
        done = [pool.submit(one, over) for one in what]
        try:
            yield
        finally:
            over.set()
        for one in done:
            one.result(20)


def hold(port: int, said: bytes, count: int, over: threading.Event) -> None:
    """Keep connections open that have said only this, and open each anew that is closed; drip while it lasts."""
    held: list[socket.socket] = []
    while not over.wait(0.1):
        for one in list(held):
            try:
                if said:
                    one.sendall(b"a")
                elif one.recv(1) == b"":
                    raise ConnectionResetError
            except BlockingIOError:
                continue
            except OSError:
                one.close()
                held.remove(one)
        while len(held) < count and not over.is_set():
            try:
                one = socket.create_connection(("127.0.0.1", port), 2)
                one.sendall(said)
                one.setblocking(False)
                held.append(one)
            except OSError:
                break
    for one in held:
        one.close()


def guess(site: ConsoleSite, over: threading.Event) -> None:
    with httpx.Client(base_url=site.url, timeout=20) as guesser:
        number = 0
        while not over.wait(0.02):
            number += 1
            guesser.get("/api/cameras", auth=("viewer", f"guess {number}"))


def test_known_people_are_served_while_strangers_fill_drip_and_guess(site: ConsoleSite) -> None:
    with viewer(site) as early:
        assert early.get("/api/cameras").status_code == 200
    waits: list[float] = []
    attacks = [
        lambda over: hold(site.port, HALF, 300, over),
        lambda over: hold(site.port, BODY, 100, over),
        lambda over: guess(site, over),
    ]
    with meanwhile(*attacks):
        wait_for(lambda: site.server.admission.displaced > ROOM)
        for _ in range(10):
            began = time.monotonic()
            assert httpx.get(site.url + "/healthz", timeout=10).status_code == 200
            waits.append(time.monotonic() - began)
            with viewer(site) as known:
                assert known.get("/api/cameras/hall/latest.jpg").status_code == 200
        with connect(site.url.replace("http", "ws") + "/live/hall", additional_headers=known_header()) as live:
            assert json.loads(live.recv(10))["codec"].startswith("avc1")
        assert len(site.server.admission) <= ROOM
    # strangers, server and this test share one interpreter here; the bench has the figure
    assert sorted(waits)[-2] < 5.0
    wait_for(lambda: len(site.server.admission) < ROOM // 2, 15)


def known_header() -> dict[str, str]:
    request = httpx.Request("GET", "http://x")
    next(httpx.BasicAuth("viewer", PASSWORDS[Role.VIEWER]).auth_flow(request))
    return {"Authorization": request.headers["Authorization"]}


def test_forty_pictures_at_once_with_the_right_password_are_forty_pictures(site: ConsoleSite) -> None:
    def picture(_: int) -> int:
        return httpx.get(
            site.url + "/api/cameras/hall/latest.jpg", auth=("operator", PASSWORDS[Role.OPERATOR]), timeout=30
        ).status_code

    with ThreadPoolExecutor(40) as pool:
        assert Counter(pool.map(picture, range(40))) == {200: 40}


def test_refusals_say_how_to_log_in_and_when_to_come_again(site: ConsoleSite) -> None:
    for path in ("/api/cameras", "/api/cameras/hall/latest.jpg", "/hls/hall/index.m3u8", "/metrics", "/api/access"):
        told = httpx.get(site.url + path)
        assert (told.status_code, told.headers["www-authenticate"]) == (401, 'Basic realm="Passerby", charset="UTF-8"')
        assert told.json()["error"] == "log in first"
        page = httpx.get(site.url + path, headers={"Sec-Fetch-Mode": "cors"})
        assert page.status_code == 401
        assert "www-authenticate" not in page.headers, "a browser would ask in a window of its own"
    auditor = httpx.get(site.url + "/hls/hall/index.m3u8", auth=("auditor", PASSWORDS[Role.AUDITOR]))
    assert auditor.status_code == 403
    with httpx.Client(base_url=site.url) as guesser:
        for number in range(14):
            told = guesser.get("/hls/hall/index.m3u8", auth=("somebody", f"guess {number}"))
        assert told.status_code == 429
        assert int(told.headers["retry-after"]) >= 1
        form = {"name": "somebody", "password": "one more guess"}
        told = guesser.post("/console/login", data=form)
        assert told.status_code == 429
        assert int(told.headers["retry-after"]) >= 1


def test_live_views_that_find_no_place_are_told_when_to_come_again(site: ConsoleSite) -> None:
    live = site.url.replace("http", "ws") + "/live/hall"
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connect(live, additional_headers=known_header())).recv(10)
        with pytest.raises(InvalidStatus) as refused:
            connect(live, additional_headers=known_header())
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "10"
    with pytest.raises(InvalidStatus) as refused:
        connect(live)
    assert refused.value.response.status_code == 401


def test_a_stranger_who_asks_without_end_waits_and_others_do_not(tmp_path: Path) -> None:
    site = ConsoleSite(tmp_path, strangers=RateLimit(20, 0.01))
    with viewer(site) as known, httpx.Client(base_url=site.url, timeout=20) as stranger:
        assert known.get("/api/cameras").status_code == 200
        found = [stranger.get("/checkpoint") for _ in range(30)]
        assert Counter(one.status_code for one in found)[429] >= 10
        assert int(found[-1].headers["Retry-After"]) >= 1
        nothing = {"Authorization": "Basic eDp5", "Cookie": "passerby=x"}
        assert stranger.get("/checkpoint", headers=nothing).status_code == 429, "what proves nothing changes nothing"
        assert stranger.get("/healthz").status_code == 200
        assert [known.get(path).status_code for path in ("/api/cameras", "/checkpoint", "/console/")] == [200] * 3
    site.close()


# RTSP


def test_idle_connections_keep_no_reader_out() -> None:
    served = Served(RtspConfig(port=0, max_connections=100))
    with meanwhile(lambda over: hold(served.server.port, b"", 420, over)):
        wait_for(lambda: served.server.admission.displaced > 100)
        for _ in range(20):
            with RtspClient(served.server.port) as reader:
                assert reader.ask("OPTIONS").startswith("RTSP/1.0 200")
                reader.log_in()
                assert reader.setup().startswith("RTSP/1.0 200")
    served.close()


def test_a_recorder_with_a_wrong_key_locks_out_no_neighbour() -> None:
    served = Served()
    with RtspClient(served.server.port) as before:
        before.log_in()
        for _ in range(21):
            with RtspClient(served.server.port, "wrong") as wrong:
                assert wrong.log_in().startswith("RTSP/1.0 401")
        assert served.server.gate.hasty("127.0.0.1")
        took_s = []
        for _ in range(3):  # a busy machine may be late once
            began = time.monotonic()
            with RtspClient(served.server.port) as right:
                assert right.log_in().startswith("RTSP/1.0 200")
            took_s.append(time.monotonic() - began)
        assert min(took_s) < 1.5, "only wrong keys are answered late"
        assert before.setup().startswith("RTSP/1.0 200")
    served.close()


def test_wrong_keys_end_their_own_connection() -> None:
    served = Served()
    with RtspClient(served.server.port, "wrong") as wrong:
        for _ in range(4):
            assert wrong.log_in().startswith("RTSP/1.0 401")
        assert wrong.log_in().startswith("RTSP/1.0 401")
        assert wrong.socket.recv(10) == b""
    served.close()


def test_one_account_cannot_take_all_sessions() -> None:
    served = Served(RtspConfig(port=0, max_readers=8), SMALL)
    with ExitStack() as stack:
        greedy = stack.enter_context(RtspClient(served.server.port))
        greedy.log_in()
        told = [greedy.setup() for _ in range(8)]
        assert [bool(re.match("RTSP/1.0 200", one)) for one in told] == [True] * 6 + [False] * 2
        assert told[-1].startswith("RTSP/1.0 503")
        assert "Retry-After: 30" in told[-1]
        other = stack.enter_context(RtspClient(served.server.port, user="guest"))
        other.log_in()
        assert other.setup().startswith("RTSP/1.0 200")
    wait_for(lambda: served.server.sessions == 0)
    served.close()
