"""Passerby scans itself: its lock file, its environment, its package with the weights. It detects, and identifies nobody."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

from passerby.cli import main
from passerby.scan import Ability, Rating, ScanResult, ScanSettings, scan_target

ROOT = Path(__file__).parent.parent
ALONE = ScanSettings(workers=0, keep=None)


@pytest.fixture(scope="module")
def itself(tmp_path_factory: pytest.TempPathFactory) -> ScanResult:
    """Return what is found in the lock file, the package, and what the environment says of itself."""
    folder = tmp_path_factory.mktemp("itself")
    shutil.copy(ROOT / "requirements.lock", folder)
    for metadata in Path(sysconfig.get_path("purelib")).glob("*.dist-info/METADATA"):
        copied = folder / "site-packages" / metadata.parent.name
        copied.mkdir(parents=True)
        shutil.copy(metadata, copied)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return scan_target(folder, ALONE)


def test_the_lock_file_and_the_environment_were_read(itself: ScanResult) -> None:
    locked = re.findall(r"^[a-z0-9.-]+==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.M)
    assert itself.packages >= len(locked) > 100
    assert itself.files > 500


def test_a_detector_is_found_and_nothing_that_identifies(itself: ScanResult) -> None:
    assert [f"{one.title} in {one.path}" for one in itself.findings if one.rating is Rating.IDENTIFIES] == []
    assert any(Ability.DETECT in one.abilities for one in itself.findings)


def test_the_hook_for_other_projects_is_a_command_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["passerby-scan"]
    program, *words = hooks[0]["entry"].split()
    assert program == "passerby"
    assert not hooks[0]["pass_filenames"], "one scan of all, since a finding may need several files"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.txt").write_text("insightface==0.7.3\n")
    subprocess.run(["git", "init", "--quiet"], check=True)
    for content, code in (("", 0), ("insightface==0.7.3\n", 3)):
        (tmp_path / "requirements.txt").write_text(content)
        subprocess.run(["git", "add", "requirements.txt"], check=True)
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert (caught.value.code or 0) == code
    assert "id: passerby-scan" in (ROOT / "docs" / "scan.md").read_text(encoding="utf-8")
