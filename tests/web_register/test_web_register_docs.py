"""The guide is held against the code."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer.main

from passerby.cli import build
from passerby.languages import LANGUAGES
from passerby.web.register import camera as register_camera
from passerby.web.register.documents import find
from passerby.web.register.pages import PAGE_POLICY, CitizenPages, LogSummary
from passerby.web.register.server import LOG_FILE
from passerby.web.register.view import CAMERAS_PER_PART

if TYPE_CHECKING:
    from tests.web_register.conftest import City

GUIDE = (Path(__file__).parents[2] / "docs" / "citizen-page.md").read_text(encoding="utf-8")


def test_every_path_of_the_guide_is_there(city: City) -> None:
    city.operator()
    for number in range(CAMERAS_PER_PART + 1):
        city.register(number)
    state = city.state()
    pages = CitizenPages(state, LogSummary("o", state.size, "o+00000000+AAAA"), city.now, base_url="https://x/")
    table = GUIDE.partition("## What stands where")[2].partition("A path may")[0]
    named = [path for line in re.findall(r"^\| (`.*?`) \|", table, re.M) for path in re.findall(r"`/(.*?)`", line)]
    assert len(named) > 10
    for path in named:
        if path.startswith(("proof", "entry")):
            continue
        there = find(pages, path.replace("<camera>", city.name(0)), "en") is not None
        assert there or LOG_FILE.fullmatch(path + ("0/000" if path.endswith("/") else "")), path


def test_numbers_of_the_guide_are_those_of_the_code(city: City) -> None:
    camera = city.register(0).start(0).state().cameras[city.name(0)]
    assert camera.due == city.begin + timedelta(minutes=66)
    assert "hourly: 66 minutes after the last word" in GUIDE
    assert f"more than {register_camera.AHEAD_S // 60} minutes in the future" in GUIDE
    assert f"keeps {register_camera.HOURS_KEPT} hours and {register_camera.DAYS_KEPT} days" in " ".join(GUIDE.split())
    assert f"the last {register_camera.LISTED} faults" in " ".join(GUIDE.split())
    assert pytest.approx(0.5) == register_camera.LATE_HEARTBEATS
    assert f"from the {CAMERAS_PER_PART + 1}st camera on" in GUIDE
    assert all(f"`/{language}/`" in GUIDE for language in LANGUAGES)
    assert PAGE_POLICY.startswith("default-src 'none'")


def test_commands_of_the_guide_exist() -> None:
    group = typer.main.get_command(build()).commands["register"]  # type: ignore[attr-defined]
    for line in re.findall(r"^passerby register .*", GUIDE, re.M):
        name = line.split()[2]
        options = {option for parameter in group.commands[name].params for option in parameter.opts}
        assert set(re.findall(r" (--?[a-z-]+)", line.partition("#")[0])) <= options, line
