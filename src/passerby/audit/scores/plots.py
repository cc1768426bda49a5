"""Plots of an audit as SVG: readable in print, and told apart by mark and line as well as by colour."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from passerby.audit.scores.analysis import Curve, RateCheck
from passerby.audit.scores.report_values import thin

# Okabe, Ito 2008, "Color Universal Design": told apart by people with any common colour blindness; yellow is left out
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_LINES = ("-", "--", "-.", ":")
_MARKS = "os^Dv<>"
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "passerby",
    "font.size": 10,
    "svg.fonttype": "path",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def rates_plot(checks: Sequence[RateCheck], label: str) -> str:
    """Return rates with their intervals, one line each, as SVG.

    Args:
        checks: At least one.
        label: Of the axis.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7, 0.8 + 0.32 * len(checks)), layout="constrained")
        axes = figure.add_subplot()
        for place, check in enumerate(checks):
            rate = check.rate
            axes.plot([100 * rate.low, 100 * rate.high], [place, place], color="#000000", linewidth=1.5)
            axes.plot([100 * rate.value], [place], "o", color=_COLOURS[0], markersize=6)
        axes.set_yticks(range(len(checks)), [_short(check.rate.stratum.name) for check in checks])
        axes.set_ylim(len(checks) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"{label}, per cent; lines: 95 % intervals")
        axes.grid(axis="x", color="#cccccc", linewidth=0.6)
        return _svg(figure)


def curves_plot(curves: Sequence[Curve]) -> str:
    """Return detection error trade-off curves, both axes logarithmic, as SVG."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7, 5), layout="constrained")
        axes = figure.add_subplot()
        for index, curve in enumerate(map(thin, curves)):
            seen = (curve.false_match > 0) & (curve.false_non_match > 0)
            axes.plot(
                100 * curve.false_match[seen],
                100 * curve.false_non_match[seen],
                _LINES[index % len(_LINES)],
                marker=_MARKS[index % len(_MARKS)],
                markevery=max(1, int(seen.sum()) // 8),
                color=_COLOURS[index % len(_COLOURS)],
                label=_short(curve.group),
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("false match rate, per cent")
        axes.set_ylabel("false non-match rate, per cent")
        axes.grid(which="major", color="#cccccc", linewidth=0.6)
        if curves:
            axes.legend(frameon=False)
        return _svg(figure)


def _short(text: str) -> str:
    # a dollar would begin a formula
    return (text if len(text) <= 40 else f"{text[:37]}...").replace("$", r"\$")


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
