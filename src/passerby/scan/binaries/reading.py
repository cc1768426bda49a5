"""Reads binaries and says which components of the catalogue show in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from passerby.scan.binaries.elf import MAGIC as ELF_MAGIC
from passerby.scan.binaries.elf import read_elf
from passerby.scan.binaries.gathered import Gathered
from passerby.scan.binaries.java import CLASS_MAGIC, DEX_MAGIC, read_class, read_dex
from passerby.scan.binaries.macho import is_macho, read_macho
from passerby.scan.binaries.marks import Marks, is_library, read_marks, unversioned
from passerby.scan.binaries.pe import MAGIC as PE_MAGIC
from passerby.scan.binaries.pe import read_pe
from passerby.scan.binaries.window import BinaryFaultError, Window
from passerby.scan.catalogue import Component
from passerby.scan.values import (
    MEMBER,
    Confidence,
    Ecosystem,
    Evidence,
    Finding,
    FindingKind,
    Observation,
    PackageMention,
    Reader,
    TargetFile,
    Unread,
)

_HEAD_BYTES = 64
_MOST_SIGNS = 8
"""What one finding lists; more are counted."""
_FRAMEWORK = re.compile(r"(?:^|/)([^/]+\.framework)(?=/)")


class _Format(NamedTuple):
    name: str
    read: Callable[[Window, Marks, Gathered], None]


class _Sign(NamedTuple):
    """Something that shows a component, and whether it alone is certain."""

    component: Component
    what: str
    certain: bool


# formats that hold programs and are not read, by their first bytes
_NAMED = {
    b"\0asm": "WebAssembly",
    b"\xc6\x1f\xbc\x03\xc1\x03\x19\x1f": "bytecode of Hermes (React Native)",
    b"vdex": "compiled code of Android (vdex)",
}
_ELF, _PE, _MACHO = _Format("ELF", read_elf), _Format("PE", read_pe), _Format("Mach-O", read_macho)
_DEX, _CLASS = _Format("dex", read_dex), _Format("class", read_class)


def _format_of(head: bytes) -> _Format | None:
    if head.startswith(ELF_MAGIC):
        return _ELF
    if head.startswith(PE_MAGIC) and len(head) >= _HEAD_BYTES:
        return _PE
    if is_macho(head):
        return _MACHO
    if head.startswith(DEX_MAGIC):
        return _DEX
    return _CLASS if head.startswith(CLASS_MAGIC) else None


def _named(head: bytes) -> str | None:
    return next((name for magic, name in _NAMED.items() if head.startswith(magic)), None)


def _wants(file: TargetFile) -> bool:
    return (
        _format_of(head := file.head(_HEAD_BYTES)) is not None
        or _named(head) is not None
        or is_library(file.name)
        or ".framework/" in file.path
        or read_marks().by_file(file.name) is not None
    )


def _read(file: TargetFile) -> Iterator[Observation]:
    marks, head = read_marks(), file.head(_HEAD_BYTES)
    yield from _framework(file, marks)
    if named := _named(head):
        yield Unread(file.path, f"{named} is not read")
    form = _format_of(head)
    gathered = Gathered()
    if form:
        with file.open() as stream:
            try:
                form.read(Window(stream, file.size_bytes), marks, gathered)
            except BinaryFaultError as exc:
                # other files may begin with the same two letters
                if form.name != "PE" or is_library(file.name):
                    gathered.faults.append(str(exc))
    shown: dict[str, list[_Sign]] = {}
    for sign in _signs(file.name, gathered, marks):
        shown.setdefault(sign.component.id, []).append(sign)
    for signs in shown.values():
        yield _finding(file, form, signs, gathered.version)
    for module, version in gathered.modules:
        what = f"built of the Go module {module} {version}"
        yield PackageMention(Ecosystem.GO, module, version, Evidence(file.path, what), installed=True)
    for fault in dict.fromkeys(gathered.faults):
        yield Unread(file.path, f"{form.name if form else 'binary'} not read to its end: {fault}")


def _finding(file: TargetFile, form: _Format | None, signs: list[_Sign], version: str) -> Finding:
    component = signs[0].component
    if any(sign.certain for sign in signs) or len(signs) > 1:
        confidence = Confidence.CERTAIN
    else:
        confidence = Confidence.LIKELY if form else Confidence.MAY_BE
    whats = [sign.what for sign in signs[:_MOST_SIGNS]]
    if more := len(signs) - len(whats):
        whats.append(f"and {more} more such names")
    # classes of one archive are one finding
    packed = form is not None and form.name == "class" and MEMBER in file.path
    path = file.path.rpartition(MEMBER)[0] if packed else file.path
    return Finding(
        FindingKind.BINARY,
        path,
        component.title,
        component.id,
        version or _version_of(file.name),
        component.abilities,
        component.rating,
        confidence,
        component.weights,
        tuple(Evidence(path, what) for what in whats),
        digest=None if packed else file.digest(),
        note=component.note,
    )


def _framework(file: TargetFile, marks: Marks) -> Iterator[Finding]:
    """Yield what the folder of a file shows, once more for each file in it: equal findings are one."""
    inside = file.path.rpartition(MEMBER)
    for found in _FRAMEWORK.finditer(inside[2]):
        if component := marks.by_file(found[1]):
            path = inside[0] + inside[1] + inside[2][: found.end(1)]
            yield Finding(
                FindingKind.BINARY,
                path,
                component.title,
                component.id,
                abilities=component.abilities,
                rating=component.rating,
                confidence=Confidence.LIKELY,
                weights=component.weights,
                evidence=(Evidence(path, f"the framework {found[1]} is in the app"),),
                note=component.note,
            )


def _signs(name: str, gathered: Gathered, marks: Marks) -> Iterator[_Sign]:
    names = {unversioned(own.lower()): own for own in reversed((name, *map(_base, gathered.own)))}
    for own in reversed(names.values()):
        if component := marks.by_file(own):
            yield _Sign(component, f"has the name {own}" if own == name else f"calls itself {own}", certain=False)
    for library in dict.fromkeys(map(_base, gathered.libraries)):
        # what needs the library of a whole program is a part of that program, which is found itself
        if (component := marks.by_file(library)) and component.sort in {"library", "kit", "plug-in"}:
            yield _Sign(component, f"needs {library}", certain=False)
    for verb, symbols in (("imports", gathered.imported), ("exports", gathered.exported)):
        for symbol in sorted(symbols):
            if component := marks.by_symbol(symbol):
                yield _Sign(component, f"{verb} {symbol}", certain=True)
    for product in gathered.products:
        if component := marks.products.get(product.lower()):
            yield _Sign(component, f"its version resource names {product}", certain=True)
    for namespace in sorted(gathered.namespaces):
        yield _Sign(marks.namespaces[namespace], f"uses {namespace}", certain=True)
    for package in sorted(gathered.classes):
        what = f"holds or uses classes of {package.replace('/', '.')}"
        yield _Sign(marks.classes[package], what, certain=True)


def _base(path: str) -> str:
    """Return the last part of a library's path; of a framework's, the framework.

    >>> _base("@rpath/FaceTecSDK.framework/FaceTecSDK"), _base("/usr/lib/libfsdk.so")
    ('FaceTecSDK.framework', 'libfsdk.so')
    """
    framework = _FRAMEWORK.search(path)
    return framework[1] if framework else re.split(r"[/\\]", path)[-1]


def _version_of(name: str) -> str:
    found = re.search(r"\.so\.([0-9.]+)$|[.-](\d[0-9.]*)\.dylib$", name)
    return (found[1] or found[2]) if found else ""


READERS: tuple[Reader, ...] = (Reader("binaries", 2, _wants, _read),)
