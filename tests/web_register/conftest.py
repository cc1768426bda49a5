"""A small city with four cameras, as entries of a log: one runs, one had a gap, one fell silent, one was never started."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import uvicorn
from starlette.types import ASGIApp
from tests.needs import chromium

from passerby.register import (
    AccessTested,
    CameraPlace,
    CameraRegistered,
    Commitment,
    Entry,
    Fault,
    Heartbeat,
    Log,
    OperatorStated,
    RequestDecided,
    RequestOpened,
    RequestReceived,
    RunningStarted,
    SelfTest,
    WriterSettings,
    commit,
)
from passerby.web.register.follow import LogFollower
from passerby.web.register.server import register_app
from passerby.web.register.state import State

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

DIGEST = "sha256:" + "ab" * 32
SALT = "cd" * 32
HOUR = timedelta(hours=1)
HOSTILE = "Hall <script>alert(1)</script> \"'><img src=x onerror=alert(2)>"
HOURS = 30
PHONE = {"width": 390, "height": 844}


@dataclass
class City:
    """Entries in order.

    Attributes:
        begin: When everything begins; 30 hours before the present of its pages.
        entries: What stands in the log.
    """

    begin: datetime = datetime(2026, 11, 22, 10, tzinfo=UTC)
    entries: list[Entry] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.begin + HOURS * HOUR + timedelta(minutes=5)

    @staticmethod
    def name(number: int) -> str:
        return f"{number + 1:032x}"

    def operator(self, name: str = "Ville de Beispiel") -> City:
        self.entries.append(OperatorStated(at=self.begin, name=name, contact="mailto:privacy@example.org"))
        return self

    def register(self, number: int, label: str | None = None, *, place: bool = True) -> City:
        spot = CameraPlace(latitude_e6=48_850_000 + number * 1000, longitude_e6=2_350_000 + number**2 * 700)
        self.entries.append(
            CameraRegistered(
                at=self.begin,
                camera=self.name(number),
                label=label or f"Station hall, entrance {number}",
                purpose={"en": "Crowd safety on the platform", "fr": "Sécurité du quai"},
                legal_basis={"de": "Gesetz über die Polizei, § 4"},
                position="act-2024",
                retention_h=72,
                place=spot if place else None,
            )
        )
        return self

    def start(self, number: int, hour: float = 0) -> City:
        self.entries.append(
            RunningStarted(
                at=self.begin + hour * HOUR,
                camera=self.name(number),
                mode="veil",
                software="passerby 0.1.0",
                configuration=DIGEST,
                weights=DIGEST,
            )
        )
        return self

    def heartbeat(
        self, number: int, hour: float, *, faces: int = 10, whole_s: int = 0, down_s: int = 0, late: float = 0
    ) -> City:
        begin = self.begin + hour * HOUR
        self.entries.append(
            Heartbeat(
                at=begin + HOUR + late * HOUR,
                begin=begin,
                end=begin + HOUR,
                camera=self.name(number),
                frames=45_000,
                faces_covered=faces,
                covered_whole_s=whole_s,
                down_s=down_s,
            )
        )
        return self

    def add(self, *entries: Entry) -> City:
        self.entries.extend(entries)
        return self

    def case(self, number: int | None, case: int = 9) -> City:
        """Add a request that is granted after five hours and opened, for a camera or with the camera hidden."""
        at, name = self.begin, f"{case:032x}"
        details = Commitment(digest=commit(f'{{"camera":"{self.name(0)}"}}', SALT), reveal_by=at + 90 * 24 * HOUR)
        camera = None if number is None else self.name(number)
        return self.add(
            RequestReceived(at=at, case=name, position="act-2024", details=details, camera=camera),
            RequestDecided(at=at + 5 * HOUR, case=name, outcome="granted", approvals=2, needed=2, warrant=DIGEST),
            RequestOpened(at=at + 6 * HOUR, case=name, warrant=DIGEST),
        )

    def usual(self, name: str = "Ville de Beispiel", label: str | None = None) -> City:
        """Add the city of the docstring above."""
        self.operator(name)
        for number in range(4):
            self.register(number, label)
        for number in range(3):
            camera = self.name(number)
            self.start(number)
            self.add(
                AccessTested(at=self.begin, camera=camera, exclusive="tested" if number == 0 else "not-exclusive"),
                SelfTest(at=self.begin + HOUR, camera=camera, passed=number == 0, runs=60),
            )
            for hour in range(HOURS):
                if (number == 1 and 10 < hour < 14) or (number == 2 and hour > 20):
                    continue
                self.heartbeat(number, hour, faces=(hour * 37) % 211 + hour * 9, whole_s=300 if hour == 7 else 0)
            self.add(
                Fault(
                    at=self.begin + 8 * HOUR,
                    camera=camera,
                    begin=self.begin + 7 * HOUR,
                    end=self.begin + 7 * HOUR + timedelta(minutes=5),
                    what="covered-whole",
                    cause="detector-stalled",
                )
            )
        return self.case(0)

    def state(self) -> State:
        state = State()
        for entry in self.entries:
            state.add(state.size, entry)
        return state

    def write(self, path: Path) -> str:
        """Make a log of the entries, as if the last of them were of now, and return its key."""
        settings = WriterSettings(clock=lambda: max((entry.at for entry in self.entries), default=self.now))
        with Log.create(path, origin="cameras.example.org/log", settings=settings) as log:
            log.append_many(self.entries)
            return str(log.key)


@pytest.fixture
def city() -> City:
    return City()


@pytest.fixture
def city_now() -> City:
    """A city whose present is the clock's."""
    return city_of_today()


def city_of_today() -> City:
    return City(datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - HOURS * HOUR)


@contextlib.contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        free.listen()  # who comes before the server runs has to wait, not to go
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [free]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{free.getsockname()[1]}/"
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def serving() -> Callable[[ASGIApp], contextlib.AbstractContextManager[str]]:
    """Serve an application on a free port of this machine; gives its address."""
    return served


@dataclass
class Site:
    """A served register.

    Attributes:
        url: Its first page.
        city: What stands in it.
        key: Its key.
        folder: The writer's directory.
    """

    url: str
    city: City
    key: str
    folder: Path

    def camera(self, number: int, language: str = "") -> str:
        return f"{self.url}{language}c/{self.city.name(number)}/"


@contextlib.contextmanager
def made_site(folder: Path) -> Iterator[Site]:
    city = city_of_today().usual()
    key = city.write(folder)
    with served(register_app(LogFollower(folder, vkey=key))) as url:
        yield Site(url, city, key, folder)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One register for many readers; who changes it asks for ``own_site``."""
    with made_site(tmp_path_factory.mktemp("site") / "log") as made:
        yield made


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    with made_site(tmp_path / "own") as made:
        yield made


@pytest.fixture(scope="module")  # its event loop must not run on into other rooms' tests
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@dataclass
class Visit:
    """A page as one visitor sees it, and what it asked for and complained of.

    Attributes:
        page: The page.
        asked: Every address it asked for.
        complaints: Lines of the console, and refusals by the content policy.
    """

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, url: str) -> Visit:
        self.page.goto(url)
        return self

    def checked(self) -> str:
        """Wait for the page's own check and return how it went."""
        self.page.wait_for_selector("#checked[data-state]", timeout=30_000)
        return self.page.get_attribute("#checked", "data-state") or ""


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a fresh visitor's page; arguments as for a browser context."""
    contexts: list[BrowserContext] = []

    def open_page(**options: object) -> Visit:
        context = browser.new_context(**cast("Any", {"viewport": PHONE, "locale": "en-GB"} | options))
        contexts.append(context)
        made = Visit(context.new_page())
        made.page.on("request", lambda request: made.asked.append(request.url))
        made.page.on("console", lambda line: made.complaints.append(line.text))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error('policy', e.violatedDirective))"
        )
        return made

    yield open_page
    for context in contexts:
        assert context.cookies() == [], "no page sets a cookie"
        context.close()
