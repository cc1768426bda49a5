"""Shared by the console's tests: a runtime whose one camera is fed by the test, so that no process and no detector runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.gateway_tools import SMALL, LoopThread, feed, wait_for

from passerby.gateway.access.accounts import Role
from passerby.gateway.config.city import CityConfig
from passerby.gateway.config.load import parse_city
from passerby.gateway.entrance.limits import RateLimit
from passerby.gateway.picture.slate import Slates
from passerby.gateway.runtime import Runtime
from passerby.gateway.service import ServedCamera
from passerby.gateway.supervision.supervisor import CameraSupervisor
from passerby.web.console.app import app_of
from passerby.web.listening import MOST, DoorServer, bind_port, server_config
from passerby.web.register.follow import LogFollower, SiteAddresses

TEXT = """\
register:
  origin: cameras.example.org/log
  operator: {name: Example CityConfig, contact: "mailto:cameras@example.org"}
  purpose: Safety on the platforms
  legal_basis: Transport Act, section 5
  position: act-2024
  heartbeat: 15m
record: {enabled: true, min_free: 0B}
metrics: {token: "0123456789abcdef"}
server: {max_viewers: 3}
cameras:
  hall: {source: "test://portrait?size=320x192", friendly_name: "Hall <&> 'one'"}
"""
PASSWORDS = {role: f"the password of {role}" for role in Role}


def city_in(folder: Path, text: str = TEXT) -> CityConfig:
    """Return the configuration, with its files in a folder."""
    path = folder / "city.yml"
    path.write_text(text)
    return parse_city(text, path)


class ConsoleSite:
    """A console behind real HTTP; its cameras' streams are drawn and fed here."""

    def __init__(self, folder: Path, text: str = TEXT, *, most: int = MOST, strangers: RateLimit | None = None) -> None:
        self.thread = LoopThread()
        city = city_in(folder, text)
        self.runtime: Runtime = self.thread.do(
            lambda: Runtime(city, lambda: city_in(folder, (folder / "city.yml").read_text()))
        )
        self.first_password = self.runtime.first_password or ""
        for role, password in PASSWORDS.items():
            self.runtime.accounts.add(str(role) if role is not Role.ADMIN else "chief", role, password)
        self.permitted = self.thread.call(self.runtime.record.permit(city.cameras["hall"]))
        slates = Slates()
        for config in city.cameras.values():
            made: ServedCamera = self.thread.do(
                lambda config=config: ServedCamera(CameraSupervisor(config, slates, self.runtime.gateway.tell))  # type: ignore[misc]
            )
            self.runtime.gateway.cameras[config.name] = made
            # the others than the first show a slate
            self.thread.do(made.relay.tick)
        self.camera = self.runtime.gateway.cameras["hall"]
        self.follower = LogFollower(city.register.path, addresses=SiteAddresses("http://127.0.0.1/"))
        app = app_of(self.runtime, self.follower, secure=False, origin="http://127.0.0.1", strangers=strangers)
        self.listener = bind_port("127.0.0.1", 0)
        self.server = DoorServer(server_config(app), most=most)
        self.port = self.listener.getsockname()[1]
        self.serving = asyncio.run_coroutine_threadsafe(self.server.serve([self.listener]), self.thread.loop)
        self.feeding = asyncio.run_coroutine_threadsafe(feed(self.camera.relay, SMALL), self.thread.loop)
        wait_for(lambda: self.server.started and self.camera.relay.slate is None)
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop serving."""
        self.feeding.cancel()
        self.server.should_exit = True
        self.serving.result(15)
        self.runtime.gateway.cameras.clear()
        self.thread.call(self.runtime.stop())
        self.follower.close()
        self.thread.close()
