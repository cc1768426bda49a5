from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from passerby.errors import ScanError
from passerby.scan.files import Walked
from passerby.scan.run.committed import walk_committed
from passerby.scan.values import Unread


@pytest.fixture
def working_tree(tmp_path: Path) -> Path:
    """Return a folder of which Git holds a part."""
    tree = tmp_path / "tree"
    for name in ("kept.py", "inner/a b.onnx", "inner/é\n.py", ".venv/lib/recogniser.py", "inner/built.so", "gone.py"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"x")
    (tree / "out").symlink_to("/etc")
    subprocess.run(["git", "init", "--quiet", tree], check=True)
    subprocess.run(
        ["git", "-C", tree, "add", "kept.py", "inner/a b.onnx", "inner/é\n.py", "gone.py", "out"], check=True
    )
    hook = tmp_path / "monitor"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    subprocess.run(["git", "-C", tree, "config", "core.fsmonitor", str(hook)], check=True)
    (tree / "gone.py").unlink()
    return tree


def test_of_a_working_tree_what_git_holds_is_walked_and_the_rest_is_not(working_tree: Path) -> None:
    found = list(walk_committed(working_tree))
    files = [one.path for one in found if isinstance(one, Walked)]
    assert files == ["kept.py", "inner/a b.onnx", "inner/é\n.py"]
    unread = {one.path: one.reason for one in found if isinstance(one, Unread)}
    assert unread == {
        "gone.py": "it is committed and not on the disk: not read",
        "out": "a link out of the target, to /etc: not followed",
    }
    inner = [one.path for one in walk_committed(working_tree / "inner") if isinstance(one, Walked)]
    assert inner == ["a b.onnx", "é\n.py"]
    assert not (working_tree.parent / "ran").exists(), "nothing that the repository names is run"


def test_a_repository_in_a_repository_is_named(working_tree: Path) -> None:
    head = "0123456789" * 4
    (working_tree / "module").mkdir()
    (working_tree / "module/x.py").write_bytes(b"x")
    command = ["git", "-C", str(working_tree), "update-index", "--add", "--cacheinfo", f"160000,{head},module"]
    subprocess.run(command, check=True)
    found = [one for one in walk_committed(working_tree) if "module" in one.path]
    assert found == [Unread("module", "a repository of its own (submodule): scan it by itself")]


def test_without_git_or_a_working_tree_it_is_said_what_is_wanted(tmp_path: Path, working_tree: Path) -> None:
    with pytest.raises(ScanError, match=r"target must lie in a working tree of Git, got .*: fatal: not a git"):
        list(walk_committed(tmp_path))
    with pytest.raises(ScanError, match="target must be a folder in a working tree of Git"):
        list(walk_committed(working_tree / "kept.py"))
    with pytest.raises(ScanError, match="git must be there"):
        list(walk_committed(working_tree, git="no-such-git"))
