"""Writes a report as one self-contained page: no script, nothing loaded, dark and light, for a phone and for paper."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import passerby
from passerby.scan.report.scanned import ScanReport, by_rating, components_found
from passerby.scan.report.words import (
    CONFIDENCE_WORDS,
    CORRECTION,
    PRESENCE,
    PRESENCE_MEANING,
    RATING_MEANING,
    RATING_WORDS,
    WEIGHTS_WORDS,
    abilities_of,
    answer_of,
    counted,
    declaration_of,
    hiding_of,
    kinds_of,
    place_of,
    read_of,
    shown,
    timing_of,
    title_of,
)
from passerby.scan.values import Rating

if TYPE_CHECKING:
    from jinja2 import Environment

_MOST_PLACES = 12
_TONE = {Rating.IDENTIFIES: "red", Rating.CAN: "amber", Rating.DOES_NOT: "green"}


def report_to_html(report: ScanReport) -> str:
    """Return the page of a report. Text of a target is escaped, and each piece of it keeps its own direction."""
    return _environment().get_template("report.html.j2").render(report=report)


@cache
def _environment() -> Environment:
    # most scans write no page
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("passerby.scan", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("passerby.scan").joinpath("templates/style.css").read_text(encoding="utf-8")
    environment.globals.update(
        # our own file, not input: the only text that is not escaped
        style=Markup(style),  # noqa: S704
        version=passerby.__version__,
        presence=PRESENCE,
        presence_meaning=PRESENCE_MEANING.removeprefix(PRESENCE + ": "),
        correction=CORRECTION,
        most_places=_MOST_PLACES,
        shown=shown,
        title_of=title_of,
        place_of=place_of,
        abilities_of=abilities_of,
        timing_of=timing_of,
        answer_of=answer_of,
        declaration_of=declaration_of,
        hiding_of=hiding_of,
        read_of=read_of,
        counted=counted,
        by_rating=by_rating,
        rating_words=lambda rating: RATING_WORDS[rating],
        rating_meaning=lambda rating: RATING_MEANING[rating],
        weights_words=lambda weights: WEIGHTS_WORDS[weights],
        confidence_words=lambda confidence: CONFIDENCE_WORDS[confidence],
        kinds_of=kinds_of,
        components_found=components_found,
        tone=lambda rating: _TONE[rating],
    )
    return environment
