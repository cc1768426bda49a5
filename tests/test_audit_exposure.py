"""Variances and intervals of `audit veil`, held against an implementation not written here, by brute force and by drawing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from passerby.audit import read_figures
from passerby.audit.exposure.figures import ENOUGH_CLIPS, Faces, exposure_rate, ratio_of_sums, spreads
from passerby.audit.exposure.plain_words import rate_words
from passerby.audit.exposure.report_values import METHODS
from passerby.config import MEASURED

VECTORS = Path(__file__).parent / "vectors" / "audit_exposure.json"


def faces_of(case: dict[str, list[int]]) -> Faces:
    return Faces(np.array(case["clip"]), np.array(case["person"]), np.array(case["wrong"], np.float64))


def test_variances_are_those_of_an_implementation_not_written_here() -> None:
    for case in json.loads(VECTORS.read_text(encoding="utf-8")):
        faces = faces_of(case)
        value = float(faces.wrong.mean())
        assert value == pytest.approx(case["value"], rel=1e-12)
        independent = value * (1 - value) / len(faces.wrong)
        people, clips = spreads(faces, value)
        assert people.variance == pytest.approx(max(case["people"], independent), rel=1e-9)
        assert clips.variance == pytest.approx(max(case["clips"], independent), rel=1e-9)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.booleans()), min_size=4, max_size=40))
@settings(deadline=None, max_examples=60)
def test_variances_are_those_of_pairs_of_faces_and_of_leaving_clips_out(rows: list[tuple[int, int, bool]]) -> None:
    clip = np.array([row[0] for row in rows])
    person = clip * 10 + np.array([row[1] for row in rows])
    faces = Faces(clip, person, np.array([row[2] for row in rows], np.float64))
    value = float(faces.wrong.mean())
    off = faces.wrong - value
    least = value * (1 - value) / len(rows)
    people, clips = spreads(faces, value)
    pairs = sum(
        one * two for one, a in zip(off, person, strict=True) for two, b in zip(off, person, strict=True) if a == b
    )
    several = len(set(person))
    wanted = pairs * several / (several - 1) / len(rows) ** 2 if several > 1 else 0.0
    assert people.variance == pytest.approx(max(wanted, least), abs=1e-12)
    names = sorted(set(clip.tolist()))
    if len(names) > 1:
        without = [float(faces.wrong[clip != name].mean()) for name in names]
        wanted = (len(names) - 1) / len(names) * sum((one - value) ** 2 for one in without)
        assert clips.variance == pytest.approx(max(wanted, least), abs=1e-12)
    assert 1 <= clips.freedom <= max(1, len(names) - 1) + 1e-9
    assert 1 <= people.freedom <= max(1, several - 1) + 1e-9


def test_few_people_with_all_the_errors_leave_half_of_the_certainty() -> None:
    person = np.repeat(np.arange(240), 10)
    faces = Faces(person // 12, person, ((person < 4) & (np.arange(2400) % 10 < 3)).astype(np.float64))
    off = np.bincount(person, faces.wrong - faces.wrong.mean())
    squares = (off**2).sum() ** 2 / (off**4).sum() - 1
    assert spreads(faces, float(faces.wrong.mean()))[0].freedom == pytest.approx(2 / (1 / 239 + 1 / squares))


def test_a_ratio_of_sums_spreads_as_leaving_clips_out_says() -> None:
    generator = np.random.default_rng(5)
    clip = np.repeat(np.arange(8), 3)
    above, below = generator.random(24), 1 + generator.random(24)
    value, low, high = ratio_of_sums(above, below, clip)
    assert value is not None
    assert low is not None
    assert high is not None
    assert value == pytest.approx(above.sum() / below.sum())
    without = np.array([above[clip != one].sum() / below[clip != one].sum() for one in range(8)])
    spread = np.sqrt(7 / 8 * ((without - value) ** 2).sum())
    # at least as wide as with all degrees of freedom, at most as with a third of them
    assert stats.t.ppf(0.975, 7) * spread <= high - value <= stats.t.ppf(0.975, 2) * spread


def drawn(seed: int, clips: int, rate: float, *, clip_effect: float) -> Faces:
    """Draw twelve people of each clip in ten frames; a share of the variance is their clip's, a quarter their own."""
    generator = np.random.default_rng(seed)
    clip = np.repeat(np.arange(clips), 12)
    level = np.sqrt(clip_effect) * generator.standard_normal(clips)[clip] + 0.5 * generator.standard_normal(len(clip))
    person = np.repeat(np.arange(len(clip)), 10)
    rest = np.sqrt(0.75 - clip_effect) * generator.standard_normal(len(person))
    return Faces(clip[person], person, (level[person] + rest > stats.norm.isf(rate)).astype(np.float64))


def test_intervals_for_other_clips_hold_where_clips_differ_much() -> None:
    """A short version of `bench/audit.py exposure`; a quarter of the variance is the clip's."""
    held = 0
    for clips, rate in ((9, 0.02), (20, 0.02), (20, 0.1)):
        for seed in range(1000, 1200):
            found = exposure_rate("all", drawn(seed, clips, rate, clip_effect=0.25))
            held += found.clip_low is not None and found.clip_low <= rate <= (found.clip_high or 0)
    assert held >= 0.935 * 600, "the same 600 samples each time; 570 are stated"


@pytest.mark.parametrize("sizes", [[40] * (ENOUGH_CLIPS - 1), [400, 5, 5, 5, 5, 5], [40]])
def test_too_few_clips_say_nothing_of_others_and_the_words_say_so(sizes: list[int]) -> None:
    clip = np.repeat(np.arange(len(sizes)), sizes)
    faces = Faces(clip, np.arange(len(clip)) // 2, (np.arange(len(clip)) % 7 == 0).astype(np.float64))
    rate = exposure_rate("all", faces)
    assert (rate.clip_low, rate.clip_high) == (None, None)
    assert "other clips too few" in rate_words(rate)
    value, low, high = ratio_of_sums(faces.wrong, np.ones(len(clip)), clip)
    assert (low, high) == (None, None)
    assert value == pytest.approx(rate.value)


def test_figures_that_ship_were_had_by_these_methods() -> None:
    assert read_figures(MEASURED)["methods"] == METHODS, "measure anew (tests/test_model_card.py says how)"
