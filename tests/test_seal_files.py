"""``passerby veil --seal``: the same veiled clip, and a pack beside it that enough authorities together open."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from tests.media_clips import make_clip
from tests.seal_crossings import CrossingDetector, crossing, strangers
from tests.seal_tools import holders, parcel_of, read
from tests.veil_tools import Scripted
from typer.testing import CliRunner, Result

from passerby.cli.app import build
from passerby.errors import ConfigError, OutputError, SealError, UsageError
from passerby.media import frame_planes
from passerby.values import Detections, digest_file
from passerby.veil import UncoveredFaces, veil_file
from passerby.veil.run.veiled import CoverHook
from passerby.veil.tools.demo_clip import demo_clip
from passerby_seal.files import FileSealing, SealBeside, seal_beside
from passerby_seal.keys import Custodian, FileCustodyKey, SealPolicy
from passerby_seal.patches import PatchEncoder, SealedPicture, cut_patches, decode_piece
from passerby_seal.pieces import combine, open_piece
from passerby_seal.pieces.opening import custody_boxes

WHO = holders()
CUSTODY = FileCustodyKey.make(name="archive")
POLICY = SealPolicy(2, WHO.policy.authorities, Custodian("archive", "authority", CUSTODY.public), 72 * 3600)


def opened(pack: Path) -> list[list[SealedPicture]]:
    found = read(pack.read_bytes())
    boxes = custody_boxes(found, CUSTODY)
    pieces = sorted(found.pieces)
    keys = combine([parcel_of(found, WHO, boxes, n, *pieces) for n in (1, 3)], WHO.requester, found)
    return [list(decode_piece(open_piece(found, piece, keys[piece]))) for piece in pieces]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    demo_clip(tmp_path / "walk.mp4", 1.6, (480, 270))
    lines = ["needed: 2", "retention: 72h", "custodian:", "  name: archive", "  who: authority"]
    lines += [f"  key: {CUSTODY.public.text}", "authorities:"]
    for one in POLICY.authorities:
        lines += [f"- name: {one.name}", f"  role: {one.role}", f"  key: {one.key.text}"]
    (tmp_path / "authorities.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def veil(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ["veil", *arguments])


def test_a_clip_is_veiled_the_same_and_its_faces_come_back(folder: Path) -> None:
    assert veil("walk.mp4", "-o", "plain.mp4", "--report", "plain.html").exit_code == 0
    done = veil("walk.mp4", "-o", "sealed.mp4", "--seal", "authorities.yaml", "--report", "r.html")
    assert done.exit_code == 0, done.output
    plain, sealed = (json.loads((folder / name).read_text())["files"][0] for name in ("plain.json", "r.json"))
    assert (folder / "plain.mp4").read_bytes() == (folder / "sealed.mp4").read_bytes()
    for same in ("covered_share", "frames_with_cover", "frames_encoded", "sizes"):
        assert plain[same] == sealed[same]
    manifest = json.loads((folder / "sealed.mp4.manifest.json").read_text())
    assert [(one["name"], one["digest"]) for one in manifest["outputs"]] == [
        (name, digest_file(folder / name)) for name in ("sealed.mp4", "sealed.mp4.seal")
    ]
    assert "sealed " in sealed["notes"][-1]
    with av.open(str(folder / "walk.mp4")) as clip:
        bare = {round(frame.time * 1000): frame_planes(frame)[0].copy() for frame in clip.decode(video=0)}
    shown = [one for piece in opened(folder / "sealed.mp4.seal") for one in piece]
    assert len(shown) > 20
    errors = []
    for one in shown:
        x0, y0, x1, y1 = one.box
        own = one.planes[0] != 128
        errors.append(float(np.square(one.planes[0].astype(float) - bare[one.ms][y0:y1, x0:x1])[own].mean()))
    assert 10 * np.log10(255**2 / np.mean(errors)) > 32


def test_an_opened_piece_never_shows_another_face(tmp_path: Path) -> None:
    passing = crossing(3)
    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=round(passing.rate_hz))
        stream.width, stream.height, stream.pix_fmt = 960, 540, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "4"}
        for picture in passing.pictures():
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with seal_beside(POLICY, tmp_path / "out.mp4", overwrite=False) as pack:
        veil_file(
            tmp_path / "in.mp4",
            tmp_path / "out.mp4",
            detector=CrossingDetector(passing),
            before_cover=pack.sealing.before_cover,
        )
        pack.sealing.finish()
    people = passing.boxes.shape[1]
    owners = set()
    for piece in opened(tmp_path / "out.mp4.seal"):
        seen = np.sum([strangers(one.planes, people) for one in piece], axis=0)
        owners.add(int(np.argmax(seen)))
        assert np.sort(seen)[-2] < 0.002 * seen.max(), "somebody else shows"
    assert owners == set(range(people))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["walk.mp4", "--tracks-in", "t.json"], "--seal goes without --tracks-in"),
        (["walk.mp4", "--until-clean"], "--seal goes without --until-clean"),
        (["face.png"], "--seal takes clips"),
    ],
)
def test_what_cannot_be_sealed_is_refused_before_anything_is_written(
    folder: Path, arguments: list[str], said: str
) -> None:
    (folder / "face.png").write_bytes(bytes.fromhex("89504e470d0a1a0a") + bytes(64))
    before = {path.name for path in folder.iterdir()}
    done = veil(*arguments, "--seal", "authorities.yaml")
    assert isinstance(done.exception, UsageError)
    assert said in done.exception.message
    assert {path.name for path in folder.iterdir()} == before


def test_a_policy_without_a_key_for_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must have a key"), seal_beside(WHO.policy, tmp_path / "o", overwrite=False):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_ends_the_sealing_and_not_the_veiling(tmp_path: Path) -> None:
    demo_clip(tmp_path / "in.mp4", 1.0, (320, 192))
    with Path("/dev/full").open("wb", buffering=0) as full:
        sealing = FileSealing(POLICY, full)
        done = veil_file(tmp_path / "in.mp4", tmp_path / "out.mp4", before_cover=sealing.before_cover)
        sealing.finish()
    assert done.report.frames_with_cover > 0
    assert "nothing is sealed" in sealing.told()
    assert sealing.counts.sealed == 0
    assert sealing.counts.storage > 0


def fed(sealing: FileSealing, frames: int, broken: int) -> None:
    """Tell of frames as the veil does; one of them is wrong in a way that nobody thought of."""
    hook = CoverHook(sealing.before_cover)
    for n in range(frames):
        faces = np.array([[10, 10, 40, 40], [80, 10, 110, 40]], np.float32)
        stretches = np.array([1, 2][: 1 if n == broken else 2])
        hook.call(UncoveredFaces(av.VideoFrame(160, 96, "yuv420p"), n * 40_000_000, faces, (1, 2), stretches))


def test_what_nobody_thought_of_ends_the_sealing_and_is_said(tmp_path: Path) -> None:
    with seal_beside(POLICY, tmp_path / "out.mp4", overwrite=False) as pack:
        fed(pack.sealing, 30, 10)
        pack.sealing.finish()
    assert "nothing is sealed" in pack.sealing.told()
    assert (pack.sealing.counts.sealed, pack.sealing.counts.unsealed) == (0, 60)
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_fails_is_an_error_of_the_output() -> None:
    frame = av.VideoFrame(64, 48, "yuv420p")
    faces = UncoveredFaces(frame, 0, np.array([[10, 10, 40, 40]], np.float32), (1,), np.array([1]))
    (patch,) = cut_patches(faces).patches
    encoder = PatchEncoder(patch)
    encoder.add(patch)
    encoder.finish()
    with pytest.raises(OutputError, match="must take a picture"):
        encoder.add(patch)


def test_faces_that_are_written_only_after_all_was_watched_are_counted_too(tmp_path: Path) -> None:
    """A clip that turns out to be damaged is written anew, when nobody knows any more whose faces these are."""
    clip, told = tmp_path / "in.mp4", list[UncoveredFaces]()
    make_clip(clip, frames=60, size=(320, 192), options={"preset": "veryfast", "g": "12"})
    with av.open(str(clip)) as container:
        packet = [one for one in container.demux(video=0) if one.size][30]
        assert packet.pos is not None
        start, stop = packet.pos + packet.size // 2, packet.pos + packet.size
    data = bytearray(clip.read_bytes())
    data[start:stop] = bytes(stop - start)
    clip.write_bytes(data)
    found = Detections(np.array([[100, 60, 140, 110]], np.float32), np.array([0.9], np.float32))
    done = veil_file(clip, tmp_path / "out.mp4", detector=Scripted(lambda _: found), before_cover=told.append)
    assert "nothing was copied: it is damaged" in done.report.notes
    whole = sum(one.frames for one in done.report.whole)
    times = [one.captured_ns for one in told]
    assert times == sorted(set(times))
    assert len(times) == done.report.frames_with_cover - whole


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_clip_that_could_not_be_sealed_stands_veiled_and_the_command_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def full_disk(policy: SealPolicy, output: Path, **_: object) -> Iterator[SealBeside]:
        with Path("/dev/full").open("wb", buffering=0) as full:
            yield SealBeside(FileSealing(policy, full), output, output)

    monkeypatch.setitem(sys.modules, "passerby_seal.files", SimpleNamespace(seal_beside=full_disk))
    done = veil("walk.mp4", "-o", "out.mp4", "--seal", "authorities.yaml")
    assert isinstance(done.exception, SealError)
    assert done.exception.exit_code == 1
    assert "nothing is sealed of this clip: No space left on device" in done.exception.message
    assert {path.name for path in folder.iterdir()} >= {"out.mp4", "out.mp4.manifest.json"}
    assert not (folder / "out.mp4.seal").exists()
    several = veil("walk.mp4", "-o", "out.mp4", "--seal", "authorities.yaml", "--report", "r.html", "--overwrite")
    assert several.exit_code == 1
    assert "nothing is sealed" in several.output


def test_nothing_is_left_of_a_pack_where_veiling_fails(tmp_path: Path) -> None:
    def begin() -> None:
        with seal_beside(POLICY, tmp_path / "out.mp4", overwrite=False):
            assert len(list(tmp_path.iterdir())) == 1
            raise OutputError("disk full")

    with pytest.raises(OutputError):
        begin()
    assert list(tmp_path.iterdir()) == []


def test_a_broken_frame_is_nothing_to_the_veil(tmp_path: Path) -> None:
    with seal_beside(POLICY, tmp_path / "out.mp4", overwrite=False) as pack:
        frame = av.VideoFrame(64, 48, "yuv420p")
        box = np.array([[-50, -50, -20, -20], [10, 10, np.inf, 40]], np.float32)
        pack.sealing.before_cover(UncoveredFaces(frame, 0, box, (1, 2), np.array([1, 2])))
        pack.sealing.finish()
    assert not pack.sealing.failed
