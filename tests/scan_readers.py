"""Readers for tests of a scan: one that finds a mark, and others that do what none should. Processes import them by name."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from passerby.scan.values import Confidence, Evidence, Finding, FindingKind, Observation, Rating, Reader, TargetFile

MARK = b"this text stands for something that identifies"


def finding(path: str, title: str = "Mark") -> Finding:
    return Finding(
        FindingKind.MODEL,
        path,
        title,
        "mark",
        rating=Rating.IDENTIFIES,
        confidence=Confidence.CERTAIN,
        evidence=(Evidence(path, "the mark"),),
    )


def marked(file: TargetFile) -> Iterator[Observation]:
    if MARK in file.read(1 << 24):
        yield finding(file.path)


def fails(file: TargetFile) -> Iterator[Observation]:
    yield finding(file.path, "before")
    raise RuntimeError(file.path)


def hangs(file: TargetFile) -> Iterator[Observation]:
    while file.size_bytes:
        time.sleep(0.05)
    yield finding(file.path)


def dies(file: TargetFile) -> Iterator[Observation]:
    os.kill(os.getpid(), 9)
    yield finding(file.path)


def dies_once(file: TargetFile) -> Iterator[Observation]:
    """Dies unless a file whose name it holds is there already."""
    told = Path(file.read(4096).decode())
    if not told.exists():
        told.touch()
        os.kill(os.getpid(), 9)
    yield finding(file.path, "second time")


def talks(file: TargetFile) -> Iterator[Observation]:
    os.write(1, b"done - {}\n")
    yield finding(f"{file.path}\x1b[2J\udcff", "bad\u202ename")


MARKED = Reader("mark", 1, lambda file: file.name.endswith((".bin", ".pt")), marked)
READERS = (
    MARKED,
    Reader("fails", 1, lambda file: file.name == "fails", fails),
    Reader("hangs", 1, lambda file: file.name == "hangs", hangs),
    Reader("dies", 1, lambda file: file.name == "dies", dies),
    Reader("dies-once", 1, lambda file: file.name == "dies-once", dies_once),
    Reader("talks", 1, lambda file: file.name == "talks", talks),
    Reader("wants-wrongly", 1, lambda file: file.name == "wrong" and bool(re.search("(", file.name)), marked),
)
NEWER = (MARKED._replace(version=2),)
