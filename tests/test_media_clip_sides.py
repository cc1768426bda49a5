"""What lies beside the pictures must not come out; other programs look."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import av
import pytest
from tests.media_clips import ffmpeg, ffprobe, make_clip, program, write

from passerby.media import probe_clip
from passerby.media.clips.muxing import without_vorbis_comments

SECRET = "Mascha Kaleko"
HARMLESS_TAGS = {"major_brand", "minor_version", "compatible_brands", "language", "handler_name", "vendor_id", "encoder",
                 "ENCODER", "DURATION"}  # fmt: skip
HARMLESS_GROUPS = {"ExifTool", "System", "File", "QuickTime", "Track1", "Matroska", "Info", "Composite", "Main", "RIFF"}


OWN_WAYS = {
    ".mp4": ("-timecode", "01:02:03:04"),
    ".mov": ("-timecode", "01:02:03:04", "-movflags", "use_metadata_tags"),
    ".mkv": ("-metadata:s:t", "mimetype=text/plain"),
}
OWN_THINGS = {
    ".mp4": ("cover picture", "data track"),
    ".mov": ("data track",),
    ".mkv": ("attachment track",),
}


def exiftool(path: Path) -> dict[str, Any]:
    """Return all that exiftool finds, hidden tags and all."""
    command = [program("exiftool"), "-a", "-u", "-U", "-ee", "-G1", "-j", str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)[0]
    return found


def laden(tmp_path: Path, suffix: str) -> Path:
    """Make a clip that carries a name and a place in every way that ffmpeg and exiftool can write."""
    plain = make_clip(tmp_path / "plain.mp4", frames=25, audio="aac", options={"preset": "veryfast", "g": "8"})
    other = make_clip(tmp_path / "other.mp4", frames=25)
    cover = tmp_path / "cover.png"
    ffmpeg("-i", plain, "-frames:v", "1", cover)
    (tmp_path / "words.srt").write_text(f"1\n00:00:00,000 --> 00:00:00,900\n{SECRET}\n")
    (tmp_path / "meta.txt").write_text(
        f";FFMETADATA1\ntitle={SECRET} 1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle={SECRET} 2\n"
    )
    target = tmp_path / f"laden{suffix}"
    tags = [
        f"{key}={SECRET}" for key in ("artist", "comment", "location", "location-eng", "make", "model", "description")
    ]
    ffmpeg("-i", plain, "-i", other, "-i", cover, "-i", tmp_path / "words.srt", "-i", tmp_path / "meta.txt",
           "-map", "0:v", "-map", "0:a", "-map", "1:v", "-map", "2:v", "-map", "3:s", "-map_metadata", "4", "-map_chapters", "4",
           "-c", "copy", "-c:v:2", "png", "-c:s", "mov_text" if suffix != ".mkv" else "srt", "-disposition:v:2", "attached_pic",
           *[part for tag in tags for part in ("-metadata", tag)],
           "-metadata", "location=+52.5200+013.4050/", "-metadata", "creation_time=2020-02-02T02:02:02Z",
           "-metadata:s:v:0", f"title={SECRET}", "-metadata:s:v:0", f"handler_name={SECRET}",
           "-metadata:s:a:0", f"title={SECRET}", "-metadata:s:a:0", f"handler_name={SECRET}", "-metadata:s:a:0", "language=deu",
           *OWN_WAYS[suffix], *(("-attach", tmp_path / "words.srt") if suffix == ".mkv" else ()),
           target)  # fmt: skip
    if suffix != ".mkv":
        command = [program("exiftool"), "-q", "-overwrite_original", f"-XMP-dc:Creator={SECRET}",
                   "-Keys:GPSCoordinates=52.52 13.405 30", f"-UserData:Author={SECRET}", str(target)]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
    return target


@pytest.mark.tool
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("full", [True, False])
def test_nothing_beside_the_picture_comes_out(tmp_path: Path, suffix: str, full: bool) -> None:
    source = laden(tmp_path, suffix)
    assert source.read_bytes().count(SECRET.encode()) >= 6
    target = tmp_path / f"out{suffix}"
    report = write(source, target, 1, full_reencode=full)
    assert (report.copied_frames > 0) is not full
    said = " ".join(report.dropped)
    for thing in ("video track", "subtitle track", "chapters", "audio track", *OWN_THINGS[suffix]):
        assert thing in said
    _assert_bare(target, streams=["video"])


@pytest.mark.tool
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_kept_audio_brings_no_tags(tmp_path: Path, suffix: str) -> None:
    source, target = laden(tmp_path, suffix), tmp_path / f"out{suffix}"
    write(source, target, 1, keep_audio=True)
    _assert_bare(target, streams=["video", "audio"])


def _assert_bare(path: Path, *, streams: list[str]) -> None:
    data = path.read_bytes()
    assert SECRET.encode() not in data
    assert SECRET.encode("utf-16-le") not in data
    assert b"x264 - core" not in data
    found = ffprobe(path, "-show_streams", "-show_format", "-show_chapters")
    assert [stream["codec_type"] for stream in found["streams"]] == streams
    assert found["chapters"] == []
    tags = {key for part in (found["format"], *found["streams"]) for key in part.get("tags", {})}
    assert tags <= HARMLESS_TAGS
    assert all(stream.get("tags", {}).get("language", "und") == "und" for stream in found["streams"])
    groups = {key.split(":")[0] for key in exiftool(path) if ":" in key}
    assert groups <= HARMLESS_GROUPS | {"Track2"}, groups
    assert not [key for key in exiftool(path) if "GPS" in key or "XMP" in key or "Author" in key or "Creator" in key]
    frames = ffprobe(path, "-show_frames", "-select_streams", "v", "-show_entries", "frame=side_data_list")["frames"]
    assert not [side for frame in frames for side in frame.get("side_data_list", []) if "SEI" in side["side_data_type"]]


@pytest.mark.tool
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_only_the_allow_list_is_kept_when_asked(tmp_path: Path, suffix: str) -> None:
    source, target = laden(tmp_path, suffix), tmp_path / f"out{suffix}"
    report = write(source, target, 1, keep_metadata=True, keep_audio=True)
    found = ffprobe(target, "-show_streams", "-show_format")
    tags = {key.lower(): value for key, value in found["format"]["tags"].items()}
    assert tags.pop("title") == f"{SECRET} 1"
    assert tags.pop("creation_time").startswith("2020-02-02T02:02:02")
    assert set(tags) <= {tag.lower() for tag in HARMLESS_TAGS}
    if suffix != ".mov":  # FFmpeg writes no German into MOV
        assert found["streams"][1]["tags"]["language"] in {"deu", "ger"}
    assert target.read_bytes().count(SECRET.encode()) == 1
    assert any(note.startswith("kept: title, creation_time") for note in report.notes)


@pytest.mark.tool
def test_captions_in_the_stream_do_not_come_out(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    message = "086f3693-b7b3-4f2c-9653-21492feee5b8+" + SECRET.replace(" ", "_")
    plain = make_clip(tmp_path / "plain.mp4", frames=25)
    ffmpeg("-i", plain, "-c", "copy", "-bsf:v", f"h264_metadata=sei_user_data={message}", source)
    assert SECRET.replace(" ", "_").encode() in source.read_bytes()
    for full in (True, False):
        target = tmp_path / f"out{full}.mp4"
        write(source, target, 1, full_reencode=full)
        assert SECRET.replace(" ", "_").encode() not in target.read_bytes()


@pytest.mark.tool
def test_second_video_track_is_not_the_one_that_is_read(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.mp4", size=(32, 32))
    large = make_clip(tmp_path / "large.mp4", size=(96, 64))
    both = tmp_path / "both.mp4"
    ffmpeg("-i", small, "-i", large, "-map", "1:v", "-map", "0:v", "-c", "copy", both)
    info = probe_clip(both)
    assert (info.width_px, info.beside) == (96, ("video track 1", "user data in the stream"))


@pytest.mark.tool
@pytest.mark.parametrize("full", [True, False])
def test_vorbis_headers_lose_their_comments(tmp_path: Path, full: bool) -> None:
    plain = make_clip(tmp_path / "plain.mkv", audio="libopus")
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    ffmpeg("-i", plain, "-c:v", "copy", "-c:a", "libvorbis", "-metadata:s:a", f"artist={SECRET}", source)
    with av.open(str(source)) as container:
        extradata = container.streams.audio[0].codec_context.extradata or b""
    headers = extradata.replace(b"Lav", SECRET[:3].encode())
    assert SECRET[:3].encode() in headers
    assert SECRET[:3].encode() not in without_vorbis_comments(headers)
    write(source, target, 1, keep_audio=True, full_reencode=full)
    with av.open(str(target)) as container:
        kept = container.streams.audio[0].codec_context.extradata or b""
        assert b"\x03vorbis" + bytes(8) in kept
        assert sum(frame.samples for frame in container.decode(audio=0)) > 40000
