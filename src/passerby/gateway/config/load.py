"""``load_city``: reads, checks and builds the whole file; every mistake of it is told at once, each with its line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from passerby.errors import ConfigError
from passerby.gateway.config.build import DEFAULTS, CanOpen, built, with_defaults
from passerby.gateway.config.camera import NAME_PATTERN, POSITION, RTSP
from passerby.gateway.config.city import ORIGIN, TOPIC, URL, WEB, CityConfig
from passerby.gateway.config.document import YamlDocument, parse_document, read_document
from passerby.gateway.config.key import Path_
from passerby.gateway.config.refused import fields_at, nearest, reason_for

_ANY_REGISTER = {
    "origin": "example.org/log",
    "operator": {"name": "x", "contact": "mailto:x@example.org"},
    "purpose": "x",
    "legal_basis": "x",
    "position": "act-2024",
}
"""Stands in for what is wrong in one, so that cameras are not blamed for what it lacks."""
MOST = 20
"""Mistakes that are told at once."""
_WANTED = {
    "dataclass_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a valid list",
    "path_type": "a valid string",
}
_PATTERNS = {
    URL: "an address that begins with https://, http://, mailto: or tel:",
    WEB: "an address that begins with https:// or http://",
    RTSP: "an address such as rtsp://host:port/path",
    ORIGIN: "the log's name such as cameras.example.org/log, without https://",
    POSITION: "the name of a position of the law, such as act-2024 (docs/assess.md lists them)",
    TOPIC: "a topic without # and +",
}


def load_city(
    path: Path, environment: Mapping[str, str] | None = None, *, can_open: CanOpen | None = None
) -> CityConfig:
    """Read ``city.yml``.

    Args:
        path: The file.
        environment: For secrets; None takes the process's own.
        can_open: Says whether a position can grant any opening; where none is given no camera may seal.

    Raises:
        ConfigError: anything is wrong; the message has one line for each mistake, ``file:line: what was wanted and what came``.
    """
    environment = os.environ if environment is None else environment
    folders = [Path("/run/secrets")]
    if "CREDENTIALS_DIRECTORY" in environment:
        folders.insert(0, Path(environment["CREDENTIALS_DIRECTORY"]))
    return check_city(read_document(path, environment, tuple(folders)), path, can_open)


def parse_city(
    text: str, path: Path, environment: Mapping[str, str] | None = None, *, can_open: CanOpen | None = None
) -> CityConfig:
    """Read a configuration from a text; see ``load_city``. Relative paths in it start at ``path``'s folder."""
    return check_city(parse_document(text, path.name, environment or {}), path, can_open)


def check_city(document: YamlDocument, path: Path, can_open: CanOpen | None = None) -> CityConfig:
    """Check a document as a whole and build its values; see ``load_city``."""
    if not isinstance(document.data, dict):
        raise document.error((), "configuration must be a mapping with cameras and register, is something else")
    try:
        city = _validated(document.data)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=True, include_input=True)
        rows = [(_where(document, error["loc"]), error) for error in errors if not _follows(error, errors)]
        document.mistakes += [_row(document, path, error) for path, error in rows if path not in document.unknown]
        _judge_rest(document, path, [place for place, _ in rows], can_open)
        raise _told(document) from None
    city = _judged(city, document, path, can_open)
    if document.mistakes:
        raise _told(document)
    return city


def _validated(data: dict[str, object]) -> CityConfig:
    # as JSON, because only from there does a strict check take mappings and lists for sections and tuples
    return TypeAdapter(CityConfig).validate_json(json.dumps(with_defaults(data)))


def _judged(city: CityConfig, document: YamlDocument, path: Path, can_open: CanOpen | None) -> CityConfig:
    """Return the file made whole; what does not fit becomes mistakes of the document."""
    for name in city.cameras:
        if not NAME_PATTERN.fullmatch(name):
            words = f"camera name must be of a-z, 0-9, - and _, and start with a letter or digit, got {name!r}"
            document.note(document.error(("cameras", name), words, hint="friendly_name takes any words"))
    return built(city, document, path, can_open)


def _judge_rest(document: YamlDocument, path: Path, wrong: list[Path_], can_open: CanOpen | None) -> None:
    """Judge what is left of a file without its wrong cameras and sections, so that one mistake hides no other."""
    data = dict(document.data) if isinstance(document.data, dict) else {}
    for place in wrong:
        if place[:1] == ("cameras",) and isinstance(data.get("cameras"), dict) and len(place) > 1:
            data["cameras"] = {name: one for name, one in data["cameras"].items() if name != place[1]}
        elif place and place[0] == "register":
            data["register"] = _without(data.get("register"), place)
        elif place:
            data.pop(str(place[0]), None)
    # what could not be said of them before they were left out is no mistake of its own
    with suppress(ValidationError):
        _judged(_validated(data), document, path, can_open)


def _without(register: object, place: Path_) -> dict[str, object]:
    """Return a register section with something else where it is wrong."""
    kept = register if isinstance(register, dict) and len(place) > 1 else {}
    return _ANY_REGISTER | {key: value for key, value in kept.items() if key != place[1]}


def _where(document: YamlDocument, path: Path_) -> Path_:
    """Return where a value stands: what a camera has from the defaults stands there, and is told once."""
    if len(path) < 3 or path[0] != "cameras" or path[2] not in DEFAULTS:
        return path
    return path if document.depth(path) - 2 >= document.depth(path[2:]) else path[2:]


def _follows(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Return whether a list is too short only because something in it is wrong."""
    place = error["loc"]
    inside = (other["loc"] for other in errors if other["loc"][: len(place)] == place and other["loc"] != place)
    return error["type"] == "too_short" and any(inside)


def _told(document: YamlDocument) -> ConfigError:
    rows = sorted(dict.fromkeys(document.mistakes))
    lines = [f"{document.name}:{line}: {text}" for line, text, _ in rows[:MOST]]
    if len(rows) > MOST:
        lines.append(f"{document.name}: and {len(rows) - MOST} more")
    hints = [hint for _, _, hint in rows if hint]
    return ConfigError("\n".join(lines), hint=hints[0] if hints else None)


def _row(document: YamlDocument, path: Path_, error: ErrorDetails) -> tuple[int, str, str]:
    name = ".".join(str(part) for part in path) or "configuration"
    line, kind = document.line(path), error["type"]
    reason = reason_for(path)
    if kind == "unexpected_keyword_argument":
        return _unknown(document, path, reason)
    if kind == "missing":
        return line, f"{name} must be given, is missing", ""
    if kind in {"literal_error", "too_long"} and reason is not None:
        return line, f"{name} is refused: {reason}", ""
    shown = _shown(document, path, error.get("input"))
    if kind == "value_error":
        return line, f"{name} {error['ctx']['error']}", ""
    if kind == "too_short":
        return line, f"{name} must have at least {error['ctx']['min_length']}, got {shown}", ""
    if kind == "too_long":
        return line, f"{name} must have at most {error['ctx']['max_length']}, got {shown}", ""
    wanted = _WANTED.get(kind) or error["msg"].removeprefix("Input should be ")
    if kind == "string_pattern_mismatch":
        wanted = _PATTERNS.get(error["ctx"]["pattern"], "written in another way")
    return line, f"{name} must be {wanted}, got {shown}", ""


def _unknown(document: YamlDocument, path: Path_, reason: str | None) -> tuple[int, str, str]:
    line, key = document.line(path), str(path[-1])
    if reason is not None:
        return line, f"{'.'.join(map(str, path))} is refused: {reason}", ""
    known = fields_at(CityConfig, path[:-1])
    near = nearest(key, known)
    here = ".".join(map(str, path[:-1])) or "the file"
    meant = f"; did you mean {near}?" if near else f"; known are {', '.join(known)}"
    return line, f"{key} must be a key that {here} knows, is not{meant}", "docs/city-yml.md lists every key"


def _shown(document: YamlDocument, path: Path_, value: object) -> str:
    if (
        path in document.secret
        or (path and "password" in str(path[-1]))
        or (path and path[-1] in {"path", "source", "token"})
    ):
        return "something else"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 60 else text[:57] + "..."
