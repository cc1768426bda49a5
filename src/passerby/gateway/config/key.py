"""How a section of ``city.yml`` tells of its keys, once: a frozen dataclass whose fields carry a ``Key`` in their annotation.

The file is checked by pydantic (``gateway.config.load``), which asks these marks for their part of its schema. They give it
as plain dictionaries, which is what its schemas are, so that the camera's process, which needs the values alone, never
imports it: a third of a second and 10 MB for every camera.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from pydantic import ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

Path_ = tuple[str | int, ...]
"""Where a value stands in the file: keys, and places in lists."""
UNITS = ("_s", "_bytes")
"""What a field's name may have after its key: the unit of the value."""


class Key:
    """What the file may say under one key, and what it means.

    Args:
        about: For people, in the reference.
        rules: As pydantic names them: ``ge``, ``gt``, ``le``, ``min_length``, ``max_length``, ``pattern``.
    """

    __slots__ = ("about", "rules")

    def __init__(self, about: str, **rules: object) -> None:
        self.about, self.rules = about, rules

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the type with the rules in it."""
        schema: Any = handler(source)
        inner = schema
        while inner["type"] in {"nullable", "default"}:
            inner = inner["schema"]
        inner.update(self.rules)
        return schema  # type: ignore[no-any-return]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON Schema of the type with what the key means."""
        return handler(schema) | {"description": self.about}


class SecretPart(StrEnum):
    """What of a value may hold secrets."""

    WHOLE = "whole"
    LOGIN = "login"
    """Of an address: what stands before its @."""


class Secret:
    """Marks a key in whose value ``{PASSERBY_...}`` is replaced by a secret; in all others it is refused.

    Args:
        part: Of the value.
    """

    __slots__ = ("part",)

    def __init__(self, part: SecretPart = SecretPart.WHOLE) -> None:
        self.part = part


class Read:
    """How a value is read from what stands in the file.

    Args:
        read: Turns it into the value, or raises ValueError with what was wanted.
        schema: JSON Schema of what may stand there; its first example stands in the reference.
        write: Turns a value into what would be read as it, for defaults in the reference.
    """

    __slots__ = ("read", "schema", "write")

    def __init__(
        self,
        read: Callable[[Any], object],
        schema: Mapping[str, object],
        write: Callable[[Any], str] | None = None,
    ) -> None:
        self.read, self.schema, self.write = read, schema, write

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return a schema that reads."""
        return {"type": "function-plain", "function": {"type": "no-info", "function": self.read}}

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return what may stand in the file."""
        return dict(self.schema)


class Check:
    """What a value must be, once it has been read.

    Args:
        check: Returns the value, or raises ValueError with what was wanted.
    """

    __slots__ = ("check",)

    def __init__(self, check: Callable[[Any], object]) -> None:
        self.check = check

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the type with the check after it."""
        return {
            "type": "function-after",
            "function": {"type": "no-info", "function": self.check},
            "schema": handler(source),
        }


class InCode:
    """A value that the file cannot say: only who builds the section can."""

    __slots__ = ()

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return a schema that takes the key for one that is not known, and leaves the value to who builds the section."""
        refuse: CoreSchema = {
            "type": "custom-error",
            "schema": {"type": "is-instance", "cls": InCode},
            "custom_error_type": "unexpected_keyword_argument",
        }
        return {"type": "default", "schema": refuse, "default": "unnamed"}

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return what nothing fits."""
        return {"not": {}}


def keys(**other: str) -> ConfigDict:
    """Return how pydantic checks a section: strictly, and no key that it does not know.

    Args:
        other: Keys by field, where they differ by more than the unit.
    """

    def made(field: str) -> str:
        return other.get(field) or _without_unit(field)

    return {"extra": "forbid", "strict": True, "hide_input_in_errors": True, "alias_generator": made}


def _without_unit(field: str) -> str:
    unit = next((unit for unit in UNITS if field.endswith(unit)), "")
    return field.removesuffix(unit)


class Section:
    """A part of the file. Its subclasses are frozen dataclasses; a field's key is its name without the unit."""

    __slots__ = ()
    __pydantic_config__ = keys()


def key_of(section: type[Section], field: str) -> str:
    """Return the key of a field."""
    made: Callable[[str], str] = section.__pydantic_config__["alias_generator"]  # type: ignore[assignment]
    return made(field)


def hints_of(section: type[Section]) -> dict[str, Any]:
    """Return the annotation of each field that the file can say, by its key, in order."""
    return {
        key_of(section, field): hint
        for field, hint in get_type_hints(section, include_extras=True).items()
        if not any(isinstance(mark, InCode) for mark in marks_of(hint))
    }


def marks_of(hint: object) -> tuple[Any, ...]:
    """Return what an annotation carries besides its type."""
    return getattr(hint, "__metadata__", ())
