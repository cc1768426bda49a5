"""docs/veil.md: every option of the command stands there, and nothing that the command does not have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import typer.main

from passerby.cli.app import build
from passerby.veil.review import sidecar

GUIDE = (Path(__file__).parent.parent / "docs" / "veil.md").read_text(encoding="utf-8")
ALIASES = {
    "--threshold", "--execution-provider", "--start-time", "--end-time", "--disable-progress-output", "--boxes", "--help",
    "--no-manifest",
}  # fmt: skip


def options_of(verb: str) -> set[str]:
    group = typer.main.get_command(build(verb))
    command = group.commands[verb]  # type: ignore[attr-defined]
    return {
        name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts) if name[0] == "-"
    }


def test_every_option_is_in_the_guide_and_every_option_there_is_real() -> None:
    real = options_of("veil")
    table = GUIDE.split("## Options")[1].split("## ")[0]
    told = set(re.findall(r"`(--?[a-z][a-z-]*)`", table))
    assert real - ALIASES <= told
    assert told <= real
    everywhere = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", GUIDE))
    assert everywhere <= real | options_of("verify") | options_of("doctor") | options_of("demo")


def test_lines_shown_in_the_guide_fit_the_schema() -> None:
    check = jsonschema.Draft202012Validator(json.loads(sidecar.SCHEMA.read_text(encoding="utf-8")))
    lines = re.findall(r'^\{"track".*\}$', GUIDE, re.M)
    assert len(lines) == 2
    for line in lines:
        check.validate(json.loads(line))
