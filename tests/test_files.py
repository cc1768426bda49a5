"""A file appears whole or not at all, whatever step fails."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from passerby.errors import OutputError, PasserbyError, UsageError
from passerby.files import HIDDEN_PREFIX, FileSystem, atomic_file, check_target, umask, unwind_on_signals, write_atomic


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(target: Path, *, overwrite: bool = False, data: bytes = b"new", system: FileSystem | None = None) -> None:
    write_atomic(target, data, overwrite=overwrite, system=system or FileSystem())


def inside(
    target: Path, work: Callable[[Path], None], *, overwrite: bool = False, system: FileSystem | None = None
) -> None:
    with atomic_file(target, overwrite=overwrite, system=system or FileSystem()) as beside:
        work(beside)


def failing(number: int, *steps: str) -> FileSystem:
    """Return a system that refuses some steps."""

    def fail(*_args: object) -> None:
        raise OSError(number, os.strerror(number))

    class Failing(FileSystem):
        def __getattribute__(self, name: str) -> object:
            return fail if name in steps else super().__getattribute__(name)

    return Failing()


def test_file_appears_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    with atomic_file(target, overwrite=False) as beside:
        beside.write_bytes(b"new")
        assert not target.exists()
        assert beside.parent == tmp_path
        assert beside.suffix == ".mp4"
        assert beside.name.startswith(HIDDEN_PREFIX)
        assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["a.mp4"]


def test_hidden_name_is_new_each_time(tmp_path: Path) -> None:
    seen = set()
    for number in range(5):
        with atomic_file(tmp_path / f"{number}.png", overwrite=False) as beside:
            seen.add(beside.stem)
    assert len(seen) == 5
    assert all(len(name) == len(HIDDEN_PREFIX) + 32 for name in seen)


def test_mode_is_what_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640


def test_umask_is_read_where_proc_is_missing(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert umask(tmp_path / "no such file") == umask() == 0o027
        assert os.umask(0o027) == 0o027, "the umask is as it was"
    finally:
        os.umask(before)


def test_mode_may_be_narrower(tmp_path: Path) -> None:
    write_atomic(tmp_path / "key.pem", b"secret", mode=0o600)
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError, OSError])
def test_nothing_is_left_when_the_block_fails(tmp_path: Path, error: type[BaseException]) -> None:
    def fail(beside: Path) -> None:
        beside.write_bytes(b"half")
        raise error

    with pytest.raises(error):
        inside(tmp_path / "a.png", fail)
    assert names(tmp_path) == []


def test_old_file_stays_when_the_block_fails(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"old")

    def fail(beside: Path) -> None:
        beside.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inside(target, fail, overwrite=True)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a.png"]


def test_existing_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    with pytest.raises(UsageError, match="exists already") as refusal:
        write(target)
    assert "--overwrite" in str(refusal.value.hint)
    assert target.read_bytes() == b"old"
    write(target, overwrite=True)
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("links", [True, False], ids=["disk with links", "disk without links"])
def test_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path, links: bool) -> None:
    system = FileSystem() if links else failing(errno.EPERM, "link")
    target = tmp_path / "a.png"

    def race(beside: Path) -> None:
        beside.write_bytes(b"ours")
        target.write_bytes(b"theirs")

    with pytest.raises(UsageError, match="exists already"):
        inside(target, race, system=system)
    assert target.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.png"]


def test_disk_without_links_works_too(tmp_path: Path) -> None:
    write(tmp_path / "a.png", system=failing(errno.EOPNOTSUPP, "link"))
    assert (tmp_path / "a.png").read_bytes() == b"new"
    assert names(tmp_path) == ["a.png"]


def test_output_that_is_an_input_is_refused_by_any_of_its_names(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    source.write_bytes(b"bare")
    (tmp_path / "hard.png").hardlink_to(source)
    (tmp_path / "soft.png").symlink_to(source)
    (tmp_path / "folder").symlink_to(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ["in.png", "hard.png", "soft.png", "folder/in.png", "sub/../in.png"]:
        with (
            pytest.raises(UsageError, match="output must not be an input"),
            atomic_file(tmp_path / name, overwrite=True, inputs=[source]) as beside,
        ):
            beside.write_bytes(b"never")
    assert source.read_bytes() == b"bare"


def test_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other.png").write_bytes(b"other")
    (tmp_path / "a.png").symlink_to(tmp_path / "other.png")
    with pytest.raises(UsageError, match="exists already"):
        write(tmp_path / "a.png")
    write(tmp_path / "a.png", overwrite=True)
    assert (tmp_path / "other.png").read_bytes() == b"other"
    assert not (tmp_path / "a.png").is_symlink()


def test_dangling_link_counts_as_existing(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="exists already"):
        write(tmp_path / "a.png")
    assert not (tmp_path / "nowhere").exists()


def test_folders_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for target, word in [
        (tmp_path / "folder.png", "a folder"),
        (tmp_path / "pipe.png", "pipe"),
        (Path("/dev/null"), "device"),
    ]:
        with pytest.raises(UsageError, match=word):
            write(target, overwrite=True)


def test_missing_folder_is_named_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"no such folder: .*nowhere"):
        check_target(tmp_path / "nowhere" / "a.png", overwrite=False)


def test_too_long_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write") as refusal:
        write(tmp_path / ("a" * 300 + ".png"))
    assert "shorter" in str(refusal.value.hint)


def test_longest_name_that_the_disk_takes_works(tmp_path: Path) -> None:
    target = tmp_path / ("a" * 251 + ".png")
    write(target)
    assert target.read_bytes() == b"new"


NEW_STEPS = ("create", "flush", "give_mode", "link", "flush_folder")
OLD_STEPS = ("create", "flush", "give_mode", "rename")


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize(("overwrite", "step"), [(False, s) for s in NEW_STEPS] + [(True, s) for s in OLD_STEPS])
def test_each_step_that_fails_leaves_nothing(tmp_path: Path, step: str, number: int, overwrite: bool) -> None:
    target = tmp_path / "a.png"
    if overwrite:
        target.write_bytes(b"old")
    with pytest.raises(OutputError, match=f"cannot write .*{os.strerror(number)}") as refusal:
        write(target, overwrite=overwrite, system=failing(number, step))
    assert (refusal.value.hint is None) == (number == errno.EIO)
    if number in {errno.ENOSPC, errno.EDQUOT}:
        assert "free space" in str(refusal.value.hint)
    assert names(tmp_path) == (["a.png"] if overwrite else [])
    assert not overwrite or target.read_bytes() == b"old"


def test_folder_that_cannot_be_flushed_is_an_error_even_when_the_old_file_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"old")
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path / "a.png", overwrite=True, system=failing(errno.EIO, "flush_folder"))
    assert (tmp_path / "a.png").read_bytes() == b"new", "whole, though its name may be lost by a power cut"
    assert names(tmp_path) == ["a.png"]


def test_disk_that_knows_no_flushing_of_folders_is_no_error(tmp_path: Path) -> None:
    write(tmp_path / "a.png", system=failing(errno.EINVAL, "flush_folder"))
    assert names(tmp_path) == ["a.png"]


def test_disk_without_modes_is_no_error(tmp_path: Path) -> None:
    write(tmp_path / "a.png", system=failing(errno.EPERM, "give_mode"))
    assert names(tmp_path) == ["a.png"]
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o600, "rather too private than too open"


def test_disk_that_fills_up_while_writing_says_what_to_do(tmp_path: Path) -> None:
    def fill(beside: Path) -> None:
        beside.write_bytes(b"half")
        with Path("/dev/full").open("wb") as full:  # a real refusal by the kernel
            full.write(b"x")

    with pytest.raises(OutputError, match="No space left on device") as refusal:
        inside(tmp_path / "a.mp4", fill)
    assert "free space" in str(refusal.value.hint)
    assert names(tmp_path) == []


def test_reserved_name_is_given_back_when_the_rename_fails(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write(tmp_path / "a.png", system=failing(errno.EPERM, "link", "rename"))
    assert names(tmp_path) == []


CHILD = """
    import signal, sys
    from pathlib import Path
    from passerby.files import atomic_file
    with atomic_file(Path(sys.argv[1]), overwrite=False) as beside:
        beside.write_bytes(b"half")
        print("writing", flush=True)
        signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda n: n.name)
def test_stopped_process_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path / "a.mp4")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        assert len(names(tmp_path)) == 1
        child.send_signal(number)
        code = child.wait(30)
    assert code in ({130, -signal.SIGINT} if number == signal.SIGINT else {128 + number})
    assert names(tmp_path) == []


def test_killed_process_leaves_no_half_output_under_the_name(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path / "a.mp4")], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        child.kill()
        child.wait(30)
    assert not (tmp_path / "a.mp4").exists()
    assert all(name.startswith(HIDDEN_PREFIX) for name in names(tmp_path))


def test_file_larger_than_the_limit_is_an_output_error(tmp_path: Path) -> None:
    code = """
        import resource, sys
        from pathlib import Path
        from passerby.errors import OutputError
        from passerby.files import atomic_file
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            with atomic_file(Path(sys.argv[1]), overwrite=False) as beside:
                beside.write_bytes(bytes(5000))
        except OutputError as error:
            print(error.message, "|", error.hint)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "a.mp4")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "File too large" in result.stdout
    assert "ulimit" in result.stdout
    assert names(tmp_path) == []


def test_handlers_of_others_are_left_alone() -> None:
    def mine(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, mine)
    try:
        with unwind_on_signals():
            assert signal.getsignal(signal.SIGTERM) is mine
            assert signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_other_threads_write_whole_files_too(tmp_path: Path) -> None:
    errors: list[PasserbyError] = []

    def work() -> None:
        try:
            write(tmp_path / "a.png")
        except PasserbyError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not errors
    assert (tmp_path / "a.png").read_bytes() == b"new"


def test_of_many_writers_one_wins_and_the_others_are_told(tmp_path: Path) -> None:
    refused: list[UsageError] = []

    def work(number: int) -> None:
        try:
            write(tmp_path / "a.png", data=bytes([number]) * 1000)
        except UsageError as error:
            refused.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = (tmp_path / "a.png").read_bytes()
    assert len(refused) == 7
    assert data == data[:1] * 1000
    assert names(tmp_path) == ["a.png"]


def test_hidden_files_of_killed_runs_are_removed_after_a_day(tmp_path: Path) -> None:
    hidden = [f"{HIDDEN_PREFIX}{'0' * 31}{number}.mp4" for number in range(2)]
    others = [f"{HIDDEN_PREFIX}notes.txt", ".hidden", "a.mp4"]
    for name in [*hidden, *others]:
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / hidden[1]).touch()  # somebody writes to it
    write(tmp_path / "b.mp4")
    assert names(tmp_path) == sorted([hidden[1], *others, "b.mp4"])
