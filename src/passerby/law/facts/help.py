"""The longer help on every fact (``data/help.yaml``): what ``?`` shows in the interview. Questions stand in the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import yaml

from passerby.errors import LawError


@cache
def fact_help() -> Mapping[str, str]:
    """Return fact to help text, in the order in which people think.

    Raises:
        LawError: the file is broken.
    """
    raw = yaml.safe_load(files("passerby.law").joinpath("data/help.yaml").read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or not all(isinstance(text, str) for text in raw.values()):
        raise LawError("data/help.yaml: every fact must have one text")
    return MappingProxyType({str(name): text for name, text in raw.items()})
