"""``passerby doctor`` and ``passerby demo``: what they say is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import av
import pytest
import typer
from typer.testing import CliRunner

from passerby.cli.app import build
from passerby.cli.veil.doctor import tell_checks
from passerby.errors import OutputError
from passerby.media.guard import System, protect_process
from passerby.veil.settings import VeilSettings
from passerby.veil.tools import demo, doctor
from passerby.veil.tools.demo_clip import demo_clip


def test_doctor_finds_everything_that_is_needed() -> None:
    found = CliRunner().invoke(build(), ["doctor", "--json"])
    assert found.exit_code == 0, found.output
    rows = {row["name"]: row for row in json.loads(found.stdout)}
    for name in (
        "weights",
        "detector",
        "decode h264",
        "decode libdav1d",
        "encode libx264",
        "WebP pictures",
        "openvino",
    ):
        assert rows[name]["state"] == "ok"
    assert "one pass at 640x384 took" in rows["detector"]["detail"]
    assert re.search(
        r"(int8|bf16|f32), .*; a small pass takes f32 .* ms, int8 .* ms", rows["detector arithmetic"]["detail"]
    )
    assert rows["kept networks"]["state"] == "ok"
    for name in ("crash dumps", "process memory", "dropped files"):
        assert rows[name]["state"] == "ok"


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_doctor_says_what_protection_is_missing_on_other_systems(platform: str) -> None:
    limits = SimpleNamespace(RLIMIT_CORE=4, setrlimit=lambda *_: None, getrlimit=lambda _: (0, 0))
    there = System(platform=platform, resource=limits if platform == "darwin" else None)
    rows = {row.name: row for row in doctor.check_protection(protect_process(there))}
    assert rows["crash dumps"].state == ("ok" if platform == "darwin" else "absent")
    assert rows["process memory"].state == "absent"
    assert "only Linux can forbid it" in rows["process memory"].detail
    assert ("switch them off for this user" in rows["crash dumps"].detail) == (platform == "win32")


def test_doctor_exits_1_when_the_weights_are_changed_or_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "centerface.onnx"
    changed.write_bytes(b"other")
    for path, words in ((changed, "must have sha256:"), (tmp_path / "none", "install passerby anew")):
        with pytest.raises(typer.Exit) as end:
            tell_checks([doctor.check_package("av"), doctor.check_weights(path)], as_json=False)
        assert end.value.exit_code == 1
        out, err = capsys.readouterr()
        assert words in out
        assert err == "error: needed and missing or broken: weights\n"


def test_doctor_tries_hardware_encoders() -> None:
    listed = {
        name for name in av.codecs_available if name.startswith(("h264_", "hevc_")) and name.endswith(("nvenc", "qsv"))
    }
    found = {check.name.removeprefix("encode "): check for check in doctor.check_hardware()}
    assert listed == set(found)
    for name, check in found.items():
        assert check.state == "ok" or name in check.detail


def test_doctor_says_which_codec_and_package_are_missing() -> None:
    assert doctor.check_codec("no-such-codec", "r", "decode").state == "missing"
    assert doctor.check_package("no-such-package").state == "missing"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("flags\t\t: fpu avx2 avx512f x\n", "avx2, avx512f"),
        ("Features\t: fp asimd\n", "asimd"),
        ("model name: x\n", "no vector"),
    ],
)
def test_processor_features_are_read(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert words in doctor.cpu_features(tmp_path / "cpuinfo")
    assert "unknown" in doctor.cpu_features(tmp_path / "none")


def test_demo_prints_what_it_did_and_leaves_no_bare_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(build(), ["demo"])
    assert found.exit_code == 0, found.output
    assert found.stdout.splitlines()[-3:] == [
        "demo-output/demo_veiled.mp4",
        "demo-output/report.html",
        "demo-output/report.json",
    ]
    assert "exposed" in found.stdout
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"demo-output/demo_veiled.mp4", "demo-output/report.html", "demo-output/report.json"}
    again = CliRunner().invoke(build(), ["demo", "-q"])
    assert again.exit_code == 0, "a second run replaces the first"


def test_demo_refuses_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    found = CliRunner().invoke(build("demo"), ["demo", "-o", str(tmp_path / "taken")])
    assert isinstance(found.exception, OutputError)
    assert "must be a folder" in found.exception.message


def test_measured_exposure_is_true_of_the_pixels(tmp_path: Path) -> None:
    path = tmp_path / "bare.mp4"
    truths = demo_clip(path, 1.2, (320, 180))
    bare = demo.exposures_in(path, truths, (112, 112, 112))
    assert all(row.exposed == row.frames for row in bare), "nothing is covered in the bare clip"
    done = demo.run_demo(tmp_path / "v.mp4", VeilSettings(), seconds=1.2)
    large = [row for row in done.exposures if row.low_px > 30]
    assert large
    assert all(row.exposed == 0 for row in large)
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert container.streams.video[0].frames == 30
