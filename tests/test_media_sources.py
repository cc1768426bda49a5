"""Inputs are found, judged by content, and named when they are passed over or fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from passerby.errors import PasserbyError, UnreadableError, UnsupportedError, UsageError
from passerby.media import Inputs, SourceKind, expand_inputs

CLIP = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(100)


def picture(path: Path, format_: str = "PNG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path, format=format_)
    return path


def clip(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CLIP)
    return path


def expand(*named: str | Path, output: str | Path | None = None) -> Inputs:
    return expand_inputs([str(one) for one in named], output=output)


def paths(inputs: Inputs, under: Path) -> list[str]:
    return [str(source.path.relative_to(under)) for source in inputs.sources]


def failures(inputs: Inputs) -> dict[str, PasserbyError]:
    return {path.name: error for path, error in inputs.failed}


def test_files_are_judged_by_content_not_by_name(tmp_path: Path) -> None:
    inputs = expand(picture(tmp_path / "a.mp4", "JPEG"), clip(tmp_path / "b.png"), picture(tmp_path / "c"))
    assert [(one.kind, one.content) for one in inputs.sources] == [
        (SourceKind.PICTURE, "JPEG"),
        (SourceKind.CLIP, "MP4"),
        (SourceKind.PICTURE, "PNG"),
    ]
    assert inputs.many


def test_one_file_is_not_many(tmp_path: Path) -> None:
    assert not expand(picture(tmp_path / "a.png")).many
    assert expand(tmp_path).many, "a folder is, also with one file in it"


def test_folders_are_searched_to_the_bottom_in_order(tmp_path: Path) -> None:
    for name in ["z.png", "b/2.png", "b/1.png", "a/deep/er/x.png", "B.png"]:
        picture(tmp_path / name)
    inputs = expand(tmp_path)
    assert paths(inputs, tmp_path) == ["B.png", "z.png", "a/deep/er/x.png", "b/1.png", "b/2.png"]
    assert [str(one.below) for one in inputs.sources] == paths(inputs, tmp_path)


def test_empty_folder_is_no_error_and_gives_nothing(tmp_path: Path) -> None:
    inputs = expand(tmp_path)
    assert not inputs.sources
    assert not inputs.failed


def test_in_folders_what_is_no_media_is_skipped_and_named(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "empty").touch()
    picture(tmp_path / ".hidden.png")
    picture(tmp_path / ".thumbnails" / "b.png")
    picture(tmp_path / ".passerby-0123.png")
    picture(tmp_path / "a_veiled.png")
    inputs = expand(tmp_path)
    assert paths(inputs, tmp_path) == ["a.png"]
    assert {one.path.name: one.reason for one in inputs.skipped} == {
        "notes.txt": "no picture or clip, but text",
        "empty": "no picture or clip, but an empty file (zero bytes)",
        ".hidden.png": "a hidden file",
        ".thumbnails": "a hidden folder",
        ".passerby-0123.png": "an unfinished output",
        "a_veiled.png": "veiled already, by its name (..._veiled)",
    }
    assert not inputs.failed


def test_in_folders_media_that_cannot_be_veiled_is_a_failure(tmp_path: Path) -> None:
    picture(tmp_path / "a.jp2", "JPEG2000")
    (tmp_path / "b.heics").write_bytes(b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc")
    found = failures(expand(tmp_path))
    assert sorted(found) == ["a.jp2", "b.heics"]
    assert isinstance(found["a.jp2"], UnsupportedError)
    assert "got JPEG 2000" in found["a.jp2"].message
    assert found["b.heics"].hint


def test_folders_are_complete_or_fail(tmp_path: Path) -> None:
    """What may be footage, and what recorders write, is never passed over; what holds no picture is."""
    unknown = bytes(range(1, 256)) * 8
    for name, data in {
        "cam 1.dat": unknown,
        "cam.dav": b"",
        "cam.hik": b"notes",
        "scan.pdf": b"%PDF-1.7",
        "clips.zip": b"PK\x03\x04",
        "clips.tgz": b"\x1f\x8b\x08",
    }.items():
        (tmp_path / name).write_bytes(data)
    beside = {
        "clip.srt": b"1\n00:00:01 --> 00:00:02\nhello\n",
        "INDEX.BDM": b"INDX0200" + bytes(99),
        "0001.CPI": b"HDMV0200" + bytes(99),
        "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99),
        "player.exe": b"MZ\x90\0",
        "sound.ogg": b"OggS\0\x02" + bytes(20) + b"\x01\x1e\x01vorbis",
    }
    for name, data in beside.items():
        (tmp_path / name).write_bytes(data)
    inputs = expand(tmp_path)
    found = failures(inputs)
    assert sorted(found) == ["cam 1.dat", "cam.dav", "cam.hik", "clips.tgz", "clips.zip", "scan.pdf"]
    assert sorted(one.path.name for one in inputs.skipped) == sorted(beside)
    assert f"ffmpeg -i '{tmp_path}/cam 1.dat' -crf 17 '{tmp_path}/cam 1'.mp4" in (found["cam 1.dat"].hint or "")
    assert f"pdftoppm -r 200 -png {tmp_path}/scan.pdf {tmp_path}/scan" in (found["scan.pdf"].hint or "")
    assert all("export it there as MP4" in (found[name].hint or "") for name in ("cam.hik", "cam.dav"))
    assert not any("ffmpeg" in (found[name].hint or "") for name in ("cam.hik", "cam.dav")), "it helps with no text"


def test_in_folders_what_claims_to_be_media_and_is_not_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "empty.JPG").touch()
    (tmp_path / "page.mp4").write_text("<html>not found</html>")
    found = failures(expand(tmp_path))
    assert "zero bytes" in found["empty.JPG"].message
    assert "got text" in found["page.mp4"].message


def test_named_files_that_are_no_media_are_failures(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("notes")
    (tmp_path / "empty.png").touch()
    os.mkfifo(tmp_path / "pipe.mp4")
    found = failures(expand(tmp_path / "notes.jpg", tmp_path / "empty.png", tmp_path / "pipe.mp4"))
    assert "got text" in found["notes.jpg"].message
    assert "zero bytes" in found["empty.png"].message
    assert isinstance(found["pipe.mp4"], UnreadableError)


def test_each_file_comes_once_however_often_named(tmp_path: Path) -> None:
    picture(tmp_path / "d" / "a.png")
    (tmp_path / "d" / "b.png").symlink_to(tmp_path / "d" / "a.png")
    (tmp_path / "e").symlink_to(tmp_path / "d")
    inputs = expand(tmp_path / "d" / "a.png", tmp_path / "d", tmp_path / "d" / "*.png", tmp_path / "e" / "a.png")
    assert paths(inputs, tmp_path) == ["d/a.png"]


def test_two_names_on_the_disk_are_two_files(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "b.png").hardlink_to(tmp_path / "a.png")
    assert paths(expand(tmp_path), tmp_path) == ["a.png", "b.png"]


def test_links_to_folders_are_not_followed_and_named(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    inputs = expand(tmp_path / "in")
    assert paths(inputs, tmp_path) == ["in/a.png"]
    assert [one.reason for one in inputs.skipped] == ["a link to a folder, not followed"]


def test_broken_link_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "nowhere")
    assert "No such file" in failures(expand(tmp_path))["a.png"].message
    assert "No such file" in failures(expand(tmp_path / "a.png"))["a.png"].message


def test_patterns_match_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["a.png", "b.jpg", "sub/c.png", "sub/deep/d.png"]:
        picture(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert [str(one.path) for one in expand("*.png").sources] == ["a.png"]
    assert [str(one.path) for one in expand("?.*").sources] == ["a.png", "b.jpg"]
    assert [str(one.path) for one in expand("**/*.png").sources] == ["a.png", "sub/c.png", "sub/deep/d.png"]
    assert [str(one.path) for one in expand("[s]*").sources] == ["sub/c.png", "sub/deep/d.png"]
    assert [str(one.below) for one in expand("su*").sources] == ["sub/c.png", "sub/deep/d.png"]
    assert expand("*.png").many


def test_name_that_personal_kind_a_pattern_is_meant_where_it_exists(tmp_path: Path) -> None:
    odd = picture(tmp_path / "a[1]*.png")
    assert [one.path for one in expand(odd).sources] == [odd]


@pytest.mark.parametrize(
    ("named", "words"), [("nowhere.png", "no such file or folder"), ("no*where", "no file matches")]
)
def test_what_does_not_exist_is_wrong_use(tmp_path: Path, named: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        expand(tmp_path / named)


def test_nothing_named_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="at least one input"):
        expand_inputs([])


def test_veiled_file_is_an_input_only_when_named_alone(tmp_path: Path) -> None:
    one, other = picture(tmp_path / "a_veiled.png"), picture(tmp_path / "b.png")
    assert paths(expand(one), tmp_path) == ["a_veiled.png"]
    both = expand(one, other)
    assert paths(both, tmp_path) == ["b.png"], "as when the shell puts in *.png for a second time"
    assert [skipped.path for skipped in both.skipped] == [one]


def test_output_folder_inside_an_input_folder_is_no_input(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "out" / "a.png")
    inputs = expand(tmp_path, output=tmp_path / "out")
    assert paths(inputs, tmp_path) == ["a.png"]
    assert [one.reason for one in inputs.skipped] == ["the output folder"]


@pytest.mark.parametrize(
    ("named", "device"), [("cam", "/dev/video0"), ("cam2", "/dev/video2"), ("/dev/video13", "/dev/video13")]
)
def test_cameras_have_short_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, device: str) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "cam")
    (source,) = expand(named).sources
    assert source.kind is SourceKind.CAMERA
    assert str(source.path) == device


def test_file_named_like_a_camera_can_be_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "cam")
    (source,) = expand("./cam").sources
    assert source.kind is SourceKind.PICTURE


def test_addresses_are_refused_without_repeating_a_password() -> None:
    with pytest.raises(UnsupportedError, match=r"rtsp://\.\.\.") as refusal:
        expand("rtsp://user:hunter2@10.0.0.1/live")
    assert "hunter2" not in refusal.value.message
    assert "passerby run" in str(refusal.value.hint)
