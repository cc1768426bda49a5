"""The command ``passerby veil`` as people use it: names, exit codes, what stands on which stream, what is left on disk."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import av
import jsonschema
import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from tests.media_clips import decoded
from typer.testing import CliRunner, Result

from passerby.cli import progress
from passerby.cli.app import build
from passerby.cli.veil.options import VeilOptions
from passerby.cli.veil.settings import settings_of
from passerby.config import PORTRAIT
from passerby.errors import PasserbyError, UsageError
from passerby.media import hardware_encoders
from passerby.media.clips import encoder
from passerby.veil.review import contact, report_page, sidecar
from passerby.veil.run import rerender as mend
from passerby.veil.settings import CoverStyle, HwAccel
from passerby.veil.tools.demo_clip import demo_clip

GREY = (112, 112, 112)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "walk.mp4"
    demo_clip(path, 1.2, (480, 270))
    return path


@pytest.fixture
def folder(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "walk.mp4").write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def veil(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ["veil", *arguments])


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


def covered_share(frame: np.ndarray) -> float:
    return float((np.abs(frame - GREY).max(axis=2) <= 12).mean())


def test_clip_is_veiled_beside_its_input_and_named_on_stdout(folder: Path) -> None:
    before = (folder / "walk.mp4").read_bytes()
    done = veil("walk.mp4")
    assert done.exit_code == 0
    assert done.stdout == "walk_veiled.mp4\n"
    assert "detector: CenterFace on OpenVINO" in done.stderr
    assert "30 frames" in done.stderr
    assert "walk.mp4: 0%" not in done.stderr, "no bar where there is no terminal"
    assert names(folder) == {"walk.mp4", "walk_veiled.mp4", "walk_veiled.mp4.manifest.json"}
    assert (folder / "walk.mp4").read_bytes() == before
    assert covered_share(frames_of(folder / "walk_veiled.mp4")[-1]) > 0.02
    again = veil("walk.mp4")
    assert isinstance(again.exception, UsageError)
    assert "exists" in again.exception.message
    assert names(folder) == {"walk.mp4", "walk_veiled.mp4", "walk_veiled.mp4.manifest.json"}


def test_hardware_that_is_not_there_is_named_and_software_encodes(folder: Path) -> None:
    if not all(why for _, why in hardware_encoders()):
        pytest.skip("hardware encodes here")
    plain = veil("walk.mp4", "-o", "plain.mp4")
    assert plain.exit_code == 0
    assert "encoded by libx264" in plain.stderr
    assert "note: encoded in software" not in plain.stderr
    for quiet in ([], ["-q"]):
        done = veil("walk.mp4", "--hwaccel", "auto", "--report", "r.html", "--overwrite", *quiet)
        assert done.exit_code == 0
        assert "note: encoded in software, libx264: h264_nvenc " in done.stderr
        assert "; h264_qsv " in done.stderr
        for (at_s, pixels), (same_s, same_pixels) in zip(
            decoded(folder / "walk_veiled.mp4"), decoded(folder / "plain.mp4"), strict=True
        ):
            difference = np.frombuffer(pixels, np.uint8).astype(np.int16) - np.frombuffer(same_pixels, np.uint8)
            assert at_s == same_s
            assert np.abs(difference).mean() < 1
    manifest = json.loads((folder / "walk_veiled.mp4.manifest.json").read_text(encoding="utf-8"))
    assert (manifest["encoder"], manifest["settings"]["write"]["hwaccel"]) == ("libx264", "auto")
    row = json.loads((folder / "r.json").read_text(encoding="utf-8"))["files"][0]
    assert row["encoder"] == "libx264"
    assert row["no_hardware"].startswith("h264_nvenc does not open here")
    assert "libx264 (no hardware: h264_nvenc" in (folder / "r.html").read_text(encoding="utf-8")


def test_batch_goes_on_after_a_bad_file_names_it_and_exits_1(folder: Path) -> None:
    (folder / "in" / "deep").mkdir(parents=True)
    with Image.open(PORTRAIT) as portrait:
        portrait.convert("RGB").resize((256, 256)).save(folder / "in" / "deep" / "face.jpg")
        portrait.convert("RGB").resize((128, 128)).save(folder / "in" / "z.png")
    (folder / "in" / "bad.mp4").write_bytes((folder / "walk.mp4").read_bytes()[:200])
    (folder / "in" / "note.txt").write_text("hello")
    done = veil("in", "-o", "out", "--report", "out.html", "--no-manifest")
    assert done.exit_code == 1
    assert sorted(done.stdout.splitlines()) == [str(Path("out/deep/face.jpg")), str(Path("out/z.png"))]
    assert "error: in/bad.mp4: " in done.stderr
    assert "skipped in/note.txt" in done.stderr
    found = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, json.loads(report_page.SCHEMA.read_text(encoding="utf-8")))
    assert [row["source"] for row in found["files"]] == ["z.png", "face.jpg"]
    assert [row["source"] for row in found["failures"]] == ["bad.mp4"]
    with Image.open(folder / "out" / "deep" / "face.jpg") as face:
        pixels = np.asarray(face.convert("RGB")).astype(int)
        assert np.abs(pixels[65, 113] - GREY).max() < 12, "the nose is covered"
    assert not [name for name in names(folder) if "part" in name or name.startswith(".passerby")]


def test_heads_hides_the_hair_too_and_the_papers_say_so(folder: Path) -> None:
    with Image.open(PORTRAIT) as portrait:
        portrait.convert("RGB").save(folder / "face.png")
    hair = np.s_[22:38, 220:250]
    assert veil("face.png", "-o", "plain.png").exit_code == 0
    assert veil("face.png", "--heads", "-o", "head.png", "--report", "head.html").exit_code == 0
    for name, hidden in (("plain.png", False), ("head.png", True)):
        with Image.open(folder / name) as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(int)
        assert bool(np.abs(pixels[hair] - GREY).max() < 12) is hidden
    found = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, json.loads(report_page.SCHEMA.read_text(encoding="utf-8")))
    assert found["files"][0]["settings"]["cover"]["heads"] is True
    assert "heads" in (folder / "head.html").read_text(encoding="utf-8")
    manifest = json.loads(next(folder.glob("head*manifest*")).read_text(encoding="utf-8"))
    assert manifest["settings"]["cover"]["heads"] is True


def test_tracks_go_out_come_back_edited_and_one_stays_clear(folder: Path) -> None:
    first = veil("walk.mp4", "--tracks-out", "t.json", "--full-reencode", "-q")
    assert first.exit_code == 0
    assert first.stderr == ""
    header, marks = sidecar.read_sidecar(folder / "t.json")
    assert header.frames == 30
    with Image.open(folder / "t.sheet.png") as sheet:
        assert sheet.width == contact.SHEET_WIDTH_PX
    largest = max(marks, key=lambda mark: mark.box[2] - mark.box[0])
    kept = veil("walk.mp4", "--tracks-in", "t.json", "--keep", str(largest.track), "-o", "kept.mp4", "--no-manifest")
    assert kept.exit_code == 0
    x, y = (round((largest.box[i] + largest.box[i + 2]) / 2) for i in (0, 1))
    for name, covered in (("walk_veiled.mp4", True), ("kept.mp4", False)):
        middle = frames_of(folder / name)[largest.frame][y - 4 : y + 4, x - 4 : x + 4]
        assert (covered_share(middle) > 0.9) is covered
    assert covered_share(frames_of(folder / "kept.mp4")[-1]) > 0.005, "all others stay covered"
    wrong = veil("walk.mp4", "--tracks-in", "t.json", "--keep", "999", "-o", "x.mp4")
    assert isinstance(wrong.exception, PasserbyError)
    assert "999" in wrong.exception.message
    assert not (folder / "x.mp4").exists()


def test_mending_encodes_only_groups_of_pictures_that_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = encoder._options
    monkeypatch.setattr(encoder, "_options", lambda *a, **k: plain(*a, **k) | {"g": "6", "keyint_min": "6"})
    assert veil("walk.mp4", "--tracks-out", "t.json", "--full-reencode", "--no-manifest").exit_code == 0
    added = (
        '{"track": 900, "frame": 20, "box": [5, 150, 45, 200]}\n{"track": 900, "frame": 22, "box": [9, 150, 49, 200]}\n'
    )
    header, rest = (folder / "t.json").read_text().split("\n", 1)
    header = header.removesuffix("}") + ', "whole": [[20, 20]]}'
    (folder / "edited.json").write_text(header + "\n" + rest + added)
    done = veil(
        "walk.mp4", "--tracks-in", "edited.json", "--mend", "walk_veiled.mp4", "-o", "m.mp4", "--report", "r.json"
    )
    assert done.exit_code == 0, done.stderr
    assert "veiled anew" not in done.stderr
    told = json.loads((folder / "r.json").read_text())["files"][0]
    assert 0 < told["frames_encoded"] < 30
    assert told["frames"] == 30
    earlier, mended = frames_of(folder / "walk_veiled.mp4"), frames_of(folder / "m.mp4")
    assert len(earlier) == len(mended) == 30
    for number in range(12):
        assert np.array_equal(earlier[number], mended[number]), "copied packets decode to the same pixels"
    assert covered_share(mended[21][155:195, 12:40]) > 0.95
    assert covered_share(mended[20]) > 0.99, "a frame that was covered whole stays so"
    assert covered_share(mended[21]) < 0.6
    assert covered_share(earlier[21][155:195, 12:40]) < 0.5
    wrong = veil("walk.mp4", "--tracks-in", "edited.json", "--mend", "walk.mp4", "-o", "n.mp4")
    assert isinstance(wrong.exception, UsageError)
    assert "--mend must name the output" in wrong.exception.message
    other = veil(
        "walk.mp4", "--tracks-in", "edited.json", "--mend", "walk_veiled.mp4", "--fill", "#000000", "-o", "o.mp4"
    )
    assert other.exit_code == 0
    assert "veiled anew instead of mended: the settings are others" in other.stderr


def test_start_and_end_limit_the_output_and_not_the_cover(folder: Path) -> None:
    whole = veil("walk.mp4", "-o", "whole.mp4", "--full-reencode", "--no-manifest", "-q")
    part = veil(
        "walk.mp4", "-o", "part.mp4", "--start", "0.6", "--end", "1.0", "--tracks-out", "t.json", "--report", "r.html", "-q",
        "--no-manifest",
    )  # fmt: skip
    assert (whole.exit_code, part.exit_code) == (0, 0), part.output
    every, some = frames_of(folder / "whole.mp4"), frames_of(folder / "part.mp4")
    assert len(some) == 10
    for offset, frame in enumerate(some):
        assert covered_share(frame) == pytest.approx(covered_share(every[15 + offset]), abs=0.01)
    header, marks = sidecar.read_sidecar(folder / "t.json")
    assert header.frames == 30, "tracks are of the whole input"
    assert max(mark.frame for mark in marks) > 25
    with Image.open(folder / "t.sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    assert covered_share(pixels) > 0.02
    places = json.loads((folder / "r.json").read_text())["files"][0]["places"]
    assert all(0.6 <= place["time_s"] < 1.0 for place in places)


def test_tracks_of_another_file_and_labels_alone_are_refused(folder: Path) -> None:
    assert veil("walk.mp4", "--tracks-out", "t.json", "-q").exit_code == 0
    (folder / "other.mp4").write_bytes((folder / "walk.mp4").read_bytes() + b"\0\0\0\x08free")
    found = veil("other.mp4", "--tracks-in", "t.json")
    assert isinstance(found.exception, UsageError)
    assert "must belong to the input" in found.exception.message
    (folder / "boxes.csv").write_text("21,1,5,150,40,50\n")
    alone = veil("walk.mp4", "--tracks-in", "boxes.csv", "--overwrite")
    assert isinstance(alone.exception, UsageError)
    assert "exactly one sidecar" in alone.exception.message
    both = veil("walk.mp4", "--tracks-in", "t.json", "--tracks-in", "boxes.csv", "--overwrite", "-o", "b.mp4")
    assert both.exit_code == 0
    assert covered_share(frames_of(folder / "b.mp4")[20][155:195, 10:40]) > 0.95


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-t", "0"], "--thresh must lie between 0 and 1"),
        (["--replacewith", "none"], "--replacewith must be one of"),
        (["--replacewith", "blur"], "can be undone"),
        (["--replacewith", "img"], "img needs a picture"),
        (["--fill", "red"], "--fill must be"),
        (["--fill", "300,0,0"], "--fill must be"),
        (["--mask-scale", "0.5"], "mask scale must be 1 or more"),
        (["--zone", "0,0,2,2"], "zone must be two or more corners"),
        (["--zone", "door"], "zone must be x,y,x,y"),
        (["--exclude-zone", "0,0,1,1"], "at most 25% of the picture"),
        (["--keep", "1"], "--keep needs the tracks"),
        (["--mend", "x.mp4"], "--mend needs --tracks-in"),
        (["--start", "2", "--end", "1"], "--end must come after --start"),
        (["--start", "later"], "time must be seconds"),
        (["--crf", "99"], "crf must be 0 to 28"),
        (["--hwaccel", "gpu"], "--hwaccel must be one of none, auto, nvenc, qsv, got gpu"),
        (["--mosaicsize", "0"], "--mosaicsize must be 1 or more"),
        (["--ep", "tpu"], "--ep must be cpu or cuda"),
        (["missing.mp4", "--tracks-out", "t.json"], "no such file"),
        ([".", "--tracks-out", "t.json"], "--tracks-out goes with one input"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_written(folder: Path, arguments: list[str], words: str) -> None:
    done = veil("walk.mp4", *arguments)
    assert isinstance(done.exception, PasserbyError)
    assert words in done.exception.message
    assert done.exception.exit_code == 2
    assert names(folder) == {"walk.mp4"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tracks-out", "walk.mp4", "--overwrite"], "must not be an input"),
        (["--report", "walk.mp4", "--overwrite"], "must not be an input"),
        (["--tracks-out", "walk_veiled.mp4"], "must not be the output too"),
        (["--tracks-out", "t.json"], "exists"),
        (["--tracks-out", "u.json"], "exists"),
        (["--report", "r.html"], "exists"),
        ([], "exists"),
        (["--tracks-in", "t.json", "--tracks-out", "t.json", "--overwrite"], "must not be an input"),
    ],
)  # no arguments: the manifest
def test_nothing_beside_the_output_replaces_a_file(folder: Path, arguments: list[str], words: str) -> None:
    for name in ("t.json", "r.json", "u.sheet.png", "walk_veiled.mp4.manifest.json"):
        (folder / name).write_text("mine")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = veil("walk.mp4", *arguments)
    assert isinstance(done.exception, UsageError)
    assert words in done.exception.message
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.usefixtures("folder")
def test_reversible_style_is_done_with_a_warning_that_names_the_attacks() -> None:
    done = veil("walk.mp4", "--replacewith", "blur", "--allow-reversible", "-q")
    assert done.exit_code == 0
    for attack in ("McPherson", "Revelio", "Depix", "neural alignment"):
        assert attack in done.stderr


def still_runs(process: subprocess.Popen[bytes], wait_s: float) -> bool:
    """Wait for a program to end, no longer than told; tell whether it runs on."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(wait_s)
    return process.poll() is None


def test_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    demo_clip(tmp_path / "long.mp4", 5.0, (640, 360))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "passerby", "veil", "long.mp4"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    )
    limit = time.monotonic() + 120
    while not any(name.startswith(".") for name in names(tmp_path)) and time.monotonic() < limit:
        if not still_runs(process, 0.02):
            break
    assert process.poll() is None, "it was still writing"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode in {1, 130}
    assert names(tmp_path) == {"long.mp4"}


def test_progress_shows_frames_and_speed_at_a_terminal_only() -> None:
    shown = io.StringIO()
    with progress.progress_for(
        "a.mp4", quiet=False, console=Console(file=shown, force_terminal=True, width=120)
    ) as told:
        told("watching", 5, 10)
        told("writing", 10, 10)
    assert "a.mp4: watching" in shown.getvalue()
    assert "5/10" in shown.getvalue()
    for quiet, terminal in ((True, True), (False, False)):
        silent = io.StringIO()
        console = Console(file=silent, force_terminal=terminal)
        with progress.progress_for("a.mp4", quiet=quiet, console=console) as told:
            told("watching", 5, None)
        assert silent.getvalue() == ""


def test_every_option_reaches_the_settings() -> None:
    options = VeilOptions(
        inputs=["a.mp4"],
        thresh=0.3,
        detector=Path("d.onnx"),
        ep="cuda",
        require_gpu=True,
        thorough=True,
        replacewith="img",
        replaceimg=Path("p.png"),
        fill="1,2,3",
        mask_scale=1.5,
        mosaicsize=9,
        heads=True,
        allow_reversible=True,
        zone=["door=0,0,1,1"],
        exclude_zone=["0,0,.2,.2"],
        keep=[4],
        start="1",
        end="1:00",
        keep_audio=True,
        keep_metadata=True,
        full_reencode=True,
        preset="slow",
        crf=18,
        overwrite=True,
        hwaccel="nvenc",
        tracks_in=[Path("t.json")],
    )
    found = settings_of(options)
    assert (found.find.threshold, found.find.detector, found.find.provider) == (0.3, Path("d.onnx"), "cuda")
    assert (found.find.require_gpu, found.find.thorough) == (True, True)
    cover = found.cover
    assert (cover.style, cover.image, cover.fill, cover.mask_scale) == (CoverStyle.IMAGE, Path("p.png"), (1, 2, 3), 1.5)
    assert (cover.mosaic_cells, cover.allow_reversible, cover.keep) == (9, True, frozenset({4}))
    assert cover.heads
    assert not settings_of(VeilOptions(inputs=["a.mp4"])).cover.heads
    assert ([zone.name for zone in cover.zones], [zone.name for zone in cover.exclude_zones]) == (
        ["door"],
        ["exclude zone 1"],
    )
    write = found.write
    assert (write.start_s, write.end_s, write.keep_audio, write.keep_metadata) == (1, 60, True, True)
    assert (write.full_reencode, write.preset, write.crf, write.overwrite) == (True, "slow", 18, True)
    assert write.hwaccel is HwAccel.NVENC


def test_settings_digest_changes_with_what_frames_look_like() -> None:
    plain = settings_of(VeilOptions(inputs=["a.mp4"]))
    other = settings_of(VeilOptions(inputs=["a.mp4"], fill="#000000"))
    longer = settings_of(VeilOptions(inputs=["a.mp4"], thorough=True))
    assert mend.settings_digest(plain) != mend.settings_digest(other)
    assert mend.settings_digest(plain) == mend.settings_digest(longer)
    assert mend.settings_digest(plain) != mend.settings_digest(settings_of(VeilOptions(inputs=["a.mp4"], heads=True)))
    pinned = "sha256:10264ebc148492d3bfce410b4ee087d9439b2c3491393f52f13b6ad11fe0d369"
    assert mend.settings_digest(plain) == pinned, (
        "outputs of before must still be mended: new settings count when given"
    )


def test_killed_run_leaves_no_bare_frame_anywhere(tmp_path: Path) -> None:
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    truths = demo_clip(work / "long.mp4", 8.0, (640, 360))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        [sys.executable, "-m", "passerby", "veil", "long.mp4", "-o", "out.mkv", "--full-reencode", "-q"],
        cwd=work,
        env=environment,
    )
    limit = time.monotonic() + 120
    while still_runs(process, 0.02) and time.monotonic() < limit:
        assert names(temporary) == set()
        if any(path.stat().st_size > 20_000 for path in work.glob(".*")):
            break
    assert process.poll() is None, "it was still writing"
    process.send_signal(signal.SIGSEGV)
    process.wait(timeout=60)
    left = names(work) - {"long.mp4"}
    assert len(left) <= 1, "no core file"
    assert names(temporary) == set()
    for name in left:  # what a crash leaves is an unfinished output: covered frames
        with av.open(str(work / name)) as container:
            shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
        for frame, truth in zip(shown, truths, strict=False):
            for x0, y0, x1, y1 in truth.xyxy.astype(int):
                if x1 - x0 > 30:
                    assert covered_share(frame[y0:y1, x0:x1]) > 0.9
