"""What an audit writes has names of its own, checked before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerby.cli.audit.outputs import check_outputs, write_outputs
from passerby.errors import UsageError


def test_one_name_for_two_outputs_is_refused(tmp_path: Path) -> None:
    check_outputs((tmp_path / "a.json", None, tmp_path / "a.html"), overwrite=False, inputs=[])
    with pytest.raises(UsageError, match="names of their own"):
        check_outputs((tmp_path / "a", tmp_path / "." / "a"), overwrite=True, inputs=[])


def test_what_is_not_asked_for_is_not_made(tmp_path: Path) -> None:
    def never() -> str:
        raise AssertionError("nobody asked")

    write_outputs([(None, never), (tmp_path / "a", lambda: "text")], overwrite=False)
    assert (tmp_path / "a").read_text(encoding="utf-8") == "text"
    with pytest.raises(UsageError, match="exists already"):
        write_outputs([(tmp_path / "a", lambda: "other")], overwrite=False)
