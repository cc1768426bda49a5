"""What a user names as input becomes a list of sources.

Files are judged by their content. In folders, what holds no picture (text, sound, programs, a camcorder's lists) is skipped
and named. What claims to be footage by its name and is not, what Passerby cannot write or open (documents and archives too),
and what is of no known format is a failure also in folders, so that nobody takes a folder for done that is not.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from passerby.errors import PasserbyError, UnreadableError, UnsupportedError, UsageError
from passerby.files import HIDDEN_PREFIX
from passerby.media.clip_formats import CLIP_SUFFIXES
from passerby.media.content import ContentKind, sniff_file
from passerby.media.pictures import FORMAT_OF_SUFFIX, READ_ONLY_SUFFIXES
from passerby.media.refusals import RECORDER_SUFFIXES, refusal
from passerby.objects import StoredPath, is_address, place_named

VEILED = "_veiled"
"""Stands before the suffix of an output beside its input. Such a file is an input only where it is the only one named:
a second run over ``*.jpg`` must not veil the first run's outputs again."""

_AT_ONCE = 16
"""Objects of which the first bytes are asked for at once: a store answers many requests as soon as one."""

MEDIA_SUFFIXES = set(FORMAT_OF_SUFFIX) | READ_ONLY_SUFFIXES | CLIP_SUFFIXES
_FOOTAGE_SUFFIXES = MEDIA_SUFFIXES | RECORDER_SUFFIXES

_CAMERA = re.compile(r"cam(\d{0,3})|/dev/video(\d{1,3})")
_DEVICE = re.compile(r"/dev/video\d{1,3}")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{1,15}://", re.IGNORECASE)


class SourceKind(StrEnum):
    """What a source gives."""

    PICTURE = "picture"
    CLIP = "clip"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class InputSource:
    """One thing to veil.

    Attributes:
        kind: What it gives.
        path: The file, or the camera's device.
        content: The format by name, ``camera`` for a camera.
        below: The file's place below the folder that the user named, or its bare name: kept under an output folder.
    """

    kind: SourceKind
    path: Path
    content: str
    below: Path


@dataclass(frozen=True, slots=True)
class SkippedInput:
    """A file in a named folder that is not worked on, by rule; no failure.

    Attributes:
        path: The file.
        reason: Why, as it is told to people.
    """

    path: Path
    reason: str


@dataclass(slots=True)
class Inputs:
    """What the user's inputs hold.

    Attributes:
        sources: What is worked on, each file once, in the order named, folders sorted by name.
        skipped: Files in folders that are passed over by rule.
        failed: Files that should be veiled and cannot be: the run is no success.
        many: Several inputs or a folder were named, so that an output must be a folder.
    """

    sources: list[InputSource] = field(default_factory=list)
    skipped: list[SkippedInput] = field(default_factory=list)
    failed: list[tuple[Path, PasserbyError]] = field(default_factory=list)
    many: bool = False


def may_hold_footage(name: str) -> bool:
    """Return whether a file's name ends as names of pictures and clips do; its content is not looked at.

    >>> may_hold_footage("a.MOV"), may_hold_footage("notes.txt")
    (True, False)
    """
    return Path(name).suffix.lower() in _FOOTAGE_SUFFIXES


def source_version(path: Path) -> str | None:
    """Return what tells what stands under a name now from whatever takes its place; None where nothing does.

    A source is read more than once: faces that were found in one file are not where they are in another.

    Raises:
        UnreadableError: an object is gone.
        StoreError: the store does not answer, or refuses.
    """
    try:
        if isinstance(path, StoredPath):
            return path.version_and_digest()[0]
        told = path.stat()
    except FileNotFoundError as exc:
        raise UnreadableError(f"there is no {'object' if isinstance(path, StoredPath) else 'file'} {path}") from exc
    except OSError:
        return None
    return f"{told.st_dev}.{told.st_ino}.{told.st_size}.{told.st_mtime_ns}"


def check_unchanged(path: Path, version: str | None) -> None:
    """Refuse what was made of a source that is another one now; ``version`` is what it was before it was read.

    Raises:
        UnreadableError: it is another, or gone.
        StoreError: the store does not answer, or refuses.
    """
    if source_version(path) != version:
        raise UnreadableError(f"{path} was changed while it was read", hint="veil it again")


def expand_inputs(named: Sequence[str], *, output: str | Path | None = None, veiled: str = VEILED) -> Inputs:
    """Find what the user's inputs hold.

    Args:
        named: Files, folders (all below them too), patterns (``*``, ``?``, ``[...]``, ``**``), ``cam``, ``cam1``,
            ``/dev/video0``. A file whose name looks like a pattern or camera is meant where it exists as written
            (``./cam`` for a file named so). An address of an object store (``s3://bucket/folder/``) names an object, or a
            folder where there is no such object.
        output: The user's output; where it is a folder inside a named folder, what is in it is no input.
        veiled: How names of outputs end before their suffix, beside the usual way.

    Raises:
        UsageError: nothing is named, or a named input does not exist or matches nothing.
        StoreError: an object store does not answer, or refuses.
    """
    if not named:
        raise UsageError("at least one input is wanted, got none", hint="name a picture, a clip, a folder or cam")
    inputs = Inputs(many=len(named) > 1)
    found: dict[Path, tuple[Path, Path | None]] = {}
    for one in named:
        for path, below in _paths_of(one, inputs, None if output is None else place_named(output)):
            found.setdefault(path.resolve(), (path, below))
    endings = (VEILED, veiled)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        judged: dict[Path, Future[InputSource | SkippedInput | PasserbyError]] = {
            path: threads.submit(_judged, path, below, endings, many=inputs.many)
            for path, below in found.values()
            if isinstance(path, StoredPath)
        }
        for path, below in found.values():
            asked = judged.get(path)
            what = _judged(path, below, endings, many=inputs.many) if asked is None else asked.result()
            if isinstance(what, InputSource):
                inputs.sources.append(what)
            elif isinstance(what, SkippedInput):
                inputs.skipped.append(what)
            elif what.ends_run:
                threads.shutdown(wait=False, cancel_futures=True)
                raise what
            else:
                inputs.failed.append((path, what))
    return inputs


def _paths_of(one: str, inputs: Inputs, output: Path | None) -> Iterator[tuple[Path, Path | None]]:
    """Yield each file that an input means, with its place below a named folder (None where named itself)."""
    path = Path(one)
    camera = _CAMERA.fullmatch(one)
    if camera:
        yield Path(f"/dev/video{camera[1] or camera[2] or 0}"), None
    elif is_address(one):
        yield from _objects_of(one, inputs, output)
    elif _ADDRESS.match(one):
        message = (
            f"input must be a file, a folder or a camera of this machine, got the address {one.split('://')[0]}://..."
        )
        raise UnsupportedError(message, hint="network cameras are veiled by passerby run")
    elif path.is_dir():
        inputs.many = True
        yield from ((file, file.relative_to(path)) for file in _files_below(path, inputs, output))
    elif os.path.lexists(path):
        yield path, None
    elif glob.has_magic(one):
        inputs.many = True
        yield from _matches(one, inputs, output)
    else:
        raise UsageError(f"no such file or folder: {one}", hint="check the name and the folder you are in")


def _objects_of(one: str, inputs: Inputs, output: Path | None) -> Iterator[tuple[Path, Path | None]]:
    place = place_named(one)
    if not isinstance(place, StoredPath):
        raise UsageError(f"{one} must be the address of an object or a folder")
    if not one.endswith("/") and place.key and place.exists():
        yield place, None
        return
    inputs.many = True
    count = 0
    for count, path in enumerate(place.below(), 1):  # noqa: B007 - counted to the end
        below = Path(*path.parts[len(place.parts) :])
        hidden = next((name for name in below.parts[:-1] if name.startswith(".")), None)
        if hidden is not None:
            inputs.skipped.append(SkippedInput(path, "in a hidden folder"))
        elif output is not None and output != place and path.is_relative_to(output):
            inputs.skipped.append(SkippedInput(path, "in the output folder"))
        else:
            yield path, below
    if not count:
        hint = "patterns do not go with addresses: name the folder" if glob.has_magic(one) else "check the address"
        raise UsageError(f"no such object or folder: {one}", hint=hint)


def _matches(pattern: str, inputs: Inputs, output: Path | None) -> Iterator[tuple[Path, Path | None]]:
    found = sorted(Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207 - patterns may be absolute
    if not found:
        raise UsageError(f"no file matches {pattern}", hint="check the pattern and the folder you are in")
    for path in found:
        if path.is_dir():
            if "**" not in pattern:  # there, what is below matches by itself
                yield from ((file, file.relative_to(path.parent)) for file in _files_below(path, inputs, output))
        else:
            yield path, Path(path.name)


def _files_below(folder: Path, inputs: Inputs, output: Path | None) -> Iterator[Path]:
    def failed(exc: OSError) -> None:
        place = Path(exc.filename or folder)
        inputs.failed.append((place, UnreadableError(f"cannot read folder {place}: {exc.strerror}")))

    for place, folders, files in os.walk(folder, onerror=failed):
        here = Path(place)
        for name in sorted(folders):
            below = here / name
            if name.startswith("."):
                inputs.skipped.append(SkippedInput(below, "a hidden folder"))
                folders.remove(name)
            elif below.is_symlink():
                inputs.skipped.append(SkippedInput(below, "a link to a folder, not followed"))
            elif output is not None and output.is_dir() and below.samefile(output):
                inputs.skipped.append(SkippedInput(below, "the output folder"))
                folders.remove(name)
        folders.sort()
        yield from (here / name for name in sorted(files))


def _judged(
    path: Path, below: Path | None, endings: tuple[str, ...], *, many: bool
) -> InputSource | SkippedInput | PasserbyError:
    """Say what is done with a file: it is worked on, skipped, or cannot be veiled."""
    in_folder = below is not None
    if not in_folder and _DEVICE.fullmatch(str(path)):
        return InputSource(SourceKind.CAMERA, path, "camera", Path(path.name))
    if many and (reason := _skip_by_name(path, endings, in_folder=in_folder)):
        return SkippedInput(path, reason)
    try:
        content = sniff_file(path)
    except PasserbyError as error:
        return error
    place = Path(path.name) if below is None else below
    if content.kind is ContentKind.PICTURE:
        return InputSource(SourceKind.PICTURE, path, content.name, place)
    if content.kind is ContentKind.CLIP:
        return InputSource(SourceKind.CLIP, path, content.name, place)
    if content.kind is ContentKind.OTHER and in_folder and path.suffix.lower() not in _FOOTAGE_SUFFIXES:
        return SkippedInput(path, f"no picture or clip, but {content.name}")
    return refusal(path, content)


def _skip_by_name(path: Path, endings: tuple[str, ...], *, in_folder: bool) -> str | None:
    if path.name.startswith(HIDDEN_PREFIX):
        return "an unfinished output"
    if in_folder and path.name.startswith("."):
        return "a hidden file"
    for ending in endings:
        if path.stem.endswith(ending):
            return f"veiled already, by its name (...{ending})"
    return None
