"""Write audit_variance.json: variances of error rates by a public implementation that was not written here.

Usage: python tests/vectors/make_audit_variance.py CHECKOUT, in an environment with scikit-learn and tqdm. CHECKOUT is a copy of
github.com/awslabs/cis-matching-tasks (Apache-2.0); its plug-in estimator reads the log that this script draws.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

THRESHOLD = 0.0


def drawn(seed: int, people: int, pictures: int) -> list[tuple[str, str, float]]:
    """Return comparisons of all pictures: both people and the score, which has six digits.

    People matter enough for errors to come together: the other implementation takes a negative covariance for none.
    """
    generator = np.random.default_rng(seed)
    own = generator.standard_normal(people)
    rows = []
    for (one, first), (two, second) in itertools.combinations(itertools.product(range(people), range(pictures)), 2):
        del first, second
        level = 1.5 if one == two else -1.5
        score = level + 0.9 * (own[one] + own[two]) + 0.5 * generator.standard_normal()
        rows.append((f"p{one:02d}", f"p{two:02d}", round(float(score), 6)))
    return rows


def judged(rows: list[tuple[str, str, float]]) -> dict[str, Any]:
    """Return what the other implementation says."""
    from cimat.uncertainty_estimator import UncertaintyEstimator  # type: ignore[import-not-found]

    scores: dict[str, dict[str, list[float]]] = {}
    for one, two, score in rows:
        for first, second in {(one, two), (two, one)}:
            scores.setdefault(first, {}).setdefault(second, []).append(score)
    estimator = UncertaintyEstimator(scores)
    variance_miss, variance_match = estimator.compute_variance(threshold=THRESHOLD)
    miss, match, _ = estimator.compute_binerror_metrics(THRESHOLD)
    return {
        "miss": float(miss),
        "match": float(match),
        "variance_miss": float(variance_miss),
        "variance_match": float(variance_match),
    }


def main() -> None:
    """Write the vectors beside this script."""
    sys.path.insert(0, sys.argv[1])
    cases = []
    for seed, people, pictures in ((1, 12, 2), (2, 8, 3), (3, 20, 2)):
        rows = drawn(seed, people, pictures)
        cases.append({"rows": rows, **judged(rows)})
    text = json.dumps({"threshold": THRESHOLD, "cases": cases}, separators=(",", ":"))
    (Path(__file__).parent / "audit_variance.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
