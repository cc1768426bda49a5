"""What is installed: metadata of Python distributions and conda, and the databases of dpkg, apk and RPM."""

from __future__ import annotations

import itertools
import re
import sqlite3
import struct
from collections.abc import Iterator

from passerby.errors import ScanError
from passerby.scan.files import list_of, read_json, read_text, table_of, text_of
from passerby.scan.packages.names import mention, parse_requirement, shown
from passerby.scan.values import Ecosystem, Evidence, Observation, TargetFile, Unread

_MOST_BYTES = 64 << 20
_MOST_FIELD = 1 << 16
_MOST_STEPS = 500
_DEPENDENCY = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9+.-]*)")
_EGG_FOLDER = re.compile(r"(?:^|[/!])([A-Za-z0-9_.]+)(?:-[^/]*)?\.egg-info/requires\.txt$", re.ASCII)
_RPM_NAME, _RPM_VERSION = 1000, 1001
_RPM_STRING = 6
_RPM_MOST_ENTRIES = 10_000


def read_metadata(file: TargetFile) -> Iterator[Observation]:
    """Yield what METADATA or PKG-INFO of a Python distribution says: itself, and what it needs besides extras.

    Raises:
        ScanError: it is too long.
    """
    text = read_text(file, _MOST_BYTES).partition("\n\n")[0]
    fields = [line.partition(":")[::2] for line in text.split("\n")]
    stated = {key.lower(): value.strip() for key, value in reversed(fields)}
    needed = [one for key, value in fields if key.lower() == "requires-dist" and (one := parse_requirement(value))]
    name, version = stated.get("name", ""), stated.get("version", "")
    where = Evidence(file.path, f"is the metadata of {shown(name, version)}")
    needs = [one for one in needed if not one.optional]
    requires = tuple(one.name for one in needs)
    yield from mention(Ecosystem.PYPI, name, version, where, installed=True, requires=requires)
    for one in needs:
        where = Evidence(file.path, f"{shown(name)} requires {shown(one.name)}")
        yield from mention(Ecosystem.PYPI, one.name, one.version, where, root=False)


def read_egg_requires(file: TargetFile) -> Iterator[Observation]:
    """Yield what requires.txt of an egg-info folder names before its first section, which is what is always needed.

    Raises:
        ScanError: it is too long.
    """
    folder = _EGG_FOLDER.search(file.path)
    parent = folder[1] if folder else ""
    lines = read_text(file, 1 << 20).partition("\n[")[0].split("\n")
    needed = [one for line in lines if (one := parse_requirement(line))]
    requires = tuple(one.name for one in needed)
    where = Evidence(file.path, f"lists what {shown(parent)} requires")
    yield from mention(Ecosystem.PYPI, parent, "", where, installed=True, requires=requires)
    for one in needed:
        where = Evidence(file.path, f"{shown(parent)} requires {shown(one.name)}")
        yield from mention(Ecosystem.PYPI, one.name, one.version, where, root=False)


def read_conda_meta(file: TargetFile) -> Iterator[Observation]:
    """Yield one installed conda package, from conda-meta.

    Raises:
        ScanError: it is no JSON.
    """
    document = table_of(read_json(file))
    name, version = text_of(document.get("name")), text_of(document.get("version"))
    needed = tuple(text_of(one).partition(" ")[0] for one in list_of(document.get("depends")))
    where = Evidence(file.path, f"is the metadata of {shown(name, version)}")
    yield from mention(Ecosystem.CONDA, name, version, where, installed=True, requires=needed)


def read_debian(file: TargetFile) -> Iterator[Observation]:
    """Yield the packages of dpkg's status, of status.d, or of the control file of one package.

    Raises:
        ScanError: it is too long.
    """
    for number, stated in _paragraphs(read_text(file, _MOST_BYTES)):
        name = stated.get("package", "")
        source = "/debian/control" in f"/{file.path}" and "version" not in stated
        present = not stated.get("status") or stated["status"].split()[-1] == "installed"
        if not name or not present:
            continue
        listed = f"{stated.get('pre-depends', '')},{stated.get('depends', '')}"
        needed = [found[1] for part in re.split(r"[,|]", listed) if (found := _DEPENDENCY.match(part))]
        version = stated.get("version", "")
        what = f"is the manifest of {shown(name)}" if source else f"is the metadata of {shown(name, version)}"
        where = Evidence(file.path, what, number)
        yield from mention(
            Ecosystem.DEBIAN,
            name,
            version,
            where,
            installed=not source,
            requires=tuple(needed),
            root=source or None,
            own=source,
        )


def _paragraphs(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line and the fields of each paragraph; a line that begins with a blank goes on with the field before."""
    stated: dict[str, str] = {}
    key = ""
    first = 1
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if not line.strip():
            if stated:
                yield first, stated
            stated, first = {}, number + 1
        elif line[0] in " \t":
            if key in ("depends", "pre-depends") and len(stated.get(key, "")) < _MOST_FIELD:
                stated[key] = f"{stated.get(key, '')} {line.strip()}"
        else:
            key, _, value = line.partition(":")
            key = key.lower()
            stated[key] = value.strip()


def read_alpine(file: TargetFile) -> Iterator[Observation]:
    """Yield the packages of apk's database of installed ones.

    Raises:
        ScanError: it is too long.
    """
    stated: dict[str, str] = {}
    for number, line in enumerate([*read_text(file, _MOST_BYTES).split("\n"), ""], 1):
        if line:
            key, _, value = line.partition(":")
            stated[key] = value
        elif "P" in stated:
            needed = tuple(found[1] for part in stated.get("D", "").split() if (found := _DEPENDENCY.match(part)))
            where = Evidence(file.path, f"is the metadata of {shown(stated['P'], stated.get('V', ''))}", number)
            yield from mention(
                Ecosystem.ALPINE, stated["P"], stated.get("V", ""), where, installed=True, requires=needed
            )
            stated = {}


def read_rpm(file: TargetFile) -> Iterator[Observation]:
    """Yield the packages of an RPM database in SQLite; the older forms are named as not read.

    Raises:
        ScanError: it is too long or no such database.
    """
    if not file.head(16).startswith(b"SQLite format 3\0"):
        yield Unread(file.path, "is an RPM database of a form that is not read here (Berkeley DB or ndb)")
        return
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(file.read(_MOST_BYTES))
        connection.execute("PRAGMA query_only=1")
        steps = itertools.count()
        connection.set_progress_handler(lambda: next(steps) > _MOST_STEPS, 1_000_000)
        table = connection.execute("SELECT 1 FROM sqlite_master WHERE name='Packages' AND type='table' AND rootpage>0")
        if table.fetchone() is None:
            raise ScanError("RPM database must have a table of packages, got none")
        for (blob,) in connection.execute("SELECT blob FROM Packages"):
            if isinstance(blob, bytes):
                name, version = _rpm_header(blob)
                where = Evidence(file.path, f"lists {shown(name, version)}")
                yield from mention(Ecosystem.RPM, name, version, where, installed=True)
    except sqlite3.Error as exc:
        raise ScanError("RPM database must be readable by SQLite, got something else") from exc
    finally:
        connection.close()


def _rpm_header(blob: bytes) -> tuple[str, str]:
    """Return name and version of one header.

    Source: RPM file format, "Header": counts of entries and bytes, entries of tag, type, offset and count, then data.
    """
    stated = {_RPM_NAME: "", _RPM_VERSION: ""}
    if len(blob) >= 8:
        count, _ = struct.unpack_from(">II", blob)
        count = min(count, _RPM_MOST_ENTRIES, (len(blob) - 8) // 16)
        for number in range(count):
            tag, kind, offset, _ = struct.unpack_from(">IIII", blob, 8 + 16 * number)
            if tag in stated and kind == _RPM_STRING:
                text = blob[8 + 16 * count + offset :][:300].partition(b"\0")[0]
                stated[tag] = text.decode("utf-8", "replace")
    return stated[_RPM_NAME], stated[_RPM_VERSION]
