"""The form of a component's file for tools of others, as JSON Schema."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from pydantic import BaseModel

from passerby.scan.catalogue.component import BinaryMarks, CodeMarks, Component, KnownFile, Source, WiringMarks

_MODELS: tuple[type[BaseModel], ...] = (Component, Source, KnownFile, BinaryMarks, CodeMarks, WiringMarks)


def component_schema() -> str:
    """Return the schema as it is published in ``schemas/component.schema.json``: JSON with a newline at its end."""
    schema = Component.model_json_schema()
    parts = schema["$defs"] | {Component.__name__: schema}
    for part in parts.values():
        part.pop("title", None)
        part["description"] = _plain(part["description"].partition("\n\n")[0])
    for model in _MODELS:
        for name, field in parts[model.__name__]["properties"].items():
            field.pop("title", None)
            if meant := _attributes(model).get(name):
                field["description"] = meant
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:passerby:schema:component:1"}
    whole: dict[str, Any] = head | {"title": "One component of the catalogue of passerby scan"} | schema
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """Return what a docstring says of each attribute."""
    section = (inspect.getdoc(model) or "").partition("Attributes:\n")[2]
    found = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, re.M)
    return {name: _plain(text) for name, text in found}


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "").split())
