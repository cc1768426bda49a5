"""Missing permissions are told by name; checked without root's powers also where root runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from PIL import Image
from tests.media_clips import make_clip

WITHOUT = ["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


def run(code: str, *arguments: Path) -> list[str]:
    """Run a program that may not do what its file modes forbid; return what it prints."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("setpriv is missing, and root may read and write everywhere")
        prefix = [setpriv, *WITHOUT]
    start = """
        import sys
        from pathlib import Path
        from passerby.errors import PasserbyError
        from passerby.files import atomic_file
        from passerby.media import expand_inputs, probe_clip, read_picture
        path = Path(sys.argv[1])
    """
    command = [*prefix, sys.executable, "-c", textwrap.dedent(start) + textwrap.dedent(code), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return result.stdout.splitlines()


@pytest.fixture
def shut(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(path)
    path.chmod(0)
    return path


def test_picture_that_may_not_be_read(shut: Path) -> None:
    (told,) = run(
        """
        try:
            read_picture(path)
        except PasserbyError as error:
            print(type(error).__name__, error.message)
        """,
        shut,
    )
    assert told == f"UnreadableError cannot read {shut}: Permission denied"


def test_input_that_may_not_be_read_is_a_failure_and_the_rest_goes_on(shut: Path) -> None:
    Image.new("RGB", (4, 4)).save(shut.with_name("b.png"))
    (shut.parent / "shut").mkdir(mode=0)
    told = run(
        """
        inputs = expand_inputs([str(path.parent)])
        print([source.path.name for source in inputs.sources])
        for place, error in sorted(inputs.failed):
            print(place.name, error.message)
        """,
        shut,
    )
    (shut.parent / "shut").chmod(0o700)
    folder = shut.parent
    assert told == [
        "['b.png']",
        f"a.png cannot read {folder}/a.png: Permission denied",
        f"shut cannot read folder {folder}/shut: Permission denied",
    ]


def test_clip_that_may_not_be_read(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=2)
    clip.chmod(0)
    (told,) = run(
        """
        try:
            probe_clip(path)
        except PasserbyError as error:
            print(type(error).__name__, error.message)
        """,
        clip,
    )
    assert told == "UnreadableError no permission to read a.mp4"


def test_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o500)
    (told,) = run(
        """
        try:
            with atomic_file(path / "a.png", overwrite=False):
                print("never")
        except PasserbyError as error:
            print(type(error).__name__, error.message, "|", error.hint)
        """,
        folder,
    )
    assert told.startswith(f"OutputError cannot write {folder}/a.png: Permission denied | allow writing to")
    assert list(folder.iterdir()) == []
