"""What ``passerby seal`` is given that is not what it asked for: refused in words, and neither file nor secret pays for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.seal_tools import CAMERA, holders, read, sealed

from passerby.cli import main
from passerby.errors import SealError
from passerby_seal import refusals
from passerby_seal.commands import add_to
from passerby_seal.pieces.opening import custody_boxes

LEAST_SHOWN = 12
"""Digits of a secret: fewer than so many in a row may be chance."""
WHO = holders()
TEXTS = {
    "camera": CAMERA,
    "piece": "1",
    "planned": "0",
    "name": "Court",
    "role": "authority",
    "hours": "1",
    "x": "0.5",
    "y": "0.5",
    "position": "act-2024",
}


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command of the group by its words."""
    app = typer.Typer()
    add_to(app)
    waiting: list[tuple[str, Any]] = [("", typer.main.get_command(app))]
    while waiting:
        words, one = waiting.pop()
        below = getattr(one, "commands", None)
        if below is None:
            yield words, one
        else:
            waiting += [(f"{words} {name}".strip(), part) for name, part in below.items()]


def path_places() -> list[tuple[str, str]]:
    """Return each place of each command that takes a file or folder."""
    return [
        (words, param.name or "")
        for words, command in commands()
        for param in command.params
        if type(param.type).__name__.endswith("Path")
    ]


class Given:
    """Files as a command wants them, and whatever else it may be given."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.told = ""
        pack = sealed(WHO, b"face")
        (folder / "packs").write_bytes(pack)
        (folder / "boxes").write_bytes(custody_boxes(read(pack), WHO.custodian).to_json())
        WHO.authorities[0].save(folder / "authority.key")
        WHO.requester.save(folder / "requester.key")
        WHO.custodian.save(folder / "custodian.key")
        (folder / "requester").write_text(WHO.requester.public.text + "\n")
        for name in ("keys", "public", "opened"):
            (folder / name).mkdir()
        for name in ("proof", "witnesses", "parcels", "plan_path", "plan", "planned", "face"):
            (folder / name).write_text("of another kind\n")
        courts = "".join(
            f'  - {{name: {one.name}, role: court, key: "{one.key.text}"}}\n' for one in WHO.policy.authorities
        )
        for name in ("path", "policy"):
            (folder / name).write_text(f"needed: 2\ncustodian: {{name: City, who: operator}}\nauthorities:\n{courts}")
        self.secrets = [path.read_text().splitlines()[1] for path in folder.glob("*.key")]

    def key_of(self, words: str) -> Path:
        last = words.split()[-1]
        role = {"combine": "requester", "unlock": "custodian", "destroy": "custodian"}.get(last, "authority")
        return self.folder / f"{role}.key"

    def line(self, words: str, place: str, given: Path) -> list[str]:
        """Return a command's line, with something else at one place."""
        command = dict(commands())[words]
        line = words.split()
        for param in command.params:
            name = param.name or ""
            if name != place and not param.required and name not in {"boxes"}:
                continue
            if name == "same_face":
                line += ["--same-face"]
                continue
            line += [] if param.param_type_name == "argument" else [param.opts[0]]
            line += [str(given) if name == place else self.usual(words, name)]
        return line

    def usual(self, words: str, name: str) -> str:
        """Return what a command wants at a place."""
        if name in {"key_path", "key"}:
            return str(self.key_of(words))
        if name in {"begin", "when"}:
            return f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT12:00:00}"
        return TEXTS.get(name) or str(self.folder / name)

    def run(self, line: list[str]) -> int:
        with pytest.raises(SystemExit) as caught:
            main(line)
        self.told = "".join(self._capsys.readouterr())
        return caught.value.code if isinstance(caught.value.code, int) else 0

    def shown(self) -> list[str]:
        """Return what was told of any secret."""
        ends = range(len(self.secrets[0]) - LEAST_SHOWN)
        parts = (secret[at : at + LEAST_SHOWN] for secret in self.secrets for at in ends)
        return [part for part in parts if part in self.told]


@pytest.fixture
def given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Given:
    return Given(tmp_path, capsys)


@pytest.mark.parametrize(("words", "place"), path_places())
def test_a_private_key_in_the_wrong_place_is_neither_told_nor_lost(given: Given, words: str, place: str) -> None:
    for key in sorted(given.folder.glob("*.key")):
        right = place == "face" or (key == given.key_of(words) and place in {"key", "key_path"})
        code = given.run(given.line(words, place, key))
        assert right or code in {1, 2}, (given.told, code)
        assert given.shown() == []
        assert right or key.exists(), "a command destroys only what it was made for"


@pytest.mark.parametrize(("words", "place"), path_places())
def test_what_is_not_there_or_cannot_be_made_is_said(given: Given, words: str, place: str) -> None:
    """A file that is missing is wrong use; nothing ends in a traceback, and each refusal says what to do."""
    written = place == "out" or words.split()[-2:] == ["custody", "make"]
    (given.folder / "court.pub").write_text("a file")
    for odd in (given.folder / "nothere", given.folder / "court.pub" / "below", given.folder / "opened"):
        code = given.run(given.line(words, place, odd))
        assert code in ({0, 1, 2} if written or place in {"log", "public", "keys", "opened"} else {2}), given.told
        assert code == 0 or "\nhint: " in given.told, given.told


def test_every_refusal_says_what_to_do() -> None:
    kinds = [kind for kind in vars(refusals).values() if isinstance(kind, type) and issubclass(kind, SealError)]
    told = {kind: kind("pieces must be").hint for kind in kinds if kind not in {SealError, refusals.RefusedError}}
    assert len(told) > 20
    assert all(told.values()), told
