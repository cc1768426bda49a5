"""The guide is held against the code: its example runs, its tables are complete, its commands exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from passerby import register
from passerby.cli import build

GUIDE = (Path(__file__).parent.parent / "docs" / "register.md").read_text()


def test_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    scope: dict[str, Any] = {}
    exec(compile(example, "docs/register.md", "exec"), scope)  # noqa: S102 # the example is ours, and this is its test
    assert scope["proven"].index == 0
    assert scope["report"].checkpoint.size == 3


def test_every_kind_of_entry_is_in_the_guide() -> None:
    table = GUIDE.partition("## Entries")[2].partition("**Commitments.**")[0]
    assert sorted(re.findall(r"`([a-z]+\.[a-z]+|heartbeat|fault|selftest|spotcheck|reveal|remark)`", table)) == sorted(
        register.entry_kinds()
    )


def test_every_kind_of_problem_is_in_the_guide() -> None:
    table = GUIDE.partition("## What check and watch name")[2].partition("A camera is silent")[0]
    assert set(re.findall(r"`([a-z-]+)`", table)) == set(register.LogProblem.KINDS)


def test_every_command_is_in_the_guide_and_has_help() -> None:
    root = typer.main.get_command(build())
    inside = root.commands["register"].commands  # type: ignore[attr-defined]
    groups = {
        "register": inside,
        "register witness": inside["witness"].commands,
        "register gateway": inside["gateway"].commands,
        "authority": root.commands["authority"].commands,  # type: ignore[attr-defined]
    }
    for group, commands in groups.items():
        for name, command in commands.items():
            if not command.hidden:
                assert f"{group} {name}" in GUIDE, f"passerby {group} {name}"
                assert command.help
    for group, name in re.findall(r"passerby (register witness|register gateway|register|authority) ([a-z-]+)", GUIDE):
        assert not groups[group][name].hidden
