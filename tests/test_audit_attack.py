"""`audit attack`: what attackers find in planted leaks, what they do not find in styles, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from passerby import audit
from passerby.audit.attack.attackers import (
    channels_of,
    folds_of,
    hidden_of,
    linear_kernel,
    orders_of,
    patch_attack,
    patches_of,
    whole_attack,
)
from passerby.audit.attack.capture import AttackEvidence, capture
from passerby.audit.attack.coverings import LEAKS, PEERS, Covering, CoverJob, cover_rects, paint_style
from passerby.audit.attack.crowd import drawn_crowd
from passerby.audit.attack.footage import footage_scenes
from passerby.audit.attack.gains import attack
from passerby.audit.attack.limit import found_in, kept_limit
from passerby.audit.attack.portrait import portrait_scene
from passerby.cli import main
from passerby.cli.audit.attack import attack_text
from passerby.errors import AuditError, UsageError
from passerby.media import code_in_memory, frame_planes, plain_info
from passerby.veil import CoverSettings, CoverStyle, Painter

QUICK = audit.AttackSettings(people=80, frames=3, cells=8, shuffles=499)
SOLID = Covering("solid", "the veil's style solid", paint_style)
CROWD = list(drawn_crowd(80, 3, 5))


def outcome_of(covering: Covering, cover: CoverSettings | None = None) -> audit.AttackOutcome:
    return attack(capture(CROWD, covering, cover or CoverSettings(), QUICK), QUICK)


@pytest.mark.parametrize("name", ["blend", "mean-colour", "bare-row"])
def test_a_planted_leak_is_found(name: str) -> None:
    """The fainter ones need more people than a test has time for: bench/audit_attack.py."""
    outcome = outcome_of(next(leak for leak in LEAKS if leak.name == name))
    assert outcome.found, outcome
    assert outcome.best.low > 0


def test_nothing_is_found_in_a_style() -> None:
    outcome = outcome_of(SOLID, CoverSettings(style=CoverStyle.NOISE))
    assert not outcome.found, outcome
    assert outcome.bound < 0.01


def test_what_others_paint_is_won_back() -> None:
    outcome = outcome_of(PEERS[0])
    assert outcome.found
    assert outcome.best.low > 0.02


def test_attackers_get_to_see_what_each_leak_shows() -> None:
    """A cover that is late leaves pixels bare where the next one lies; one leak alone shows colour, one alone bytes."""
    few = replace(QUICK, frames=2)
    shown = {leak.name: capture(CROWD[:6], leak, CoverSettings(), few) for leak in (*LEAKS, SOLID)}
    bare = {name: one.bare[:, :, 0].mean(axis=(0, 2, 3)) for name, one in shown.items()}
    assert bare["solid"].max() == 0
    assert bare["late"][2] > 0.005
    assert bare["bare-row"][0] > 0.005
    colour = {name: np.abs(one.covered[:, 3:5]).mean() for name, one in shown.items()}
    assert colour["bare-chroma"] > 3 > colour["solid"]
    excess = {name: one.excess[:, 0].mean() for name, one in shown.items()}
    assert excess["size"] > excess["solid"] + 1
    for name in ("blend", "late", "size"):
        assert (shown[name].luma == shown["solid"].luma).all(), "the same is hidden, whatever covers it"


def test_the_same_data_say_the_same() -> None:
    assert attack(made(60, 2, 0.2), QUICK) == attack(made(60, 2, 0.2), QUICK)


def made(people: int, seed: int, leak: float) -> AttackEvidence:
    """Return numbers as a cover leaves them that lets a share of the hidden brightness through."""
    draw = np.random.default_rng(seed)
    waves = np.cos(np.pi * np.outer(np.arange(8) + 0.5, np.arange(3)) / 8).astype(np.float32)
    hidden = 30 * waves @ draw.standard_normal((people, 3, 3)).astype(np.float32) @ waves.T

    def noise(*shape: int) -> NDArray[np.float32]:
        return draw.standard_normal((people, *shape)).astype(np.float32)

    covered = noise(7, 8, 8)
    covered[:, 0] += leak * hidden
    around = (hidden[:, 0] + 20 * noise(8), noise(8), noise(8), noise(4))
    bare = np.zeros((people, 3, 2, 8, 8), np.float32)
    return AttackEvidence(
        np.arange(people),
        hidden,
        noise(4, 4),
        around,
        covered,
        np.zeros((people, 8, 8), np.float32),
        bare,
        noise(2),
        noise(2),
    )


def test_useless_inputs_gain_nothing_and_are_rarely_called_a_leak() -> None:
    outcomes = [attack(made(60, seed, 0.0), replace(QUICK, shuffles=199)) for seed in range(8)]
    assert sum(outcome.found for outcome in outcomes) <= 1, "one of a hundred is expected"
    assert abs(np.mean([outcome.best.gain for outcome in outcomes])) < 0.02


def test_a_faint_leak_is_found_and_its_interval_holds_what_it_gives_away() -> None:
    outcome = attack(made(120, 1, 0.2), QUICK)
    assert outcome.found
    patches = outcome.gains[0]
    assert 0 < patches.low < patches.gain < patches.high < 1
    assert attack(made(120, 1, 2.0), QUICK).best.gain > patches.gain


def test_folds_keep_files_together_and_shuffles_stay_within_folds() -> None:
    source = np.repeat(np.arange(12), 5)
    fold = folds_of(source, 4, 0)
    assert all(len(set(fold[source == one])) == 1 for one in range(12))
    assert sorted(np.bincount(fold)) == [15] * 4
    orders = orders_of(fold, 20, 0)
    assert (orders[0] == np.arange(60)).all()
    assert (np.sort(orders, axis=1) == np.arange(60)).all()
    assert (fold[orders] == fold).all()
    assert (orders[1:] != orders[0]).any(axis=1).all()


def test_a_shuffle_is_the_attack_on_covers_in_that_order() -> None:
    """Shuffled covers are computed by putting what is sought in another order; that must be the same."""
    evidence = made(40, 3, 0.5)
    fold = folds_of(evidence.source, 4, 0)
    orders = orders_of(fold, 2, 0)
    hidden = hidden_of(evidence, fold)
    channels = channels_of(evidence, hidden)
    plain = np.arange(40)[None]
    for order, row in zip(orders, range(3), strict=True):
        shuffled = channels[order]
        by_patches = patch_attack(patches_of(channels), hidden, fold, orders)[row]
        assert by_patches == pytest.approx(patch_attack(patches_of(shuffled), hidden, fold, plain)[0], rel=1e-2, abs=1)
        kernel, moved = (linear_kernel(one.reshape(40, -1)) for one in (channels, shuffled))
        whole = whole_attack(kernel, hidden, fold, orders)[row]
        assert whole == pytest.approx(whole_attack(moved, hidden, fold, plain)[0], rel=1e-2, abs=1)


def test_covers_lie_where_the_veil_paints_them() -> None:
    draw = np.random.default_rng(4)
    for _ in range(20):
        corner = draw.uniform(-20, 120, (3, 2))
        boxes = np.concatenate([corner, corner + draw.uniform(3, 60, (3, 2))], axis=1).astype(np.float32)
        frame = av.VideoFrame(128, 96, "yuv420p")
        for plane in frame_planes(frame):
            plane[:] = 7
        Painter(CoverSettings(), 128, 96).paint(frame, boxes)
        expected = np.zeros((96, 128), bool)
        for x0, y0, x1, y1 in cover_rects(boxes, CoverSettings(), 128, 96):
            expected[y0:y1, x0:x1] = True
        assert ((frame_planes(frame)[0] != 7) == expected).all()


def test_drawn_people_are_the_same_in_every_crowd_and_differ_from_each_other() -> None:
    first = [np.array(frame_planes(next(scene.read()))[0]) for scene in drawn_crowd(3, 2, 9)]
    again = [np.array(frame_planes(next(scene.read()))[0]) for scene in drawn_crowd(2, 2, 9)]
    assert (first[0] == again[0]).all()
    assert (first[1] == again[1]).all()
    assert (first[0] != first[1]).mean() > 0.5


def test_pictures_come_back_in_order_with_the_bytes_of_their_packets() -> None:
    def frames() -> Iterator[av.VideoFrame]:
        for number in range(30):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for plane in frame_planes(frame):
                plane[:] = 16 + 7 * number
            yield frame

    coded = list(code_in_memory(frames(), plain_info(64, 48, Fraction(25))))
    shown = [float(frame_planes(one.picture)[0].mean()) for one in coded]
    assert shown == pytest.approx([16 + 7 * number for number in range(30)], abs=2)
    assert all(one.size_bytes > 0 for one in coded)
    assert coded[0].size_bytes > coded[1].size_bytes


def test_a_leak_blends_exactly_its_share() -> None:
    frame = av.VideoFrame(64, 64, "yuv420p")
    for plane, level in zip(frame_planes(frame), (212, 128, 128), strict=True):
        plane[:] = level
    box = np.array([[20, 20, 44, 44]], np.float32)
    painter = Painter(CoverSettings(), 64, 64)
    LEAKS[0].paint(CoverJob(frame, box, box, painter))
    inside = frame_planes(frame)[0][32, 32]
    assert inside == pytest.approx(0.98 * 112 + 0.02 * 212, abs=1.5)


def test_the_portrait_is_covered_in_its_scene() -> None:
    scene = portrait_scene(2)
    (x0, y0, x1, y1), *_ = cover_rects(scene.boxes_at(0), CoverSettings(), 128, 128)
    assert 40 < x1 - x0 < 70 < y1 - y0 + 10


def test_what_was_measured_of_faint_blends_is_kept_with_the_package() -> None:
    limit = kept_limit()
    assert [one.share for one in limit.blends] == sorted(one.share for one in limit.blends)
    two = next(one for one in limit.blends if one.share == 0.02)
    assert two.runs >= 100
    assert two.found >= 0.95 * two.runs
    assert "drawn people" in audit.limit_words(limit)


def test_a_blend_is_found_in_the_same_crowd_only_where_it_is_strong_enough() -> None:
    faint, strong = found_in(3, replace(QUICK, people=40, frames=2), (0.0, 0.1))
    assert not faint
    assert strong


def labelled_pictures(folder: Path, people: int) -> Path:
    """Write drawn people as pictures with their places."""
    rows = ["file,x,y,w,h"]
    for number, scene in enumerate(drawn_crowd(people, 1, 11)):
        Image.fromarray(next(scene.read()).to_ndarray(format="rgb24")).save(folder / f"{number}.png")
        x0, y0, x1, y1 = scene.tracks[0].xyxy[0].tolist()
        rows.append(f"{number}.png,{x0},{y0},{x1 - x0},{y1 - y0}")
    labels = folder / "labels.csv"
    labels.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return labels


def test_annotated_pictures_become_scenes_of_one_frame_each(tmp_path: Path) -> None:
    labels = labelled_pictures(tmp_path, 41)
    scenes, notes = footage_scenes(labels, CoverSettings(), replace(QUICK, people=40))
    assert len(scenes) == 40, "as many people as were asked for"
    assert any("41 of 41 tracks" in note for note in notes)
    evidence = capture(scenes[:3], LEAKS[0], CoverSettings(), QUICK)
    assert evidence.luma.shape == (3, 8, 8)
    assert np.ptp(evidence.luma) > 20
    assert np.abs(evidence.covered[:, 0]).max() < 12, "covered where the labels say"


def test_footage_with_too_few_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="at least 40 people"):
        footage_scenes(labelled_pictures(tmp_path, 5), CoverSettings(), QUICK)


@pytest.fixture(scope="module")
def found() -> audit.AttackAudit:
    """A whole audit of few drawn people, with few shuffles."""
    told: list[str] = []
    few = replace(QUICK, people=40, frames=1, shuffles=19)
    audited = audit.audit_attack(None, [CoverSettings()], few, progress=told.append)
    assert told == [f"{one.kind}: {one.name}" for one in audited.covers] + ["portrait"]
    return audited


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_what_is_written_follows_its_schema(found: audit.AttackAudit) -> None:
    value = json.loads(audit.attack_to_json(found))
    jsonschema.Draft202012Validator(audit.attack_schema()).validate(value)
    kinds = [cover["kind"] for cover in value["covers"]]
    assert kinds == ["style"] + ["leak"] * 6 + ["peer"] * len(PEERS)
    rows = list(csv.DictReader(io.StringIO(audit.attack_to_csv(found))))
    assert len(rows) == len(kinds) * len(value["covers"][0]["gains"])
    assert {row["name"] for row in rows} == {cover["name"] for cover in value["covers"]}


def test_the_page_loads_nothing_and_says_what_shows_through(found: audit.AttackAudit) -> None:
    page = audit.attack_to_html(found)
    assert "<script" not in page
    assert 'src="http' not in page
    assert "more of the hidden picture than chance" in page
    assert page.count("<svg") == 2


def test_what_is_printed_names_every_cover_and_what_was_missed(found: audit.AttackAudit) -> None:
    printed = attack_text(found)
    assert all(cover.name in printed for cover in found.covers)
    assert f"{6 - len(found.missed)} of 6 planted leaks" in printed
    assert found.missed, "19 shuffles are too few to be sure of anything"
    assert "the attackers missed" in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--people", "5"], "people must be at least 40, got 5"),
        (["--style", "img"], "img needs a picture"),
        (["--style", "solid", "--style", "solid"], "each once"),
        (["nowhere"], "labels must exist"),
        (["--runs", "-1"], "runs must be at least 0"),
    ],
)
def test_wrong_use_is_refused_with_what_was_wanted(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", "attack", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="cells must be a multiple of 4"):
        replace(QUICK, cells=9)
    with pytest.raises(UsageError, match="folds must be at least 3"):
        replace(QUICK, folds=2)
