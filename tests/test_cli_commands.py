"""The tree of commands: what the help lists without loading anything, wrong use."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from passerby.cli import main
from passerby.cli.verbs import VERBS


def test_the_help_lists_every_verb_in_its_group_and_loads_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    words = " ".join(re.sub(r"[─╭╮╰╯│]+", " ", capsys.readouterr().out).split())
    for name, verb in VERBS.items():
        assert (f" {name} {verb.line}" in words) == (verb.users is not None)
    assert [words.index(users) for users in dict.fromkeys(v.users for v in VERBS.values() if v.users)]
    program = (
        "import sys\nfrom passerby.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n"
        "    print([m for m in sys.modules if m in ('numpy', 'av', 'clingo', 'cryptography', 'pydantic')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"


def test_an_unknown_verb_is_wrong_use_and_the_nearest_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["veill"])
    assert caught.value.code == 2
    assert "Did you mean 'veil'?" in capsys.readouterr().err


def test_without_a_verb_the_help_is_shown_as_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "authority" in capsys.readouterr().out


def test_a_verb_after_two_dashes_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--", "law", "facts", "fria"])
    assert caught.value.code == 0
    assert "fria: true or false" in capsys.readouterr().out
