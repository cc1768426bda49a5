"""The OpenAPI description, made from the table of operations."""

from __future__ import annotations

import re
from typing import Any

import passerby
from passerby.gateway import ROLE_RIGHTS
from passerby.web.console.api import Operation

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "hint": {"type": "string"}},
    "additionalProperties": False,
}
_REFUSALS = {
    "400": "The request does not fit its form",
    "401": "Nobody is logged in",
    "403": "This account may not",
    "404": "There is no such thing",
    "429": "Too many requests; Retry-After says when to come again",
}


def openapi_of(operations: list[Operation], *, origin: str) -> dict[str, Any]:
    """Return the description.

    Args:
        operations: What there is.
        origin: Where it is served.
    """
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Passerby gateway",
            "version": passerby.__version__,
            "description": "Veiled pictures and their state. Nothing gives a bare picture, turns veiling off or runs a command.",
        },
        "servers": [{"url": origin}],
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR},
            "securitySchemes": {
                "password": {"type": "http", "scheme": "basic"},
                "login": {"type": "apiKey", "in": "cookie", "name": "passerby"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(one: Operation) -> dict[str, Any]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", one.path)
    ]
    asked: list[dict[str, Any]] = [
        {"name": name, "in": "query", "schema": {"type": "string"}, "description": text} for name, text in one.query
    ]
    done = "201" if (one.method, one.path) == ("POST", "/api/accounts") else "200"
    form = {"type": "string"} if not one.answers.startswith("application/json") else {"type": "object"}
    refused = {
        status: {
            "description": text,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, text in _REFUSALS.items()
    }
    told: dict[str, Any] = {
        "summary": one.summary,
        "operationId": f"{one.method.lower()}{re.sub(r'[^a-z]+', '_', one.path)}".rstrip("_"),
        "parameters": named + asked,
        "responses": {done: {"description": "Done", "content": {one.answers: {"schema": form}}}} | refused,
        "security": [{"password": []}, {"login": []}] if one.right else [],
    }
    if one.right is not None:
        told["description"] = f"For {', '.join(role for role, rights in ROLE_RIGHTS.items() if one.right in rights)}."
        told["x-right"] = one.right.value
    if one.body is not None:
        told["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": one.body.model_json_schema()}},
        }
    return told
