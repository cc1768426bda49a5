"""The plot of detection error trade-off curves."""

from __future__ import annotations

from collections.abc import Sequence

from passerby.audit.estimates import COLOURS, LINES, MARKS, short, svg_axes
from passerby.audit.scores.analysis import Curve
from passerby.audit.scores.report_values import thin


def curves_plot(curves: Sequence[Curve]) -> str:
    """Return detection error trade-off curves, both axes logarithmic, as SVG."""
    with svg_axes(7, 5) as (axes, texts):
        for index, curve in enumerate(map(thin, curves)):
            seen = (curve.false_match > 0) & (curve.false_non_match > 0)
            axes.plot(
                100 * curve.false_match[seen],
                100 * curve.false_non_match[seen],
                LINES[index % len(LINES)],
                marker=MARKS[index % len(MARKS)],
                markevery=max(1, int(seen.sum()) // 8),
                color=COLOURS[index % len(COLOURS)],
                label=short(curve.group),
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("false match rate, per cent")
        axes.set_ylabel("false non-match rate, per cent")
        axes.grid(which="major", color="#cccccc", linewidth=0.6)
        if curves:
            axes.legend(frameon=False)
    return texts[0]
