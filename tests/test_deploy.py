from __future__ import annotations

import http.server
import re
import ssl
import subprocess
import sys
import threading
from configparser import RawConfigParser
from pathlib import Path

import pytest
import typer.main
from tests.gateway_tools import certificate, program, run

from passerby.cli.app import build
from passerby.gateway.config.load import parse_city
from passerby.gateway.config.secret import SecretStore

ROOT = Path(__file__).parent.parent
UNIT = ROOT / "deploy" / "passerby.service"
UNITS = sorted((ROOT / "deploy").glob("*.service"))
CONTAINER = (ROOT / "deploy" / "Containerfile").read_text()
GUIDE = (ROOT / "docs" / "operate.md").read_text()


def service() -> dict[str, str]:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text())
    return dict(parser["Service"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("ProtectSystem", "strict"),
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("PrivateTmp", "yes"),
    ],
)
def test_unit_takes_away_what_a_picture_could_outlive_the_process_in(key: str, value: str) -> None:
    assert service()[key] == value


@pytest.mark.tool
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_unit_is_understood_by_systemd(unit: Path) -> None:
    done = subprocess.run(
        [program("systemd-analyze"), "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if "passerby" in line]
    assert [line for line in complaints if "is not executable" not in line] == []


@pytest.mark.tool
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_unit_exposes_little(unit: Path) -> None:
    done = subprocess.run(
        [program("systemd-analyze"), "security", "--offline=true", "--threshold=25", str(unit)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-300:]


def test_unit_loads_every_secret_of_its_folder_under_the_name_that_the_file_finds(tmp_path: Path) -> None:
    name, _, folder = service()["LoadCredential"].partition(":")
    assert f"install -d -m 0700 {folder}" in GUIDE
    for file in ("PASSERBY_CAMERA_PASSWORD", "PASSERBY_BROKER"):
        assert f"{folder}/PASSERBY_CAMERA_PASSWORD" in GUIDE
        # systemd.exec(5): each file of a folder is loaded as ID_FILENAME
        (tmp_path / f"{name}_{file}").write_text(f"value of {file}\n")
    (tmp_path / "PASSERBY_ONE").write_text("given alone\n")
    store = SecretStore({}, (tmp_path,))
    assert store.find("PASSERBY_CAMERA_PASSWORD") == "value of PASSERBY_CAMERA_PASSWORD"
    assert store.find("PASSERBY_BROKER") == "value of PASSERBY_BROKER"
    assert store.find("PASSERBY_ONE") == "given alone"
    assert store.find("PASSERBY_NONE") is None


def test_container_runs_without_root() -> None:
    users = re.findall(r"^USER (\S+)", CONTAINER, re.M)
    assert users
    assert users[-1].split(":")[0] not in {"0", "root"}
    for option in ("--read-only", "--cap-drop=all", "no-new-privileges", "--ulimit core=0", "--memory-swap"):
        assert option in CONTAINER


def test_container_copies_files_that_are_there() -> None:
    for line in re.findall(r"^COPY (?!--from)(.+)$", CONTAINER, re.M):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize("secure", [False, True])
def test_container_asks_its_gateway_where_the_configuration_says_that_it_answers(
    tmp_path: Path, *, secure: bool
) -> None:
    class Alive(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Alive)
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(tmp_path))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    city = tmp_path / "city.yml"
    host = "0.0.0.0" if secure else "127.0.0.1"  # noqa: S104 - written, not bound
    city.write_text(
        f'server: {{host: {host}, port: {server.server_port}}}\ncameras: {{hall: "rtsp://{{PASSERBY_X}}@h/x"}}\n'
    )
    asked = [sys.executable, str(ROOT / "deploy" / "alive.py"), str(city)]
    assert run(asked).returncode == 0
    assert run([sys.executable, "-m", "doctest", asked[1]]).returncode == 0
    server.shutdown()
    server.server_close()
    done = run(asked)
    assert done.returncode == 1
    assert "Connection refused" in done.stderr


def test_first_city_of_the_guide_is_sound() -> None:
    text = re.search(r"```yaml\n(.*?)```", GUIDE, re.S)
    assert text
    city = parse_city(text[1], Path("/etc/passerby/city.yml"), {"PASSERBY_CAMERA_PASSWORD": "x"})
    assert city.register.path == Path("/var/lib/passerby/register")
    assert city.state == Path("/var/lib/passerby/state")
    record = next(iter(city.cameras.values())).record
    assert record.enabled
    assert record.folder == Path("/var/lib/passerby/recordings")


def test_commands_of_the_guide_exist() -> None:
    known = typer.main.get_command(build())
    verbs = set(getattr(known, "commands", {}))
    for verb in re.findall(r"(?:^|`|bin/)passerby ([a-z]+)", GUIDE + UNIT.read_text(), re.M):
        assert verb in verbs, verb
