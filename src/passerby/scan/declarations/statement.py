"""What a supplier states: a small YAML or JSON file; unknown keys are refused."""

from __future__ import annotations

import enum
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from passerby.errors import ScanError
from passerby.scan.files import BytesFile, read_yaml

MOST_BYTES = 64 * 1024
_FROZEN = ConfigDict(frozen=True, extra="forbid")
_Words = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]


class Promise(enum.StrEnum):
    """What is promised of the product, from the least to the most."""

    IDENTIFIES_NOBODY = "identifies-nobody"
    """Nothing in it identifies with what it brings or fetches."""
    CANNOT_IDENTIFY = "cannot-identify"
    """Nothing in it could, even when given weights, a key or a further part."""
    NO_FACES = "no-faces"
    """Nothing in it works on faces at all."""


class Exclusion(BaseModel):
    """A component that the promise leaves out.

    Attributes:
        component: Its id in the catalogue.
        reason: Why.
    """

    model_config = _FROZEN
    component: _Words
    reason: _Words


class Declaration(BaseModel):
    """One statement.

    Attributes:
        form: Names the form of the file.
        supplier: Who states it.
        product: Of what.
        version: Of the product; empty for all.
        promise: What is promised.
        statement: The same in the supplier's words.
        date: When.
        excludes: Components that the promise leaves out.
    """

    model_config = _FROZEN
    form: Annotated[Literal["passerby-declaration/1"], Field(alias="schema")]
    supplier: _Words
    product: _Words
    version: str = ""
    promise: Promise
    statement: _Words
    date: date
    excludes: tuple[Exclusion, ...] = ()


def parse_declaration(data: bytes, name: str) -> Declaration:
    """Read a statement.

    Args:
        data: The file, YAML or JSON.
        name: For messages.

    Raises:
        ScanError: it is too long, no YAML, or does not say what it must.
    """
    if len(data) > MOST_BYTES:
        raise ScanError(f"declaration must have at most {MOST_BYTES} bytes, got more: {name}")
    try:
        return Declaration.model_validate(read_yaml(BytesFile(data, name)))
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise ScanError(
            f"{name}: '{where}' does not fit a declaration: {first['msg']}",
            hint="docs/scan.md shows a declaration; it has schema, supplier, product, promise, statement and date",
        ) from exc
