from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.deadlines import killed_after

from passerby.cli.app import main
from passerby.values import digest_file

if TYPE_CHECKING:
    from tests.web_register.conftest import City


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def test_site_is_written_with_the_log_beside_it(city: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = city.usual().write(tmp_path / "log")
    site = tmp_path / "site"
    assert (
        run(
            "register",
            "site",
            tmp_path / "log",
            "-o",
            site,
            "--copy-log",
            "--vkey",
            key,
            "--url",
            "https://x.example/cams",
        )
        == 0
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert "log of 98 entries" in err
    assert f"verify.html: {digest_file(site / 'verify.html')}" in err
    assert "note: this log is unwitnessed, and the pages say so" in err
    assert (site / "c" / city.name(0) / "index.html").is_file()
    assert (site / "checkpoint").read_bytes() == (tmp_path / "log" / "public" / "checkpoint").read_bytes()
    sign = (site / "fr" / "c" / city.name(0) / "sign.svg").read_text()
    assert ">https://x.example/cams/<" in sign
    assert f">c/{city.name(0)}/<" in sign


def test_key_and_place_of_the_pages_are_named_where_they_were_not_given(
    city: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city.operator().write(tmp_path / "log")
    assert run("register", "site", tmp_path / "log", "-o", tmp_path / "site") == 0
    err = capsys.readouterr().err
    assert "note: the key was taken from the log itself" in err
    assert "signs point to https://cameras.example.org/log/" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--url", "javascript:alert(1)"], 2, "error: address must start with https:// or http://, got 'javascript:alert(1)'"),
        (["--url", 'https://x"><script>'], 2, "error: address must start with"),
        (["--language", "it"], 2, "error: language must be one of en, fr, de, got 'it'"),
        (["--vkey", "nonsense"], 2, "error: verifier key must be name+hash+base64"),
        (["--policy", "FILE"], 2, "must be a policy file: policy line 1"),
    ],
)  # fmt: skip
def test_wrong_use_is_said_and_nothing_is_written(
    city: City, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    city.operator().write(tmp_path / "log")
    (tmp_path / "bad.policy").write_text("junk\n")
    given = [str(tmp_path / "bad.policy") if argument == "FILE" else argument for argument in arguments]
    assert run("register", "site", tmp_path / "log", "-o", tmp_path / "site", *given) == code
    assert words in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def test_folder_without_a_log_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("register", "site", tmp_path, "-o", tmp_path / "site") == 1
    assert "holds no log" in capsys.readouterr().err


def test_served_log_can_be_read_on_this_machine_and_ends_when_told(city_now: City, tmp_path: Path) -> None:
    city_now.usual().write(tmp_path / "log")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    state = tmp_path / "state.json"
    command = [sys.executable, "-m", "passerby", "register", "serve", str(tmp_path / "log"), "--port", str(port)]
    with subprocess.Popen(
        [*command, "--state", str(state)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        with killed_after(server, 60):
            said = [server.stderr.readline()]
            while said[-1] and not said[-1].startswith("serving"):
                said.append(server.stderr.readline())
        answer = httpx.get(f"http://127.0.0.1:{port}/c/{city_now.name(0)}/", timeout=30)
        server.send_signal(signal.SIGTERM)
        out, rest = server.communicate(timeout=30)
    err = "".join(said) + rest
    assert answer.status_code == 200
    assert "uvicorn" not in answer.headers.get("server", "")
    assert out == ""
    assert f"serving cameras.example.org/log (98 entries) on http://127.0.0.1:{port}/" in err
    assert "GET" not in err, "no line is kept about visitors"
    assert state.is_file()


def test_help_names_both_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("register", "--help") == 0
    out = capsys.readouterr().out
    assert "site" in out
    assert "serve" in out
