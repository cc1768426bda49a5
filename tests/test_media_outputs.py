"""Each source gets one place for its output, and never the place of an input."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from passerby.errors import UsageError
from passerby.media import Inputs, InputSource, SourceKind, expand_inputs, plan_outputs
from passerby.media.outputs import OutputJob

CLIP = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(100)


def picture(path: Path, format_: str = "PNG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path, format=format_)
    return path


def plan(*named: str | Path, output: str | Path | None = None) -> list[OutputJob]:
    return plan_outputs(expand_inputs([str(one) for one in named], output=output), output)


def targets(jobs: list[OutputJob], under: Path) -> list[str]:
    return [str(job.target.relative_to(under)) for job in jobs]


def test_without_an_output_it_goes_beside_the_input(tmp_path: Path) -> None:
    picture(tmp_path / "d" / "a.b.png")
    assert targets(plan(tmp_path / "d"), tmp_path) == ["d/a.b_veiled.png"]
    assert list(tmp_path.rglob("*veiled*")) == [], "planning writes nothing"


def test_one_input_and_a_file_name(tmp_path: Path) -> None:
    assert targets(plan(picture(tmp_path / "a.png"), output=tmp_path / "b.jpg"), tmp_path) == ["b.jpg"]


def test_one_input_and_a_folder(tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png")
    (tmp_path / "out").mkdir()
    assert targets(plan(source, output=tmp_path / "out"), tmp_path) == ["out/a.png"]
    assert targets(plan(source, output=f"{tmp_path}/new/"), tmp_path) == ["new/a.png"]
    assert not (tmp_path / "new").exists()


def test_several_inputs_keep_names_and_folders(tmp_path: Path) -> None:
    for name in ["in/a.png", "in/sub/a.png", "b.png"]:
        picture(tmp_path / name)
    jobs = plan(tmp_path / "in", tmp_path / "b.png", output=tmp_path / "out")
    assert targets(jobs, tmp_path) == ["out/a.png", "out/sub/a.png", "out/b.png"]


def test_several_inputs_and_one_file_as_output_are_refused(tmp_path: Path) -> None:
    one, other = picture(tmp_path / "a.png"), picture(tmp_path / "b.png")
    (tmp_path / "old").write_bytes(b"a file")
    for output in [tmp_path / "out.mp4", tmp_path / "OUT.JPG", tmp_path / "old"]:
        with pytest.raises(UsageError, match="-o must be a folder") as refusal:
            plan(one, other, output=output)
        assert "folder" in str(refusal.value.hint)
    with pytest.raises(UsageError, match="-o must be a folder"):
        plan(tmp_path, output=tmp_path / "out.mp4")
    assert targets(plan(one, other, output=f"{tmp_path}/out.mp4/"), tmp_path) == ["out.mp4/a.png", "out.mp4/b.png"]


def test_two_that_would_collide_are_refused_and_both_named(tmp_path: Path) -> None:
    picture(tmp_path / "x" / "a.png")
    picture(tmp_path / "y" / "a.png")
    with pytest.raises(UsageError, match=r"x/a\.png and .*y/a\.png would both be written to .*out/a\.png"):
        plan(tmp_path / "x", tmp_path / "y", output=tmp_path / "out")


def test_where_two_outputs_would_have_one_name_the_old_suffix_stays(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", "JPEG")
    picture(tmp_path / "a.jpg", "JPEG")
    (tmp_path / "b.ts").write_bytes(b"G".ljust(188, b"\0") * 8)
    (tmp_path / "b.m2v").write_bytes(b"\0\0\x01\xb3" + bytes(99))
    (tmp_path / "c.ts").write_bytes(b"G".ljust(188, b"\0") * 8)
    jobs = plan(tmp_path, output=tmp_path / "out")
    assert sorted(job.target.name for job in jobs) == ["a.jpg", "a.png.jpg", "b.m2v.mp4", "b.ts.mp4", "c.mp4"]
    picture(tmp_path / "a.png.jpg", "JPEG")
    with pytest.raises(UsageError, match="would both be written"):
        plan(tmp_path, output=tmp_path / "out")


def test_output_that_is_an_input_is_refused_by_any_of_its_names(tmp_path: Path) -> None:
    source = picture(tmp_path / "in" / "a.png")
    (tmp_path / "hard.png").hardlink_to(source)
    (tmp_path / "soft.png").symlink_to(source)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for output in [source, tmp_path / "hard.png", tmp_path / "soft.png", tmp_path / "in", tmp_path / "link"]:
        with pytest.raises(UsageError, match="output must not be an input"):
            plan(source, output=output)
    with pytest.raises(UsageError, match="output must not be an input"):
        plan(tmp_path / "in", output=tmp_path / "in")


def test_output_of_one_may_not_be_another_input(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "out" / "a.png")
    inputs = expand_inputs([str(tmp_path / "in")])
    with pytest.raises(UsageError, match="output must not be an input"):
        plan_outputs(inputs, tmp_path / "in" / "out")


@pytest.mark.parametrize(
    ("name", "format_", "wanted"),
    [
        ("a.png", "JPEG", "a_veiled.jpg"),
        ("a.JPEG", "JPEG", "a_veiled.JPEG"),
        ("a.mp4", "PNG", "a_veiled.png"),
        ("a", "WEBP", "a_veiled.webp"),
        ("a.2024", "TIFF", "a.2024_veiled.tif"),
        ("a.tiff", "TIFF", "a_veiled.tiff"),
    ],
)
def test_suffix_fits_the_content(tmp_path: Path, name: str, format_: str, wanted: str) -> None:
    assert targets(plan(picture(tmp_path / name, format_)), tmp_path) == [wanted]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("a.mov", "a_veiled.mov"), ("a.avi", "a_veiled.mp4"), ("a", "a_veiled.mp4"), ("a.M4V", "a_veiled.M4V")],
)
def test_suffix_of_a_clip_fits_its_content(tmp_path: Path, name: str, wanted: str) -> None:
    (tmp_path / name).write_bytes(CLIP)
    assert targets(plan(tmp_path / name), tmp_path) == [wanted]


def test_camera_needs_an_output(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a camera needs an output") as refusal:
        plan("cam")
    assert refusal.value.hint == "add -o NAME.mp4"
    assert targets(plan("cam", output=tmp_path / "a.mkv"), tmp_path) == ["a.mkv"]
    assert targets(plan("cam1", output=tmp_path), tmp_path) == ["video1.mp4"]


NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in {".", ".."}
)


@settings(deadline=None)
@given(names=st.lists(NAMES, min_size=1, max_size=6, unique=True), beside=st.booleans())
def test_any_names_give_distinct_outputs_that_are_no_inputs(names: list[str], beside: bool) -> None:
    sources = [InputSource(SourceKind.PICTURE, Path("/nowhere/in") / name, "PNG", Path(name)) for name in names]
    output = None if beside else Path("/nowhere/out")
    try:
        jobs = plan_outputs(Inputs(sources=sources, many=True), output)
    except UsageError as error:
        jobs = []
        assert "would both be" in error.message or "must not be an input" in error.message  # noqa: PT017
    places = [os.fspath(job.target) for job in jobs]
    assert len(set(places)) == len(places)
    assert not set(places) & {os.fspath(source.path) for source in sources}
    assert all(job.target.name.endswith(".png") or job.target.suffix.lower() == ".png" for job in jobs)
    assert all(job.target.parent == Path("/nowhere/in" if beside else "/nowhere/out") for job in jobs)
