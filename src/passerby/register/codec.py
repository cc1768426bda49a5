"""Entries to bytes and back. One entry has exactly one spelling: canonical JSON (RFC 8785) of its fields.

Reading is strict: bytes that are not the spelling of the entry they hold are refused, so that nothing hides between two
spellings. Every entry is at most 64 KB, the most that an entry bundle of a tiled log can hold.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, get_args

import rfc8785
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic.json_schema import CoreRef, DefsRef, GenerateJsonSchema, JsonSchemaMode

from passerby.errors import EntryError
from passerby.register.entries import Entry

MAX_ENTRY_BYTES = 65_535
"""Source: C2SP tlog-tiles, an entry's length is 16 bits."""
KINDS: dict[str, type[BaseModel]] = {kind.model_fields["kind"].default: kind for kind in get_args(Entry)}
"""Every kind's name and form."""
_ADAPTER: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])
_spell = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def encode_entry(entry: Entry) -> bytes:
    """Return an entry's one spelling.

    Raises:
        EntryError: it is longer than 64 KB, or holds text that is not Unicode.
    """
    try:
        data = rfc8785.dumps(_ADAPTER.dump_python(entry, mode="json", exclude_none=True))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, ValueError) as exc:
        raise EntryError(f"entry must be plain text and whole numbers: {exc}") from exc
    if len(data) > MAX_ENTRY_BYTES:
        raise EntryError(f"entry must be at most {MAX_ENTRY_BYTES} bytes, got {len(data)}")
    return data


def decode_entry(data: bytes) -> Entry:
    """Read an entry.

    Raises:
        EntryError: it is no known kind, does not fit its form, or is not spelled canonically.
    """
    if len(data) > MAX_ENTRY_BYTES:
        raise EntryError(f"entry must be at most {MAX_ENTRY_BYTES} bytes, got {len(data)}")
    try:
        entry = _ADAPTER.validate_json(data)
        # fields are whole numbers, text, booleans and objects with ASCII keys: there, this is RFC 8785, ten times faster
        spelled = _spell(_ADAPTER.dump_python(entry, mode="json", exclude_none=True)).encode()
    except ValidationError as exc:
        raise EntryError(_say(exc)) from exc
    except (UnicodeEncodeError, ValueError) as exc:
        raise EntryError(f"entry must be plain text and whole numbers: {exc}") from exc
    if spelled != data:
        raise EntryError("entry must be spelled canonically (RFC 8785), got another spelling of the same")
    return entry


def entry_from_fields(fields: dict[str, Any]) -> Entry:
    """Make an entry from plain fields, as a command or a file gives them.

    Raises:
        EntryError: it is no known kind, or does not fit its form.
    """
    try:
        return _ADAPTER.validate_json(json.dumps(fields))
    except ValidationError as exc:
        raise EntryError(_say(exc), hint="see `passerby register schema KIND`") from exc
    except (TypeError, ValueError, RecursionError) as exc:
        raise EntryError(f"entry must be plain text and whole numbers: {exc}") from exc


def entry_kinds() -> tuple[str, ...]:
    """Return the names of all kinds of entries."""
    return tuple(KINDS)


def entry_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one kind, as published beside the log.

    Raises:
        EntryError: no such kind.
    """
    if kind not in KINDS:
        raise EntryError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    made = KINDS[kind].model_json_schema(mode="validation", schema_generator=_PublishedNames)
    forms = [made, *made.get("$defs", {}).values()]
    for form in forms:
        form["required"] = sorted(name for name, field in form["properties"].items() if not _may_be_left_out(field))
        form["properties"] = {name: _without_null(field) for name, field in form["properties"].items()}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


class _PublishedNames(GenerateJsonSchema):
    """Names a camera's place as it was published first: a class may be renamed, a published name may not."""

    def get_defs_ref(self, core_mode_ref: tuple[CoreRef, JsonSchemaMode]) -> DefsRef:
        ref, mode = core_mode_ref
        return super().get_defs_ref((CoreRef(ref.replace("CameraPlace", "Place")), mode))


def _may_be_left_out(field: dict[str, Any]) -> bool:
    return "default" in field and field["default"] is None


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """A field that may be left out is left out, never null."""
    field = {key: value for key, value in field.items() if key not in {"default", "title"}}
    if "patternProperties" in field:
        field["additionalProperties"] = False
    choices = [choice for choice in field.pop("anyOf", []) if choice != {"type": "null"}]
    return {**choices[0], **field} if len(choices) == 1 else field


def _say(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "entry"
    return f"entry does not fit its form: {where}: {first['msg']}"
