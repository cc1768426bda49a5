"""What a piece of source code uses: modules, names with where they come from, and text literals."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ast_grep_py import SgNode


class Language(enum.StrEnum):
    """Languages whose imports mean something; spelled as the fields of the catalogue's ``code``."""

    PYTHON = "python"
    JAVASCRIPT = "javascript"
    JAVA = "java"
    SWIFT = "swift"
    CSHARP = "csharp"
    GO = "go"
    CPP = "cpp"
    PHP = "php"
    RUBY = "ruby"
    RUST = "rust"
    SHELL = "shell"
    POLICY = "policy"
    """Infrastructure as code, which imports nothing."""


class UseSort(enum.Enum):
    """What sort of use."""

    IMPORT = enum.auto()
    """A module, or a name in one, is made known."""
    NAME = enum.auto()
    """A name is called, made or handed on."""
    TEXT = enum.auto()
    """A literal."""


class Origin(NamedTuple):
    """Where a name comes from.

    Attributes:
        module: As it was imported; empty where that is not known.
        tail: What follows, outermost last; calls are left out, so that ``cv2.face.create().predict`` is
            ``("cv2", ("face", "create", "predict"))``.
    """

    module: str
    tail: tuple[str, ...] = ()

    def then(self, name: str) -> Origin:
        """Return the origin of a name in this one."""
        return Origin(self.module, (*self.tail, name))

    def __str__(self) -> str:
        return ".".join(part for part in (self.module, *self.tail) if part)


class Use(NamedTuple):
    """One use.

    Attributes:
        sort: Which.
        origin: Of a module or name; of a text ``Origin("", (text,))``.
        node: Where, in a syntax tree; None: at the beginning.
        first_line: Of the piece of code in its file, from 0.
    """

    sort: UseSort
    origin: Origin
    node: SgNode | None = None
    first_line: int = 0

    @property
    def line(self) -> int:
        """Return the line in the file, from 1. It takes as long as its line is long: not for every use."""
        return self.first_line + 1 + (self.node.range().start.line if self.node is not None else 0)


def service_origin(name: str) -> Origin:
    """Return the origin of what a general client is told to be a client of.

    >>> str(service_origin("rekognition"))
    'service:rekognition'
    """
    return Origin(f"service:{name}")
