from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.scan_readers import MARK, finding
from tests.test_scan_archives import tarred

from passerby.errors import ConfigError
from passerby.scan import Evidence, FindingKind, Progress, ScanResult, ScanSettings, Weights, scan_target
from passerby.scan.files import walk_target
from passerby.scan.run.answers import FileAnswers
from passerby.scan.run.cache import AnswerCache, was_left_alone
from passerby.scan.run.joining import Joining
from passerby.scan.run.pool import WorkerPool
from passerby.scan.run.scanning import scan_files
from passerby.scan.run.suppressing import read_suppressions

READERS = "tests.scan_readers:READERS"
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def processes_find_the_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)
    return out.getvalue()


def settings(workers: int = 0, **more: object) -> ScanSettings:
    return replace(ScanSettings(workers=workers, keep=None), **more)  # type: ignore[arg-type]


def scanned(target: Path, told: ScanSettings, **more: str) -> ScanResult:
    return scan_target(target, told, readers=more.get("readers", READERS))


def paths(result: ScanResult) -> list[str]:
    return [finding.path for finding in result.findings]


def reasons(result: ScanResult) -> dict[str, str]:
    return {one.path: one.reason for one in result.unread}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "a.bin").write_bytes(MARK)
    (folder / "b.bin").write_bytes(b"nothing")
    (folder / "z.zip").write_bytes(zipped(in__c=b"", in__d=b"x", e=b"y") + b"")
    (folder / "m.pt").write_bytes(zipped(data=MARK))
    (folder / "y.zip").write_bytes(zipped(**{"in/c.bin": MARK, "n.zip": zipped(**{"d.bin": MARK})}))
    return folder


FOUND = ["a.bin", "m.pt", "y.zip!/in/c.bin", "y.zip!/n.zip!/d.bin"]


def test_a_folder_and_what_is_packed_in_it_are_read(target: Path) -> None:
    result = scanned(target, settings())
    assert paths(result) == FOUND, "an archive is read itself (m.pt) and in its parts"
    assert result.files == 12
    assert result.unread == ()


def test_the_result_is_the_same_whatever_the_number_of_processes(target: Path) -> None:
    for number in range(300):
        (target / f"{number:03}.bin").write_bytes(MARK * (number % 3))
    alone = scanned(target, settings())
    assert len(alone.findings) == 204
    for workers in (1, 2, 3):
        assert scanned(target, settings(workers)) == alone


def test_the_result_is_the_same_whatever_the_order_of_files(target: Path) -> None:
    listed = list(walk_target(target))
    alone = scanned(target, settings())
    for seed in range(5):
        random.Random(seed).shuffle(listed)
        assert scan_files(str(target), listed, settings(), readers=READERS) == alone


def test_a_reader_that_fails_is_named_and_hides_nothing_else(target: Path) -> None:
    (target / "fails").write_bytes(b"x")
    (target / "wrong").write_bytes(b"x")
    result = scanned(target, settings())
    assert paths(result) == [*FOUND[:1], "fails", *FOUND[1:]], "what it found before counts"
    assert reasons(result) == {
        "fails": "reader fails failed on it: RuntimeError",
        "wrong": "reader wants-wrongly failed on it: error",
    }


def test_a_file_that_hangs_or_kills_a_process_is_named_and_the_rest_is_read(target: Path) -> None:
    (target / "dies").write_bytes(b"x")
    (target / "x.zip").write_bytes(zipped(**{"p.bin": MARK, "hangs": b"x", "dies": b"x", "q.bin": MARK}))
    result = scanned(target, settings(2, file_seconds=4.0))
    assert paths(result) == [*FOUND[:2], "x.zip!/p.bin", "x.zip!/q.bin", *FOUND[2:]]
    assert reasons(result) == {
        "dies": "reading it ended the process (SIGKILL), twice: given up",
        "x.zip!/dies": "reading it ended the process (SIGKILL), twice: given up",
        "x.zip!/hangs": "a reader took longer than 4 seconds for it: given up",
    }


def test_a_process_that_is_killed_from_outside_costs_nothing(target: Path, tmp_path: Path) -> None:
    (target / "dies-once").write_text(str(tmp_path / "was-there"))
    result = scanned(target, settings(2))
    assert paths(result) == [*FOUND[:1], "dies-once", *FOUND[1:]]
    assert result.unread == ()


def test_what_a_reader_prints_is_no_answer_and_what_it_finds_is_safe_to_show(target: Path) -> None:
    (target / "talks").write_bytes(b"x")
    for told in (settings(), settings(1)):
        result = scanned(target, told)
        assert "talks\\x1b[2J\\udcff" in paths(result)
        assert "bad\\u202ename" in {finding.title for finding in result.findings}


def test_modules_in_the_folder_of_the_caller_are_never_imported(target: Path, tmp_path: Path) -> None:
    """Whoever scans the folder that they are in must not run what lies there."""
    for name in ("json", "passerby", "yaml", "sitecustomize"):
        (target / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    code = f"import os; from passerby.scan import *; os.chdir({str(target)!r}); "
    code += "print(scan_target(__import__('pathlib').Path('.'), ScanSettings(workers=1, keep=None)).files)"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout) == 16
    assert not (tmp_path / "ran").exists()


def unchanged(folder: Path) -> list[tuple[str, int, int, int]]:
    found = [(path, path.lstat()) for path in sorted(folder.rglob("*"))]
    return [(str(path), status.st_ino, status.st_mtime_ns, status.st_ctime_ns) for path, status in found]


def test_nothing_is_written_in_the_target(target: Path) -> None:
    traversal = io.BytesIO()
    with zipfile.ZipFile(traversal, "w") as archive:
        for name in ("../../up.bin", "/abs.bin", "a/../../../b.bin", "C:\\c.bin"):
            archive.writestr(zipfile.ZipInfo(name), MARK + bytes(5 << 20))
    (target / "t.zip").write_bytes(traversal.getvalue())
    before = unchanged(target.parent)
    result = scanned(target, settings(1))
    assert unchanged(target.parent) == before
    assert [path for path in paths(result) if path.startswith("t.zip")] == [
        "t.zip!/../../up.bin",
        "t.zip!//abs.bin",
        "t.zip!/C:\\c.bin",
        "t.zip!/a/../../../b.bin",
    ]
    assert not Path("/abs.bin").exists()


def aged(folder: Path) -> None:
    """Make a folder's files look as if nobody had touched them for long: what was kept is believed for these alone."""
    for path in folder.rglob("*"):
        os.utime(path, (1e9, 1e9))


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    return tmp_path / "keep"


def test_a_second_scan_answers_from_what_was_kept(target: Path, keep: Path) -> None:
    first = scanned(target, settings(keep=keep))
    assert keep.stat().st_mode & 0o777 == 0o700
    answers = AnswerCache(keep, b"")
    answers.close()
    with sqlite3.connect(keep / "answers.sqlite") as base:
        (count,) = base.execute("select count(*) from answers").fetchone()
    assert count >= 4
    assert scanned(target, settings(keep=keep)) == first
    (target / "a.bin").write_bytes(b"x" * len(MARK))
    assert paths(scanned(target, settings(keep=keep))) == FOUND[1:], "what was changed is read"
    (target / "a.bin").write_bytes(MARK)
    (target / "moved.bin").write_bytes(MARK)
    assert paths(scanned(target, settings(1, keep=keep))) == sorted([*FOUND, "moved.bin"])


def test_newer_readers_do_not_get_what_older_ones_said(target: Path, keep: Path) -> None:
    scanned(target, settings(keep=keep))
    with sqlite3.connect(keep / "answers.sqlite") as base:
        (count,) = base.execute("select count(*) from answers").fetchone()
    scanned(target, settings(keep=keep), readers="tests.scan_readers:NEWER")
    with sqlite3.connect(keep / "answers.sqlite") as base:
        assert base.execute("select count(*) from answers").fetchone() == (2 * count,)


@pytest.mark.parametrize("step", [97, 1009])
def test_a_damaged_cache_changes_no_answer(target: Path, keep: Path, step: int) -> None:
    first = scanned(target, settings(keep=keep))
    file = keep / "answers.sqlite"
    data = bytearray(file.read_bytes())
    for place in range(step, len(data), step):
        data[place] ^= 0x55
    file.write_bytes(data)
    assert scanned(target, settings(keep=keep)) == first
    file.write_bytes(b"no data base at all")
    assert scanned(target, settings(keep=keep)) == first
    assert scanned(target, settings(keep=keep)) == first


def test_an_answer_that_somebody_changed_is_not_believed(keep: Path) -> None:
    cache = AnswerCache(keep, b"v1")
    key = cache.content_key("a", "sha256:0")
    cache.write([key], FileAnswers(findings=[finding("a")], files=1))
    cache.close()
    with sqlite3.connect(keep / "answers.sqlite") as base:
        base.execute("update answers set value = ?", (b'{"files":1}',))
    cache = AnswerCache(keep, b"v1")
    assert cache.read(key) is None
    cache.close()


def test_files_that_were_just_changed_and_folders_of_others_are_not_trusted(target: Path, keep: Path) -> None:
    status = (target / "a.bin").stat()
    assert not was_left_alone(status, status.st_ctime_ns + 10**9)
    assert was_left_alone(status, status.st_ctime_ns + 3 * 10**9)
    keep.mkdir()
    keep.chmod(0o777)
    assert paths(scanned(target, settings(keep=keep))) == FOUND
    assert list(keep.iterdir()) == []


def test_a_scan_that_is_interrupted_leaves_no_process_behind(target: Path) -> None:
    (target / "hangs").write_bytes(b"x")
    code = (
        "import sys, pathlib; from passerby.scan import *; print('go', flush=True); "
        "scan_target(pathlib.Path(sys.argv[1]), ScanSettings(workers=2, keep=None), readers=sys.argv[2])"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    command = [sys.executable, "-P", "-c", code, str(target), READERS]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    ) as ran:
        try:
            deadline = time.monotonic() + 60
            while not (workers := children(ran.pid)) and time.monotonic() < deadline:
                pass
            ran.send_signal(signal.SIGINT)
            _, said = ran.communicate(timeout=60)
        finally:
            ran.kill()
    assert ran.returncode == -signal.SIGINT, said
    assert said.rstrip().endswith(b"KeyboardInterrupt")
    assert workers
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def children(pid: int) -> list[str]:
    return [child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def test_progress_is_told(target: Path) -> None:
    told: list[Progress] = []
    scan_target(target, settings(), told.append, readers=READERS)
    assert told[0].files >= 1
    assert told[0].current
    assert [one.files for one in told] == sorted(one.files for one in told)


SUPPRESSIONS = """
suppressions:
  - component: mark
    path: "**/*.bin"
    reason: sample files of our own
    until: 2999-12-31
  - path: m.pt
    reason: long over
    until: 2001-01-01
"""


def test_suppressed_findings_are_shown_with_their_reason_and_ended_ones_count_again(target: Path) -> None:
    file = target.parent / "known.yaml"
    file.write_text(SUPPRESSIONS)
    result = scanned(target, settings(suppressions=file))
    assert paths(result) == ["m.pt"]
    assert [(one.path, reason) for one, reason in result.suppressed] == [
        (path, "sample files of our own (until 2999-12-31)") for path in FOUND if path != "m.pt"
    ]
    assert reasons(result) == {
        "suppressions:7": "the suppression of m.pt ended on 2001-01-01 and counts no more: long over"
    }


def test_a_suppression_covers_a_finding_only_with_all_places_that_show_it(tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text(SUPPRESSIONS)
    known = read_suppressions(tmp_path / "known.yaml")
    found = replace(finding("a.bin"), evidence=(Evidence("a.bin", "x"), Evidence("src/a.py", "x")))
    joining = Joining("t")
    joining.add(FileAnswers(findings=[found]))
    assert joining.result(known, date(2026, 1, 1)).findings == (found,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("suppressions:\n  - component: a\n    reason: b\n    til: 2999-01-01", "4: key must be one of"),
        ("suppressions:\n  - component: a\n    until: 2999-01-01", "2: a suppression must have a reason"),
        ("suppressions:\n  - reason: a\n    until: 2999-01-01", "2: a suppression must have a component or a path"),
        ("suppressions:\n  - component: a\n    reason: b\n    until: soon", "2: a suppression must have an end date"),
        ("suppressions:\n  - component: a\n    component: b", "3: key must stand once"),
        ("suppress: []", "1: key must be one of suppressions"),
        ("suppressions: {}", "1: suppressions must be a list"),
        ("suppressions:\n  - a", "2: component and path"),
        ("a: [", "2: suppressions must be YAML, got: did not find expected node content"),
        ("- a", "1: suppressions must stand here"),
    ],
)
def test_a_wrong_file_of_suppressions_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "known.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_suppressions(tmp_path / "known.yaml")
    assert f"known.yaml:{said}" in caught.value.message


def test_what_shows_one_component_in_several_ways_says_so_and_weights_that_are_there_are_held() -> None:
    package = replace(finding("lock"), kind=FindingKind.PACKAGE, weights=Weights.FETCHED, note="Free for research.")
    call = replace(finding("a.py"), kind=FindingKind.CALL)
    other = replace(finding("z"), component="other")
    joining = Joining("t")
    joining.add(FileAnswers(findings=[finding("m.bin"), package, call, other]))
    found = {one.path: one for one in joining.result((), date(2026, 1, 1)).findings}
    assert found["lock"].weights is Weights.HELD
    assert found["lock"].note == "Free for research. The same component is found here as weights and call"
    assert found["a.py"].note == "The same component is found here as package and weights"
    assert found["z"] == other


@pytest.mark.parametrize("count", [1, 3])
def test_processes_that_were_given_nothing_end(count: int) -> None:
    """As where the target is missing: each waits for a job, and each has to be told."""
    pool = WorkerPool("tests.scan_readers:READERS", ScanSettings(keep=None), count)
    closing = threading.Thread(target=pool.close, daemon=True)
    closing.start()
    closing.join(timeout=60)
    assert not closing.is_alive()


def image_files(*layers: bytes, oci: bool) -> dict[str, bytes]:
    """Return the files of an image as `docker save` or an OCI layout write them."""
    blobs = {f"blobs/sha256/{hashlib.sha256(one).hexdigest()}": one for one in layers}
    if not oci:
        return blobs | {"manifest.json": json.dumps([{"Config": "c.json", "Layers": list(blobs)}]).encode()}
    told = {"schemaVersion": 2, "layers": [{"digest": path.replace("/", ":")[6:]} for path in blobs]}
    manifest = json.dumps(told).encode()
    return blobs | {f"blobs/sha256/{hashlib.sha256(manifest).hexdigest()}": manifest, "index.json": b"{}"}


def image_at(target: Path, files: dict[str, bytes], *, folder: bool) -> Path:
    """Write the files of an image as a folder or as one tar."""
    if not folder:
        target.write_bytes(tarred(*files.items()))
        return target
    for name, data in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)
    return target


@pytest.mark.parametrize("oci", [False, True])
@pytest.mark.parametrize("folder", [False, True])
def test_what_a_later_layer_of_an_image_deletes_is_found_and_says_so(
    tmp_path: Path, *, oci: bool, folder: bool
) -> None:
    low = tarred(*[(f"{at}/{n}.bin", MARK + at.encode()) for at in ("a", "b", "./c/d", "e") for n in (1, 2)])
    high = gzip.compress(tarred(("a/.wh.1.bin", b""), ("b/.wh..wh..opq", b""), ("b/3.bin", MARK), ("./.wh.c", b"")))
    target = image_at(tmp_path / "image", image_files(low, high, oci=oci), folder=folder)
    result = scanned(target, settings())
    deleted = {one.path.rpartition("!/")[2]: bool(one.note) for one in result.findings}
    assert deleted == {
        "a/1.bin": True,
        "a/2.bin": False,
        "b/1.bin": True,
        "b/2.bin": True,
        "b/3.bin": False,
        "./c/d/1.bin": True,
        "./c/d/2.bin": True,
        "e/1.bin": False,
        "e/2.bin": False,
    }
    assert {one.note for one in result.findings} == {
        "",
        "A later layer of the image deletes it, and it is still in there",
    }


@pytest.mark.parametrize("oci", [False, True])
@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_later_layer_of_an_image_replaces_is_found_and_says_so(
    tmp_path: Path, *, oci: bool, folder: bool, workers: int
) -> None:
    """The later file may be empty or of another kind, or stand where a folder was; each copy that lies below says so."""
    low = tarred(("./a/1.bin", MARK), ("a/2.bin", MARK), ("b/c/3.bin", MARK), ("d.zip", zipped(**{"x/4.bin": MARK})))
    middle = gzip.compress(tarred(("a/1.bin", b""), ("a/2.bin.txt", b""), ("b/c", b"no folder"), ("e/5.bin", MARK)))
    high = tarred(("./d.zip", b"no archive"), ("e/5.bin", MARK))
    target = image_at(tmp_path / f"{'0' * 64}.tar", image_files(low, middle, high, oci=oci), folder=folder)
    kept = settings(workers, keep=tmp_path / "kept")
    result = scanned(target, kept)
    said = "a later layer of the image replaces it, and it is still in there"
    told = [(one.path.split("!/", 2 - folder)[-1], one.evidence[0].what) for one in result.findings]
    assert {what for _, what in told} == {"the mark", f"the mark; {said}"}
    assert sorted((path, what.endswith(said)) for path, what in told) == [
        ("./a/1.bin", True),
        ("a/2.bin", False),
        ("b/c/3.bin", True),
        ("d.zip!/x/4.bin", True),
        ("e/5.bin", False),
        ("e/5.bin", True),
    ]
    assert {one.note for one in result.findings} == {""}
    assert scanned(target, kept) == result, "kept answers say the same"
