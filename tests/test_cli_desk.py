"""``passerby desk`` as a user has it: started by its entry, opened once, ended by Ctrl-C, nothing left."""

from __future__ import annotations

import configparser
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.deadlines import killed_after
from tests.media_clips import make_clip
from typer.testing import CliRunner

from passerby.cli.app import build
from passerby.cli.desk.install import EntryPlace, exec_line, install_entry
from passerby.errors import UsageError
from passerby.web.desk.idle import IdleWatch

COMMAND = (sys.executable, "-P", "-m", "passerby", "desk")


@contextmanager
def started(command: list[str], home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a desk; yield its process and its one-time address."""
    home.mkdir(exist_ok=True)
    environ = os.environ | {"HOME": str(home), "TMPDIR": str(home / "tmp")}
    (home / "tmp").mkdir(exist_ok=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout
        with killed_after(process, 60):
            address = process.stdout.readline().removeprefix("desk: ").strip()
        try:
            yield process, address
        finally:
            process.kill()


def ask(address: str, path: str, **headers: str) -> httpx.Response:
    host = address.split("/")[2]
    return httpx.get(f"http://127.0.0.1:{host.rpartition(':')[2]}{path}", headers={"host": host} | headers, timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_desk_answers_its_address_once_and_ends_when_told_with_nothing_left(tmp_path: Path, number: int) -> None:
    home = tmp_path / "home"
    with started([*COMMAND, "--no-browser"], home) as (process, address):
        path = "/" + address.split("/", 3)[3]
        assert ask(address, "/").status_code == 403
        assert ask(address, path).status_code == 200
        assert ask(address, path).status_code == 403
        process.send_signal(number)
        with killed_after(process, 60):
            said = process.stderr.read() if process.stderr else ""
        assert process.wait() == 0, said
        assert "Traceback" not in said
        assert "works once" in said
    assert [str(one.relative_to(home)) for one in home.rglob("*")] == ["tmp"]


def test_a_named_file_is_veiled_at_once_and_stopped_with_the_desk(tmp_path: Path) -> None:
    home, footage = tmp_path / "home", tmp_path / "elsewhere"
    footage.mkdir()
    make_clip(footage / "a.mp4", frames=200, size=(320, 180))
    with started([*COMMAND, "--no-browser", str(footage / "a.mp4")], home) as (process, address):
        answer = ask(address, "/" + address.split("/", 3)[3])
        cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
        [file] = ask(address, "/api/files", **cookie).json()["files"]
        assert (file["name"], file["phase"] in {"waiting", "veiling", "done"}) == ("a.mp4", True)
        assert ask(address, "/api/list", **cookie).json()["path"] == str(footage)
        process.send_signal(signal.SIGTERM)
        with killed_after(process, 60):
            assert process.stderr
            process.stderr.read()
        assert process.wait() == 0
    assert not [one for one in footage.iterdir() if one.name.startswith(".")], "nothing half done"


def test_what_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    found = CliRunner().invoke(build("desk"), ["desk", str(tmp_path / "none.mp4"), "--no-browser"])
    assert isinstance(found.exception, UsageError)
    assert "no such file or folder" in str(found.exception)


def test_the_entry_of_a_desktop_starts_the_desk(tmp_path: Path) -> None:
    home = tmp_path / "a home $HOME"
    place = EntryPlace(home=home, environ={}, platform="linux")
    for _ in range(2):
        entry, icon = install_entry(place)
    assert entry == home / ".local/share/applications/passerby-desk.desktop"
    assert icon.read_text().startswith("<svg")
    read = configparser.RawConfigParser(interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(entry, encoding="utf-8")
    told = read["Desktop Entry"]
    assert (told["Type"], told["Terminal"], told["Icon"]) == ("Application", "false", icon.stem)
    assert {key for key in told if key.startswith("Name")} == {"Name", "Name[de]", "Name[fr]"}
    line = told["Exec"].replace("\\\\", "\\")  # the file's own escape
    command = [part.replace("%%", "%") for part in shlex.split(line)]
    assert command == [*COMMAND, "%F"]
    with started([*command[:-1], "--no-browser"], tmp_path / "home") as (_, address):
        assert ask(address, "/").status_code == 403


def test_a_command_with_every_awkward_letter_comes_back_out_of_the_entry() -> None:
    command = ['/opt/a b/py"th`on$', "100% \\ sure", "-m"]
    line = exec_line(command).replace("\\\\", "\\")
    shown = subprocess.run(["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True).stdout
    assert [part.replace("%%", "%") for part in shown.splitlines()] == command


def test_an_entry_goes_where_the_user_keeps_data(tmp_path: Path) -> None:
    place = EntryPlace(home=tmp_path, environ={"XDG_DATA_HOME": str(tmp_path / "data")}, platform="linux")
    assert {path.relative_to(tmp_path / "data").parts[0] for path in install_entry(place)} == {"applications", "icons"}


def test_entries_of_other_systems_are_written_as_their_manuals_say(tmp_path: Path) -> None:
    command = ("C:\\Program Files\\python.exe", "-m", "passerby", "desk")
    [menu] = install_entry(EntryPlace(tmp_path, {"APPDATA": str(tmp_path / "Roaming")}, "win32", command))
    assert menu.name == "Passerby desk.cmd"
    assert menu.read_bytes() == b'@echo off\r\n"C:\\Program Files\\python.exe" "-m" "passerby" "desk" %*\r\n'
    [script] = install_entry(EntryPlace(tmp_path, {}, "darwin", ("/opt/a b/python", "desk")))
    assert script.read_text() == "#!/bin/sh\nexec '/opt/a b/python' desk\n"
    assert script.stat().st_mode & 0o100
    with pytest.raises(UsageError, match="APPDATA"):
        install_entry(EntryPlace(tmp_path, {}, "win32"))


def test_a_desk_that_nobody_looks_at_ends_by_itself_unless_it_works() -> None:
    now, busy, ended = [0.0], [True], []
    idle = IdleWatch(lambda: busy[0], lambda: ended.append(now[0]), idle_s=100, clock=lambda: now[0])
    for at_s, is_busy, over in ((99, True, False), (198, False, False), (199, False, True)):
        now[0], busy[0] = at_s, is_busy
        assert idle.over() == over
    idle.asked()
    assert not idle.over()


def test_the_watch_ends_the_desk() -> None:
    ended = threading.Event()
    with IdleWatch(lambda: False, ended.set, idle_s=0.001):
        assert ended.wait(60)
