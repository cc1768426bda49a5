"""Plots of an audit as SVG: readable in print, and told apart by mark and line as well as by colour."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from passerby.audit.estimates.jeffreys import Estimated

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Told apart with any common colour blindness; yellow is left out. Source: Okabe, Ito 2008, "Color Universal Design"."""
LINES = ("-", "--", "-.", ":")
MARKS = "os^Dv<>"
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "passerby",
    "font.size": 10,
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextmanager
def svg_figure(width: float, height: float) -> Iterator[tuple[Figure, list[str]]]:
    """Yield a figure to draw on, and a list that holds the plot's text after the block.

    Args:
        width: Inches.
        height: Inches.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        texts: list[str] = []
        yield figure, texts
        out = io.StringIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # the reader's fonts have it
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        text = out.getvalue()
        texts.append(text[text.index("<svg") :])


@contextmanager
def svg_axes(width: float, height: float) -> Iterator[tuple[Axes, list[str]]]:
    """Yield axes to draw on, and a list as :func:`svg_figure` does; sizes are in inches."""
    with svg_figure(width, height) as (figure, texts):
        yield figure.add_subplot(), texts


def rates_plot(series: Sequence[tuple[str, Sequence[Estimated]]], label: str) -> str:
    """Return rates with their intervals, one line each, as SVG.

    Args:
        series: Name and rates of each that is compared, at least one rate; rates of one name stand beside each other. A
            single series needs no name.
        label: Of the axis.
    """
    names = list(dict.fromkeys(rate.name for _, rates in series for rate in rates))
    step = 0.7 / len(series)
    with svg_axes(7, 0.9 + (0.2 + 0.16 * len(series)) * len(names)) as (axes, texts):
        for index, (name, rates) in enumerate(series):
            for rate in rates:
                place = names.index(rate.name) + (index - (len(series) - 1) / 2) * step
                axes.plot([100 * rate.low, 100 * rate.high], [place, place], color="#000000", linewidth=1.5)
            axes.plot(
                [100 * rate.value for rate in rates],
                [names.index(rate.name) + (index - (len(series) - 1) / 2) * step for rate in rates],
                MARKS[index % len(MARKS)],
                color=COLOURS[index % len(COLOURS)],
                markersize=6,
                label=short(name),
            )
        axes.set_yticks(range(len(names)), [short(name) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"{label}, per cent; lines: 95 % intervals")
        axes.grid(axis="x", color="#cccccc", linewidth=0.6)
        if len(series) > 1:
            axes.legend(frameon=False, loc="best")
    return texts[0]


def short(text: str) -> str:
    """Return a name as a plot can show it: both ends of a long one; a dollar would begin a formula.

    >>> short("people who were registered before 2019, station A")
    'people who were registere...9, station A'
    """
    return (text if len(text) <= 40 else f"{text[:25]}...{text[-12:]}").replace("$", r"\$")
