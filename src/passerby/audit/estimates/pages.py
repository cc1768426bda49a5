"""The page of an audit: one self-contained file, no script, nothing loaded, for screen and paper."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import passerby


def render_page(template: str, **values: Any) -> str:  # noqa: ANN401 - what the template asks for
    """Return a page from a template of this room; every text is escaped, the style and this version are there."""
    environment = Environment(
        loader=PackageLoader("passerby.audit", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("passerby.audit").joinpath("templates/style.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(
        style=Markup(style),  # noqa: S704 - our own file
        version=passerby.__version__,
        **values,
    )


def read_schema(name: str) -> dict[str, Any]:
    """Return a JSON Schema (2020-12) of this room by its name: ``scores``, ``veil``, ``attack``."""
    text = files("passerby.audit").joinpath(f"schemas/{name}.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def drawn(svg: str) -> Markup:
    """Return a plot of ours, whose texts the plotting library has escaped: with the style, all that is not escaped here."""
    return Markup(svg)  # noqa: S704
