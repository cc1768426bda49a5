"""Nothing bare reaches a disk while a clip is chosen, dropped, veiled and looked at: watched in the system and in the browser."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.deadlines import killed_after
from tests.desk_site import drop_file
from tests.needs import NO_SANDBOX, module, program

from passerby.veil.tools.demo_clip import demo_clip

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.tool]
LIMIT_MS = 120_000
FETCH = "async (url) => btoa(String.fromCharCode(...new Uint8Array(await (await fetch(url)).arrayBuffer())))"
_OPENED = re.compile(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]*)", ([A-Z_|0-9]+)[^=]*= \d+')
_MADE = re.compile(r'(?:rename|link|symlink)\w*\(.*"([^"]*)"[^"]*= 0')


class WithAll(subprocess.Popen[str]):
    """A program in a session of its own, killed with all that it started: what is traced goes on without its tracer."""

    def kill(self) -> None:
        """Kill all of it, also what is left when it has ended itself."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


@contextmanager
def traced_desk(home: Path, trace: Path) -> Iterator[str]:
    """Start a desk whose calls are written down, with those of all it starts; yield its address."""
    known = {
        "PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home / "tmp"), "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONDONTWRITEBYTECODE": "1", "CACHE_DIRECTORY": os.environ["CACHE_DIRECTORY"],
    }  # fmt: skip
    calls = "trace=open,openat,openat2,creat,memfd_create,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mknod,mknodat"
    command = [
        program("strace"),
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-s",
        "4096",
        "-o",
        str(trace),
        "-e",
        calls,
        sys.executable,
        "-P",
        "-m",
    ]
    command += ["passerby", "desk", "--no-browser"]
    with WithAll(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=known, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stderr
        with killed_after(process, 120):
            address = process.stdout.readline().removeprefix("desk: ").strip()
        try:
            if not address and "ermitted" in process.stderr.read():
                pytest.skip("this system forbids tracing")
            yield address
            with killed_after(process, 60):
                said = process.stderr.read()
            assert process.wait() == 0, said
        finally:
            process.kill()


def look(page: Page) -> bytes:
    """Look at the result and, for as long as the key is held, at the original; return what came of that."""
    page.wait_for_selector("body[data-ready]")
    page.locator("#stage").focus()
    page.keyboard.press("ArrowRight")
    with page.expect_response(lambda one: "of=original" in one.url) as found:
        page.keyboard.down("o")
    page.wait_for_selector("#bare:not([hidden])")
    answer = found.value
    assert answer.headers["cache-control"] == "no-store"
    page.keyboard.up("o")
    shown = base64.b64decode(page.evaluate(FETCH, answer.url))
    assert shown.startswith(b"\xff\xd8"), "a picture"
    return shown


def written(trace: Path) -> set[Path]:
    """Return what was opened for writing, or made."""
    text = trace.read_text(encoding="utf-8", errors="replace")
    found = {name for name, flags in _OPENED.findall(text) if re.search("O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE", flags)}
    return {Path(name) for name in found | set(_MADE.findall(text))}


def test_nothing_bare_is_written_by_the_desk_or_kept_by_the_browser(tmp_path: Path) -> None:
    playwright = module("playwright.sync_api")
    chromium = os.environ.get("PASSERBY_CHROMIUM") or program("chromium", "chromium-browser", "google-chrome")
    home, profile, trace = tmp_path / "home", tmp_path / "profile", tmp_path / "trace"
    for folder in (home / "tmp", home / "Videos"):
        folder.mkdir(parents=True)
    demo_clip(home / "Videos" / "a.mp4", 0.5, (320, 192))
    demo_clip(tmp_path / "dropped.mp4", 0.25, (320, 192))
    with traced_desk(home, trace) as address, playwright.sync_playwright() as started:
        context = started.chromium.launch_persistent_context(profile, executable_path=chromium, args=[NO_SANDBOX])
        context.set_default_timeout(LIMIT_MS)
        page = context.pages[0]
        page.goto(address)
        page.click("text=Videos/")
        page.click("text=a.mp4")
        page.click("#files a.button")
        bare = [look(page)]
        page.goto(address.partition("/enter")[0])
        page.wait_for_selector("#entries li")
        drop_file(page, "dropped.mp4", (tmp_path / "dropped.mp4").read_bytes())
        page.locator("#files a.button").nth(1).click()
        bare.append(look(page))
        page.click("#end")
        page.wait_for_selector("text=The desk has ended")
        context.close()

    kept = b"".join(one.read_bytes() for one in profile.rglob("*") if one.is_file() and not one.is_symlink())
    assert address.split("/")[2].encode() in kept, "the profile is the one that was used"
    assert not [one for one in bare if one[len(one) // 2 :][:64] in kept], "no original in the browser's profile"

    networks = Path(os.environ["CACHE_DIRECTORY"])
    ours = {home / "Videos", home, home / "tmp"}
    strange = {
        path
        for path in written(trace)
        if path.parent not in ours
        and networks not in path.parents
        and path.parts[:2] not in {("/", "dev"), ("/", "proc")}
    }
    assert {path for path in strange if not str(path).startswith(str(home / "tmp" / "passerby-desk-"))} == set()
    assert [path for path in (home / "tmp").rglob("*") if path.exists()] == []
    left = {path.name for path in home.rglob("*") if path.is_file()}
    beside = {"", ".manifest.json", ".tracks.json"}
    outputs = {f"{name}_veiled.mp4{end}" for name in ("a", "dropped") for end in beside}
    projects = {f"{name}.mp4.desk{end}" for name in ("a", "dropped") for end in (".jsonl", ".tracks.json")}
    assert left == {"a.mp4"} | outputs | projects
    assert "memfd_create(" in trace.read_text(encoding="utf-8", errors="replace"), "what was dropped was held in memory"
