"""Makes the reference of ``city.yml`` from its model: a page for people (docs/city-yml.md) and a JSON Schema for editors."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from passerby.gateway.config.model_city import CitySection
from passerby.gateway.config.refused import REASONS
from passerby.gateway.config.words import default_text

HEAD = """# city.yml: every key

Made from the code by `python -m passerby.gateway.config`; a test compares. Guide: `operate.md`.

Keys that are not listed are refused, with the line and the nearest key that is. A value may hold `{PASSERBY_NAME}`: it is
replaced by that variable of the environment, or by the content of a file of that name in `$CREDENTIALS_DIRECTORY` or
`/run/secrets`. Durations are written `500ms`, `90s`, `10m`, `12h`, `7d`; sizes `500MB`, `2GiB`; polygons as in Frigate,
`"x,y,x,y,x,y"` from 0 to 1. Paths start at the file's own folder. `on`, `yes` and `22:00` are texts, not switches or numbers.

The file is read anew when it changes, and at SIGHUP. Cameras whose settings did not change are not touched. A broken file
changes nothing. `server`, `rtsp`, `register`, `state`, `selftest` and `metrics` take effect at the next start.
"""
_WORDS = {str: "text", int: "number", float: "number", bool: "true, false"}


def reference() -> str:
    """Return the page."""
    parts = [HEAD]
    seen: set[type[BaseModel]] = set()
    _section("The whole file", "", CitySection, parts, seen)
    rows = ["", "## Refused, and why", "", "| key | because |", "|---|---|"]
    known = dict.fromkeys((_plain(pattern), reason) for pattern, reason in REASONS)
    rows += [f"| `{pattern}` | {reason} |" for pattern, reason in known]
    return "\n".join([*parts, *rows]) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the file, for editors."""
    made = CitySection.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "city.yml"} | made


def _plain(pattern: str) -> str:
    text = pattern.replace(r"(?:cameras\.\*\.)?", "").replace(r"(?:\..*)?", "").replace(r"\w*", "...").replace("?:", "")
    return text.replace(".*", "", 1).replace("\\", "").replace("|", " / ") if pattern.startswith(".*") else (
        text.replace("\\", "").replace("|", " / ")
    )  # fmt: skip


def _section(title: str, path: str, model: type[BaseModel], parts: list[str], seen: set[type[BaseModel]]) -> None:
    seen.add(model)
    about = (model.__doc__ or "").strip().splitlines()[0]
    rows = [f"\n## {title}\n", about, "", "| key | value | default | |", "|---|---|---|---|"]
    below = []
    for name, info in model.model_fields.items():
        key = info.alias or name
        inner, many = _model(info.annotation)
        default = "required" if info.is_required() else _default(info)
        value = f"see [{_title(path, key, many)}](#{_anchor(_title(path, key, many))})" if inner else _value(info)
        rows.append(f"| `{key}` | {value} | {default} | {info.description or ''} |")
        if inner is not None and inner not in seen:
            below.append((_title(path, key, many), inner))
            seen.add(inner)
    parts += ["\n".join(rows)]
    for inner_title, inner in below:
        _section(inner_title, inner_title, inner, parts, seen)


def _title(path: str, key: str, many: str) -> str:
    return (f"{path}." if path else "") + key + many


def _anchor(title: str) -> str:
    return "".join(character for character in title.lower() if character.isalnum() or character in "-_")


def _model(annotation: object) -> tuple[type[BaseModel] | None, str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    many = ".NAME" if get_origin(annotation) is dict else "[]" if get_origin(annotation) is list else ""
    for inner in get_args(annotation):
        found, deeper = _model(inner)
        if found is not None:
            return found, many + deeper
    return None, ""


def _default(info: FieldInfo) -> str:
    if info.default is PydanticUndefined:
        return "see there"
    return f"`{default_text(info.default)}`" if info.default not in (None, [], {}, "") else "-"


def _value(info: FieldInfo) -> str:
    for extra in info.metadata:
        example = getattr(extra, "json_schema", None)
        if isinstance(example, dict) and example.get("examples"):
            return f"such as `{example['examples'][0]}`"
    return _type(info.annotation)


def _type(annotation: object) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        for extra in get_args(annotation)[1:]:
            example = getattr(extra, "json_schema", None)
            if isinstance(example, dict):
                shown = example.get("examples")
                return f"such as `{shown[0]}`" if shown else "text, or texts by language"
        return _type(get_args(annotation)[0])
    if origin is Literal:
        return ", ".join(f"`{default_text(value)}`" for value in get_args(annotation))
    if origin in {Union, types.UnionType}:
        return ", ".join(_type(inner) for inner in get_args(annotation) if inner is not type(None))
    if origin is list:
        return f"list of {_type(get_args(annotation)[0])}"
    return _WORDS.get(annotation, "text") if isinstance(annotation, type) else "text"
