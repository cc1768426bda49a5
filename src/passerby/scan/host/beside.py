"""Finds the metadata of the package that a loaded file belongs to, so that what runs has its name and version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_ENVIRONMENT = re.compile(r"^(.*/(?:site|dist)-packages)/([^/]+)")
_NODE = re.compile(r"^(.*/node_modules/(?:@[^/]+/)?[^/]+)/")
_MOST_RECORD_BYTES = 8 << 20
_MOST_PACKAGES = 5_000


def metadata_beside(where: Path, path: str) -> Iterator[tuple[Path, str]]:
    """Give the files that say which package a file belongs to, each where it can be read and as it is called.

    Args:
        where: Of the file.
        path: As processes call it.
    """
    found = _ENVIRONMENT.match(str(where))
    if found:
        folder = _metadata_of(found[1], re.split(r"[.-]", found[2])[0])
        if folder:
            told = (_ENVIRONMENT.match(path) or found)[1]
            yield Path(found[1], folder, "METADATA"), f"{told}/{folder}/METADATA"
    found = _NODE.match(str(where))
    if found:
        told = (_NODE.match(path) or found)[1]
        yield Path(found[1], "package.json"), f"{told}/package.json"


def _metadata_of(environment: str, top: str) -> str | None:
    tops = _tops(environment)
    return tops.get(top) or tops.get(_comparable(top))


@lru_cache(maxsize=64)
def _tops(environment: str) -> dict[str, str]:
    """Return the folder of metadata by what lies at the top of an environment."""
    found: dict[str, str] = {}
    try:
        folders = sorted(Path(environment).glob("*.dist-info"))[:_MOST_PACKAGES]
    except OSError:
        return found
    for folder in folders:
        found.setdefault(_comparable(folder.name.partition("-")[0]), folder.name)
    for folder in folders:
        try:
            with (folder / "RECORD").open("rb") as file:
                record = file.read(_MOST_RECORD_BYTES).decode("utf-8", "replace")
        except OSError:
            continue
        for top in {re.split(r"[/,]", line, maxsplit=1)[0] for line in record.splitlines()}:
            found.setdefault(re.split(r"[.-]", top)[0], folder.name)
    return found


def _comparable(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
