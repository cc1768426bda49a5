"""The catalogue by what shows a component in a binary: whole names, or names up to a star."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from passerby.scan.catalogue import Component, read_catalogue

_SUFFIXES = (".dll", ".exe", ".so", ".dylib", ".node", ".pyd")


@dataclass(frozen=True, slots=True)
class Marks:
    """Components by what shows them.

    Attributes:
        files: By names of files, lower case.
        patterns: Names with a star, as expressions.
        products: By product, or company with product, lower case.
        symbols: By whole names of symbols.
        prefixes: By beginnings of symbols.
        classes: By packages or classes of Java, with ``/``.
        namespaces: By namespaces and assemblies of .NET.
    """

    files: dict[str, Component]
    patterns: tuple[tuple[re.Pattern[str], Component], ...]
    products: dict[str, Component]
    symbols: dict[str, Component]
    prefixes: dict[str, Component]
    classes: dict[str, Component]
    namespaces: dict[str, Component]

    def by_file(self, name: str) -> Component | None:
        """Return whose library or program bears a name; versions after ``.so`` do not count."""
        plain = unversioned(name.lower())
        if found := self.files.get(plain):
            return found
        return next((component for pattern, component in self.patterns if pattern.fullmatch(plain)), None)

    def by_symbol(self, name: str) -> Component | None:
        """Return who alone has a symbol of this name."""
        if found := self.symbols.get(name):
            return found
        return next((component for prefix, component in self.prefixes.items() if name.startswith(prefix)), None)

    def literals(self) -> Iterator[bytes]:
        """Yield what a table of names must hold for it to be worth a closer reading."""
        for name in (*self.symbols, *self.prefixes):
            yield name.encode()


def unversioned(name: str) -> str:
    """Return the name of a library without its version.

    >>> unversioned("libfsdk.so.7.1"), unversioned("libfsdk.7.dylib"), unversioned("a.so.txt")
    ('libfsdk.so', 'libfsdk.dylib', 'a.so.txt')
    """
    name = re.sub(r"\.so(\.\d+)+$", ".so", name)
    return re.sub(r"(\.\d+)+\.dylib$", ".dylib", name)


@functools.cache
def read_marks() -> Marks:
    """Return the marks of the catalogue that this version ships."""
    files: dict[str, Component] = {}
    patterns: list[tuple[re.Pattern[str], Component]] = []
    products: dict[str, Component] = {}
    symbols: dict[str, Component] = {}
    prefixes: dict[str, Component] = {}
    classes: dict[str, Component] = {}
    namespaces: dict[str, Component] = {}
    for component in read_catalogue().components.values():
        marks, code = component.binaries, component.code
        for name in marks.files:
            if "*" in name:
                patterns.append((re.compile(re.escape(name.lower()).replace(r"\*", r"[0-9._]*")), component))
            else:
                files[name.lower()] = component
        products |= {name.lower(): component for name in marks.products}
        for symbol in marks.symbols:
            (prefixes if symbol.endswith("*") else symbols)[symbol.removesuffix("*")] = component
        classes |= {name.replace(".", "/"): component for name in code.java}
        namespaces |= dict.fromkeys(code.csharp, component)
        namespaces |= {name[:-4]: component for name in marks.files if name.endswith(".dll") and "." in name[:-4]}
        files |= {f"{module.lower()}.framework": component for module in code.swift}
    return Marks(files, tuple(patterns), products, symbols, prefixes, classes, namespaces)


def is_library(name: str) -> bool:
    """Return whether a file's name is one that programs and libraries bear.

    >>> is_library("a.dll"), is_library("libx.so.7"), is_library("a.txt"), is_library("sold.py")
    (True, True, False, False)
    """
    return unversioned(name.lower()).endswith(_SUFFIXES)
