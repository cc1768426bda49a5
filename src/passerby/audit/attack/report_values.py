"""Writes an audit by attack as JSON, to the published schema, and its gains as CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import passerby
from passerby.audit.attack.analysis import AttackAudit, AttackedCover
from passerby.audit.attack.gains import ATTACKERS, FOUND_BELOW
from passerby.audit.attack.plain_words import attack_notes
from passerby.audit.estimates import read_schema

INTERVAL = "95 % Student's t interval of the mean over people, by files where a file shows several"
MEASURE = (
    "explained variance of the hidden picture (brightness of cells, and grain) of people left out by folds, less the same "
    "attacker's with covered pixels shuffled between people"
)
TEST = (
    "how often the luckiest attacker has as much luck with shuffled covers (smallest p of all, Westfall and Young 1993)"
)


def attack_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of :func:`attack_to_json`."""
    return read_schema("attack")


def attack_to_json(audit: AttackAudit) -> str:
    """Return an audit as JSON; every gain with its people, interval and method."""
    settings = audit.settings
    value = {
        "format": "passerby-audit-attack-1",
        "passerby": passerby.__version__,
        "source": audit.source,
        "settings": {
            "people": settings.people,
            "frames": settings.frames,
            "cells": settings.cells,
            "folds": settings.folds,
            "shuffles": settings.shuffles,
            "runs": settings.runs,
            "seed": settings.seed,
        },
        "methods": {
            "measure": MEASURE,
            "interval": INTERVAL,
            "test": TEST,
            "found_below": FOUND_BELOW,
            "attackers": dict(ATTACKERS),
        },
        "notes": list(attack_notes(audit)),
        "covers": [_cover(cover) for cover in audit.covers],
        "limit": {
            "people": audit.limit.people,
            "frames": audit.limit.frames,
            "blends": [{"share": one.share, "found": one.found, "runs": one.runs} for one in audit.limit.blends],
        },
        "portrait": [{"name": one.name, "explained": one.share} for one in audit.pictures],
    }
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def attack_to_csv(audit: AttackAudit) -> str:
    """Return one line for each kind of cover and attacker."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            "kind",
            "name",
            "people",
            "files",
            "surroundings",
            "found",
            "p",
            "attacker",
            "gain",
            "low",
            "high",
            "attacker_p",
        ]
    )
    for cover in audit.covers:
        outcome = cover.outcome
        cells = [
            cover.kind,
            cover.name,
            outcome.people,
            outcome.scenes,
            outcome.around_share,
            int(outcome.found),
            outcome.p,
        ]
        writer.writerows([*cells, one.attacker, one.gain, one.low, one.high, one.p] for one in outcome.gains)
    return out.getvalue()


def _cover(cover: AttackedCover) -> dict[str, Any]:
    outcome = cover.outcome
    return {
        "kind": str(cover.kind),
        "name": cover.name,
        "words": cover.words,
        "people": outcome.people,
        "files": outcome.scenes,
        "surroundings": outcome.around_share,
        "found": outcome.found,
        "p": outcome.p,
        "bound": outcome.bound,
        "gains": [
            {"attacker": one.attacker, "gain": one.gain, "low": one.low, "high": one.high, "p": one.p}
            for one in outcome.gains
        ],
    }
