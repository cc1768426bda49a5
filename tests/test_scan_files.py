from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from passerby.errors import ScanError
from passerby.scan.files import DiskFile, Walked, shown_path, walk_target
from passerby.scan.values import Unread

MIB = 1 << 20


def walked(target: Path) -> tuple[list[str], dict[str, str]]:
    files: list[str] = []
    unread: dict[str, str] = {}
    for one in walk_target(target):
        if isinstance(one, Walked):
            files.append(one.path)
        else:
            unread[one.path] = one.reason
    return files, unread


def test_a_folder_is_walked_in_order_and_a_file_is_itself(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a", "c/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert walked(tmp_path) == (["a", "b/1", "b/2", "c/d/e"], {})
    assert walked(tmp_path / "b/2") == (["2"], {})
    with pytest.raises(ScanError, match="target must exist, got"):
        walked(tmp_path / "none")


def test_links_are_not_followed_and_those_that_leave_the_target_are_named(tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "target"
    (target / "inner").mkdir(parents=True)
    outside.mkdir()
    (outside / "model.onnx").write_bytes(b"x")
    (target / "inner/real").write_bytes(b"x")
    (target / "again").symlink_to("inner/real")
    (target / "loop").symlink_to(".")
    (target / "as-root").symlink_to("/inner/real")
    (target / "out").symlink_to(outside)
    (target / "up").symlink_to("../outside/model.onnx")
    (target / "broken").symlink_to("nowhere")
    (target / "self").symlink_to("self")
    files, unread = walked(target)
    assert files == ["inner/real"]
    assert set(unread) == {"out", "up", "broken", "self"}
    assert unread["up"] == "a link out of the target, to ../outside/model.onnx: not followed"
    assert unread["broken"].startswith("a link that leads nowhere")


def test_what_is_no_file_is_named_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # names of sockets are short
        try:
            server.bind("sock")
        finally:
            os.chdir(here)
    (tmp_path / "file").write_bytes(b"")
    assert walked(tmp_path) == (["file"], {"fifo": "a FIFO: not opened", "sock": "a socket: not opened"})


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    assert walked(tmp_path)[1]["closed"].startswith("the folder cannot be read")


def test_names_that_are_no_text_are_escaped_and_long_ones_shortened(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff\x1b[31m.py", os.O_CREAT | os.O_WRONLY))
    (one,) = [found for found in walk_target(tmp_path) if isinstance(found, Walked)]
    assert DiskFile(one.where, one.path).path == "\\udcff\\x1b[31m.py"
    assert len(shown_path("a/" * 5000 + "x.onnx")) < 2100
    assert shown_path("a/" * 5000 + "x.onnx").endswith("/x.onnx")


def test_a_file_on_a_disk_answers_as_it_is(tmp_path: Path) -> None:
    for size in (0, 1, 4096, 65_535, 65_536, 65_537, MIB):
        data = os.urandom(size)
        (tmp_path / "f").write_bytes(data)
        file = DiskFile(tmp_path / "f", "f")
        assert file.head() == data[:4096]
        assert file.head(100_000) == data[:100_000]
        assert file.read(size) == data
        with file.open() as stream:
            stream.seek(size // 2)
            assert stream.read() == data[size // 2 :]
        if size:
            with pytest.raises(ScanError, match="at most"):
                file.read(size - 1)


def test_a_file_that_became_a_link_or_fifo_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)
    file = DiskFile(tmp_path / "f", "f")
    (tmp_path / "f").unlink()
    os.mkfifo(tmp_path / "f")
    with pytest.raises(OSError, match="no regular file"):
        file.head()
    with pytest.raises(OSError, match="no regular file"):
        DiskFile(tmp_path / "f", "f")


def test_folders_of_the_kernel_are_named_and_not_walked(tmp_path: Path) -> None:
    (tmp_path / "t/pro c").mkdir(parents=True)
    (tmp_path / "t/pro c/kcore").write_bytes(b"x")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"25 1 0:23 / {tmp_path}/t/pro\\040c rw,nosuid - proc proc rw\n")
    found = list(walk_target(tmp_path / "t", mounts))
    assert found == [Unread("pro c", "the kernel makes it up (proc): not read", hides=False)]
