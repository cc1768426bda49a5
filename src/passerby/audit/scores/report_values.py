"""Writes an audit of scores as JSON, to the published schema, and its rates as CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np

import passerby
from passerby.audit.estimates import Equality, read_schema
from passerby.audit.scores.analysis import Curve, RateCheck, ScoresAudit
from passerby.audit.scores.plain_words import cautions, false_alarms, support

METHOD = (
    "95 % Jeffreys interval for the effective number of comparisons; variance robust to shared people in both roles "
    "(dyadic; clusters of one person for mated comparisons), Satterthwaite's degrees of freedom"
)
CHECK_METHOD = "95 % of draws of the two-role bootstrap, all errors and a sample of the other comparisons"
_POINTS = 200


def scores_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of :func:`scores_to_json`."""
    return read_schema("scores")


def scores_to_json(audit: ScoresAudit) -> str:
    """Return an audit as JSON; every rate with its counts, interval and method."""
    settings = audit.settings
    value = {
        "format": "passerby-audit-scores-1",
        "passerby": passerby.__version__,
        "source": audit.source,
        "settings": {
            "threshold": settings.threshold,
            "higher_is_closer": settings.higher_is_closer,
            "by": list(settings.by),
            "replicates": settings.replicates,
            "seed": settings.seed,
            "passers_by": settings.passers_by,
            "list_size": settings.list_size,
        },
        "rows": audit.rows,
        "persons": audit.persons,
        "groups": list(audit.groups),
        "copies": audit.copies,
        "both_roles": audit.both_roles,
        "bootstrap_sample": audit.sampled,
        "methods": {"interval": METHOD, "check": CHECK_METHOD},
        "cautions": list(cautions(audit)),
        "false_non_match": [_rate(audit, check) for check in audit.misses],
        "false_match": [_rate(audit, check) for check in audit.matches],
        "equality": {"false_non_match": _equality(audit.equal_misses), "false_match": _equality(audit.equal_matches)},
        "curves": [_curve(curve) for curve in audit.curves],
    }
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def scores_to_csv(audit: ScoresAudit) -> str:
    """Return one line for each rate."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rows = [_rate(audit, check) for check in (*audit.misses, *audit.matches)]
    writer.writerow(rows[0])
    writer.writerows([" ".join(cell) if isinstance(cell, list) else cell for cell in row.values()] for row in rows)
    return out.getvalue()


def _rate(audit: ScoresAudit, check: RateCheck) -> dict[str, Any]:
    rate, stratum = check.rate, check.rate.stratum
    alarms = None if stratum.mated else false_alarms(rate.value, audit.settings.list_size) * audit.settings.passers_by
    return {
        "kind": "false-non-match" if stratum.mated else "false-match",
        "group": stratum.group,
        "other": stratum.other,
        "cross": list(stratum.cross),
        "errors": rate.errors,
        "comparisons": rate.comparisons,
        "persons": rate.persons,
        "rate": rate.value,
        "low": rate.low,
        "high": rate.high,
        "effective_comparisons": rate.effective,
        "design_effect": rate.design_effect,
        "degrees_of_freedom": rate.freedom,
        "check_low": check.drawn_low,
        "check_high": check.drawn_high,
        "supported": rate.supported,
        "support": support(rate),
        "false_alarms_a_day": alarms,
    }


def _equality(found: Equality | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "p": found.p,
        "worst_over_best": found.worst_over_best,
        "worst_over_best_corrected": found.corrected,
        "worst_over_geometric_mean": found.worst_over_mean,
        "gini": found.gini,
        "detectable_ratio": found.detectable,
        "groups": [{"name": one.name, "ratio_to_others": one.ratio, "p_holm": one.p} for one in found.differences],
    }


def thin(curve: Curve) -> Curve:
    """Return a curve with a few hundred points, closer where the errors are small."""
    moves = np.flatnonzero(np.diff(curve.false_match) + np.abs(np.diff(curve.false_non_match)) != 0)
    keep = np.unique(np.concatenate((moves, moves + 1)))
    if len(keep) > _POINTS:
        keep = keep[np.unique(np.linspace(0, len(keep) - 1, _POINTS).astype(int))]
    return Curve(curve.group, curve.threshold[keep], curve.false_match[keep], curve.false_non_match[keep])


def _curve(curve: Curve) -> dict[str, Any]:
    few = thin(curve)
    return {
        "group": few.group,
        "threshold": [float(value) for value in few.threshold],
        "false_match": [float(value) for value in few.false_match],
        "false_non_match": [float(value) for value in few.false_non_match],
    }
