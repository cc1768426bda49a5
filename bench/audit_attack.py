"""Whether attackers find planted leaks, how faint a blend they find, and what they gain from styles. See README.md.

python bench/audit_attack.py [styles] [leaks] [limit] [--runs N] [--people N] [--blend SHARE] [--record] [--json FILE]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from figures import Table
from passerby.audit import CoverKind
from passerby.audit.attack.capture import capture
from passerby.audit.attack.coverings import BLENDED, LEAKS, PEERS, Covering, paint_style
from passerby.audit.attack.crowd import drawn_crowd
from passerby.audit.attack.gains import AttackOutcome, attack
from passerby.audit.attack.limit import BLENDS, FIRST_SEED, BlendFound, BlendLimit, found_in, kept_limit, limit_to_json
from passerby.audit.attack.plain_words import MOST_GAIN, limit_words, share_words
from passerby.audit.attack.settings import AttackSettings
from passerby.config import PORTRAIT, processors
from passerby.veil import CoverSettings, CoverStyle

STYLES = (CoverStyle.SOLID, CoverStyle.AVATAR, CoverStyle.NOISE, CoverStyle.IMAGE)
KEPT = Path(__file__).parent.parent / "src/passerby/audit/attack/limit.json"
LEAST_RECORDED = 100
PARTS: dict[str, Callable[[Table, argparse.Namespace], None]] = {}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; without one: all")
    parser.add_argument("--runs", type=int, default=100, help="limit: crowds in which blends are sought")
    parser.add_argument("--people", type=int, default=150, help="in each crowd")
    parser.add_argument(
        "--blend", type=float, action="append", help="limit: share that is sought; repeatable; default: all"
    )
    parser.add_argument(
        "--record", action="store_true", help="limit: keep it where the command reads it, beside other blends"
    )
    parser.add_argument("--json", type=Path, help="write every row there, too")
    asked = parser.parse_args()
    if wrong := [part for part in asked.parts if part not in PARTS]:
        parser.error(f"parts must be of {', '.join(PARTS)}, got {', '.join(wrong)}")
    if any(not 0 < share < 1 for share in asked.blend or ()):
        parser.error("--blend must be a share between 0 and 1, such as 0.01")
    if asked.runs < 1 or (asked.record and asked.runs < LEAST_RECORDED):
        parser.error(f"--runs must be at least {LEAST_RECORDED if asked.record else 1}, got {asked.runs}")
    table = Table(asked.json)
    table.begin("drawn people; covers placed by their true boxes")
    for part in asked.parts or PARTS:
        PARTS[part](table, asked)


def outcome(kind: CoverKind, name: str, people: int) -> AttackOutcome:
    """Attack one kind of cover of the crowd that the command draws."""
    settings = AttackSettings(people=people)
    cover = CoverSettings()
    if kind is CoverKind.STYLE:
        style = CoverStyle(name)
        cover = replace(cover, style=style, image=PORTRAIT if style is CoverStyle.IMAGE else None)
        covering = Covering(name, name, paint_style)
    else:
        covering = next(one for one in (*LEAKS, *PEERS) if one.name == name)
    return attack(
        capture(list(drawn_crowd(people, settings.frames, settings.seed)), covering, cover, settings), settings
    )


def styles(table: Table, asked: argparse.Namespace) -> None:
    """What the attackers gain from styles, and from what others do by default."""
    with pool() as workers:
        jobs = [(CoverKind.STYLE, str(one)) for one in STYLES] + [(CoverKind.PEER, one.name) for one in PEERS]
        outcomes = workers.map(outcome, *zip(*jobs, strict=True), [asked.people] * len(jobs))
        for (kind, name), found in zip(jobs, outcomes, strict=True):
            words = f"{said(found)}, p {found.p:.3f}"
            if kind is CoverKind.STYLE:
                table.row(
                    f"style {name}, {found.people} people: upper bound of the gain", found.bound, MOST_GAIN, ours=words
                )
            else:
                table.row(f"{name}: gain", found.best.gain, other=words)


def said(found: AttackOutcome) -> str:
    """Return the best attacker's gain in words."""
    gain = found.best
    return f"{share_words(gain.gain)} ({share_words(gain.low)} to {share_words(gain.high)}, {gain.attacker})"


def leaks(table: Table, asked: argparse.Namespace) -> None:
    """Whether each planted leak is found."""
    missed = 0
    with pool() as workers:
        names = [one.name for one in LEAKS]
        found = workers.map(outcome, [CoverKind.LEAK] * len(names), names, [asked.people] * len(names))
        for name, one in zip(names, found, strict=True):
            missed += not one.found
            table.row(f"leak {name}, {one.people} people: p", one.p, 0.01, ours=said(one))
    table.row("planted leaks missed", missed, 0, ours=f"{len(LEAKS) - missed} of {len(LEAKS)} found")


def limit(table: Table, asked: argparse.Namespace) -> None:
    """In how many crowds each blend is found, the strongest first; the same crowds for all of them."""
    settings = AttackSettings(people=asked.people)
    before = kept_limit()
    same = asked.record and (before.people, before.frames) == (settings.people, settings.frames)
    blends = {one.share: one for one in before.blends if same}
    with pool() as workers:
        for share in sorted(asked.blend or BLENDS, reverse=True):
            began = time.monotonic()
            seeds = [FIRST_SEED + run for run in range(asked.runs)]
            rows = workers.map(found_in, seeds, [settings] * asked.runs, [(share,)] * asked.runs)
            found = sum(one for (one,) in rows)
            seconds = (time.monotonic() - began) * processors() / asked.runs
            blends[share] = BlendFound(share, found, asked.runs)
            words = f"{found} of {asked.runs} crowds of {asked.people}, {seconds:.1f} s of a processor each"
            table.row(
                f"blend of {100 * share:g} %, share of crowds in which it is missed",
                1 - found / asked.runs,
                0.05 if share == BLENDED else None,
                ours=words,
            )
            kept = BlendLimit(settings.people, settings.frames, tuple(blends[one] for one in sorted(blends)))
            if asked.record:
                KEPT.write_text(limit_to_json(kept), encoding="utf-8")
    print(limit_words(kept))


def pool() -> ProcessPoolExecutor:
    """Return one process a processor."""
    return ProcessPoolExecutor(processors(), mp_context=get_context("spawn"))


PARTS |= {"styles": styles, "leaks": leaks, "limit": limit}

if __name__ == "__main__":
    main()
