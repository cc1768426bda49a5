"""Makes the reference of ``city.yml`` from its sections: a page for people (docs/city-yml.md) and a JSON Schema for editors."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter

from passerby.gateway.config.city import CityConfig
from passerby.gateway.config.key import Key, Read, Section, hints_of, key_of, marks_of
from passerby.gateway.config.refused import REASONS, section_in

HEAD = """# city.yml: every key

Made from the code by `python -m passerby.gateway.config`; a test compares. Guide: `operate.md`.

Keys that are not listed are refused, with the line and the nearest key that is. A password or token, and the login before the
`@` of a camera's or server's address, may hold `{PASSERBY_NAME}`: it is replaced by that variable of the environment, or by the
content of a file of that name in `$CREDENTIALS_DIRECTORY` or `/run/secrets`. Anywhere else such a word is refused. Durations are
written `500ms`, `90s`, `10m`, `12h`, `7d`; sizes `500MB`, `2GiB`; polygons as in Frigate,
`"x,y,x,y,x,y"` from 0 to 1. Paths start at the file's own folder. `on`, `yes` and `22:00` are texts, not switches or numbers.

The file is read anew when it changes, and at SIGHUP. Cameras whose settings did not change are not touched. A broken file
changes nothing. `server`, `rtsp`, `register`, `state`, `selftest` and `metrics` take effect at the next start.
"""
_UNIONS = (Union, UnionType)
_WORDS = {str: "text", int: "number", float: "number", bool: "true, false"}


def reference() -> str:
    """Return the page."""
    parts = [HEAD]
    seen: set[type[Section]] = set()
    _section("The whole file", "", CityConfig, parts, seen)
    rows = ["", "## Refused, and why", "", "| key | because |", "|---|---|"]
    known = dict.fromkeys((_plain(pattern), reason) for pattern, reason in REASONS)
    rows += [f"| `{pattern}` | {reason} |" for pattern, reason in known]
    return "\n".join([*parts, *rows]) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the file, for editors."""
    made = TypeAdapter(CityConfig).json_schema()
    parts = {"CityConfig": made} | made["$defs"]
    for section in sections_of(CityConfig):
        properties = parts[section.__name__]["properties"]
        for key, (hint, default) in _keys(section).items():
            properties[key].pop("default", None)
            if not isinstance(default, Section | NoneType) and default is not MISSING:
                properties[key]["default"] = _written(hint, default)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | made | {"title": "city.yml"}


def sections_of(section: type[Section]) -> list[type[Section]]:
    """Return a section and all that are below it, each once."""
    found = [section]
    for here in found:
        below = (section_in(hint)[0] for hint in hints_of(here).values())
        found += [one for one in below if one is not None and one not in found]
    return found


def _keys(section: type[Section]) -> dict[str, tuple[Any, object]]:
    """Return annotation and default, or MISSING, of every key."""
    defaults: dict[str, object] = {
        key_of(section, field.name): field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(section)  # type: ignore[arg-type]  # every section is a dataclass
    }
    return {key: (hint, defaults[key]) for key, hint in hints_of(section).items()}


def _written(hint: object, value: object) -> object:
    """Return a value as it stands in a file."""
    read = _read(hint)
    if read is not None and read.write is not None:
        return read.write(value)
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _read(hint: object) -> Read | None:
    """Return how a value is read, where it stands in the file in another way."""
    here = next((mark for mark in marks_of(hint) if isinstance(mark, Read)), None)
    if here is not None or not (get_origin(hint) is Annotated or get_origin(hint) in _UNIONS):
        return here
    return next(filter(None, map(_read, get_args(hint)[: 1 if get_origin(hint) is Annotated else None])), None)


def _plain(pattern: str) -> str:
    text = pattern.replace(r"(?:cameras\.\*\.)?", "").replace(r"(?:\..*)?", "").replace(r"\w*", "...").replace("?:", "")
    return text.replace(".*", "", 1).replace("\\", "").replace("|", " / ") if pattern.startswith(".*") else (
        text.replace("\\", "").replace("|", " / ")
    )  # fmt: skip


def _section(title: str, path: str, section: type[Section], parts: list[str], seen: set[type[Section]]) -> None:
    seen.add(section)
    about = (section.__doc__ or "").strip().splitlines()[0]
    rows = [f"\n## {title}\n", about, "", "| key | value | default | |", "|---|---|---|---|"]
    below = []
    for key, (hint, default) in _keys(section).items():
        inner, many = section_in(hint)
        name = _title(path, key, many)
        value = f"see [{name}](#{_anchor(name)})" if inner else _type(hint)
        about = next(mark.about for mark in marks_of(hint) if isinstance(mark, Key))
        rows.append(f"| `{key}` | {value} | {_default(hint, default)} | {about} |")
        if inner is not None and inner not in seen:
            below.append((name, inner))
            seen.add(inner)
    parts += ["\n".join(rows)]
    for inner_title, inner in below:
        _section(inner_title, inner_title, inner, parts, seen)


def _title(path: str, key: str, many: str) -> str:
    return (f"{path}." if path else "") + key + many


def _anchor(title: str) -> str:
    return "".join(character for character in title.lower() if character.isalnum() or character in "-_")


def _default(hint: object, default: object) -> str:
    if default is MISSING:
        return "required"
    if isinstance(default, Section):
        return "see there"
    if default in (None, (), "") or default == {}:
        return "-"
    return f"`{_text(_written(hint, default))}`"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(hint: object) -> str:
    read = _read(hint)
    if read is not None:
        examples = read.schema.get("examples")
        text = "text" if "type" in read.schema else "text, or texts by language"
        return f"such as `{examples[0]}`" if isinstance(examples, list) else text
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return ", ".join(f"`{_text(value)}`" for value in inner)
    if origin in _UNIONS:
        return ", ".join(_type(one) for one in inner if one is not NoneType)
    if origin is tuple:
        return f"list of {_type(inner[0])}"
    return _WORDS.get(hint, "text") if isinstance(hint, type) else "text"
