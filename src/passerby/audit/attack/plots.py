"""Plots of an attack as SVG: gains with intervals, and what was won back of the portrait."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from passerby.audit.attack.analysis import AttackedCover, CoverKind
from passerby.audit.attack.plain_words import MOST_GAIN
from passerby.audit.attack.portrait import WonBack
from passerby.audit.estimates import COLOURS, MARKS, short, svg_axes, svg_figure

_KINDS = {CoverKind.STYLE: "style of the veil", CoverKind.LEAK: "planted leak", CoverKind.PEER: "others' default"}
_LINEAR_PERCENT = 1.0
"""The axis is linear up to here and logarithmic above: nothing and a tenth of a per cent must be told apart, as 1 and 40."""
_COLUMNS = ("hidden", "shown", "by surroundings", "won back")


def gains_plot(covers: Sequence[AttackedCover]) -> str:
    """Return the best attacker's gain from each kind of cover with its interval, as SVG."""
    with svg_axes(7, 1.1 + 0.3 * len(covers)) as (axes, texts):
        for index, kind in enumerate(_KINDS):
            places = [at for at, cover in enumerate(covers) if cover.kind is kind]
            if not places:
                continue
            best = [covers[at].outcome.best for at in places]
            for at, one in zip(places, best, strict=True):
                axes.plot([100 * one.low, 100 * one.high], [at, at], color="#000000", linewidth=1.5)
            gains = [100 * one.gain for one in best]
            axes.plot(
                gains, places, MARKS[index], color=COLOURS[index], markersize=6, linestyle="none", label=_KINDS[kind]
            )
        axes.axvline(100 * MOST_GAIN, color="#555555", linewidth=1, linestyle="--")
        axes.set_xscale("symlog", linthresh=_LINEAR_PERCENT)
        axes.set_xticks([0, 0.5, 1, 5, 10, 50, 100], ["0", "0.5", "1", "5", "10", "50", "100"])
        axes.set_xlim(-0.5, 100)
        axes.set_yticks(range(len(covers)), [short(cover.name) for cover in covers])
        axes.set_ylim(len(covers) - 0.5, -0.5)
        axes.set_xlabel("explained beyond chance, per cent; lines: 95 % intervals; dashed: 1 %")
        axes.grid(axis="x", color="#cccccc", linewidth=0.6)
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return texts[0]


def portrait_plot(pictures: Sequence[WonBack]) -> str:
    """Return what was won back of the portrait, a row for each kind of cover, as SVG."""
    with svg_figure(7, 0.4 + 1.45 * len(pictures)) as (figure, texts):
        _fill(figure, pictures)
    return texts[0]


def _fill(figure: Figure, pictures: Sequence[WonBack]) -> None:
    grid = figure.subplots(len(pictures), len(_COLUMNS), squeeze=False)
    for row, one in zip(grid, pictures, strict=True):
        for axes, title, picture in zip(row, _COLUMNS, (one.hidden, one.seen, one.guess, one.won), strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            if one is pictures[0]:
                axes.set_title(title, fontsize=10)
        row[0].set_ylabel(one.name.replace(" ", "\n"), rotation=0, ha="right", va="center")
