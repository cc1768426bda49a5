"""What Git holds of a working tree: what is committed, and what is staged to be."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from passerby.errors import ScanError
from passerby.scan.files import Walked, shown_path, walk_target
from passerby.scan.values import Unread

_SECONDS = 120
_SUBMODULE = "160000"
"""Mode of a folder that is a repository of its own. Source: gitformat-index(5)."""


def walk_committed(target: Path, git: str = "git") -> Iterator[Walked | Unread]:
    """Yield the files of a working tree that are committed or staged, as they lie on the disk, and what is not read of them.

    Git is asked for names alone; nothing that a configuration names is run.

    Args:
        target: A folder in a working tree; what is below it.
        git: Another name of ``git``.

    Raises:
        ScanError: it does not exist, or lies in no working tree; Git is not there.
    """
    modes = _committed(target, git)
    yield from walk_target(target, among=frozenset(modes))
    for path, mode in modes.items():
        if mode == _SUBMODULE:
            yield Unread(shown_path(path), "a repository of its own (submodule): scan it by itself")
        elif not os.path.lexists(target / path):
            yield Unread(shown_path(path), "it is committed and not on the disk: not read")


def _committed(target: Path, git: str) -> dict[str, str]:
    """Return the paths that the index of Git names below a folder, with their modes."""
    if not target.is_dir():
        raise ScanError(f"target must be a folder in a working tree of Git, got {target}", hint="name the folder")
    command = [git, "-c", "core.fsmonitor=false", "-C", str(target), "ls-files", "-z", "--stage"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except FileNotFoundError as exc:
        raise ScanError("git must be there to say what is committed, is not", hint="install Git") from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ScanError("git must answer to say what is committed, did not") from exc
    if done.returncode:
        said = shown_path(done.stderr.decode("utf-8", "replace").strip().partition("\n")[0])
        raise ScanError(
            f"target must lie in a working tree of Git, got {target}: {said}",
            hint="without --committed all files of the folder are scanned",
        )
    entries = (os.fsdecode(entry).partition("\t") for entry in done.stdout.split(b"\0") if entry)
    return {path: stated.partition(" ")[0] for stated, _, path in entries}
