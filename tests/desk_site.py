"""A desk that is served, for tests: on a port of its own, in a thread."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import uvicorn

from passerby.web.desk.app import DeskParts, desk_app
from passerby.web.desk.entry import CHANGES, COOKIE, DeskEntry

if TYPE_CHECKING:
    from playwright.sync_api import Page


@dataclass
class DeskSite:
    """A served desk.

    Attributes:
        entry: Who is let in.
        ended: Set by the page's button.
        port: Of 127.0.0.1.
    """

    entry: DeskEntry
    port: int
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """Return the one-time address."""
        return self.entry.address

    def stranger(self, **headers: str) -> httpx.Client:
        """Return a client that is not let in."""
        sent = {"host": self.entry.host} | {name.replace("_", "-"): text for name, text in headers.items()}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=sent, timeout=60)

    def client(self) -> httpx.Client:
        """Return a client that is let in and may change things; takes the one-time token."""
        with self.stranger() as newcomer:
            answer = newcomer.get(self.address.removeprefix(self.entry.origin))
        assert answer.status_code == 200
        made = self.stranger(origin=self.entry.origin)
        made.headers[CHANGES] = "1"
        made.headers["cookie"] = f"{COOKIE}={answer.headers['set-cookie'].partition('=')[2].partition(';')[0]}"
        return made


@contextlib.contextmanager
def desk_site(make: Callable[[DeskEntry, Callable[[], None]], DeskParts] | None = None) -> Iterator[DeskSite]:
    """Serve a desk while the block runs.

    Args:
        make: Puts its parts together; None takes the usual ones.
    """
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        site = DeskSite(DeskEntry(f"desk-test.localhost:{port}"), port)
        parts = DeskParts(entry=site.entry, end=site.ended.set) if make is None else make(site.entry, site.ended.set)
        config = uvicorn.Config(desk_app(parts), lifespan="off", log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()  # who connects before it serves waits in the listener's queue
        try:
            yield site
        finally:
            server.should_exit = True
            thread.join()


def drop_file(page: Page, name: str, data: bytes) -> None:
    """Drop a file onto the page."""
    held = page.evaluate_handle(
        """([name, text]) => {
            const moved = new DataTransfer();
            moved.items.add(new File([Uint8Array.from(atob(text), (one) => one.charCodeAt(0))], name));
            return moved;
        }""",
        [name, base64.b64encode(data).decode()],
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": held})


def place_on_screen(page: Page, across: float, down: float) -> tuple[float, float]:
    """Return where on the screen a place of the picture is, given as shares of its width and height."""
    picture = page.locator("#picture")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + down * box["height"]
