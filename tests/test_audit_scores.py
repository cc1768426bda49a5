"""`audit scores`: rates, intervals and differences of a comparison log, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit_logs import drawn_log, upper, write

from passerby import audit
from passerby.audit.estimates import compare, holm, interval
from passerby.audit.scores.comparison_log import ComparisonLog
from passerby.audit.scores.rates import rates_of
from passerby.audit.scores.sums import Stratum, StratumSums, add_up
from passerby.cli import main
from passerby.errors import AuditError, UsageError

VECTORS = Path(__file__).parent / "vectors" / "audit_variance.json"
QUICK = audit.ScoresSettings(threshold=0.0, replicates=200)


def audited(frame: pl.DataFrame, path: Path, wanted: audit.ScoresSettings = QUICK) -> audit.ScoresAudit:
    return audit.audit_scores(write(frame, path), wanted)


def told(found: audit.ScoresAudit) -> dict[str, object]:
    value: dict[str, object] = json.loads(audit.scores_to_json(found))
    return value


def log_of(rows: list[tuple[str, str, float]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "score": [score for _, _, score in rows],
            "mated": [int(one == two) for one, two, _ in rows],
            "group": ["all"] * len(rows),
            "subject": [one for one, _, _ in rows],
            "reference": [two for _, two, _ in rows],
            "reference_group": ["all"] * len(rows),
            "row": range(len(rows)),
        }
    )


def test_variances_are_those_of_an_implementation_not_written_here(tmp_path: Path) -> None:
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    for case in vectors["cases"]:
        wanted = audit.ScoresSettings(threshold=vectors["threshold"], replicates=200)
        log = ComparisonLog(write(log_of(case["rows"]), tmp_path / "log.csv"), wanted)
        sums = add_up(log, wanted).strata
        for mated, name in ((True, "miss"), (False, "match")):
            found = sums[Stratum(mated, "all", "all")]
            assert found.errors / found.comparisons == pytest.approx(case[name])
            assert (found.squares - found.shared) / found.comparisons**2 == pytest.approx(case[f"variance_{name}"])


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()).filter(lambda row: row[0] != row[1]),
        min_size=1,
        max_size=40,
    ),
    at_once=st.integers(1, 50),
)
@settings(deadline=None, max_examples=25)
def test_sums_are_those_of_all_pairs_of_comparisons(
    rows: list[tuple[int, int, bool]], at_once: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The definition: over every two comparisons that share a person, the product of how far each is off."""
    path = tmp_path_factory.mktemp("log") / "log.csv"
    pairs = [(f"p{one}", f"p{two}", 1.0 if wrong else -1.0) for one, two, wrong in rows] + [
        ("p0", "p0", 9.0),
        ("p1", "p1", 8.0),
    ]
    wanted = audit.ScoresSettings(threshold=0.0, pairs_at_once=at_once)
    found = add_up(ComparisonLog(write(log_of(pairs), path), wanted), wanted).strata[Stratum(False, "all", "all")]
    rate = sum(wrong for _, _, wrong in rows) / len(rows)
    total = sum(
        (wrong - rate) * (other - rate)
        for one, two, wrong in rows
        for first, second, other in rows
        if {one, two} & {first, second}
    )
    assert found.squares - found.shared == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("change", ["parquet", "shuffled", "swapped", "lower", "words"])
def test_the_same_log_in_another_shape_says_the_same(change: str, tmp_path: Path) -> None:
    frame = drawn_log({"a": 0.02, "b": 0.05})
    other, wanted, name = frame, QUICK, "log.csv"
    if change == "parquet":
        name = "log.parquet"
    elif change == "shuffled":
        other = frame.sample(fraction=1, shuffle=True, seed=3)
    elif change == "swapped":
        other = frame.with_columns(pl.col("subject").alias("reference"), pl.col("reference").alias("subject"))
    elif change == "lower":
        other = frame.with_columns(-pl.col("score"))
        wanted = audit.ScoresSettings(threshold=0.0, replicates=200, higher_is_closer=False)
    else:
        other = frame.with_columns(
            pl.when(pl.col("mated") == 1).then(pl.lit("True")).otherwise(pl.lit("false")).alias("mated")
        )
    first, second = audited(frame, tmp_path / "first.csv"), audited(other, tmp_path / name, wanted)
    for one, two in zip((*first.misses, *first.matches), (*second.misses, *second.matches), strict=True):
        assert one.rate == two.rate
    if change not in ("shuffled", "swapped"):
        assert first.equal_matches == second.equal_matches


def test_a_planted_difference_is_found_and_told(tmp_path: Path) -> None:
    found = audited(drawn_log({"a": 0.01, "b": 0.01, "c": 0.08}, people=80), tmp_path / "log.csv")
    assert found.equal_matches is not None
    assert found.equal_matches.p < 0.05
    worst = {one.name: one for one in found.equal_matches.differences}["c"]
    assert worst.p < 0.01
    assert worst.ratio is not None
    assert 4 < worst.ratio < 16
    assert any("differ" in words for words in audit.equality_words(found.equal_matches, "false matches"))
    assert found.equal_misses is not None
    assert found.equal_misses.p > 0.05


def test_no_difference_is_invented_among_equal_groups(tmp_path: Path) -> None:
    alarms = 0
    for seed in range(40):
        found = audited(
            drawn_log({"a": 0.02, "b": 0.02, "c": 0.02}, effect=0.4, seed=seed), tmp_path / f"{seed}.parquet"
        )
        assert found.equal_matches is not None
        alarms += found.equal_matches.p < 0.05
    assert alarms <= 6, "2 are expected at the stated level; 7 or more come about once in 200 such tests"


def test_intervals_hold_the_true_rate_where_wilsons_do_not(tmp_path: Path) -> None:
    """A short version of what `bench/audit.py` does with 4,000 logs a cell."""
    held = plain = 0
    for seed in range(120):
        log = write(drawn_log({"a": 0.03}, people=60, effect=0.5, seed=seed), tmp_path / f"{seed}.parquet")
        rates = rates_of(add_up(ComparisonLog(log, QUICK), QUICK).strata)
        rate = next(one for one in rates if not one.stratum.mated)
        held += rate.low <= 0.03 <= rate.high
        low, high = interval(rate.value, rate.comparisons, 1e9)
        plain += low <= 0.03 <= high
    assert held >= 106, "114 are expected; below 106 comes less than once in 200 such tests"
    assert plain < 100, "taken as independent, the same comparisons give intervals that are too narrow"


def test_groups_with_hardly_an_error_are_not_said_to_differ(tmp_path: Path) -> None:
    rejected = 0
    for seed in range(40):
        frame = drawn_log({"a": 0.0025, "b": 0.0025}, pictures=1, seed=seed)
        found = audited(frame, tmp_path / f"{seed}.parquet").equal_matches
        rejected += found is not None and found.p < 0.05
    assert rejected <= 3, "the same 40 logs each time, about two errors a group; 2 are stated"


def test_pairs_of_groups_are_told_apart_and_within_comes_first(tmp_path: Path) -> None:
    frame = drawn_log({"a": 0.02, "b": 0.02})
    across = pl.DataFrame(
        {
            "score": np.linspace(-1, 0.2, 500),
            "mated": 0,
            "group": "a",
            "subject": [f"a{i % 40:03d}" for i in range(500)],
            "reference": [f"b{i % 37:03d}" for i in range(500)],
        }
    )
    found = audited(pl.concat([frame, across]), tmp_path / "log.csv")
    assert [check.rate.stratum.name for check in found.matches] == ["a", "b", "a and b"]
    assert found.matches[2].rate.comparisons == 500
    assert found.matches[2].rate.persons == 77


def test_groups_are_crossed_with_further_columns(tmp_path: Path) -> None:
    frame = (
        drawn_log({"a": 0.03, "b": 0.03})
        .with_row_index()
        .with_columns(pl.when(pl.col("index") % 2 == 0).then(pl.lit("east")).otherwise(pl.lit("west")).alias("device"))
    )
    wanted = audit.ScoresSettings(threshold=0.0, replicates=200, by=("device",))
    found = audited(frame, tmp_path / "log.csv", wanted)
    assert [check.rate.stratum.name for check in found.misses] == ["a, east", "a, west", "b, east", "b, west"]
    whole = audited(frame, tmp_path / "log.csv")
    assert sum(check.rate.errors for check in found.matches) == sum(check.rate.errors for check in whole.matches)


def test_without_references_it_says_that_intervals_are_too_narrow(tmp_path: Path) -> None:
    frame = drawn_log({"a": 0.03, "b": 0.03}, effect=0.5)
    both, one = audited(frame, tmp_path / "log.csv"), audited(frame.drop("reference"), tmp_path / "one.csv")
    assert any("too narrow" in words for words in audit.cautions(one))
    assert not any("too narrow" in words for words in audit.cautions(both))
    assert one.matches[0].rate.value == both.matches[0].rate.value


def test_no_error_is_not_a_rate_of_nothing(tmp_path: Path) -> None:
    frame = drawn_log({"a": 0.02, "b": 0.02}).filter(
        (pl.col("group") != "b") | (pl.col("mated") == 1) | (pl.col("score") < 0)
    )
    found = audited(frame, tmp_path / "log.csv")
    rate = next(check.rate for check in found.matches if check.rate.stratum.group == "b")
    assert (rate.errors, rate.value, rate.low) == (0, 0.0, 0.0)
    assert 1 / rate.comparisons < rate.high < 0.1
    assert "rule of 3" in audit.support(rate)


def test_effects_stand_in_for_rates_without_errors() -> None:
    some = StratumSums(errors=40, comparisons=4000, persons=60, squares=400.0, fourths=9000.0, shared=39.6)
    none = StratumSums(errors=0, comparisons=4000, persons=60, squares=0.0, fourths=0.0, shared=0.0)
    first, second = rates_of({Stratum(False, "a", "a"): some, Stratum(False, "b", "b"): none})
    assert second.effective == pytest.approx(first.effective)
    (alone,) = rates_of({Stratum(False, "b", "b"): none})
    assert alone.effective == 60


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_and_keeps_the_order(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(after >= before for before, after in zip(values, adjusted, strict=True))
    order = sorted(range(len(values)), key=values.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)


@given(st.floats(0.0001, 0.9999), st.floats(10, 1e6), st.floats(1, 1e6))
def test_limits_lie_around_the_rate(value: float, effective: float, freedom: float) -> None:
    low, high = interval(value, effective, freedom)
    assert 0 <= low <= value <= high <= 1


def test_one_group_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    frame = drawn_log({"a": 0.03})
    with pytest.raises(AuditError, match="log must hold at least two groups, got one: 'a'") as caught:
        audited(frame, tmp_path / "log.csv")
    assert "--by" in str(caught.value.hint)
    crossed = frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("x")).otherwise(pl.lit("y")).alias("device")
    )
    found = audited(crossed, tmp_path / "log.csv", replace(QUICK, by=("device",)))
    assert found.equal_matches is not None
    assert "cannot be compared" in " ".join(audit.equality_words(None, "false matches"))
    assert compare([found.matches[0].rate], np.empty((0, 1))) is None


def test_outputs_fit_the_schema_and_carry_every_rate(tmp_path: Path) -> None:
    frame = drawn_log({"<b>x</b>": 0.03, "$a$": 0.03})
    found = audited(frame, tmp_path / "log.csv")
    value = told(found)
    jsonschema.validate(value, audit.scores_schema())
    rows = list(csv.DictReader(io.StringIO(audit.scores_to_csv(found))))
    assert len(rows) == len(found.misses) + len(found.matches)
    assert [float(row["rate"]) for row in rows] == [check.rate.value for check in (*found.misses, *found.matches)]
    page = audit.scores_to_html(found)
    assert "<b>x</b>" not in page
    assert page.count("<svg") == 3
    assert "<script" not in page
    assert page == audit.scores_to_html(audited(frame, tmp_path / "log.csv")), "the same log gives the same page"


def base() -> pl.DataFrame:
    return drawn_log({"a": 0.03, "b": 0.03}, people=12)


def put(frame: pl.DataFrame, column: str, value: pl.Expr | None, *, where: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(pl.when(where).then(value).otherwise(pl.col(column)).alias(column))


ONE, MATED, SCORE = pl.col("subject") == "a003", pl.col("mated") == 1, pl.col("score")
BROKEN: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "no column": (lambda f: f.drop("group"), "log must have the columns score, mated, group, subject, got"),
    "no number": (lambda f: f.with_columns(pl.lit("high").alias("score")), "column score must hold numbers"),
    "no score": (lambda f: put(f, "score", None, where=ONE), "each score must be a finite number"),
    "nan": (lambda f: put(f, "score", pl.lit(float("nan")), where=ONE), "each score must be a finite number"),
    "mated 2": (lambda f: f.with_columns(pl.col("mated") * 2), "mated must be 0 or 1 in each row"),
    "one class": (lambda f: f.filter(~MATED), "log must hold mated and non-mated comparisons, got non-mated only"),
    "no group": (lambda f: put(f, "group", None, where=ONE), "group must be named in each row"),
    "two groups": (
        lambda f: put(f, "group", pl.lit("b"), where=ONE & MATED),
        "a person must be of one group, got 'a003'",
    ),
    "unknown reference": (
        lambda f: put(f, "reference", pl.lit("x"), where=(pl.col("reference") == "a003") & ~MATED),
        "the group of each person must be known",
    ),
    "mated of two": (
        lambda f: put(f, "reference", pl.lit("a000"), where=MATED),
        "a mated comparison must name one person twice",
    ),
    "other of one": (
        lambda f: f.with_columns(pl.col("subject").alias("reference")),
        "a non-mated comparison must be of two people",
    ),
    "copies": (lambda f: pl.concat([f, f]), "each comparison must stand once"),
    "two scales": (
        lambda f: f.with_columns(
            pl.when(pl.col("group") == "a").then(SCORE.tanh() / 2 + 0.5).otherwise(SCORE * 5 + 50).alias("score")
        ),
        "all scores must be on one scale",
    ),
    "wrong way": (lambda f: f.with_columns(-SCORE), "higher scores must be closer"),
    "no rows": (lambda f: f.head(0), "log must hold comparisons, got none"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_cannot_be_judged_is_refused_with_its_reason(name: str, suffix: str, tmp_path: Path) -> None:
    change, message = BROKEN[name]
    with pytest.raises(AuditError) as caught:
        audited(change(base()), tmp_path / f"log.{suffix}")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "log must hold comparisons, got an empty file"),
        (b"PAR1 and nothing more", "log must be CSV with a line of names, or Parquet"),
        (b"\x00\x01\x02\xff\xfe", "log must"),
        (b"score;mated;group;subject\n1;0;a;b\n", "log must have the columns"),
        (
            b"\x1b]0;owned\x07,b\n1,2\n",
            "log must have the columns score, mated, group, subject, got '\\x1b]0;owned\\x07', 'b'",
        ),
        (b"score,mated,group,subject\n1,0,a\n1,0,a,b,c,d\n", "log "),
    ],
)
def test_a_file_that_is_no_log_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    with pytest.raises(AuditError) as caught:
        audit.audit_scores(path, QUICK)
    assert str(caught.value).startswith(message)


def test_logs_as_other_programs_write_them_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    for mark in (";", "\t", "|"):
        path.write_text(base().write_csv(separator=mark))
        with pytest.raises(AuditError) as caught:
            audit.audit_scores(path, QUICK)
        assert f"separate columns by a comma, not by {mark!r}" in str(caught.value.hint)
    words = base().with_columns(pl.when(MATED).then(pl.lit("genuine")).otherwise(pl.lit("impostor")).alias("mated"))
    with pytest.raises(AuditError) as caught:
        audited(words, path)
    assert "write 1 where both pictures are of one person" in str(caught.value.hint)


@pytest.mark.parametrize("threshold", [-1e6, 1e6])
def test_a_threshold_beyond_all_scores_is_doubted(threshold: float, tmp_path: Path) -> None:
    found = audited(base(), tmp_path / "log.csv", replace(QUICK, threshold=threshold))
    assert any("No score is near the threshold" in words for words in audit.cautions(found))
    assert "No score is near the threshold" in audit.scores_to_html(found)
    assert not any("No score" in words for words in audit.cautions(audited(base(), tmp_path / "log.csv")))


def test_many_small_groups_are_compared_and_shown_in_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = drawn_log(
        {f"group {index:02d} at the station in the north of the city {index}": 0.05 for index in range(70)}, people=5
    )
    found = audited(frame, tmp_path / "log.csv")
    assert found.equal_matches is None, "draws of five people leave out some group nearly each time"
    page = audit.scores_to_html(found)
    assert "Groups cannot be compared by false matches" in page
    assert "Drawn are the 12 groups that are not found most often, of 70" in page
    assert "Drawn are the first 60 of the 70 rates in the table" in page
    assert all(f"city {index}</text>" in page for index in range(10)), "a long name keeps both ends"
    with pytest.raises(SystemExit):
        main(["audit", "scores", str(tmp_path / "log.csv"), "--threshold", "0"])
    assert "and 10 more: --csv, --json and --report hold all of them" in capsys.readouterr().out


def test_names_in_any_script_are_shown_by_the_readers_fonts(tmp_path: Path) -> None:
    found = audited(
        drawn_log({"\u65e5\u672c & <x>": 0.05, "\u0645\u0635\u0631": 0.05}, people=12), tmp_path / "log.csv"
    )
    page = audit.scores_to_html(found)
    assert page.count("\u65e5\u672c &amp; &lt;x&gt;</text>") == 3
    assert page.count("\u0645\u0635\u0631</text>") == 3


def test_missing_and_unreadable_logs_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="log must be a file, got none"):
        audit.audit_scores(tmp_path / "none.csv", QUICK)
    with pytest.raises(UsageError, match="log must be a file, got a folder"):
        audit.audit_scores(tmp_path, QUICK)
    with pytest.raises(AuditError, match="log cannot be read"):
        ComparisonLog(tmp_path / "gone.csv", QUICK)


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": math.nan},
        {"threshold": 0.0, "replicates": 1},
        {"threshold": 0.0, "by": ("group",)},
        {"threshold": 0.0, "list_size": 0},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        audit.ScoresSettings(**{"threshold": 0.0, **wrong})  # type: ignore[arg-type]


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_the_command_writes_what_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(drawn_log({"a": 0.03, "b": 0.03}), tmp_path / "log.csv")
    outputs = [f"--{kind}={tmp_path / f'out.{kind}'}" for kind in ("json", "csv", "report")]
    assert run(["audit", "scores", str(path), "--threshold", "0", "--passers-by", "500", "--list", "20", *outputs]) == 0
    out = capsys.readouterr().out
    assert "Who is not found" in out
    assert "If 500 people of a pass in a day and each is compared with 20 people on a list" in out
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["settings"]["list_size"] == 20
    assert run(["audit", "scores", str(path), "--threshold", "0", *outputs]) == 2, "outputs exist already"
    assert run(["audit", "scores", str(path), "--threshold", "0", f"--json={path}", "--overwrite"]) == 2, (
        "an output is the input"
    )
    assert run(["audit", "scores", str(tmp_path / "none"), "--threshold", "0"]) == 2
    assert run(["audit", "scores", str(path)]) == 2, "a threshold is needed"


def test_drawn_logs_are_what_they_say() -> None:
    frame = drawn_log({"a": 0.2}, people=300, effect=0.0)
    assert frame.filter(pl.col("mated") == 0)["score"].gt(0).mean() == pytest.approx(0.2, abs=0.01)
    assert upper(0.5) == pytest.approx(0)


def test_little_is_read_ahead_unless_the_user_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # memory of a long log is that of pieces read ahead, which grow with processors where nobody bounds them
    path = write(drawn_log({"a": 0.1}), tmp_path / "log.csv")
    for name in ("POLARS_CSV_CHUNK_SIZE", "POLARS_CSV_CHUNK_PREFETCH_LIMIT", "POLARS_IDEAL_MORSEL_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POLARS_ROW_GROUP_PREFETCH_SIZE", "7")
    ComparisonLog(path, QUICK)
    assert int(os.environ["POLARS_CSV_CHUNK_SIZE"]) <= 1_000_000
    assert int(os.environ["POLARS_CSV_CHUNK_PREFETCH_LIMIT"]) <= 4
    assert int(os.environ["POLARS_IDEAL_MORSEL_SIZE"]) <= 20_000
    assert os.environ["POLARS_ROW_GROUP_PREFETCH_SIZE"] == "7"
