from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from tests.gateway_tools import free_port
from typer.testing import CliRunner

from passerby import register
from passerby.cli.app import build

START_S = 120.0
TEXT = """\
register:
  origin: cameras.example.org/log
  operator: {name: Example City, contact: "mailto:cameras@example.org"}
  purpose: Safety on the platforms
  legal_basis: Transport Act, section 5
  position: act-2024
cameras:
  hall: {source: "test://portrait?size=320x192&fps=5&faces=1", friendly_name: Hall}
"""


def still_runs(process: subprocess.Popen[bytes], wait_s: float) -> bool:
    """Wait for a program to end, no longer than told; tell whether it runs on."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(wait_s)
    return process.poll() is None


class Run:
    """A gateway as its operator starts it."""

    def __init__(self, folder: Path, text: str = TEXT) -> None:
        self.path = folder / "city.yml"
        self.port, self.rtsp = free_port(), free_port()
        self.write(text)
        self.log = (folder / "log.txt").open("w+")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "passerby", "run", str(self.path)], stderr=self.log, stdout=self.log, env=environment
        )

    def write(self, text: str) -> None:
        beside = self.path.with_suffix(".new")
        beside.write_text(text + f"server: {{port: {self.port}}}\nrtsp: {{port: {self.rtsp}}}\n")
        beside.replace(self.path)

    def said(self) -> str:
        return (self.path.parent / "log.txt").read_text()

    def until(self, done: Callable[[], object], what: str) -> None:
        end = time.monotonic() + START_S
        while not done():
            if not still_runs(self.process, 0.1) or time.monotonic() > end:
                pytest.fail(f"{what}: {self.said()[-2000:]}")

    def client(self) -> httpx.Client:
        password = re.search(r"password  (\S+)", self.said())
        assert password
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", auth=("admin", password[1]), timeout=20)

    def close(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.log.close()
        return code


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait(10)
    made.log.close()


def states(client: httpx.Client) -> dict[str, dict[str, object]]:
    return {camera["name"]: camera for camera in client.get("/api/cameras").json()["cameras"]}


def test_a_gateway_runs_from_start_to_stop(running: Run) -> None:
    running.until(lambda: "console " in running.said(), "it starts")
    with running.client() as client:
        running.until(lambda: client.get("/healthz").status_code == 200, "it is alive")
        running.until(lambda: states(client)["hall"]["phase"] in {"veiled", "covered"}, "its worker sends")
        assert client.get("/api/cameras/hall/latest.jpg").content[:2] == b"\xff\xd8"
        pid = states(client)["hall"]["worker_pid"]

        # a broken file changes nothing
        running.write(TEXT + "privacy: {enabled: false}\n")
        running.until(lambda: client.get("/api/cameras").json()["config_error"], "the broken file is told")
        assert states(client)["hall"]["worker_pid"] == pid
        assert "cannot be turned off" in running.said()

        # a camera more: the one that runs is not touched
        running.write(TEXT + '  quay: {source: "test://portrait?size=320x192&fps=5&faces=1&seed=2"}\n')
        running.process.send_signal(signal.SIGHUP)
        running.until(lambda: set(states(client)) == {"hall", "quay"}, "the new camera runs")
        assert states(client)["hall"]["worker_pid"] == pid
        assert not client.get("/api/cameras").json()["config_error"]

        # and one less
        running.write(TEXT)
        running.until(lambda: set(states(client)) == {"hall"}, "the camera that was taken out stops")
        assert states(client)["hall"]["worker_pid"] == pid
        page = client.get(f"/c/{states(client)['hall']['register']}/").text
        assert "Safety on the platforms" in page

    assert running.close() == 0
    with closing(register.LogReader.open(running.path.parent / "register")) as reader:
        kinds = [entry.kind for entry in reader.entries()]
        report = register.verify(reader)
    assert kinds.count("camera.registered") == 2
    assert kinds.count("running.started") == kinds.count("running.stopped") == 2
    assert [str(problem) for problem in report.problems] == []
    assert not list(running.path.parent.glob("core*"))


def test_a_second_start_prints_no_password(running: Run) -> None:
    running.until(lambda: "password  " in running.said(), "it starts")
    running.close()
    again = Run(running.path.parent)
    try:
        again.until(lambda: "console " in again.said(), "it starts again")
        assert "password  " not in again.said()
    finally:
        again.close()


def test_check_tells_and_starts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "city.yml"
    path.write_text(TEXT)
    done = CliRunner().invoke(build(), ["run", "--check", str(path)])
    assert done.exit_code == 0, done.output
    assert list(tmp_path.iterdir()) == [path]
    path.write_text(TEXT.replace("act-2024", "act-1066"))
    done = CliRunner().invoke(build(), ["run", "--check", str(path)])
    assert done.exception is not None
    assert "must be one of" in str(done.exception)


@pytest.mark.parametrize("arguments", [[], ["--demo", "city.yml"], ["--port", "1", "city.yml"]])
def test_wrong_use_is_told(arguments: list[str]) -> None:
    done = CliRunner().invoke(build(), ["run", *arguments])
    assert getattr(done.exception, "exit_code", None) == 2


def test_demo_configuration_is_sound_and_needs_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(build(), ["run", "--demo", "--check"])
    assert done.exit_code == 0, done.output
    assert "2 cameras, nothing wrong" in done.output
    assert not list(tmp_path.iterdir())


def test_accounts_from_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "city.yml"
    path.write_text(TEXT)
    runner = CliRunner()
    done = runner.invoke(build(), ["account", "list", str(path)])
    assert "the first start of passerby run makes admin" in str(getattr(done.exception, "hint", ""))
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "accounts.sqlite").touch()
    made = runner.invoke(build(), ["account", "add", str(path), "night", "--role", "operator"])
    assert made.exit_code == 0, made.output
    assert re.fullmatch(r"[a-z2-9-]{23}\n", made.output)
    assert runner.invoke(build(), ["account", "list", str(path)]).output.startswith("night\toperator\t")
    assert runner.invoke(build(), ["account", "reset", str(path), "night", "--stream-key"]).exit_code == 0
    assert runner.invoke(build(), ["account", "reset", str(path), "night"]).output != made.output
    assert runner.invoke(build(), ["account", "remove", str(path), "night"]).exit_code == 0
    assert runner.invoke(build(), ["account", "list", str(path)]).output == ""
