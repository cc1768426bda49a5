"""The one-page statement of an export, as HTML and PDF, in the three languages: what was done, and what is known to be missed."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import passerby
from passerby.desk.export.keep_order import KeepDecision
from passerby.desk.project import DeskState
from passerby.languages import Texts, straight
from passerby.values import writable_text
from passerby.veil import Measured, VeilReport

_TEXTS = Path(__file__).parent.parent / "translations"
_MOST_NAMES = 8


@dataclass(frozen=True, slots=True)
class DeskStatement:
    """What is stated of one export.

    Attributes:
        report: What was done.
        state: What was exported.
        decision: Who decided that somebody is left clear; None where nobody is.
        measured: What this version is known to miss, or None.
        at: When it was written, aware.
    """

    report: VeilReport
    state: DeskState
    decision: KeepDecision | None
    measured: Measured | None
    at: datetime


@dataclass(frozen=True, slots=True)
class StatementPart:
    """Lines below a heading."""

    heading: str
    lines: tuple[str, ...]


def statement_texts(language: str) -> Texts:
    """Return the texts of statements in a language.

    Raises:
        UsageError: there is no such language.
    """
    return Texts(language, _TEXTS / f"statement.{language}.toml")


def clear_line(decision: KeepDecision | None, texts: Texts) -> str:
    """Return the first line: who is left clear, why, and who decided it; usual reasons are said in the language."""
    if decision is None:
        return texts.text("clear.nobody")
    who = texts.text("clear.second", key=decision.key) if decision.key else texts.text("clear.operator")
    why = texts.table.get(f"why.{decision.why}", decision.why)
    return texts.text("clear.one", tracks=decision.tracks, spans=decision.spans, why=why, who=who)


def statement_html(statement: DeskStatement, texts: Texts) -> str:
    """Return the statement as one page that needs nothing else."""
    title = _escaped(_title(statement, texts))
    body = "".join(
        f"<h2>{_escaped(section.heading)}</h2><ul>{''.join(f'<li>{_escaped(line)}</li>' for line in section.lines)}</ul>\n"
        for section in _sections(statement, texts)
    )
    return (
        f'<!doctype html>\n<html lang="{texts.language}"><meta charset="utf-8"><title>{title}</title>\n'
        "<style>body{font:15px/1.45 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
        "h1{font-size:1.4rem}h2{font-size:1.05rem;margin-bottom:.2rem}.clear{font-weight:bold}ul{margin-top:0}</style>\n"
        f'<p class="clear">{_escaped(clear_line(statement.decision, texts))}</p>\n<h1>{title}</h1>\n'
        f"<p>{_escaped(_made(statement, texts))}</p>\n{body}</html>\n"
    )


def statement_pdf(statement: DeskStatement, texts: Texts) -> bytes:
    """Return the statement as a PDF of one page.

    The font is DejaVu Sans, which ships with Matplotlib: Latin with all accents, Greek, Cyrillic; what it has not is a box.
    """
    import matplotlib as mpl
    from fpdf import FPDF
    from fpdf.enums import WrapMode

    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    pdf = FPDF(format="A4")
    pdf.set_creation_date(statement.at)
    pdf.set_lang(texts.language)
    pdf.set_title(_title(statement, texts))
    pdf.set_auto_page_break(auto=False)
    pdf.add_font("sans", "", fonts / "DejaVuSans.ttf")
    pdf.add_font("sans", "B", fonts / "DejaVuSans-Bold.ttf")
    pdf.add_page()

    def put(text: str, size: float, *, bold: bool = False) -> None:
        pdf.set_font("sans", "B" if bold else "", size)
        pdf.multi_cell(0, size * 0.47, text, new_x="LMARGIN", new_y="NEXT", align="L", wrapmode=WrapMode.CHAR)

    put(clear_line(statement.decision, texts), 9.5, bold=True)
    pdf.ln(2)
    put(_title(statement, texts), 13, bold=True)
    put(_made(statement, texts), 8.5)
    for section in _sections(statement, texts):
        pdf.ln(2)
        put(section.heading, 10, bold=True)
        for line in section.lines:
            put(f"\u2013 {line}", 8.5)
    return bytes(pdf.output())


def _escaped(text: str) -> str:
    return html.escape(str(straight(text)))


def _title(statement: DeskStatement, texts: Texts) -> str:
    return texts.text("title", output=writable_text(statement.report.output))


def _made(statement: DeskStatement, texts: Texts) -> str:
    return texts.text("made", day=texts.day(statement.at), version=passerby.__version__)


def _sections(statement: DeskStatement, texts: Texts) -> tuple[StatementPart, ...]:
    report = statement.report
    files = (
        texts.text("row.source", name=writable_text(report.source), digest=report.source_digest),
        texts.text("row.output", name=writable_text(report.output), digest=report.output_digest),
    )
    parts = {
        "files": files,
        "done": tuple(_done(statement, texts)),
        "hand": tuple(_by_hand(statement.state, texts)),
        "misses": tuple(_misses(statement.measured, texts)),
        "limits": tuple(texts.text(f"limits.{name}") for name in ("anonymous", "plates")),
    }
    return tuple(StatementPart(texts.text(f"head.{name}"), lines) for name, lines in parts.items() if lines)


def _done(statement: DeskStatement, texts: Texts) -> Iterable[str]:
    report, state = statement.report, statement.state
    if statement.decision is not None:
        yield texts.text("clear.others")
    frames, touched = texts.number(report.frames), texts.number(report.frames_with_cover)
    yield texts.text("row.frames", frames=frames, touched=touched, share=_percent(report.covered_share, texts))
    drawn = sum(one.origin != "found" for one in state.tracks)
    yield texts.text("row.tracks", found=texts.number(len(state.tracks) - drawn), drawn=texts.number(drawn))
    style = report.settings["cover"]["style"]
    yield texts.text("row.style", style=texts.table.get(f"style.{style}", style))
    if whole := sum(one.frames for one in report.whole):
        yield texts.text("row.whole", frames=texts.number(whole))
    for key, names in (("zones", report.zones), ("excluded", tuple(name for name, _ in report.exclude_zones))):
        if names:
            yield texts.text(f"row.{key}", names=_listed(names))


def _by_hand(state: DeskState, texts: Texts) -> Iterable[str]:
    yield texts.text("row.taken", n=texts.number(len(state.taken_away)))
    yield texts.text("row.moved", n=texts.number(state.moved))
    yield texts.text("row.drawn", n=texts.number(sum(one.origin != "found" for one in state.tracks)))
    if soft := sum(one.style != "solid" for one in state.tracks):
        yield texts.text("row.soft", n=texts.number(soft))


def _misses(measured: Measured | None, texts: Texts) -> Iterable[str]:
    if measured is None:
        yield texts.text("misses.none")
        return
    rate = _percent(measured.rate, texts)
    yield texts.text("misses.overall", material=measured.material, rate=rate, version=measured.version)
    for row in measured.rows:
        if row.faces:
            least, most = (_percent(end, texts) for end in row.interval)
            yield texts.text(
                "misses.large" if row.high_px is None else "misses.size",
                low=row.low_px,
                high=row.high_px,
                rate=_percent(row.rate, texts),
                faces=texts.number(row.faces),
                least=least,
                most=most,
            )


def _percent(share: float, texts: Texts) -> str:
    text = f"{share * 100:.1f}"
    return f"{text if texts.language == 'en' else text.replace('.', ',')} %"


def _listed(names: Iterable[str]) -> str:
    all_ = list(names)
    return ", ".join(all_[:_MOST_NAMES]) + (f", … ({len(all_)})" if len(all_) > _MOST_NAMES else "")
