"""Reads the folder of one position or overlay: the front matter of its first file, and its rule files."""

from __future__ import annotations

from pathlib import Path

from passerby.errors import RuleError
from passerby.law.rules.file import RuleFile, read_front, read_rule_file

HEADS = frozenset({"position.md", "overlay.md"})
"""The file of a folder that says what the folder is; all others hold rules."""


def read_head(path: Path) -> tuple[dict[str, object], list[str]]:
    """Return the front matter of a ``position.md`` or ``overlay.md``, and the lines of the file.

    Raises:
        RuleError: there is no front matter.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    return read_front(lines, f"{path.parent.parent.name}/{path.parent.name}/{path.name}")[0], lines


def require_keys(front: dict[str, object], keys: tuple[str, ...], shown: str) -> None:
    """Refuse front matter in which one of the keys is missing or empty.

    Raises:
        RuleError: one is; the message starts with ``shown:1:``.
    """
    for key in keys:
        if not front.get(key):
            raise RuleError(f"{shown}:1: front matter must have {key}", hint=f"add a line `{key}: ...`")


def read_rule_files(folder: Path, name: str, root: Path) -> tuple[RuleFile, ...]:
    """Return the rule files of a folder, in the order of their names.

    Args:
        folder: The folder.
        name: Name of the position or overlay, with which the ids of its provisions begin.
        root: The paths in messages and provisions are told from here.

    Raises:
        RuleError: one is broken.
    """
    paths = sorted(path for path in folder.glob("*.md") if path.name not in HEADS)
    return tuple(read_rule_file(path, position=name, shown=str(path.relative_to(root))) for path in paths)
