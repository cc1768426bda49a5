"""Writes an audit of scores as one self-contained page: no script, nothing loaded, for screen and paper."""

from __future__ import annotations

from passerby.audit.estimates import drawn, equality_words, percent, rates_plot, render_page
from passerby.audit.scores.analysis import Curve, ScoresAudit
from passerby.audit.scores.curves import curves_plot
from passerby.audit.scores.plain_words import cautions, station, support
from passerby.audit.scores.report_values import CHECK_METHOD, METHOD

_MOST_ROWS_PLOTTED = 60
_MOST_CURVES = 12


def scores_to_html(audit: ScoresAudit) -> str:
    """Return the page of an audit."""
    return render_page(
        "scores.html.j2",
        misses_plot=drawn(_plot(audit, mated=True)),
        matches_plot=drawn(_plot(audit, mated=False)),
        curves_plot=drawn(curves_plot(_worst_curves(audit))),
        most_curves=_MOST_CURVES,
        most_rows=_MOST_ROWS_PLOTTED,
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
    )


def _worst_curves(audit: ScoresAudit) -> list[Curve]:
    """Return as many curves as can be told apart, of the groups that are not found most often."""
    worst = sorted(audit.misses, key=lambda check: check.rate.value, reverse=True)
    groups = list(dict.fromkeys(check.rate.stratum.group for check in worst))[:_MOST_CURVES]
    return [curve for curve in audit.curves if curve.group in groups]


def _plot(audit: ScoresAudit, *, mated: bool) -> str:
    checks = (audit.misses if mated else audit.matches)[:_MOST_ROWS_PLOTTED]
    label = "false non-match rate" if mated else "false match rate"
    return rates_plot([("", [check.rate for check in checks])], label)
