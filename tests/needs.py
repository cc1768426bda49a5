"""What tests need besides the package, pytest and hypothesis. Where it is missing they skip, with the reason; in CI they fail."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TOOLS = "run scripts/install-test-tools"
EXTRA = "install the dev extra"
NO_SANDBOX = "--no-sandbox"
"""With its sandbox Chromium does not start for the administrator, nor in most containers."""


def missing(what: str, then: str = TOOLS) -> NoReturn:
    """Skip the test, or fail it in CI."""
    text = f"{what}: {then}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def program(*names: str) -> str:
    """Return the path of the first of some programs that is there."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    missing(f"{' or '.join(names)} is not installed")


def module(name: str) -> ModuleType:
    """Return a module of the dev extra."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"{name} is not installed", EXTRA)


def node_tools(*packages: str) -> tuple[str, Path]:
    """Return Node and the folder in which packages of npm are installed for tests."""
    node, folder = program("node"), Path(__file__).parent / "node"
    for name in packages:
        if not (folder / "node_modules" / name).is_dir():
            missing(f"{name} of npm is not installed")
    return node, folder


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Start Chromium, that of ``PASSERBY_CHROMIUM`` or the system's, with further arguments."""
    playwright = module("playwright.sync_api")
    path = os.environ.get("PASSERBY_CHROMIUM") or program("chromium", "chromium-browser", "google-chrome")
    if not Path(path).is_file():
        missing(f"{path} is not there")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=[NO_SANDBOX, *arguments])
        yield browser
        browser.close()
