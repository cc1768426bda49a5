from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from passerby.scan import Confidence, Evidence, Finding, FindingKind, Observation, Rating, scan_target
from passerby.scan.values import Reader, TargetFile

MARK = b"this text stands for something that identifies"


def marked(file: TargetFile) -> Iterator[Observation]:
    if MARK in file.read(1 << 20):
        evidence = (Evidence(file.path, "the mark"),)
        yield Finding(
            FindingKind.MODEL,
            file.path,
            "Mark",
            "mark",
            "",
            (),
            Rating.IDENTIFIES,
            Confidence.CERTAIN,
            evidence=evidence,
        )


READER = Reader("mark", 1, lambda file: file.name.endswith(".bin"), marked)


def test_a_folder_and_what_is_packed_in_it_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(MARK)
    (tmp_path / "b.bin").write_bytes(b"nothing")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("in/c.bin", MARK)
    (tmp_path / "z.zip").write_bytes(out.getvalue())
    result = scan_target(tmp_path, readers=[READER])
    assert [finding.path for finding in result.findings] == ["a.bin", "z.zip!/in/c.bin"]
    assert result.files == 4
    assert result.unread == ()


def test_a_reader_that_fails_is_named_and_hides_nothing_else(tmp_path: Path) -> None:
    def fails(file: TargetFile) -> Iterator[Observation]:
        raise RuntimeError(file.path)

    (tmp_path / "a.bin").write_bytes(MARK)
    result = scan_target(tmp_path, readers=[Reader("broken", 1, lambda _file: True, fails), READER])
    assert len(result.findings) == 1
    assert [one.reason for one in result.unread] == ["reader broken failed on it: RuntimeError"]
