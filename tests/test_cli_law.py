"""The commands ``assess`` and ``law`` as shell sessions, and every command and program of the guide.

A session is a text file: ``$`` runs a command in a shell, ``exit`` gives the code expected, ``out`` and ``err`` words of a
line, ``not-out`` words that must not come, ``no-out`` and ``no-err`` an empty stream; ``-- NAME`` to ``--`` writes a file.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import typer.core
import typer.main

from passerby import law
from passerby.cli import build, main
from passerby.errors import FactsError

ROOT = Path(__file__).parent.parent
SESSIONS = sorted((Path(__file__).parent / "sessions" / "law").glob("*.txt"))
GUIDE = ROOT / "docs" / "assess.md"


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """Return a folder to work in, with a `passerby` of this interpreter on its path."""
    program = tmp_path / "bin" / "passerby"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m passerby "$@"\n')
    program.chmod(0o755)
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    places = f"{folder.parent / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": places, "PYTHONPATH": str(ROOT / "src"), "LC_ALL": "C.UTF-8"}
    shell = ["/bin/sh", "-c", command]
    return subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def run_here(command: str, capsys: pytest.CaptureFixture[str]) -> subprocess.CompletedProcess[str]:
    """Run a command that needs no shell in this process: starting Python anew costs more than the command."""
    _, *arguments = shlex.split(command)
    code = 0
    try:
        main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    out, err = capsys.readouterr()
    return subprocess.CompletedProcess(command, code, out, err)


def check(words: str, result: subprocess.CompletedProcess[str]) -> None:
    kind, _, text = words.partition(" ")
    # a session states words, not where lines are folded
    out, err = (" ".join(stream.split()) for stream in (result.stdout, result.stderr))
    told = f"{words}\n--- out\n{result.stdout}\n--- err\n{result.stderr}"
    expected = {
        "exit": lambda: result.returncode == int(text),
        "out": lambda: text in out or text in result.stdout,
        "err": lambda: text in err or text in result.stderr,
        "not-out": lambda: text not in result.stdout,
        "no-out": lambda: not result.stdout,
        "no-err": lambda: not result.stderr,
    }
    assert kind in expected, f"no such word in a session: {words}"
    assert expected[kind](), told


def blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a session's steps: ("$", command and checks) or ("--", name and lines of a file)."""
    lines = iter(text.splitlines())
    step: list[str] = []
    for line in lines:
        if line.startswith("-- "):
            body = []
            for inside in lines:
                if inside == "--":
                    break
                body.append(inside)
            yield "--", [line[3:], *body]
        elif line.startswith("$ "):
            step = [line[2:]]
        elif line and not line.startswith("#"):
            step.append(line)
        elif step:
            yield "$", step
            step = []
    if step:
        yield "$", step


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_session(path: Path, shell: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(shell)
    steps = 0
    for kind, step in blocks(path.read_text(encoding="utf-8")):
        if kind == "--":
            (shell / step[0]).parent.mkdir(exist_ok=True)
            (shell / step[0]).write_text("\n".join(step[1:]) + "\n", encoding="utf-8")
            continue
        plain = step[0].startswith("passerby ") and not set(step[0]) & set("|<>;&$*")
        result = run_here(step[0], capsys) if plain else run(step[0], shell)
        assert len(step) > 1 or result.returncode == 0, result.stderr
        for words in step[1:]:
            check(words, result)
        steps += 1
    assert steps > 3


WRONG = [
    ("assess nowhere.yaml", "nowhere.yaml: cannot be read", "give the path of a facts file"),
    ("assess good.yaml --position act2024", "--position must be one of", "write --position act-2024"),
    (
        "assess good.yaml --on 2026-02-30",
        "--on: a day must exist and be written as YYYY-MM-DD, got '2026-02-30'",
        "2026-11-23",
    ),
    ("assess good.yaml --all --position act-2024", "--all asks every position", "leave one of the two out"),
    ("assess good.yaml --overlay nowhere", "--overlay must be a folder or one of", "folder that holds overlay.md"),
    ("assess --ask good.yaml", "good.yaml exists already", "passerby assess good.yaml"),
    ("assess --ask facts.json", "an interview writes YAML, got the file facts.json", "name a file that ends in .yaml"),
    ("law show 777 --position act-2024", "no provision of act-2024 fits '777'", "there are: "),
    ("law facts autorisation", "the nearest is 'authorisation'", "passerby law facts authorisation"),
    (
        "law letter --camera good.yaml --kind complaint --to operator",
        "must go to authority, got operator",
        "--kind question",
    ),
    ("law letter --camera good.yaml --lang xx", "--lang must be en, fr, de, got 'xx'", "write --lang en"),
    ("law compare empty", "found none", "one file per deployment"),
]


@pytest.mark.parametrize(("command", "message", "hint"), WRONG, ids=lambda value: value[:40])
def test_wrong_use_exits_with_2_and_says_what_to_do(
    command: str,
    message: str,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text("actor: police\n")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as caught:
        main(command.split())
    out, err = capsys.readouterr()
    assert caught.value.code == 2
    assert out == ""
    assert "error: " in err
    assert message in err
    assert "hint: " in err
    assert hint in err


def test_every_command_of_the_guide_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^ *```sh\n(.*?)^ *```", GUIDE.read_text(encoding="utf-8"), re.M | re.S)
    lines = [line.strip() for block in commands for line in block.splitlines() if line.strip()]
    assert len(lines) > 6
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "passerby"
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert not caught.value.code, line
        assert capsys.readouterr().out


def test_the_program_of_the_guide_runs(shell: Path) -> None:
    program = re.search(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.M | re.S)
    assert program
    (shell / "program.py").write_text(program[1], encoding="utf-8")
    result = run(f'"{sys.executable}" program.py', shell)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[0] in {outcome.value for outcome in law.Outcome}


def test_the_facts_of_the_guide_are_a_deployment() -> None:
    found = re.search(r"^```yaml\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.M | re.S)
    assert found
    assert law.parse_deployment(found[1].encode(), "guide.yaml").facts["actor"] == "private"


def test_the_guide_names_every_position() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert [name for name in law.positions() if f"`{name}`" not in text] == []


def test_interview_at_a_terminal_saves_what_was_answered_when_it_is_broken_off(shell: Path) -> None:
    terminal, inside = pty.openpty()
    places = f"{shell.parent / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": places, "PYTHONPATH": str(ROOT / "src")}
    program = subprocess.Popen(
        ["passerby", "assess", "--ask", "plan.yaml"],
        cwd=shell,
        env=environment,
        stdin=inside,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.write(terminal, b"anonymisation\n")
    assert program.stderr
    asked = iter(program.stderr.readline, "")
    before = list(itertools.takewhile(lambda line: not line.startswith("2. "), asked))
    headings = [f"-- {law.stage_of(name).title} --\n" for name in ("function", "purpose")]
    assert [before.count(heading) for heading in headings] == [1, 1]
    os.write(terminal, b"\x03")
    out, err = program.communicate(timeout=60)
    assert program.returncode == 0
    assert "saved plan.yaml" in err
    assert "act-2024" in out
    assert law.read_deployment(shell / "plan.yaml").facts["function"] == "anonymisation"


def test_the_mistake_of_the_guide_is_told_as_the_guide_shows_it() -> None:
    with pytest.raises(FactsError) as caught:
        law.parse_deployment(b"title: x\nfacts:\n  actor: private\n  funktion: rbi\n", "mall.yaml")
    assert f"error: {caught.value.message}\nhint: {caught.value.hint}\n" in GUIDE.read_text(encoding="utf-8")


def test_the_guide_names_every_option_of_its_commands() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    root = typer.main.get_command(build())
    assert isinstance(root, typer.core.TyperGroup)
    room = root.commands["law"]
    assert isinstance(room, typer.core.TyperGroup)
    options = {
        option
        for command in (root.commands["assess"], *room.commands.values())
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    assert len(options) > 10
    assert [option for option in sorted(options - {"--help"}) if option not in text] == []
