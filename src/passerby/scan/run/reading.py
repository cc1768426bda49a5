"""Reads one file of the target, with all that is packed in it, by every reader that wants it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from passerby.errors import PasserbyError
from passerby.scan.files import Budget, unpacked
from passerby.scan.values import Observation, Reader, TargetFile, Unread


@dataclass(slots=True)
class FileAnswers:
    """What one file of the target has to say.

    Attributes:
        observations: Of all readers, in any order.
        files: How many were read: it, and those in it.
        size_bytes: Of them together.
    """

    observations: list[Observation] = field(default_factory=list)
    files: int = 0
    size_bytes: int = 0


def read_file(file: TargetFile, readers: Iterable[Reader], budget: Budget) -> FileAnswers:
    """Ask every reader about a file and about each file that is packed in it. Never raises for what is in them."""
    answers = FileAnswers()
    for member in unpacked(file, budget):
        if isinstance(member, Unread):
            answers.observations.append(member)
            continue
        answers.files += 1
        answers.size_bytes += member.size_bytes
        for reader in readers:
            answers.observations += _asked(reader, member)
    return answers


def _asked(reader: Reader, file: TargetFile) -> Iterator[Observation]:
    try:
        if reader.wants(file):
            yield from reader.read(file)
    except OSError as exc:
        yield Unread(file.path, f"it cannot be read: {exc.strerror or exc}")
    except PasserbyError as exc:
        yield Unread(file.path, f"{reader.name}: {exc.message}")
    except Exception as exc:  # noqa: BLE001 - a hostile file must not end the scan; what escapes is named
        yield Unread(file.path, f"reader {reader.name} failed on it: {type(exc).__name__}")
