"""The tree of commands: what the help lists without loading anything, old names, one place for each word."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
import typer.core
import typer.main
from typer.testing import CliRunner

from passerby.cli import build, main
from passerby.cli.options import command_of
from passerby.cli.verbs import VERBS

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def tree(group: typer.core.TyperGroup) -> dict[str, object]:
    return {
        name: tree(command) if isinstance(command, typer.core.TyperGroup) else {}
        for name, command in group.commands.items()
        if not command.hidden
    }


def drawn() -> dict[str, object]:
    """Return the tree of the guide: a word with a text is a command, words alone in a line are the commands of one group."""
    block = re.search(r"## The tree\n```\npasserby\n(.*?)```", GUIDE, re.S)
    assert block
    found: dict[str, object] = {}
    above: list[tuple[int, dict[str, object]]] = [(0, found)]
    for line in block[1].splitlines():
        indent = len(line) - len(line.lstrip())
        if indent < 4:
            continue  # who uses it
        while above[-1][0] >= indent:
            above.pop()
        name, _, text = line.strip().partition("  ")
        for word in [name] if text else line.split():
            inside: dict[str, object] = {}
            above[-1][1][word] = inside
            if text:
                above.append((indent, inside))
    return found


def test_the_guide_draws_the_tree_as_it_is() -> None:
    root = typer.main.get_command(build())
    assert isinstance(root, typer.core.TyperGroup)
    assert tree(root) == drawn()


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


def test_every_word_of_the_tree_has_one_meaning() -> None:
    meanings = re.search(r"## What each word means\n(.*?)\n## ", GUIDE, re.S)
    assert meanings
    words = re.findall(r"^\| (\w+)", meanings[1], re.M)[1:]
    assert len(words) == len(set(words)) > 10


OLD_NAMES = [
    (["register", "verify", "nowhere"], "register check", 2),
    (["witness", "init", "w", "--name", "w.example"], "register witness init", 0),
    (["witness", "add-log", "nowhere", "x"], "register witness add-log", 2),
    (["witness", "run", "nowhere"], "register witness serve", 2),
    (["authority", "run", "nowhere"], "authority serve", 2),
]


@pytest.mark.parametrize(("old", "new", "code"), OLD_NAMES, ids=[" ".join(old[:2]) for old, _, _ in OLD_NAMES])
def test_an_old_name_does_the_same_and_says_what_to_use(
    old: list[str],
    new: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The two differ in the note alone."""
    said: list[tuple[str, str]] = []
    for words in (old, [*new.split(), *old[2:]]):
        folder = tmp_path / str(len(said))
        folder.mkdir()
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == code
        out, err = capsys.readouterr()
        said.append((out, err))
    note, _, rest = said[0][1].partition("\n")
    assert note == (
        f"note: `passerby {' '.join(old[:2])}` is now `passerby {new}`; the old name goes with the next version"
    )
    assert rest == said[1][1]
    assert (said[0][0] == "") == (said[1][0] == "")


def test_every_old_name_stands_in_the_guide() -> None:
    told = re.search(r"## Old names\n(.*?)\n## ", GUIDE, re.S)
    assert told
    for old, new, _ in OLD_NAMES:
        assert f"`{' '.join(old[:2])}" in told[1]
        assert f"`{new}" in told[1]


def test_check_takes_a_proof_or_a_log_and_refuses_the_others_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = tmp_path / "one.tlog-proof"
    proof.write_text("x")
    for words, message in (
        ([str(proof), "--json"], "--accept and --json go with a log"),
        ([str(tmp_path), "--offline"], "--entry and --offline go with a proof file"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(["register", "check", *words])
        assert caught.value.code == 2
        assert message in capsys.readouterr().err


def commands_of(group: typer.core.TyperGroup, above: str = "") -> Iterator[tuple[str, typer.core.TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands_of(command, f"{above}{name} ")
        elif isinstance(command, typer.core.TyperCommand):
            yield above + name, command


def test_commands_take_keywords_only() -> None:
    root = typer.main.get_command(build())
    assert isinstance(root, typer.core.TyperGroup)
    found = dict(commands_of(root))
    assert len(found) > 30
    for name, command in found.items():
        assert command.callback
        kinds = {parameter.kind for parameter in inspect.signature(command.callback).parameters.values()}
        assert kinds <= {inspect.Parameter.KEYWORD_ONLY}, name


@dataclass(frozen=True, kw_only=True)
class PostOptions:
    """What a made-up command takes."""

    to: Annotated[list[str], typer.Argument(help="To whom.")]
    copies: Annotated[int, typer.Option("-n", "--copies", min=1, help="How many.")] = 1
    express: Annotated[bool, typer.Option("--express", help="At once.")] = False


def test_options_declared_as_fields_are_the_commands_in_their_order() -> None:
    told: list[PostOptions] = []

    def post(options: PostOptions) -> None:
        """Send a letter."""
        told.append(options)

    app = typer.Typer()
    app.command()(command_of(PostOptions, post))
    run = CliRunner()
    assert run.invoke(app, ["a", "b", "-n", "2"]).exit_code == 0
    assert told == [PostOptions(to=["a", "b"], copies=2)]
    shown = run.invoke(app, ["--help"]).output
    places = [shown.index(word) for word in ("Send a letter.", "To whom.", "How many.", "At once.")]
    assert places == sorted(places)
    assert run.invoke(app, []).exit_code == 2, "a field without a default must be given"
    assert run.invoke(app, ["a", "-n", "0"]).exit_code == 2
    assert len(told) == 1
