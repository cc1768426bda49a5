"""What a newcomer reads is true: named files are there, the picture is of today, small checks are parts of the large one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tests.needs import EXTRA, missing

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.md")])
FOLDERS = ("src/", "tests/", "docs/", "bench/", "scripts/", "deploy/", ".ci/")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`([\w./-]+)`", text) if name.startswith(FOLDERS)}
    linked = {target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target}
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [target for target in linked if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_installs_a_name_that_anybody_could_take(page: Path) -> None:
    assert not re.search(r"pip3? install [^\n]*\bpasserby(\[|\s|'|\"|`|$)", page.read_text(encoding="utf-8"))


def test_modules_that_the_architecture_names_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:media|veil|law|register|gateway|web|cli)/[\w./-]+)`", text)
    assert len(named) > 40
    assert [name for name in named if not (ROOT / "src" / "passerby" / name).exists()] == []


def test_checks_before_a_commit_are_checks_of_the_whole() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    whole = (ROOT / "scripts" / "check").read_text(encoding="utf-8")
    for hook in hooks:
        assert hook["entry"] in whole or "pytest" in hook["entry"], f"{hook['id']} is not in scripts/check"
    programs = set(re.findall(r"^(?:exec )?\.venv/bin/(\w[\w-]*)", whole, re.M)) - {"python"}
    assert programs <= {Path(hook["entry"].split()[0]).name for hook in hooks}


def test_picture_of_before_and_after_is_of_today(tmp_path: Path) -> None:
    made = tmp_path / "made.jpg"
    subprocess.run([sys.executable, ROOT / "scripts" / "before_after.py", made], check=True, capture_output=True)
    today, shown = (np.asarray(Image.open(path), np.int16) for path in (made, ROOT / "docs" / "before-after.jpg"))
    assert today.shape == shown.shape
    assert np.abs(today - shown).mean() < 1.0


def test_reference_is_written_from_the_docstrings(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("pdoc")
    if not program.exists():
        missing("pdoc is not installed", EXTRA)
    command = [str(program), "--docformat", "google", "-o", str(tmp_path), "passerby.veil", "passerby.register"]
    subprocess.run(command, check=True, capture_output=True)
    page = (tmp_path / "passerby" / "veil.html").read_text(encoding="utf-8")
    assert 'id="veil_file"' in page
    assert "decoded" in page
