"""A served desk over a home folder, with a stand-in for what veils, for tests of choosing."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from tests.desk_site import DeskSite, desk_site
from tests.gateway_tools import wait_for

from passerby.config import PORTRAIT
from passerby.desk import DeskFiles, DroppedFiles, Places, VeilJobs
from passerby.web.desk.app import DeskParts
from passerby.web.desk.entry import DeskEntry

WORKER = """
import hashlib, json, os, sys
order = json.loads(sys.stdin.readline())
data = open(order["source"], "rb").read()
named = os.path.basename(order["source"])
if "slow" in named:
    print(json.dumps({"frames": 25, "of": 100}), flush=True)
    sys.stdin.read()
digest = lambda data: "sha256:" + hashlib.sha256(data).hexdigest()
with open(order["tracks"], "w") as tracks:
    tracks.write(json.dumps({"source": digest(data), "output": digest(b"veiled")}) + "\\n")
with open(order["target"], "wb") as target:
    target.write(b"veiled")
print(json.dumps({"veiled": {"frames": 1, "faces": 1, "notes": [str(len(data))]}}), flush=True)
"""
PNG = PORTRAIT.read_bytes()


class Desk:
    """A served desk over a home folder, with a stand-in for what veils."""

    def __init__(self, site: DeskSite, home: Path) -> None:
        self.site, self.home = site, home

    @functools.cached_property
    def client(self) -> httpx.Client:
        """Return a client that is let in; takes the one-time token."""
        return self.site.client()

    def close(self) -> None:
        """Let go of the client."""
        if "client" in vars(self):
            self.client.close()

    def shown(self, folder: Path | str = "") -> dict[str, Any]:
        answer = self.client.get("/api/list", params={"folder": str(folder)})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def open(self, *paths: Path) -> httpx.Response:
        return self.client.post("/api/open", json={"paths": [str(path) for path in paths]})

    def files(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/api/files").json()["files"]
        return found

    def settled(self) -> list[dict[str, Any]]:
        wait_for(lambda: all(one["phase"] not in {"waiting", "veiling"} for one in self.files()))
        return self.files()


@contextlib.contextmanager
def choosing_desk(tmp_path: Path) -> Iterator[Desk]:
    """Serve a desk over an empty home folder."""
    home = tmp_path / "home"
    home.mkdir()
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    with (
        DroppedFiles(1 << 20) as dropped,
        VeilJobs(2, command=(sys.executable, str(script))) as jobs,
        DeskFiles(jobs, dropped) as files,
    ):

        def parts(entry: DeskEntry, end: Callable[[], None]) -> DeskParts:
            return DeskParts(entry=entry, end=end, files=files, places=Places(home))

        with desk_site(parts) as site:
            desk = Desk(site, home)
            with contextlib.closing(desk):
                yield desk
