"""Writes an audit of veiling as JSON, to the published schema, and its figures as CSV. The model card is made of the JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import passerby
from passerby.audit.estimates import read_schema
from passerby.audit.exposure.figures import ENOUGH_CLIPS, ExposureRate, Quantity
from passerby.audit.exposure.plain_words import support, veil_cautions
from passerby.audit.exposure.results import DimensionTable, ToolResult, VeilAudit
from passerby.audit.labels import PERSONAL

FORMAT = "passerby-audit-veil-1"
METHODS = {
    "exposed": "a face in a frame of which less than 90 % of the box is covered; shorter side 8 px and more",
    "interval": (
        "95 % Jeffreys interval for the effective number of faces; variance robust to faces of one person (clusters), "
        "Satterthwaite's degrees of freedom"
    ),
    "clip_interval": (
        "the same, each clip left out once: what other clips like these would give; none with fewer clips than count as "
        f"{ENOUGH_CLIPS} of one size"
    ),
    "groups": (
        "homogeneity test by drawing clips and people in them (1,000 draws), p after Holm over all properties; single groups "
        "after Holm; detectable: ratio shown in four of five samples"
    ),
    "tools": "paired over the same faces, variance over people or clips, whichever is larger; Holm over tools",
}


def veil_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of :func:`veil_to_json`."""
    return read_schema("veil")


def veil_to_json(audit: VeilAudit) -> str:
    """Return an audit as JSON; every figure with its counts, intervals and method."""
    value = {
        "format": FORMAT,
        "version": passerby.__version__,
        "date": audit.date,
        "source": audit.source,
        "labels": audit.format,
        "material": audit.material,
        "clips": audit.clips,
        "pictures": audit.pictures,
        "frames": audit.frames,
        "detector": audit.detector,
        "weights": audit.weights,
        "not_measured": [name for name in PERSONAL if name not in audit.labelled],
        "smoke_tests": sorted(
            {table.dimension for table in audit.tools[0].tables if table.dimension in PERSONAL and table.smoke_test}
        ),
        "notes": list(veil_cautions(audit)),
        "methods": METHODS,
        "rows": [_size_row(rate) for rate in audit.tools[0].tables[0].rates],
        "tools": [{"name": tool.name, "about": tool.about, "not_shown": tool.not_shown} for tool in audit.tools],
        "figures": list(figures_of(audit)),
        "equality": [
            row for tool in audit.tools for table in tool.tables if (row := _equality(tool, table)) is not None
        ],
        "differences": [
            {
                "first": one.first,
                "other": one.other,
                "faces": one.faces,
                "difference": one.value,
                "low": one.low,
                "high": one.high,
                "p_holm": one.p,
                "detectable": one.detectable,
            }
            for one in audit.differences
        ],
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def veil_to_csv(audit: VeilAudit) -> str:
    """Return one line for each figure."""
    out = io.StringIO()
    rows = list(figures_of(audit))
    writer = csv.DictWriter(out, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def figures_of(audit: VeilAudit) -> Iterator[dict[str, Any]]:
    """Yield every figure as one flat row; all rows have the same names."""
    for tool in audit.tools:
        yield _rate(tool, "exposed faces", "", tool.exposed)
        yield _rate(tool, "faces less than half covered", "", tool.half_bare)
        if tool.tiny:
            yield _rate(tool, "exposed faces below 8 px", "", tool.tiny)
        if tool.people:
            yield _rate(tool, "people with an exposed frame", "", tool.people)
        for table in tool.tables:
            for rate in table.rates:
                yield _rate(tool, "exposed faces", table.dimension, rate, smoke=table.smoke_test)
        for quantity in tool.quantities:
            yield _quantity(tool, quantity)


def _rate(tool: ToolResult, figure: str, dimension: str, rate: ExposureRate, *, smoke: bool = False) -> dict[str, Any]:
    return {
        "tool": tool.name,
        "figure": figure,
        "dimension": dimension,
        "group": rate.name,
        "unit": "share",
        "value": rate.value,
        "low": rate.low,
        "high": rate.high,
        "clip_low": rate.clip_low,
        "clip_high": rate.clip_high,
        "errors": rate.errors,
        "n": rate.faces,
        "of": "people" if figure.startswith("people") else "faces in frames",
        "people": rate.people,
        "clips": rate.clips,
        "effective": rate.effective,
        "supported": rate.supported,
        "support": support(rate),
        "smoke_test": smoke and dimension in PERSONAL,
        "method": "interval",
    }


def _quantity(tool: ToolResult, quantity: Quantity) -> dict[str, Any]:
    return {
        "tool": tool.name,
        "figure": quantity.name,
        "dimension": "",
        "group": "",
        "unit": quantity.unit,
        "value": quantity.value,
        "low": None,
        "high": None,
        "clip_low": quantity.low,
        "clip_high": quantity.high,
        "errors": None,
        "n": quantity.n,
        "of": quantity.of,
        "people": None,
        "clips": None,
        "effective": None,
        "supported": None,
        "support": "",
        "smoke_test": False,
        "method": quantity.method,
    }


def _size_row(rate: ExposureRate) -> dict[str, Any]:
    low, _, high = rate.name.removesuffix(" px").partition(" to ")
    return {
        "low_px": int(low.split()[0]),
        "high_px": int(high) if high else None,
        "faces": rate.faces,
        "missed": rate.errors,
    }


def _equality(tool: ToolResult, table: DimensionTable) -> dict[str, Any] | None:
    found = table.equality
    if found is None:
        return None
    return {
        "tool": tool.name,
        "dimension": table.dimension,
        "p_holm": found.p,
        "detectable_ratio": found.detectable,
        "groups": [{"name": one.name, "ratio_to_others": one.ratio, "p_holm": one.p} for one in found.differences],
    }
