from __future__ import annotations

import gc
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import jsonschema
import pytest
from tests.gateway_site import PASSWORDS, TEXT, ConsoleSite, city_in
from tests.gateway_tools import wait_for
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from passerby.gateway.access.accounts import ROLE_RIGHTS, Right, Role
from passerby.gateway.last_minute import LastMinute
from passerby.gateway.states import CameraStatus, Event, EventKind, Phase, WorkerCounts
from passerby.gateway.values import CoverReason
from passerby.web.console.api import event_row
from passerby.web.console.guard import HEADERS
from passerby.web.console.pages import sentence

NAMES = {role: "chief" if role is Role.ADMIN else str(role) for role in Role}
STREAMS = {
    "/api/cameras/{name}/latest.jpg",
    "/api/cameras/{name}/recordings",
    "/api/cameras/{name}/clip.mp4",
    "/hls/{name}/{file}",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    made = ConsoleSite(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


def client(site: ConsoleSite, role: Role | None = None) -> httpx.Client:
    auth = (NAMES[role], PASSWORDS[role]) if role else None
    return httpx.Client(base_url=site.url, auth=auth, timeout=20)


@contextmanager
def log_in(site: ConsoleSite, role: Role) -> Iterator[httpx.Client]:
    with client(site) as browser:
        answer = browser.post("/console/login", data={"name": NAMES[role], "password": PASSWORDS[role]})
        assert answer.status_code == 303, answer.text
        yield browser


def csrf_of(browser: httpx.Client) -> str:
    found = re.search(r'name="csrf" content="([^"]+)"', browser.get("/console/").text)
    assert found
    return found[1]


def filled(path: str) -> str:
    return path.replace("{name}", "hall").replace("{file}", "index.m3u8")


def test_nothing_is_told_to_somebody_without_a_login(site: ConsoleSite) -> None:
    with client(site) as nobody:
        for path, methods in nobody.get("/openapi.json").json()["paths"].items():
            for method, one in methods.items():
                if not one["security"]:
                    continue
                answer = nobody.request(method, filled(path))
                assert answer.status_code in {401, 403}, path
                assert b"jfif" not in answer.content[:64].lower()
        for path in ("/console/", "/console/events", "/console/camera/hall", "/console/access"):
            answer = nobody.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/console/login")


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_the_table_says_and_nothing_else(site: ConsoleSite, role: Role) -> None:
    with client(site, role) as one:
        for path, methods in one.get("/openapi.json").json()["paths"].items():
            for method, told in methods.items():
                right = told.get("x-right")
                if right is None or method != "get" or (path == "/hls/{name}/{file}" and role is not Role.AUDITOR):
                    continue
                answer = one.get(filled(path))
                if Right(right) in ROLE_RIGHTS[role]:
                    assert answer.status_code not in {401, 403}, (path, answer.text)
                else:
                    assert answer.status_code in {401, 403}, path


def test_changes_are_refused_to_those_who_may_not(site: ConsoleSite) -> None:
    with client(site, Role.VIEWER) as viewer, client(site, Role.AUDITOR) as auditor:
        for one in (viewer, auditor):
            assert one.post("/api/cameras/hall/cover", json={"on": True}).status_code == 403
            assert (
                one.post("/api/accounts", json={"name": "x", "role": "admin", "password": "p" * 12}).status_code == 403
            )
            assert one.post("/api/reload").status_code == 403
        assert auditor.post("/api/me/stream-key").status_code == 403
        with pytest.raises(InvalidStatus):
            connect(site.url.replace("http", "ws") + "/live/hall")


def test_headers_are_strict_on_every_answer(site: ConsoleSite) -> None:
    with client(site, Role.ADMIN) as admin:
        for path in ("/console/login", "/api/cameras", "/api/nothing", "/console/events", "/openapi.json"):
            answer = admin.get(path, follow_redirects=False)
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, (path, name)
        assert "server" not in admin.get("/api/cameras").headers


def test_pages_load_nothing_from_elsewhere_and_escape_names(site: ConsoleSite) -> None:
    with log_in(site, Role.ADMIN) as browser:
        for path in ("", "camera/hall", "events", "access", "accounts", "me", "camera/hall/recordings"):
            page = browser.get(f"/console/{path}")
            assert page.status_code == 200, page.text
            assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page.text)
            assert not re.findall(r"<script(?! src=)|style=|<style| on[a-z]+=", page.text), "the policy would block it"
        assert "Hall &lt;&amp;&gt; &#39;one&#39;" in browser.get("/console/").text


def test_every_file_that_a_page_names_is_there(site: ConsoleSite) -> None:
    with log_in(site, Role.ADMIN) as browser:
        page = browser.get("/console/").text
        for address in re.findall(r'(?:src|href)="(/console/(?:static|live)/[^"]+)"', page):
            assert browser.get(address).status_code == 200


def test_login_is_a_cookie_that_scripts_cannot_read(site: ConsoleSite) -> None:
    with client(site) as browser:
        answer = browser.post("/console/login", data={"name": "viewer", "password": PASSWORDS[Role.VIEWER]})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/console/").status_code == 200


def test_wrong_password_and_unknown_name_are_told_alike(site: ConsoleSite) -> None:
    with client(site) as browser:
        texts = set()
        for name, password in (("viewer", "wrong password"), ("nobody", "wrong password")):
            answer = browser.post("/console/login", data={"name": name, "password": password})
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers
            texts.add(answer.text)
        assert len(texts) == 1


def test_login_goes_on_to_own_pages_only(site: ConsoleSite) -> None:
    with client(site) as browser:
        for after, wanted in (
            ("/console/events", "/console/events"),
            ("//evil.example", "/console/"),
            ("https://evil.example/console/", "/console/"),
        ):
            told = {"name": "viewer", "password": PASSWORDS[Role.VIEWER], "next": after}
            assert browser.post("/console/login", data=told).headers["location"] == wanted


def test_forged_requests_are_refused(site: ConsoleSite) -> None:
    with log_in(site, Role.OPERATOR) as browser:
        told = {"on": True}
        assert browser.post("/api/cameras/hall/cover", json=told).status_code == 403, "no token"
        wrong = {"X-CSRF-Token": "x" * 32}
        assert browser.post("/api/cameras/hall/cover", json=told, headers=wrong).status_code == 403
        right = {"X-CSRF-Token": csrf_of(browser)}
        other = right | {"Origin": "https://evil.example"}
        assert browser.post("/api/cameras/hall/cover", json=told, headers=other).status_code == 403
        assert (
            browser.post(
                "/api/cameras/hall/cover", json=told, headers=right | {"Sec-Fetch-Site": "cross-site"}
            ).status_code
            == 403
        )
        assert browser.post("/api/cameras/hall/cover", json={"on": False}, headers=right).status_code == 200
        login = {"name": "viewer", "password": PASSWORDS[Role.VIEWER]}
        assert httpx.post(site.url + "/console/login", data=login, headers={"Origin": "null"}).status_code == 403


def test_another_sites_page_cannot_open_the_live_view(site: ConsoleSite) -> None:
    with log_in(site, Role.VIEWER) as browser:
        cookie = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
        live = site.url.replace("http", "ws") + "/live/hall"
        with pytest.raises(InvalidStatus):
            connect(live, additional_headers={"Cookie": cookie}, origin=Origin("https://evil.example"))
        with connect(live, additional_headers={"Cookie": cookie}, origin=Origin(site.url)) as socket:
            assert json.loads(socket.recv(10))["codec"].startswith("avc1")


def test_live_views_are_bounded_and_written_into_the_access_log(
    site: ConsoleSite, caplog: pytest.LogCaptureFixture
) -> None:
    with log_in(site, Role.VIEWER) as browser:
        cookie = {"Cookie": "; ".join(f"{key}={value}" for key, value in browser.cookies.items())}
        live = site.url.replace("http", "ws") + "/live/hall"
        wait_for(lambda: site.camera.live.viewers == 0)
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(connect(live, additional_headers=cookie)).recv(10)
            with pytest.raises((InvalidStatus, ConnectionClosed)), connect(live, additional_headers=cookie) as one:
                one.recv(5)
        lines = [(line.what, line.user, line.camera, line.detail) for line in site.runtime.access.lines()]
        assert ("watch", "viewer", "hall", "browser") in lines
        wait_for(lambda: any(line.what == "watch-end" for line in site.runtime.access.lines()))
        browser.get("/api/cameras/hall/latest.jpg")
        assert ("watch", "viewer", "snapshot") in [
            (line.what, line.user, line.detail) for line in site.runtime.access.lines()
        ]
    wait_for(lambda: site.camera.live.viewers == 0)
    # what nobody waited for complains when it is collected
    gc.collect()
    assert not [record for record in caplog.records if record.name == "asyncio"]


def test_load_is_the_share_of_a_core_over_a_minute_and_restarts_do_not_count() -> None:
    minute = LastMinute()
    for at_s, tracks, cpu_s in [(30.0, 0, 0.0), (100.0, 0, 1.0), (110.0, 2, 4.0), (120.0, 2, 0.5), (130.0, 3, 2.5)]:
        minute.note([CameraStatus("hall", Phase.VEILED, counts=WorkerCounts(tracks=tracks, cpu_s=cpu_s))], at_s)
    assert minute.cores("hall") == pytest.approx(5.0 / 30)
    assert minute.faces("hall") == 3
    assert minute.cores("none") == 0.0


def test_events_are_told_in_words() -> None:
    at = time.time_ns()
    told = [
        Event(EventKind.PHASE, "hall", at, reason=CoverReason.START, detail="starting start"),
        Event(EventKind.PHASE, "hall", at, detail="veiled"),
        Event(EventKind.PHASE, "hall", at, reason=CoverReason.CLOCK, detail="covered clock_jump"),
        Event(EventKind.PHASE, "hall", at, ok=False, detail="process ended: exit code -9"),
        Event(EventKind.STARTED, "hall", at),
    ]
    assert [sentence(event_row(event)) for event in told] == [
        CoverReason.START.words,
        "veiled",
        f"covered whole: {CoverReason.CLOCK.words}",
        "process ended: exit code -9",
        "started",
    ]


@pytest.mark.parametrize("change", ["logout", "role", "password", "removed", "stream key"])
def test_a_live_view_ends_with_the_account_or_login_that_opened_it(site: ConsoleSite, change: str) -> None:
    accounts = site.runtime.accounts
    accounts.add("guard", Role.VIEWER, "long enough")
    with ExitStack() as stack:
        browser = stack.enter_context(client(site))
        assert browser.post("/console/login", data={"name": "guard", "password": "long enough"}).status_code == 303
        cookie = {"Cookie": "; ".join(f"{key}={value}" for key, value in browser.cookies.items())}
        watching = stack.enter_context(
            connect(site.url.replace("http", "ws") + "/live/hall", additional_headers=cookie)
        )
        assert json.loads(watching.recv(10))["codec"].startswith("avc1")
        assert browser.get("/hls/hall/index.m3u8").status_code == 200
        # as another process does it, the command of accounts, which tells the console nothing
        if change == "logout":
            browser.post("/console/logout", data={"csrf": csrf_of(browser)})
        elif change == "role":
            accounts.change("guard", role=Role.AUDITOR)
        elif change == "password":
            accounts.change("guard", password="another long password")
        elif change == "removed":
            accounts.remove("guard")
        else:
            accounts.new_stream_key("guard")
        # it is asked for every two seconds; a busy machine gets some more
        end_s = time.monotonic() + (5.0 if change == "stream key" else 20.0)
        ended = False
        try:
            while time.monotonic() < end_s:
                watching.recv(20)
        except ConnectionClosed:
            ended = True
        assert ended == (change != "stream key"), "a key for RTSP is nothing to a browser"
        if change != "stream key":
            assert browser.get("/hls/hall/index.m3u8").status_code == 401
            assert browser.get("/api/cameras/hall/latest.jpg").status_code == 401
    if change != "removed":
        accounts.remove("guard")


def test_cover_is_added_and_ended_and_written_down(site: ConsoleSite) -> None:
    with client(site, Role.OPERATOR) as operator:
        assert operator.post("/api/cameras/hall/cover", json={"on": True}).json() == {"camera": "hall", "cover": True}
        assert CoverReason.OPERATOR in site.camera.supervisor.held
        operator.post("/api/cameras/hall/cover", json={"on": False})
        assert not site.camera.supervisor.held
        assert operator.post("/api/cameras/none/cover", json={"on": True}).status_code == 404
        for body in (b"{}", b'{"on": "yes"}', b"[]", b"{", b'{"on": true, "veil": false}', b"x" * 20_000):
            answer = operator.post("/api/cameras/hall/cover", content=body)
            assert answer.status_code == 400, body
            assert set(answer.json()) <= {"error", "hint"}
    kinds = [line.what for line in site.runtime.access.lines()]
    assert kinds.index("cover-end") < kinds.index("cover")


def test_accounts_are_made_changed_and_removed(site: ConsoleSite) -> None:
    with ExitStack() as stack:
        admin = stack.enter_context(client(site, Role.ADMIN))
        made = {"name": "night.shift", "role": "viewer", "password": "long enough"}
        assert admin.post("/api/accounts", json=made).status_code == 201
        assert admin.post("/api/accounts", json=made).status_code == 400
        assert admin.post("/api/accounts", json=made | {"name": "Bad Name"}).status_code == 400
        assert admin.post("/api/accounts", json=made | {"name": "x", "role": "god"}).status_code == 400
        assert admin.post("/api/accounts", json=made | {"name": "x", "password": "short"}).status_code == 400
        theirs = stack.enter_context(client(site))
        told = {"name": "night.shift", "password": "long enough"}
        assert theirs.post("/console/login", data=told).status_code == 303
        assert theirs.get("/api/cameras").status_code == 200
        assert admin.patch("/api/accounts/night.shift", json={"role": "auditor"}).status_code == 200
        assert theirs.get("/api/cameras").status_code == 401, "its logins have ended"
        assert admin.delete("/api/accounts/night.shift").status_code == 200
        assert theirs.post("/console/login", data=told).status_code == 401
        assert "password" not in admin.get("/api/accounts").text


def test_last_admin_stays(site: ConsoleSite) -> None:
    with client(site, Role.ADMIN) as admin:
        admin.delete("/api/accounts/admin")
        answer = admin.delete("/api/accounts/chief")
        assert answer.status_code == 400
        assert "only one" in answer.json()["error"]
        assert admin.patch("/api/accounts/chief", json={"role": "viewer"}).status_code == 400


def test_stream_key_is_shown_once(site: ConsoleSite) -> None:
    with client(site, Role.VIEWER) as viewer:
        told = viewer.post("/api/me/stream-key").json()
        assert told["user"] == "viewer"
        assert told["stream_key"] not in viewer.get("/console/me").text
    assert site.runtime.accounts.ha1_of("viewer")


def test_logout_ends_the_login(site: ConsoleSite) -> None:
    with log_in(site, Role.VIEWER) as browser:
        token = csrf_of(browser)
        assert browser.post("/console/logout", data={"csrf": "wrong"}).status_code == 403
        cookies = dict(browser.cookies)
        assert browser.post("/console/logout", data={"csrf": token}).status_code == 303
    assert httpx.get(site.url + "/api/cameras", cookies=cookies).status_code == 401


def test_metrics_want_the_token_or_an_account(site: ConsoleSite) -> None:
    with client(site) as nobody:
        assert nobody.get("/metrics").status_code == 401
        assert nobody.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
        text = nobody.get("/metrics", headers={"Authorization": "Bearer 0123456789abcdef"}).text
    for name in (
        "camera_fps",
        "process_fps",
        "detection_fps",
        "skipped_frames_total",
        "frames_covered_total",
        "selftest_ok",
    ):
        assert f"passerby_{name}" in text
    assert 'passerby_camera_fps{camera_name="hall"}' in text


def test_health_tells_nothing_but_health(site: ConsoleSite) -> None:
    with client(site) as nobody:
        assert nobody.get("/healthz").json() == {"status": "ok"}
        answer = nobody.get("/readyz")
        assert (answer.status_code == 200) == (answer.json()["status"] == "ready")


@pytest.mark.parametrize(
    ("phase", "reasons", "ready"),
    [
        (Phase.VEILED, (), True),
        (Phase.COVERED, (CoverReason.OPERATOR,), True),
        (Phase.COVERED, (CoverReason.NO_PICTURE,), False),
        (Phase.COVERED, (CoverReason.PASSWORD, CoverReason.CLOCK), False),
        (Phase.SLATE, (CoverReason.WORKER,), False),
    ],
)
def test_ready_is_where_every_camera_shows_a_picture(
    site: ConsoleSite, phase: Phase, reasons: tuple[CoverReason, ...], *, ready: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.runtime, "statuses", lambda: [CameraStatus("hall", phase, reasons)])
    with client(site) as nobody:
        answer = nobody.get("/readyz")
    assert answer.status_code == (200 if ready else 503)
    assert answer.json()["why"] == ([] if ready else ["1 of 1 cameras show no picture"])


def test_openapi_describes_every_route_and_nothing_else(site: ConsoleSite) -> None:
    described = httpx.get(site.url + "/openapi.json").json()
    assert described["openapi"] == "3.1.0"
    table = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    with client(site, Role.ADMIN) as admin:
        for method, path in table:
            if method == "GET" and path not in STREAMS:
                assert admin.get(filled(path)).status_code in {200, 404, 503}, path
            elif method == "POST":
                assert admin.post(filled(path).replace("hall", "none"), content=b"{").status_code != 405
    for methods in described["paths"].values():
        for one in methods.values():
            body = one.get("requestBody")
            if body:
                jsonschema.Draft202012Validator.check_schema(body["content"]["application/json"]["schema"])
    words = json.dumps(described).lower()
    for word in ("exec", "command", "unveil", "bypass"):
        assert word not in words.replace("runs a command", ""), word


def test_errors_have_one_form(site: ConsoleSite) -> None:
    with client(site, Role.ADMIN) as admin:
        for path in (
            "/api/nothing",
            "/api/cameras/none",
            "/api/cameras/none/latest.jpg",
            "/api/cameras/hall/clip.mp4?from=5&to=1",
        ):
            answer = admin.get(path)
            assert answer.status_code in {400, 404, 503}, path
            assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "-1", "1e9", "\u0663", "x"])
def test_a_number_that_is_none_is_refused_and_no_failure(site: ConsoleSite, number: str) -> None:
    with client(site, Role.ADMIN) as admin:
        for path in (
            "/api/access?before=",
            "/api/access?most=",
            "/console/access?before=",
            "/api/cameras/hall/latest.jpg?h=",
        ):
            answer = admin.get(path + number)
            assert answer.status_code == 400, (path, answer.text)
        for span in (f"from={number}&to=5", f"from=0&to={number}", "from=nan&to=inf", "from=1&to=1e400"):
            for what in ("clip.mp4", "recordings"):
                assert admin.get(f"/api/cameras/hall/{what}?{span}").status_code in {200, 400, 404}, span


def test_snapshot_is_the_veiled_picture(site: ConsoleSite) -> None:
    with client(site, Role.VIEWER) as viewer:
        answer = viewer.get("/api/cameras/hall/latest.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:3] == b"\xff\xd8\xff"


def test_public_pages_of_the_register_stand_beside_the_console(site: ConsoleSite) -> None:
    assert site.permitted is None
    identifier = site.runtime.record.identifier("hall")
    with client(site) as citizen:
        assert "Example City" in citizen.get("/").text
        assert "Safety on the platforms" in citizen.get(f"/c/{identifier}/").text
        assert citizen.get("/checkpoint").text.startswith("cameras.example.org/log\n")
        for path in ("/private/key", "/../private/gateway.json", "/private/gateway.json"):
            assert citizen.get(path).status_code == 404


def test_reload_is_told_and_a_broken_file_changes_nothing(site: ConsoleSite) -> None:
    path = site.runtime.city.path
    before = site.runtime.city
    try:
        path.write_text(TEXT + "privacy: {enabled: false}\n")
        with client(site, Role.OPERATOR) as operator:
            answer = operator.post("/api/reload")
            assert answer.status_code == 400
            assert "cannot be turned off" in answer.json()["error"]
            assert "cannot be turned off" in operator.get("/api/cameras").json()["config_error"]
        assert site.runtime.city is before
        with log_in(site, Role.VIEWER) as browser:
            assert "The configuration file is broken" in browser.get("/console/").text
    finally:
        city_in(path.parent)
        site.runtime.config.error = ""


def test_access_log_is_read_by_auditors_as_csv(site: ConsoleSite) -> None:
    with client(site) as guesser:
        assert guesser.get("/api/cameras", auth=("nobody", "a guess")).status_code == 401
    with client(site, Role.AUDITOR) as auditor:
        answer = auditor.get("/api/access?format=csv&most=5000")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines()[0] == "number,at,user,address,what,camera,detail"
    assert "login-refused" in answer.text


def test_first_start_made_one_admin_with_a_password_of_its_own(site: ConsoleSite) -> None:
    assert re.fullmatch(r"(?:[a-z2-9]{5}-){3}[a-z2-9]{5}", site.first_password)


def test_zz_guesses_are_slowed_down(site: ConsoleSite) -> None:
    with client(site) as guesser:
        codes = [guesser.get("/api/cameras", auth=("slow", f"guess {number}")).status_code for number in range(14)]
        assert codes[0] == 401
        assert 403 in codes or 429 in codes
        answer = guesser.get("/api/cameras", auth=("slow", "guess"))
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
