"""What runs on this machine, seen by its files: made-up processes, told of as Linux does, and a real one."""

from __future__ import annotations

import mmap
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scan_results import DIGEST, NOW

from passerby.cli.scan.options import ScanOptions
from passerby.cli.scan.running import scan_all
from passerby.errors import ScanError
from passerby.scan import FindingKind, Rating, ScanReport, ScanSettings, report_to_text, scan_host
from passerby.scan.host.processes import HostProcess, files_of

LINUX = pytest.mark.skipif(platform.system() != "Linux", reason="processes are told so by Linux alone")
QUIET = ScanSettings(workers=0, keep=None)
SECRET = "--password=hunter2"


class Machine:
    """A folder like ``/proc``, and the disk that its processes see."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.disk = folder / "proc", folder / "disk"
        self.proc.mkdir()
        self.disk.mkdir()

    def file(self, path: str, data: bytes = b"") -> str:
        where = self.disk / path.lstrip("/")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(data)
        return path

    def process(
        self, pid: int, name: str, *mapped: str, program: str = "", opened: tuple[str, ...] = (), flags: int = 0
    ) -> Path:
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_bytes(name.encode("utf-8", "surrogateescape") + b"\n")
        (folder / "stat").write_text(f"{pid} ({name}) S 1 1 1 0 -1 {flags} 0 0\n", errors="surrogateescape")
        lines = [f"7f00-7f01 r--p 00000000 fe:00 {100 + i}   {path}\n" for i, path in enumerate(mapped)]
        (folder / "maps").write_text("".join([*lines, "7f02-7f03 rw-p 00000000 00:00 0  [heap]\n"]))
        (folder / "cmdline").write_text(f"{name}\0{SECRET}\0")
        (folder / "environ").write_text(f"TOKEN={SECRET}\0")
        (folder / "root").symlink_to(self.disk)
        if program:
            (folder / "exe").symlink_to(program)
        for number, path in enumerate(opened):
            (folder / "fd" / str(number)).symlink_to(path)
        return folder


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_mapped_run_and_open_files_are_listed_once_with_all_who_have_them(machine: Machine) -> None:
    shared, model = machine.file("/lib/libface.so"), machine.file("/data/net.onnx")
    program = machine.file("/usr/bin/vms")
    machine.process(7, "vms", shared, program=program, opened=(model, "/dev/null", "socket:[5]", "/gone"))
    machine.process(9, "web", shared, shared)
    files, gaps = files_of(machine.proc, 1)
    assert [(file.path, sorted(file.users)) for file in files] == [
        (model, [HostProcess("vms", 7)]),
        (shared, [HostProcess("vms", 7), HostProcess("web", 9)]),
        (program, [HostProcess("vms", 7)]),
    ]
    assert gaps == []


def test_this_process_and_the_kernel_are_left_out(machine: Machine) -> None:
    path = machine.file("/lib/a.so")
    machine.process(5, "passerby", path)
    machine.process(2, "kthreadd", path, flags=0x0020_8040)
    assert files_of(machine.proc, 5) == ([], [])


def test_what_cannot_be_seen_is_named(machine: Machine) -> None:
    hidden = machine.process(7, "other")
    (hidden / "maps").unlink()
    (hidden / "maps").mkdir()  # stands for what the system refuses: root may read any file
    machine.process(8, "old", "/lib/libface.so (deleted)")
    files, gaps = files_of(machine.proc, 1)
    assert files == []
    assert [(gap.process.name, gap.path, "deleted" in gap.reason) for gap in gaps] == [("old", "/lib/libface.so", True)]


def test_a_name_that_paints_the_terminal_is_escaped(machine: Machine) -> None:
    path = machine.file("/lib/\u202ea\x1b.so")
    machine.process(7, "\x1b[2J\u202eevil", path)
    files, _ = files_of(machine.proc, 1)
    assert [file.path for file in files] == ["/lib/\\u202ea\\x1b.so"]
    assert next(iter(files[0].users)).name == "\\x1b[2J\\u202eevil"


METADATA = b"Metadata-Version: 2.1\nName: insightface\nVersion: 0.7.3\n"


@pytest.fixture
def running(machine: Machine) -> Machine:
    site = "/opt/vms/lib/python3.11/site-packages"
    machine.file(f"{site}/insightface-0.7.3.dist-info/METADATA", METADATA)
    machine.file(f"{site}/insightface-0.7.3.dist-info/RECORD", b"insightface/x.so,,\n_mesh3d.so,,\n")
    library = machine.file(f"{site}/_mesh3d.cpython-311.so", b"\x7fELF")
    machine.process(70, "python3", library)
    machine.process(71, "python3", library)
    machine.process(80, "sleep", machine.file("/bin/sleep", b"\x7fELF"))
    return machine


def test_a_loaded_library_leads_to_its_package_and_process(running: Machine) -> None:
    result = scan_host(QUIET, proc=running.proc)
    assert [(one.kind, one.title, one.path, one.rating) for one in result.findings] == [
        (FindingKind.PROCESS, "InsightFace", "python3 (pid 70, 71)", Rating.IDENTIFIES)
    ]
    assert result.findings[0].evidence[0].path.endswith("insightface-0.7.3.dist-info/METADATA")
    assert result.target == "this machine"
    text = report_to_text(ScanReport((result,), NOW, DIGEST))
    assert "Running in python3 (pid 70, 71)" in text, "a report says which process"
    assert SECRET not in repr(result)


def test_the_same_path_in_two_containers_is_two_files(running: Machine, tmp_path: Path) -> None:
    (tmp_path / "container").mkdir()
    other = Machine(tmp_path / "container")
    site = "/opt/vms/lib/python3.11/site-packages"
    other.file(f"{site}/deepface-0.0.93.dist-info/METADATA", METADATA.replace(b"insightface", b"deepface"))
    other.file(f"{site}/deepface-0.0.93.dist-info/RECORD", b"_mesh3d.so,,\n")
    library = other.file(f"{site}/_mesh3d.cpython-311.so", b"\x7fELF")
    folder = running.process(90, "api", library)
    (folder / "root").unlink()
    (folder / "root").symlink_to(other.disk)
    result = scan_host(QUIET, proc=running.proc)
    assert {(one.title, one.path) for one in result.findings} == {
        ("InsightFace", "python3 (pid 70, 71)"),
        ("DeepFace", "api (pid 90)"),
    }


def test_other_systems_are_told_so(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="--host must run on Linux, got Darwin"):
        scan_host(QUIET, system="Darwin")
    with pytest.raises(ScanError, match="processes must be readable"):
        scan_host(QUIET, proc=tmp_path / "none", system="Linux")


@pytest.fixture
def real(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start a program that maps one file and holds another open."""
    site = tmp_path / "site-packages"
    info = site / "insightface-0.7.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_bytes(METADATA)
    (site / "insightface").mkdir()
    mapped = site / "insightface" / "mesh.so"
    mapped.write_bytes(b"\x7fELF" + bytes(mmap.PAGESIZE))
    program = (
        "import mmap, sys\nf = open(sys.argv[1], 'rb')\nm = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)\nf.close()\n"
        "g = open(sys.argv[2], 'rb')\nprint('ready', flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(mapped), str(info / "METADATA"), SECRET]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout
        assert started.stdout.readline() == b"ready\n"
        yield started, site
        started.kill()


@LINUX
def test_a_real_process_shows_what_it_has_mapped_and_open(real: tuple[subprocess.Popen[bytes], Path]) -> None:
    started, site = real
    files, _ = files_of(Path("/proc"), os.getpid())
    having = {file.path for file in files if any(user.pid == started.pid for user in file.users)}
    assert {str(site / "insightface" / "mesh.so"), str(site / "insightface-0.7.3.dist-info" / "METADATA")} <= having
    assert any("python" in Path(path).name for path in having), "its program"


def test_the_command_scans_targets_and_the_machine(running: Machine, tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()
    options = ScanOptions(targets=[tmp_path / "clean"], host=True, workers=0)
    results, failed = scan_all(options, lambda settings, told: scan_host(settings, told, proc=running.proc))
    assert [result.target for result in results] == [str(tmp_path / "clean"), "this machine"]
    assert not failed
    assert [len(result.findings) for result in results] == [0, 1]
