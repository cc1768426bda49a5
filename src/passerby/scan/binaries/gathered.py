"""What one binary says of itself, as the readers of all formats gather it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Gathered:
    """Names out of one binary. Names of symbols are only those that the catalogue asks for.

    Attributes:
        own: What it calls itself.
        libraries: What it needs, as it is spelled, without folders.
        imported: Symbols that it takes from others.
        exported: Symbols that it has.
        products: Of a Windows version resource: product names, company with product, descriptions.
        version: As the binary states it.
        namespaces: Of .NET, that the catalogue asks for.
        modules: Paths and versions of modules that a program in Go is built of.
        classes: Packages and classes of Java, dotted, that the catalogue asks for.
        faults: What kept a part from being read; sentences without a full stop.
    """

    own: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    imported: set[str] = field(default_factory=set)
    exported: set[str] = field(default_factory=set)
    products: list[str] = field(default_factory=list)
    version: str = ""
    namespaces: set[str] = field(default_factory=set)
    modules: list[tuple[str, str]] = field(default_factory=list)
    classes: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
