"""The model card is that of this version: written from the figures that ship, and cited where people read what is missed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import passerby
from passerby import audit
from passerby.cli import main
from passerby.config import MEASURED, WEIGHTS
from passerby.errors import AuditError, UsageError
from passerby.values import digest_file
from passerby.veil import read_measured

ROOT = Path(__file__).parent.parent
STALE = "measure anew: passerby audit veil LABELS --against deface --json src/passerby/veil/measured.json --overwrite"


def test_the_card_is_written_from_the_figures_that_ship() -> None:
    card = (ROOT / "docs" / "model-card.md").read_text(encoding="utf-8")
    assert card == audit.model_card(audit.read_figures(MEASURED)), (
        "write it anew: passerby audit card > docs/model-card.md"
    )


def test_the_figures_are_of_this_version_and_of_the_weights_that_ship() -> None:
    figures = audit.read_figures(MEASURED)
    assert figures["version"] == passerby.__version__, STALE
    assert figures["weights"] == digest_file(WEIGHTS), STALE
    assert figures["tools"][0]["name"] == "Passerby"
    assert read_measured() is not None, "reports and the citizen's page say what it says"


def test_nothing_is_claimed_of_groups_with_too_few_people() -> None:
    figures = audit.read_figures(MEASURED)
    few = {*figures["not_measured"], *figures["smoke_tests"]}
    card = (ROOT / "docs" / "model-card.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in few:
        assert f"### By {name}" not in card
    assert ("skin tone" in few) == ("Not measured by skin tone" in readme)
    words = {
        "en": "Not measured by skin tone",
        "de": "Nach Hautton nicht gemessen",
        "fr": "Non mesuré selon la couleur",
    }
    for language, said in words.items():
        texts = (ROOT / f"src/passerby/web/translations/register.{language}.toml").read_text(encoding="utf-8")
        assert ("skin tone" in few) == (said in texts)


def test_a_card_of_own_footage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = json.loads(MEASURED.read_text(encoding="utf-8")) | {"material": "a hall", "date": "2027-01-02"}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(figures), encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["audit", "card", str(path)])
    assert not left.value.code
    out = capsys.readouterr().out
    assert "a hall" in out
    assert "measured on 2027-01-02" in out


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "passerby-audit-scores-1"}'])
def test_other_files_are_no_figures(text: str, tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AuditError, match="figures must be the JSON of an audit of veiling"):
        audit.read_figures(path)
    with pytest.raises(UsageError, match="figures must be a file, got none"):
        audit.read_figures(tmp_path / "none.json")


def test_figures_of_other_tools_make_no_card(tmp_path: Path) -> None:
    figures = json.loads(MEASURED.read_text(encoding="utf-8"))
    figures["tools"] = [{"name": "another", "about": "outputs", "not_shown": 0}]
    path = tmp_path / "figures.json"
    path.write_text(json.dumps(figures), encoding="utf-8")
    with pytest.raises(AuditError, match="figures must be of Passerby, got another"):
        audit.read_figures(path)
