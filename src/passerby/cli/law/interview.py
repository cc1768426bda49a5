"""The interview in the terminal. Questions go to standard error, so that standard output holds the answer alone.

Part by part (what it does; what for, who, where, when; and so on), one question at a time: its words, one line on why it matters,
its source. ``?`` shows more, ``unknown`` is an answer, ``back`` takes the last answer back, ``stop`` ends early and leaves the
rest unknown. The facts are saved after the end.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import typer

from passerby import law
from passerby.errors import FactsError, UsageError
from passerby.files import write_atomic

_WIDTH = 80


def interview(
    path: Path, positions: Sequence[str], on: date | None, overlays: Sequence[str | Path], *, w: law.Wording
) -> law.Deployment:
    """Ask for the facts, save them and return them.

    Args:
        path: Where the facts are saved; must not exist yet.
        positions: Whose verdicts the questions are chosen for.
        on: The day asked about, or None.
        overlays: Layers over the positions.
        w: The language of the questions; the words that answer them are those of the facts file.

    Raises:
        UsageError: the file exists already, or is none for YAML.
        OutputError: it cannot be written.
    """
    if path.suffix.lower() not in {".yaml", ".yml"}:
        raise UsageError(f"an interview writes YAML, got the file {path}", hint="name a file that ends in .yaml")
    if path.exists():
        raise UsageError(
            f"{path} exists already; an interview writes a new file",
            hint=f"assess it with: passerby assess {path}, or name another file",
        )

    def judge(facts: Mapping[str, law.FactValue]) -> tuple[law.Verdict, ...]:
        return law.assess_all(facts, positions, on=on, overlays=overlays)

    state = law.Interview(judge)
    _say(w.of("Answer with a word or its number; ? explains, unknown is an answer, back returns, stop ends."))
    stage: law.Stage | None = None
    try:
        while (fact := state.next_fact()) is not None:
            if stage is not law.stage_of(fact.name):
                stage = law.stage_of(fact.name)
                _say("", f"-- {w.of(stage.title)} --")
            _say("", _question(w, fact, len(state.answers) + 1))
            if not _take(w, state, fact):
                break
    except KeyboardInterrupt:
        _say("", w.of("broken off; what was answered is saved"))
    _say("", _summary(w, state))
    text = law.facts_to_yaml(state.facts(), title=path.stem.replace("-", " ").replace("_", " "))
    write_atomic(path, text.encode())
    _say(w.text("saved {path}", path=path), "")
    return law.parse_deployment(text.encode(), str(path))


def _take(w: law.Wording, state: law.Interview, fact: law.Fact) -> bool:
    """Read lines until one answers the question or moves on; return False at the end of the interview."""
    while True:
        typer.echo("> ", err=True, nl=False)
        line = sys.stdin.readline()
        if not line:
            _say("", w.of("the input ended; what was not answered stays unknown"))
            return False
        word = line.strip()
        if not sys.stdin.isatty():
            _say(word)
        if word.lower() in {"stop", "quit", "q"}:
            return False
        if word.lower() in {"back", "b"}:
            if state.back() is None:
                _say(w.of("this is the first question"))
                continue
            return True
        if word in {"?", "help"}:
            _say(_explained(w, fact))
            continue
        if not word:
            _say(w.of("type an answer, or unknown"))
            continue
        try:
            state.answer(fact.name, word)
        except FactsError as error:
            _say(error.message, error.hint or "")
            continue
        return True


def _question(w: law.Wording, fact: law.Fact, number: int) -> str:
    explained = f"{w.of(fact.explanation)} ({w.cite(fact.source)})"
    lines = [_fold(f"{number}. {w.of(fact.question)}"), _fold(explained, "   ")]
    if fact.kind == "bool":
        lines.append("   " + w.of("yes, no or unknown"))
    elif fact.kind == "number":
        lines.append("   " + w.of("a number or unknown"))
    elif fact.open:
        some = ", ".join(list(fact.values)[:8])
        lines.append(_fold(w.text("an offence, as in: {some}; passerby law facts offence lists all", some=some), "   "))
    else:
        lines += [
            _fold(f"{n}) {word}: {w.of(meaning)}", "   ", "      ")
            for n, (word, meaning) in enumerate(fact.values.items(), 1)
        ]
    return "\n".join(lines)


def _explained(w: law.Wording, fact: law.Fact) -> str:
    return w.text("{help} Source: {source}.", help=w.of(law.fact_help()[fact.name]), source=w.cite(fact.source))


def _summary(w: law.Wording, state: law.Interview) -> str:
    answered, left = len(state.answers), len(state.open_facts())
    if left:
        return w.text("{n} questions answered; {left} that still matter stay unknown.", n=answered, left=left)
    return w.text("{n} questions answered; nothing else can change the answer.", n=answered)


def _fold(text: str, first: str = "", rest: str | None = None) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _say(*lines: str) -> None:
    for line in lines:
        typer.echo(line if "\n" in line else _fold(line), err=True)
