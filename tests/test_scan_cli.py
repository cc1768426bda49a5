"""``passerby scan`` as a person and a script meet it: what is printed, what is written, which code it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.scan_results import DETECTOR, INSIGHT, OPENCV

from passerby.cli import main
from passerby.cli.scan.options import FailOn
from passerby.cli.scan.scan import counts
from passerby.scan import Ability, Finding, FindingKind, read_catalogue

GENERAL = Finding(FindingKind.MODEL, "c.onnx", "a general embedder", abilities=(Ability.GENERAL_EMBED,))


def run(*words: str | Path) -> int:
    """Run the command in this process and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(["scan", *map(str, words)])
    return int(caught.value.code or 0)


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """Return a folder in which nothing works on faces."""
    folder = tmp_path / "clean"
    folder.mkdir()
    (folder / "readme.txt").write_text("typeface-embed-react is innocent\n")
    return folder


def test_nothing_that_identifies_is_0(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clean) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Presence is not use")
    assert "nothing found that identifies people by their faces" in out
    assert err == ""


def test_a_missing_target_is_1_and_the_others_are_scanned(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clean.parent / "gone", clean) == 1
    out, err = capsys.readouterr()
    assert err.startswith("error: target must exist")
    assert "clean: nothing found" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "a target must be given"),
        (("--catalogue", "--sarif", "x"), "--catalogue goes with --json alone, got --sarif"),
        (("--catalogue", "x"), "--catalogue goes with --json alone, got targets"),
        (("x", "--json", "a", "--html", "a"), "each report must have a file of its own"),
        (("x", "--json", "-", "--html", "-"), "each report must have a file of its own"),
        (("x", "--fail-on", "everything"), "'everything' is not one of"),
    ],
)
def test_wrong_use_is_2(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_an_output_is_never_a_target_and_needs_its_folder(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = clean / "readme.txt"
    assert run(target, "--json", target) == 2
    assert "output must not be an input" in capsys.readouterr().err
    assert run(target, "--html", clean / "none" / "page.html") == 1
    assert "no such folder" in capsys.readouterr().err
    assert target.read_text() == "typeface-embed-react is innocent\n"


def test_all_forms_are_written_whole(clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.json").write_text("old")
    words = [
        word for form in ("json", "sarif", "cyclonedx", "html", "facts") for word in (f"--{form}", out / f"a.{form}")
    ]
    assert run(clean, *words) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.cyclonedx", "a.facts", "a.html", "a.json", "a.sarif"]
    assert json.loads((out / "a.json").read_text())["schema"] == "passerby-scan/1"
    assert json.loads((out / "a.sarif").read_text())["version"] == "2.1.0"
    assert json.loads((out / "a.cyclonedx").read_text())["specVersion"] == "1.6"
    assert "Presence is not use" in (out / "a.html").read_text()
    assert "function: unknown" in (out / "a.facts").read_text()
    assert capsys.readouterr().err.count("wrote ") == 5


def test_json_on_standard_output_is_json_alone(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clean, "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["targets"][0]["target"] == str(clean)


def test_fresh_takes_and_keeps_nothing(clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CACHE_DIRECTORY")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert run(clean, "--workers", "0", "--fresh") == 0
    assert not (tmp_path / "cache").exists()
    assert run(clean, "--workers", "0") == 0
    assert (tmp_path / "cache/passerby/scan/answers.sqlite").exists()


def test_the_catalogue_is_listed_as_lines_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--catalogue", "--json", tmp_path / "c.json") == 0
    lines = capsys.readouterr().out.splitlines()
    components = read_catalogue().components
    assert [line.split("\t")[0] for line in lines] == list(components)
    assert all(line.count("\t") == 5 and line.rpartition("\t")[2].startswith("https://") for line in lines)
    listed = json.loads((tmp_path / "c.json").read_text())["components"]
    assert [one["id"] for one in listed] == list(components)
    assert all(one["sources"] for one in listed)


@pytest.mark.parametrize(
    ("finding", "fail_on", "counted"),
    [
        (INSIGHT, None, True),
        (OPENCV, None, False),
        (OPENCV, FailOn.CAN, True),
        (OPENCV, FailOn.VERIFY, True),
        (OPENCV, FailOn.EMBED, False),
        (DETECTOR, None, False),
        (DETECTOR, FailOn.DETECT, True),
        (DETECTOR, FailOn.CAN, False),
        (GENERAL, None, False),
        (GENERAL, FailOn.EMBED, True),
        (GENERAL, FailOn.DETECT, False),
    ],
)
def test_what_identifies_counts_and_more_on_request(finding: Finding, fail_on: FailOn | None, counted: bool) -> None:
    assert counts(finding, [fail_on] if fail_on else []) is counted
