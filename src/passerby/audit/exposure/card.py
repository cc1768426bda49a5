"""The model card: what Passerby's own veil misses, written anew from a file of figures, the JSON of an audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from passerby.audit.estimates import percent
from passerby.audit.exposure.figures import ENOUGH_CLIPS
from passerby.audit.exposure.plain_words import limits
from passerby.audit.exposure.report_values import veil_schema
from passerby.errors import AuditError, UsageError

_OWN = "Passerby"


def read_figures(path: Path) -> dict[str, Any]:
    """Return a file of figures: what ``passerby audit veil DATA --json FILE`` wrote.

    Raises:
        UsageError: there is no such file.
        AuditError: it is none, or says nothing of Passerby.
    """
    if not path.exists():
        raise UsageError(f"figures must be a file, got none: {path}")
    try:
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.validate(figures, veil_schema())
    except (OSError, ValueError, RecursionError, jsonschema.ValidationError) as exc:
        raise AuditError(
            f"figures must be the JSON of an audit of veiling, got {path}: {str(exc).splitlines()[0][:200]}",
            hint="passerby audit veil DATA --json FILE writes it",
        ) from exc
    if _OWN not in {tool["name"] for tool in figures["tools"]}:
        raise AuditError(f"figures must be of Passerby, got {', '.join(tool['name'] for tool in figures['tools'])}")
    return figures


def model_card(figures: dict[str, Any]) -> str:
    """Return a model card in Markdown.

    Args:
        figures: As :func:`read_figures` returns them.
    """
    own = [row for row in figures["figures"] if row["tool"] == _OWN]
    return "\n".join(
        [
            *_head(figures),
            "",
            *_misses(figures, own),
            "",
            "## How long, how soon, how much",
            "| figure | value | 95 % interval | of | interval by |",
            "|---|---|---|---|---|",
            *(_quantity_line(row) for row in own if row["errors"] is None),
            "",
            "## Not measured",
            *_not_measured(figures),
            *_beside_others(figures),
            "",
            "## Methods",
            *(f"- {name.replace('_', ' ')}: {words}" for name, words in figures["methods"].items()),
            "",
        ]
    )


def _head(figures: dict[str, Any]) -> list[str]:
    return [
        "# Model card",
        "",
        f"What Passerby {figures['version']} leaves exposed, measured on {figures['date']}. Written by",
        "`passerby audit card` from the figures of `passerby audit veil`; do not edit it by hand.",
        "",
        "| | |",
        "|---|---|",
        "| finds | faces, nobody's identity: no embedding, no age, gender, ethnicity or emotion |",
        f"| detector | {figures['detector']} |",
        f"| weights | `{figures['weights']}` (docs/architecture.md says where they come from and under which licence) |",
        f"| measured on | {_material(figures)} |",
        "| meant for | hiding faces in footage before others see it; a person looks at what matters |",
        "| not meant for | showing that people are anonymous (gait, clothes, place remain), or counting or finding people |",
    ]


def _misses(figures: dict[str, Any], own: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## What it misses",
        f"Exposed: {figures['methods']['exposed']}. The first interval holds for other people in these",
        "clips, the second for other clips like these; both 95 %. A dash: too few clips to say anything of others",
        f"(fewer than count as {ENOUGH_CLIPS} of one size).",
        "",
        *_table([row for row in own if row["unit"] == "share" and not row["dimension"] and row["errors"] is not None]),
    ]
    for dimension in dict.fromkeys(row["dimension"] for row in own if row["dimension"]):
        rows = [row for row in own if row["dimension"] == dimension]
        if dimension not in figures["smoke_tests"] and len(rows) > 1:
            lines += ["", f"### By {dimension}", *_table(rows)]
    return lines


def _beside_others(figures: dict[str, Any]) -> list[str]:
    lines = []
    for one in figures["differences"]:
        if one["first"] == _OWN:
            rows = figures["figures"]
            share = next(row for row in rows if row["tool"] == one["other"] and row["figure"] == "exposed faces")
            lines.append(
                f"- {one['other']}: {percent(share['value'])}, {100 * one['difference']:+.1f} percentage points "
                f"({100 * one['low']:+.1f} to {100 * one['high']:+.1f}), p = {one['p_holm']:.3f}"
            )
    return ["", "## Beside others", "Exposed faces, on the same faces:", "", *lines] if lines else []


def _material(figures: dict[str, Any]) -> str:
    counts = (
        f"{_count(figures['clips'], 'clip')}, {_count(figures['pictures'], 'picture')}, {figures['frames']:,} frames"
    )
    return f"{figures['material']}: {counts}"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _table(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["| | rate | other people | other clips | exposed | of | people |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        name = row["group"] if row["dimension"] else row["figure"]
        lines.append(
            f"| {name} | {percent(row['value'])} | {limits(row['low'], row['high'])} | "
            f"{limits(row['clip_low'], row['clip_high'])} | {row['errors']:,} | {row['n']:,} {row['of']} | {row['people']:,} |"
        )
    return lines


def _quantity_line(row: dict[str, Any]) -> str:
    share = row["unit"] == "share"

    def shown(value: float | None) -> str:
        if value is None:
            return "-"
        return percent(value) if share else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"

    unit = "" if share or row["value"] is None else f" {row['unit']}"
    between = "-" if row["clip_low"] is None else f"{shown(row['clip_low'])} to {shown(row['clip_high'])}"
    return f"| {row['figure']} | {shown(row['value'])}{unit} | {between} | {row['n']:,} {row['of']} | {row['method']} |"


def _not_measured(figures: dict[str, Any]) -> list[str]:
    lines = []
    if few := figures["smoke_tests"]:
        lines.append(
            f"- By {', '.join(few)}: **not measured**. Fewer than 100 people of a group are labelled; `passerby audit veil` on "
            f"footage with more says it."
        )
    if none := figures["not_measured"]:
        lines.append(f"- By {', '.join(none)}: **not measured**. The labels do not say, and nothing is estimated.")
    lines.append("- Live cameras: see [measures](measures.md).")
    return lines
