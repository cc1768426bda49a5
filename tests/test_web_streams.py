"""Live pictures in a real browser and over HTTP, from the veiled stream, for who may see them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
import httpx
import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from tests.gateway_tools import SMALL, LoopThread, feed, frames_of, times_of, wait_for
from tests.needs import chromium
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

import passerby.web
from passerby.errors import AccessError
from passerby.gateway.config import CameraConfig, InputConfig, RecordConfig, RtspConfig, SelfTestConfig
from passerby.gateway.picture.drawn_cover import TONE
from passerby.gateway.picture.slate import Slates
from passerby.gateway.rtsp.auth import DigestGate
from passerby.gateway.service import Gateway, ServedCamera
from passerby.gateway.states import EventKind
from passerby.gateway.stream.recorder import Recorder
from passerby.gateway.supervision.supervisor import CameraSupervisor
from passerby.gateway.values import CoverReason
from passerby.web.streams import Streams

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGE = """<!doctype html><title>t</title><body><video id="v" width="320" height="192"></video>
<script src="/static/live.js"></script>
<script>window.states=[]; window.stop=passerbyLive(document.getElementById("v"),"hall",s=>window.states.push(s));</script>"""
READ = """() => { const v=document.getElementById("v"), c=document.createElement("canvas"); c.width=320; c.height=192;
const g=c.getContext("2d"); g.drawImage(v,0,0,320,192); const d=g.getImageData(0,186,192,1).data; const bits=[];
for (let i=0;i<24;i++) bits.push(d[(i*8+4)*4]); const m=g.getImageData(10,30,1,1).data[0];
return {bits, middle:m, time:v.currentTime, width:v.videoWidth}; }"""


class Site:
    """A gateway whose one camera is fed by the test, behind real HTTP."""

    def __init__(self, folder: Path) -> None:
        self.thread = LoopThread()
        config = CameraConfig(
            "hall",
            InputConfig("test://portrait?size=320x192"),
            record=RecordConfig(enabled=True, folder=folder, min_free_bytes=0),
        )
        self.gateway = Gateway([], RtspConfig(port=0), DigestGate(lambda _: None, lambda *_: False), SelfTestConfig())
        self.camera = ServedCamera(CameraSupervisor(config, Slates(), self.gateway.tell))
        self.gateway.cameras["hall"] = self.camera
        self.recorder = Recorder("hall", RecordConfig(enabled=True, folder=folder, min_free_bytes=0), lambda *_: None)
        self.recorder.start(self.camera.relay)
        self.events: list[tuple[EventKind, str]] = []
        self.gateway.subscribe(lambda event: self.events.append((event.kind, event.user)))
        static = Path(passerby.web.__file__).parent / "static" / "gateway"

        async def page(_: Request) -> Response:
            return HTMLResponse(PAGE)

        routes = [
            *Streams(self.gateway, self.guard, lambda *_: "ann").routes(),
            Route("/", page),
            Mount("/static", StaticFiles(directory=static)),
        ]
        settings = uvicorn.Config(
            Starlette(routes=routes), port=0, log_level="error", lifespan="off", ws="websockets-sansio"
        )
        self.server = uvicorn.Server(settings)
        self.serving = asyncio.run_coroutine_threadsafe(self.server.serve(), self.thread.loop)
        self.feeding = asyncio.run_coroutine_threadsafe(feed(self.camera.relay, SMALL), self.thread.loop)
        wait_for(lambda: self.server.started)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def guard(self, connection: HTTPConnection, camera: str) -> str:
        if connection.query_params.get("as") == "nobody" or camera == "yard":
            raise AccessError("a viewer must log in, got none")
        return "ann"

    def close(self) -> None:
        self.feeding.cancel()
        self.server.should_exit = True
        self.serving.result(15)
        self.recorder.stop()
        self.thread.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("recordings"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--autoplay-policy=no-user-gesture-required") as made:
        yield made


def number_on(page: Page) -> int | None:
    bits = page.evaluate(READ)["bits"]
    if not (bits[0] < 80 and bits[1] > 160):
        return None
    return sum(1 << place for place, value in enumerate(bits[2:]) if value > 125)


@pytest.mark.browser
def test_browser_shows_the_live_stream_and_the_slate(site: Site, browser: Browser) -> None:
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(site.url)
    wait_for(lambda: number_on(page) is not None, 20)
    first = number_on(page)
    wait_for(lambda: (number_on(page) or 0) > (first or 0) + 20, 15)
    assert page.evaluate(READ)["width"] == 320
    site.thread.do(lambda: site.camera.relay.raise_alarm(CoverReason.ALARM))

    async def slates() -> None:
        for _ in range(30):
            site.camera.relay.tick()
            await asyncio.sleep(0.1)

    site.thread.call(slates())
    wait_for(lambda: abs(page.evaluate(READ)["middle"] - (TONE - 16) * 255 / 219) < 14, 10)
    assert number_on(page) is None
    site.thread.do(site.camera.relay.end_alarm)
    wait_for(lambda: number_on(page) is not None, 20)
    assert problems == []
    assert page.evaluate("window.states").count("away") == 0, "slates and pictures are one stream"
    page.evaluate("window.stop()")
    wait_for(lambda: site.camera.live.viewers == 0)
    page.close()
    assert (EventKind.READER_CAME, "ann") in site.events
    assert (EventKind.READER_LEFT, "ann") in site.events


@pytest.mark.browser
def test_browser_connects_again(site: Site, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(site.url)
    wait_for(lambda: number_on(page) is not None, 20)
    site.thread.do(site.camera.live.close)
    wait_for(lambda: "away" in page.evaluate("window.states"), 10)
    last = number_on(page) or 0
    wait_for(lambda: (number_on(page) or 0) > last + 20, 20)
    page.close()
    wait_for(lambda: site.camera.live.viewers == 0)


def test_who_may_not_see_gets_nothing(site: Site) -> None:
    for path in (
        "/api/cameras/hall/latest.jpg",
        "/hls/hall/index.m3u8",
        "/api/cameras/hall/clip.mp4",
        "/api/cameras/hall/recordings",
    ):
        answer = httpx.get(site.url + path, params={"as": "nobody"})
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/json")
    with (
        pytest.raises((ConnectionClosed, InvalidStatus)),
        connect(f"ws://127.0.0.1:{site.port}/live/hall?as=nobody") as socket,
    ):
        socket.recv()


def test_unknown_camera_and_bad_questions(site: Site) -> None:
    for path, status in {
        "/api/cameras/attic/latest.jpg": 404,
        "/hls/hall/seg99999.m4s": 404,
        "/hls/hall/..%2Fsecret": 404,
        "/api/cameras/hall/latest.jpg?h=-1": 400,
        "/api/cameras/hall/clip.mp4": 400,
        "/api/cameras/hall/clip.mp4?from=2&to=1": 400,
        "/api/cameras/hall/clip.mp4?from=0&to=4000": 400,
        "/api/cameras/hall/clip.mp4?from=1&to=2": 404,
        "/api/cameras/hall/recordings?from=x&to=1": 400,
    }.items():
        answer = httpx.get(site.url + path)
        assert answer.status_code == status, path


def test_snapshot_hls_and_clip_are_served(site: Site, tmp_path: Path) -> None:
    wait_for(lambda: site.camera.relay.last_key is not None)
    picture = httpx.get(site.url + "/api/cameras/hall/latest.jpg?h=96")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["cache-control"] == "no-store"
    playlist = httpx.get(site.url + "/hls/hall/index.m3u8", timeout=10)
    assert playlist.status_code == 200
    assert [e for e in site.events if e[0] is EventKind.READER_CAME].count((EventKind.READER_CAME, "ann")) >= 2
    with av.open(site.url + "/hls/hall/index.m3u8", timeout=(10, 10)) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (320, 192)
    now = time.time()
    span = {"from": now - 600, "to": now + 5}
    wait_for(lambda: bool(httpx.get(site.url + "/api/cameras/hall/recordings", params=span).json()["recordings"]))
    clip = httpx.get(site.url + "/api/cameras/hall/clip.mp4", params=span)
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip.content)
    times = times_of(frames_of(str(path)))
    assert times[0] == 0
    assert (np.diff(times) > 0).all()
