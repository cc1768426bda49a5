"""What one file of the target has to say, and how it goes to other processes and into the cache: as JSON, never pickled."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import TypeAdapter

from passerby.scan.files import shown_path
from passerby.scan.values import Evidence, Finding, Observation, PackageMention, Unread

_Part = TypeVar("_Part", Finding, PackageMention, Unread, Evidence)


@dataclass(slots=True)
class FileAnswers:
    """What one file of the target has to say, with all that is packed in it.

    Attributes:
        findings: In the order of reading.
        mentions: In the order of reading.
        unread: In the order of reading.
        images: Of each container image in it the paths of its layers, lowest first.
        whiteouts: Paths by which a layer of an image deletes what lower ones hold.
        places: What stands for each file of a layer of an image, so that it is known to replace another.
        files: How many were read: it, and those in it.
        size_bytes: Of them together.
        lasting: Another run would answer the same; not where time ran out or the system refused something.
    """

    findings: list[Finding] = field(default_factory=list)
    mentions: list[PackageMention] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    images: list[tuple[str, ...]] = field(default_factory=list)
    whiteouts: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    files: int = 0
    size_bytes: int = 0
    lasting: bool = True

    def add(self, one: Observation) -> None:
        """Take in one observation, its texts made safe to show."""
        if isinstance(one, Finding):
            self.findings.append(_shown(one))
        elif isinstance(one, PackageMention):
            self.mentions.append(_shown(one))
        else:
            self.unread.append(_shown(one))


_JSON = TypeAdapter(FileAnswers)


def answers_to_json(answers: FileAnswers) -> bytes:
    """Return answers as one line."""
    return _JSON.dump_json(answers, exclude_defaults=True)


def answers_from_json(data: bytes) -> FileAnswers:
    """Return answers from a line.

    Raises:
        ValueError: it is not one.
    """
    return _JSON.validate_json(data)


def _shown(one: _Part) -> _Part:
    """Escape what does not print in every text: it comes out of the target."""
    changed: dict[str, Any] = {}
    for name in one.__slots__:
        value = getattr(one, name)
        clean = _clean(value)
        if clean is not value:
            changed[name] = clean
    return dataclasses.replace(one, **changed) if changed else one


def _clean(value: object) -> object:
    if type(value) is str:
        return value if value.isprintable() else shown_path(value)
    if isinstance(value, Evidence):
        return _shown(value)
    if isinstance(value, tuple):
        clean = tuple(_clean(item) for item in value)
        return value if all(new is old for new, old in zip(clean, value, strict=True)) else clean
    return value
