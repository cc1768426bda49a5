"""Measures a running gateway while strangers and neighbours do all at once what once darkened cameras or locked others out.

    python bench/strangers.py [--minutes 10] [--files 1024] [--json FILE]

A whole gateway with two drawn cameras runs as its users run it, its open files limited to ``--files``. A process beside it holds
300 unfinished requests, 100 unfinished forms and 420 idle RTSP connections (each opened anew when it is closed), guesses the
admin's password and others', sends a wrong stream key again and again, takes RTSP sessions and live views of one account without
end, and asks for pictures forty at a time. Meanwhile known clients are counted: a probe of health, a picture, a login, a
recorder, a viewer.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import numpy as np
from websockets.asyncio.client import connect

from figures import Table
from passerby.gateway.access.accounts import Accounts, Role
from rtsp_words import Words

CITY = """\
register:
  origin: bench.invalid/log
  operator: {{name: Bench, contact: "mailto:bench@bench.invalid"}}
  purpose: Measuring
  legal_basis: None is needed, these cameras are drawn
  position: act-2024
server: {{port: {http}}}
rtsp: {{port: {rtsp}}}
privacy: {{on_overload: rate}}
cameras:
  hall: {{source: "test://portrait?size=640x360&fps=5&faces=2"}}
  quay: {{source: "test://portrait?size=640x360&fps=5&faces=2&seed=7"}}
"""
PASSWORDS = {"chief": "the password of chief", "guard": "the password of guard", "greedy": "the password of greedy"}
HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX: "
FORM = b"POST /console/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\nname="
START_S, WARM_S = 300.0, 20.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


async def for_ever(every_s: float, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        with contextlib.suppress(Exception):  # whatever becomes of an attack, the next one comes
            await work()
        await asyncio.sleep(every_s)


async def held(port: int, said: bytes) -> None:
    """Open one connection, say a part, and drip until it is closed."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)
    try:
        writer.write(said)
        while not reader.at_eof():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(4096), 5)
            if said:
                writer.write(b"a")
    finally:
        writer.close()


def shown(name: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{PASSWORDS[name]}".encode()).decode()


def recorder_speaks(port: int, user: str, key: str) -> tuple[int, int]:
    """Log in to RTSP and set up a session; return both statuses."""
    with Words(port, user, key) as one:
        return one.log_in(), one.setup()


async def grab(http: int, rtsp: int, key: str) -> None:
    """One account takes what it can of sessions and live views, for half a minute, and lets go."""
    header = shown("greedy")
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(Words(rtsp, "greedy", key))
        await asyncio.to_thread(one.log_in)
        for _ in range(220):
            await asyncio.to_thread(one.setup)
        async with contextlib.AsyncExitStack() as views:
            for _ in range(300):
                live = f"ws://127.0.0.1:{http}/live/hall"
                with contextlib.suppress(Exception):
                    await views.enter_async_context(
                        connect(live, additional_headers={"Authorization": header}, compression=None, max_queue=1)
                    )
            await asyncio.sleep(30)


async def attack(http: int, rtsp: int, key: str) -> None:
    """All at once, until the process is ended."""
    url, count = f"http://127.0.0.1:{http}", 0
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    stranger = httpx.AsyncClient(base_url=url, timeout=10, transport=elsewhere)
    neighbour = httpx.AsyncClient(base_url=url, timeout=30)

    async def guess() -> None:
        nonlocal count
        count += 1
        form = {"name": "chief", "password": f"wrong guess {count}"}
        await stranger.post("/console/login", data=form)
        await neighbour.get("/api/stats", auth=(f"name{count % 500}", form["password"]))

    async def forty() -> None:
        path = "/api/cameras/hall/latest.jpg?h=120"
        await asyncio.gather(*(neighbour.get(path, auth=("greedy", PASSWORDS["greedy"])) for _ in range(40)))

    async def wrong_key() -> None:
        await asyncio.to_thread(recorder_speaks, rtsp, "guard", "wrong")

    works = [for_ever(0.2, lambda: held(http, HALF)) for _ in range(300)]
    works += [for_ever(0.2, lambda: held(http, FORM)) for _ in range(100)]
    works += [for_ever(0.2, lambda: held(rtsp, b"")) for _ in range(420)]
    works += [
        for_ever(0.1, guess),
        for_ever(5, forty),
        for_ever(0.5, wrong_key),
        for_ever(1, lambda: grab(http, rtsp, key)),
    ]
    await asyncio.gather(*works)


class Clients:
    """Known clients, who count how they were served."""

    def __init__(self, http: int, rtsp: int, key: str) -> None:
        self.http, self.rtsp, self.key = http, rtsp, key
        self.url = f"http://127.0.0.1:{http}"
        self.waits_s: list[float] = []
        self.served, self.failed = Counter[str](), Counter[str]()

    def forget(self) -> None:
        """Begin to count anew."""
        self.waits_s.clear()
        self.served.clear()
        self.failed.clear()

    async def _count(self, what: str, asked: Awaitable[bool]) -> None:
        try:
            right = await asked
        except (OSError, httpx.HTTPError, TimeoutError, AssertionError) as exc:
            right = False
            sys.stderr.write(f"{what}: {exc!r}\n")
        (self.served if right else self.failed)[what] += 1

    async def _health(self) -> bool:
        began = time.monotonic()
        try:
            async with httpx.AsyncClient(timeout=20) as one:
                return (await one.get(self.url + "/healthz")).status_code == 200
        finally:
            self.waits_s.append(time.monotonic() - began)

    async def _picture(self) -> bool:
        async with httpx.AsyncClient(auth=("guard", PASSWORDS["guard"]), timeout=20) as one:
            return (await one.get(self.url + "/api/cameras/quay/latest.jpg")).status_code == 200

    async def _login(self) -> bool:
        async with httpx.AsyncClient(timeout=20) as one:
            form = {"name": "chief", "password": PASSWORDS["chief"]}
            answer = await one.post(self.url + "/console/login", data=form)
            return answer.status_code == 303 and (await one.get(self.url + "/console/")).status_code == 200

    async def _recorder(self) -> bool:
        return await asyncio.to_thread(recorder_speaks, self.rtsp, "guard", self.key) == (200, 200)

    async def _view(self) -> bool:
        header = shown("guard")
        live = f"ws://127.0.0.1:{self.http}/live/quay"
        async with connect(live, additional_headers={"Authorization": header}, open_timeout=20) as one:
            return "codec" in str(await asyncio.wait_for(one.recv(), 20))

    async def come(self, seconds: float) -> None:
        """Come for so long."""
        end = time.monotonic() + seconds
        plans: list[tuple[str, float, Callable[[], Awaitable[bool]]]] = [
            ("health", 0.5, self._health),
            ("picture", 1.0, self._picture),
            ("login", 5.0, self._login),
            ("recorder", 2.0, self._recorder),
            ("view", 3.0, self._view),
        ]

        async def again(what: str, every_s: float, ask: Callable[[], Awaitable[bool]]) -> None:
            while time.monotonic() < end:
                await self._count(what, ask())
                await asyncio.sleep(every_s)

        await asyncio.gather(*(again(*plan) for plan in plans))


def covered(clients: Clients) -> Counter[str]:
    """Return pictures sent, by whether and why they were covered whole."""
    told = httpx.get(clients.url + "/api/cameras", auth=("guard", PASSWORDS["guard"]), timeout=30).json()
    found = Counter[str]()
    for camera in told["cameras"]:
        found["sent"] += camera["counts"]["frames_out"] + camera["slates"]
        found.update(camera["covered_whole"])
    found["register"] = round(told["register_failing_s"])
    return found


def until_veiled(clients: Clients, gateway: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until both cameras show a veiled picture, and a while longer."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and gateway.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            told = httpx.get(clients.url + "/api/cameras", auth=("guard", PASSWORDS["guard"]), timeout=30)
            if {camera["phase"] for camera in told.json()["cameras"]} == {"veiled"}:
                break
        time.sleep(1)
    if gateway.poll() is not None:
        raise SystemExit(log.read_text("utf-8", "replace")[-2000:])
    time.sleep(WARM_S)


def whole_of(seen: Counter[str]) -> dict[str, int]:
    """Return pictures covered whole, by reason."""
    return {reason: count for reason, count in seen.items() if reason not in {"sent", "register"} and count}


def judge(table: Table, clients: Clients, seen: Counter[str]) -> None:
    whole = whole_of(seen)
    share = sum(whole.values()) / max(1, seen["sent"])
    table.row("pictures covered whole, of all sent", share, 0.0, ours=str(whole or "none"), other=str(seen["sent"]))
    table.row("seconds without register", seen["register"], 0.0, ours=str(seen["register"]), other="none")
    waits = sorted(clients.waits_s)
    p99 = float(np.percentile(waits, 99))
    table.row("p99 of /healthz, s", p99, 1.0, ours=f"{p99:.3f}", other=f"median {np.median(waits):.3f}")
    for what in sorted(clients.served | clients.failed):
        failed, asked = clients.failed[what], clients.served[what] + clients.failed[what]
        table.row(f"known {what} refused", failed, 0.0, ours=str(asked - failed), other=f"{asked} asked")


def run(minutes: float, files: int, table: Table) -> None:
    """Start the gateway, attack it, and print what became of everybody."""
    http, rtsp = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="passerby-strangers-") as folder, contextlib.ExitStack() as stack:
        city = Path(folder) / "city.yml"
        city.write_text(CITY.format(http=http, rtsp=rtsp))
        accounts = Accounts(Path(folder) / "state" / "accounts.sqlite")
        for name, password in PASSWORDS.items():
            accounts.add(name, Role.ADMIN if name == "chief" else Role.VIEWER, password)
        key, greedy = accounts.new_stream_key("guard"), accounts.new_stream_key("greedy")
        accounts.close()

        def few_files() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        log = stack.enter_context((Path(folder) / "log").open("wb"))
        gateway = subprocess.Popen(
            [sys.executable, "-m", "passerby", "run", str(city)], stderr=log, preexec_fn=few_files
        )
        stack.callback(gateway.wait, 60)
        stack.callback(gateway.terminate)
        clients = Clients(http, rtsp, key)
        until_veiled(clients, gateway, Path(log.name))
        first = covered(clients)
        asyncio.run(clients.come(min(60.0, minutes * 60)))
        before = covered(clients)
        calm = Counter({name: before[name] - first[name] for name in before})
        table.say("before they came", f"{whole_of(calm) or 'nothing'} covered whole, of {calm['sent']}")
        clients.forget()
        command = [sys.executable, __file__, "--attack", f"{http},{rtsp},{greedy}"]
        attacker = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=lambda: os.nice(10))
        stack.callback(attacker.wait, 30)
        stack.callback(attacker.kill)
        asyncio.run(clients.come(minutes * 60))
        after = covered(clients)
        judge(table, clients, Counter({name: after[name] - before[name] for name in after}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--files", type=int, default=1024, help="limit of the gateway's open files")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--attack", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.attack:
        http, rtsp, key = asked.attack.split(",")
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        asyncio.run(attack(int(http), int(rtsp), key))
        return
    table = Table(asked.json)
    table.begin("of drawn cameras, while strangers come")
    run(asked.minutes, asked.files, table)


if __name__ == "__main__":
    main()
