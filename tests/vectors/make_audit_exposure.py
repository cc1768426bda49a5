"""Write audit_exposure.json: variances of a mean over clusters by statsmodels, a public implementation.

Usage: python tests/vectors/make_audit_exposure.py, in an environment with statsmodels (0.15.0). Over people: least squares on a
constant with covariance robust to clusters. Over clips: the same least squares without each clip once (jackknife).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

CASES = ((1, 6, 5, 4, 0.3), (2, 9, 4, 6, 0.1), (3, 2, 20, 3, 0.5), (4, 14, 3, 2, 0.05))
"""Seed, clips, people of the largest clip, frames of a person, rate."""


def drawn(seed: int, clips: int, people: int, frames: int, rate: float) -> dict[str, list[int]]:
    """Return faces whose clips and people differ, clips of different sizes."""
    generator = np.random.default_rng(seed)
    rows: list[tuple[int, int, int]] = []
    person = 0
    for clip in range(clips):
        of_clip = generator.beta(2 * rate, 2 * (1 - rate))
        for _ in range(1 + generator.integers(people)):
            own = generator.beta(3 * of_clip + 0.05, 3 * (1 - of_clip) + 0.05)
            rows += [(clip, person, int(generator.random() < own)) for _ in range(frames)]
            person += 1
    clip_of, person_of, wrong = (list(column) for column in zip(*rows, strict=True))
    return {"clip": clip_of, "person": person_of, "wrong": wrong}


def judged(faces: dict[str, list[int]]) -> dict[str, Any]:
    """Return what the other implementation says."""
    import statsmodels.api as sm  # type: ignore[import-not-found]

    wrong, clip = np.array(faces["wrong"], float), np.array(faces["clip"])
    model = sm.OLS(wrong, np.ones(len(wrong)))
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": np.array(faces["person"])})
    left = np.array([sm.OLS(wrong[clip != c], np.ones((clip != c).sum())).fit().params[0] for c in np.unique(clip)])
    spread = (len(left) - 1) / len(left) * ((left - fit.params[0]) ** 2).sum()
    return {"value": float(fit.params[0]), "people": float(fit.cov_params()[0, 0]), "clips": float(spread)}


def main() -> None:
    """Draw and write."""
    cases = [faces | judged(faces) for faces in (drawn(*case) for case in CASES)]
    path = Path(__file__).with_name("audit_exposure.json")
    path.write_text(json.dumps(cases) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
