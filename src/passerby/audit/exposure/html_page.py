"""Writes an audit of veiling as one self-contained page: no script, nothing loaded, for screen and paper."""

from __future__ import annotations

from passerby.audit.estimates import drawn, percent, rates_plot, render_page
from passerby.audit.exposure.plain_words import (
    difference_words,
    dimension_words,
    limits,
    quantity_words,
    support,
    veil_cautions,
)
from passerby.audit.exposure.report_values import METHODS
from passerby.audit.exposure.results import VeilAudit


def veil_to_html(audit: VeilAudit) -> str:
    """Return the page of an audit."""
    sections = []
    for table in audit.tools[0].tables:
        same = [(tool.name, one) for tool in audit.tools for one in tool.tables if one.dimension == table.dimension]
        plot = rates_plot([(name, one.rates) for name, one in same], "exposed faces")
        words = [(name, list(dimension_words(one))) for name, one in same]
        sections.append((table, same, drawn(plot), words))
    return render_page(
        "veil.html.j2",
        audit=audit,
        cautions=list(veil_cautions(audit)),
        sections=sections,
        differences=[difference_words(one) for one in audit.differences],
        percent=percent,
        limits=limits,
        support=support,
        quantity_words=quantity_words,
        methods=METHODS,
    )
