"""Rebuilds law_open_points.yaml: which open points each case of tests/law_cases raises. Run from the repository's root."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import yaml

from passerby.law.facts.defaults import accept_facts

TESTS = Path(__file__).parent.parent


def main() -> None:
    """Write the file beside this script."""
    spec = importlib.util.spec_from_file_location("law_cases", TESTS / "test_law_cases.py")
    if spec is None or spec.loader is None:
        raise SystemExit("tests/test_law_cases.py is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules["law_cases"] = module
    spec.loader.exec_module(module)
    record: dict[str, dict[str, list[str]]] = {}
    for case in module.CASES:
        for position in case.expected:
            worlds = case.engine(position).worlds
            points = module.raised_points(worlds, worlds.assume(accept_facts(case.facts).known))
            if points:
                record.setdefault(case.id, {})[position] = points
    text = yaml.safe_dump(record, sort_keys=True, default_flow_style=None, width=120)
    (Path(__file__).parent / "law_open_points.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
