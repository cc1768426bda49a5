"""Writes an audit by attack as one self-contained page: no script, nothing loaded, for screen and paper."""

from __future__ import annotations

from passerby.audit.attack import plots
from passerby.audit.attack.analysis import AttackAudit, CoverKind
from passerby.audit.attack.gains import ATTACKERS, FOUND_BELOW
from passerby.audit.attack.plain_words import attack_notes, cover_words, limit_words, share_words, summary_line
from passerby.audit.attack.report_values import INTERVAL, MEASURE, TEST
from passerby.audit.estimates import drawn, render_page


def attack_to_html(audit: AttackAudit) -> str:
    """Return the page of an audit."""
    return render_page(
        "attack.html.j2",
        audit=audit,
        notes=list(attack_notes(audit)),
        style_words=[cover_words(cover) for cover in audit.of_kind(CoverKind.STYLE)],
        kinds=[
            ("Styles of the veil", audit.of_kind(CoverKind.STYLE)),
            ("Planted leaks", audit.of_kind(CoverKind.LEAK)),
            ("What others do by default", audit.of_kind(CoverKind.PEER)),
        ],
        summary=summary_line(audit),
        limit=limit_words(audit.limit),
        share=share_words,
        gains_plot=drawn(plots.gains_plot(audit.covers)),
        portrait_plot=drawn(plots.portrait_plot(audit.pictures)),
        attackers=ATTACKERS,
        found_below=FOUND_BELOW,
        measure=MEASURE,
        interval=INTERVAL,
        test=TEST,
    )
