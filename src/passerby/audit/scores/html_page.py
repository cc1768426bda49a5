"""Writes an audit of scores as one self-contained page: no script, nothing loaded, for screen and paper."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import passerby
from passerby.audit.scores import plots
from passerby.audit.scores.analysis import ScoresAudit
from passerby.audit.scores.plain_words import cautions, equality_words, percent, station, support
from passerby.audit.scores.report_values import CHECK_METHOD, METHOD

_MOST_ROWS_PLOTTED = 60


def scores_to_html(audit: ScoresAudit) -> str:
    """Return the page of an audit."""
    environment = Environment(
        loader=PackageLoader("passerby.audit", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("passerby.audit").joinpath("templates/style.css").read_text(encoding="utf-8")
    return environment.get_template("scores.html.j2").render(
        # our own files and plots, whose texts are drawn as paths: the only texts that are not escaped
        style=Markup(style),  # noqa: S704
        misses_plot=_plot(audit, mated=True),
        matches_plot=_plot(audit, mated=False),
        curves_plot=Markup(plots.curves_plot(audit.curves)),  # noqa: S704
        audit=audit,
        cautions=list(cautions(audit)),
        miss_words=list(equality_words(audit.equal_misses, "false non-matches")),
        match_words=list(equality_words(audit.equal_matches, "false matches")),
        station=[
            station(audit, check) for check in audit.matches if check.rate.stratum.group == check.rate.stratum.other
        ],
        percent=percent,
        support=support,
        method=METHOD,
        check_method=CHECK_METHOD,
        version=passerby.__version__,
    )


def _plot(audit: ScoresAudit, *, mated: bool) -> Markup:
    checks = (audit.misses if mated else audit.matches)[:_MOST_ROWS_PLOTTED]
    label = "false non-match rate" if mated else "false match rate"
    return Markup(plots.rates_plot(checks, label))  # noqa: S704
