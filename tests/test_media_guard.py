"""Bare frames stay in the process: when it crashes, when others look into it, and while it works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from passerby.media.guard import System, protect_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is checked here is Linux's")

CRASH = """
    import ctypes, os, resource, signal, sys
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))  # as on a machine where dumps are wanted
    os.chdir(sys.argv[1])
    from pathlib import Path
    from passerby.media import protect_process, read_picture
    if sys.argv[2] == "guarded":
        protect_process()
    picture = read_picture(Path("a.png"))
    if sys.argv[3] == "forked" and os.fork():
        _, status = os.wait()
        os._exit(77 if os.WCOREDUMP(status) else 0)
    if sys.argv[3] == "abort":
        os.abort()
    if sys.argv[3] == "segfault":
        ctypes.string_at(0)
    os.kill(os.getpid(), signal.SIGQUIT)
"""


def crash(folder: Path, guarded: str, way: str) -> bool:
    """Crash a process that holds a picture; say whether the kernel dumped it."""
    Image.new("RGB", (64, 64), (1, 2, 3)).save(folder / "a.png")
    code = textwrap.dedent(CRASH)
    command = [sys.executable, "-X", "faulthandler=0", "-c", code, str(folder), guarded, way]
    pid = os.posix_spawn(sys.executable, command, os.environ)
    _, status = os.waitpid(pid, 0)
    if way == "forked":
        return os.waitstatus_to_exitcode(status) != 0
    assert os.WIFSIGNALED(status), "it crashed"
    return os.WCOREDUMP(status)


@pytest.mark.parametrize("way", ["abort", "segfault", "quit", "forked"])
def test_crashed_process_leaves_no_dump(tmp_path: Path, way: str) -> None:
    assert not crash(tmp_path, "guarded", way)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_the_same_crash_without_the_guard_leaves_one(tmp_path: Path) -> None:
    # shows that the test above can fail
    if not crash(tmp_path, "bare", "abort"):
        pytest.skip("this system dumps no core in any case")
    core_pattern = Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii").strip()
    if core_pattern == "core":
        assert any(path.name.startswith("core") for path in tmp_path.iterdir())


PEEK = """
    import ctypes, os
    from passerby.media import protect_process
    if os.getuid() == 0:  # root may look everywhere, so look as somebody else
        os.setgid(65534)
        os.setuid(65534)
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
    def seen_by_another():
        child = os.fork()
        if child == 0:
            try:
                open(f"/proc/{os.getppid()}/mem", "rb").close()
            except OSError:
                os._exit(0)
            os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    before = seen_by_another()
    protect_process()
    print(before, seen_by_another())
"""


def test_other_programs_of_the_user_cannot_read_the_memory() -> None:
    command = [sys.executable, "-c", textwrap.dedent(PEEK)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    before, after = result.stdout.split()
    assert after == "0"
    if before == "0":
        pytest.skip("this system forbids looking into other processes in any case")


def test_it_says_what_holds() -> None:
    code = """
        import ctypes, resource
        from passerby.media import protect_process
        dumpable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
        print(dumpable())
        first, second = protect_process(), protect_process()
        print(first == second, first.whole, first.missing, dumpable())
        print(resource.getrlimit(resource.RLIMIT_CORE))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.splitlines() == ["1", "True True () 0", "(0, 0)"]


def test_systems_that_lack_it_are_told() -> None:
    protection = protect_process(System(platform="win32", resource=None))
    assert not protection.whole
    assert not protection.core_dumps_off
    assert len(protection.missing) == 2
    assert all(":" in sentence for sentence in protection.missing)


def test_refusal_by_the_system_is_told_and_not_raised() -> None:
    def refuse(*_args: object) -> None:
        raise OSError(1, "not permitted")

    failing = SimpleNamespace(RLIMIT_CORE=4, setrlimit=refuse, getrlimit=lambda _: (1, 1))
    protection = protect_process(System(resource=failing, prctl=lambda *_: -1))
    assert not protection.core_dumps_off
    assert len(protection.missing) == 2


# --- while it works ---

WORK = """
    import sys
    from pathlib import Path
    from passerby.files import atomic_file
    from passerby.media import protect_process, read_picture, write_picture
    protect_process()
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    picture = read_picture(source)
    picture.rgb[:] = 112
    with atomic_file(target, overwrite=False, inputs=[source]) as beside:
        write_picture(picture, beside)
"""
LITTER = """
    import sys, tempfile
    from pathlib import Path
    with tempfile.TemporaryFile() as file:
        file.write(b"bare")
    Path(sys.argv[2]).write_bytes(b"")
"""
_OPENED = re.compile(r'(?:openat|open|creat)\((?:AT_FDCWD, )?"([^"]*)", ([A-Z_|0-9]+)')
_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE")


def written_paths(code: str, source: Path, target: Path, trace: Path) -> set[str]:
    """Every path that a program opens for writing or makes, by any library, as the kernel sees it."""
    strace = shutil.which("strace")
    if strace is None:
        if os.environ.get("CI"):
            pytest.fail("strace is missing: run scripts/install-test-tools")
        pytest.skip("strace is missing: run scripts/install-test-tools")
    calls = "trace=open,openat,openat2,creat,memfd_create,mkdir,mkdirat,mknod,mknodat,symlink,symlinkat,truncate"
    command = [strace, "-f", "-qq", "-o", str(trace), "-e", calls, sys.executable, "-B", "-c", textwrap.dedent(code)]
    result = subprocess.run(
        [*command, str(source), str(target)], capture_output=True, text=True, timeout=120, check=False
    )
    if "ptrace" in result.stderr and "ermitted" in result.stderr:
        pytest.skip("this system forbids tracing")
    assert result.returncode == 0, result.stderr
    text = trace.read_text(encoding="utf-8", errors="replace")
    assert str(target.parent) in text, "the trace was read"
    made = {line for line in text.splitlines() if re.search(r"(memfd_create|mk\w+|symlink\w*|truncate)\(", line)}
    return {path for path, flags in _OPENED.findall(text) if _WRITING.search(flags)} | made


@pytest.mark.tool
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_nothing_is_written_but_the_output(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (300, 200), (9, 8, 7)).save(folder / f"a{suffix}")
    written = written_paths(WORK, folder / f"a{suffix}", folder / f"b{suffix}", tmp_path / "trace")
    others = {path for path in written if path != "/dev/null"}
    assert len(others) == 1, others
    assert re.fullmatch(rf"{folder}/\.passerby-[0-9a-f]{{32}}\{suffix}", others.pop())
    assert sorted(path.name for path in folder.iterdir()) == [f"a{suffix}", f"b{suffix}"]


@pytest.mark.tool
def test_a_temporary_file_would_be_noticed(tmp_path: Path) -> None:
    # shows that the test above can fail
    (tmp_path / "in").write_bytes(b"")
    written = written_paths(LITTER, tmp_path / "in", tmp_path / "out", tmp_path / "trace")
    assert len(written) > 1
