"""An export of the desk: only what changed is encoded, everything appears whole or not at all, and it says who is left clear."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from tests.media_clips import make_clip
from tests.veil_tools import SIZE, Scripted

from passerby.desk import (
    CoverEdit,
    DrawnBox,
    KeepEdit,
    Project,
    SplitEdit,
    UncoverEdit,
    UnkeepEdit,
    ZoneEdit,
    export_project,
)
from passerby.desk.intake.opened import fitting_output
from passerby.errors import DeskError, PasserbyError
from passerby.media import ClipReader, build_manifest, digest_named, frame_planes, write_manifest
from passerby.values import Detections, Digest, Track, digest_file
from passerby.veil import VeilSettings, read_sidecar, veil_file, write_tracks

FRAMES = 96
GREY = 112
"""Luma of the usual cover, limited range."""
LEFT, RIGHT, OVER = (1, (40.0, 60.0, 70.0, 90.0)), (2, (200.0, 60.0, 230.0, 90.0)), (3, (60.0, 80.0, 90.0, 110.0))


def face(number: int, box: tuple[float, float, float, float], first: int, last: int) -> Track:
    count = last - first + 1
    score = np.where(np.arange(count) % 8 == 0, 0.8, 0).astype(np.float32)
    return Track(number, first, np.tile(np.array(box, np.float32), (count, 1)), score)


def busy(index: int, width_px: int, height_px: int, pix_fmt: str = "yuv420p") -> av.VideoFrame:
    """Draw cells of grey that go to the right, nowhere flat."""
    cells = np.random.default_rng(1).integers(0, 100, (height_px // 4, width_px), dtype=np.uint8)
    grey = np.roll(cells, index // 8, axis=1)[:, : width_px // 4].repeat(4, axis=0).repeat(4, axis=1)
    return av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=2), format="rgb24").reformat(format=pix_fmt)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a clip, veiled as ``passerby veil --tracks-out`` does it."""
    folder = tmp_path_factory.mktemp("made")
    source = make_clip(folder / "clip.mp4", size=SIZE, frames=FRAMES, draw=busy)
    target = folder / "clip_veiled.mp4"
    tracks = (face(*LEFT, 8, 60), face(*RIGHT, 30, 80), face(*OVER, 40, 50))
    scripted = Scripted(lambda _: Detections())
    scripted.digest = Digest("sha256:" + "0" * 64)
    done = veil_file(source, target, VeilSettings(), detector=scripted, tracks=tracks)
    write_tracks(target.with_name("clip_veiled.mp4.tracks.json"), done, VeilSettings())
    told = build_manifest(
        inputs=[digest_named(source)], outputs=[digest_named(target)], settings=VeilSettings(), weights=None
    )
    write_manifest(told, target, overwrite=True)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def opened(folder: Path) -> Project:
    return Project.open(folder / "clip.mp4", folder / "clip_veiled.mp4")


def luma(path: Path) -> list[np.ndarray]:
    with ClipReader(path) as clip:
        return [frame_planes(frame.picture)[0].astype(int) for frame in clip.frames()]


def flat(picture: np.ndarray, box: tuple[float, float, float, float]) -> bool:
    """Whether a box is the grey of a cover after encoding."""
    x0, y0, x1, y1 = (round(edge) for edge in box)
    return bool(np.abs(picture[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2] - GREY).mean() <= 3)


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_only_what_changed_is_encoded_and_all_that_belongs_beside_it_is_there(folder: Path) -> None:
    before = packets(folder / "clip_veiled.mp4")
    with opened(folder) as project:
        project.apply(UncoverEdit((2,), 70, 80))
        project.apply(
            CoverEdit((DrawnBox(84, (10, 120, 60, 150)), DrawnBox(90, (10, 120, 60, 150))), "mosaic", "plate")
        )
        done = export_project(project)
        assert done.mended, done.notes
        assert done.state.changed_frames == ()
        changed = [one != other for one, other in zip(before, packets(done.veiled), strict=True)]
        assert not any(changed[:56]), "the frames that no edit touched were copied"
    frames = luma(done.veiled)
    bare = luma(folder / "clip.mp4")
    assert flat(frames[65], RIGHT[1])
    assert not flat(frames[75], RIGHT[1])
    assert np.abs(frames[87][122:148, 12:58] - bare[87][122:148, 12:58]).mean() > 2
    header, boxes = read_sidecar(done.sidecar)
    assert header.output == digest_file(done.veiled)
    assert {box.track for box in boxes} == {1, 2, 3, 4}
    manifest = json.loads(done.manifest.read_text())
    assert "clear" not in manifest
    assert manifest["outputs"][0] == {
        "name": "clip_veiled.mp4", "bytes": done.veiled.stat().st_size, "digest": digest_file(done.veiled),
    }  # fmt: skip
    report = json.loads(done.report_data.read_text())
    assert report["files"][0]["output"] == "clip_veiled.mp4"
    assert "<html" in done.report.read_text()
    page = done.statement.read_text()
    assert "Covers taken away by hand: 1" in page
    assert "Text and plates blurred or pixelated by hand: 1" in page
    assert digest_file(done.veiled) in page
    assert done.statement_pdf.read_bytes().startswith(b"%PDF")
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".passerby-")]
    with opened(folder) as again:
        assert again.state().changed_frames == ()
        assert again.undo().changed_frames != ()


def test_one_person_is_left_clear_and_a_pixel_under_anothers_cover_stays_covered(folder: Path) -> None:
    with opened(folder) as project:
        project.apply(KeepEdit((1,), "subject access"))
        done = export_project(project)
    assert done.mended, done.notes
    frames, bare = luma(done.veiled), luma(folder / "clip.mp4")
    assert np.abs(frames[20][62:88, 42:68] - bare[20][62:88, 42:68]).mean() < 4, "left clear"
    assert flat(frames[45], OVER[1]), "whoever overlaps them stays covered"
    assert flat(frames[45], RIGHT[1])
    first = done.manifest.read_text().splitlines()[1]
    words = "One person is left clear: tracks 1, frames 8\u201360. Why: subject access."
    words += " Decided by one operator; no second key signed."
    assert first == f'  "clear": "{words}",'
    text = re.sub(r"<style>.*?</style>", "", done.statement.read_text(), flags=re.S)
    said = [line for line in re.sub(r"<[^>]+>", "", text).splitlines() if line.strip()]
    assert said[1] == words, "behind the title of the window it is the first line"
    assert json.loads(done.report_data.read_text())["files"][0]["kept_tracks"] == [1]


def test_a_second_key_signs_who_is_left_clear_and_nothing_else(folder: Path) -> None:
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)

    def signed(order: Path) -> None:
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "passerby-keep", "-f", str(key), str(order)]
        subprocess.run(command, check=True, capture_output=True)

    with opened(folder) as project:
        project.apply(KeepEdit((1,), "consent"))
        done = export_project(project)
        assert done.keep_order is not None
        signed(done.keep_order)
        again = export_project(project)
        assert again.mended
        assert json.loads(again.manifest.read_text())["clear"].endswith(
            "signed by a second key: " + _print(key) + ". Whose key that is was not checked."
        )
        project.apply(KeepEdit((2,), "consent"))
        other = export_project(project)
        assert json.loads(other.manifest.read_text())["clear"].endswith("no second key signed."), "it was for another"
        project.apply(UnkeepEdit())
        assert export_project(project).keep_order is None
    assert not (folder / "clip_veiled.mp4.keep.json").exists()


def _print(key: Path) -> str:
    told = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], check=True, capture_output=True, text=True).stdout
    return told.split()[1]


class _StopError(Exception):
    pass


@pytest.mark.parametrize("at", [0.1, 0.6])
def test_an_export_that_is_interrupted_leaves_the_earlier_output_and_all_beside_it(folder: Path, at: float) -> None:
    def stop(share: float) -> None:
        if share > at:
            raise _StopError

    with opened(folder) as project:
        project.apply(UncoverEdit((2,)))
        was = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(_StopError):
            export_project(project, progress=stop)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == was
        assert project.state().changed_frames == ((30, 80),)
        assert export_project(project).mended


def test_an_export_that_cannot_read_the_input_says_so_and_leaves_everything(folder: Path) -> None:
    with opened(folder) as project:
        project.apply(SplitEdit(1, 30))
        (folder / "clip.mp4").write_bytes(b"gone")
        was = (folder / "clip_veiled.mp4").read_bytes()
        with pytest.raises(PasserbyError, match=r"clip\.mp4"):
            export_project(project)
        assert (folder / "clip_veiled.mp4").read_bytes() == was


@pytest.mark.parametrize("at", [None, 0.5])
def test_an_input_that_is_another_one_by_now_is_not_exported(folder: Path, at: float | None) -> None:
    source, other = folder / "clip.mp4", folder / "other.mp4"
    make_clip(other, size=SIZE, frames=FRAMES, draw=lambda index, *more: busy(FRAMES - index, *more))

    def replace_source(share: float) -> None:
        if at is not None and share > at and other.exists():
            other.replace(source)

    with opened(folder) as project:
        project.apply(UncoverEdit((2,)))
        if at is None:
            other.replace(source)
        was = (folder / "clip_veiled.mp4").read_bytes()
        with pytest.raises(DeskError, match=r"clip\.mp4 must be as it was when the project was opened"):
            export_project(project, progress=replace_source)
        assert (folder / "clip_veiled.mp4").read_bytes() == was
        assert project.state().changed_frames == ((30, 80),)


def test_what_cannot_be_mended_is_veiled_anew_with_the_edited_tracks(folder: Path) -> None:
    with opened(folder) as project:
        project.apply(ZoneEdit(((0.0, 0.0), (0.2, 0.0), (0.2, 0.2), (0.0, 0.2)), "door"))
        done = export_project(project, language="de")
    assert not done.mended
    assert done.notes[0] == "veiled anew instead of mended: the settings are others than the earlier output's"
    frames = luma(done.veiled)
    assert all(flat(frames[n], (0, 0, 60, 36)) for n in (0, 50, 95))
    assert flat(frames[40], RIGHT[1])
    assert "Immer verdeckt: door" in done.statement.read_text()


def test_a_picture_is_exported_too(tmp_path: Path) -> None:
    from PIL import Image

    random = np.random.default_rng(3)
    source, target = tmp_path / "picture.png", tmp_path / "picture_veiled.png"
    Image.fromarray(random.integers(0, 256, (96, 128, 3), dtype=np.uint8)).save(source)
    done = veil_file(source, target, VeilSettings(), tracks=())
    write_tracks(tmp_path / "picture_veiled.png.tracks.json", done, VeilSettings())
    with Project.open(source, target) as project:
        project.apply(CoverEdit((DrawnBox(0, (40, 40, 70, 70)),)))
        exported = export_project(project, language="fr")
    assert exported.notes[0] == "veiled anew instead of mended: pictures have no groups"
    with Image.open(target) as picture:
        assert np.ptp(np.asarray(picture.convert("L"))[42:68, 42:68]) == 0
    assert "Masques tracés à la main : 1" in exported.statement.read_text(encoding="utf-8")


def test_an_export_that_was_killed_between_its_names_is_of_this_project_when_the_file_is_opened_again(
    folder: Path,
) -> None:
    """Names are taken one after another, the output's last: the earlier output then stands beside the later one's sidecar."""
    source, veiled = folder / "clip.mp4", folder / "clip_veiled.mp4"
    earlier = [veiled.read_bytes()]
    with opened(folder) as project:
        for box in ((10, 120, 60, 150), (100, 120, 150, 150)):
            project.apply(CoverEdit((DrawnBox(84, box), DrawnBox(90, box)), "solid"))
            export_project(project)
            earlier.append(veiled.read_bytes())
    for content in earlier:
        veiled.write_bytes(content)
        assert fitting_output(source, veiled) == (veiled, True)
        with opened(folder) as again:
            assert len(again.state().tracks) == 5
            assert bool(again.state().changed_frames) == (content != earlier[-1])
    veiled.write_bytes(b"another's")
    assert fitting_output(source, veiled) == (folder / "clip_veiled 2.mp4", False)
    veiled.write_bytes(earlier[0])
    source.write_bytes(b"another input")
    assert fitting_output(source, veiled) == (folder / "clip_veiled 2.mp4", False)
