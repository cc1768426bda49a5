"""What the writer asks about, or refuses, before it stands in public for ever; and that counts tell of nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway_site import TEXT, city_in

from passerby import law, register
from passerby.cli import main
from passerby.errors import ConfigError, EntryError
from passerby.gateway.publish.heartbeats import COUNTED_IN, rounded

NOW = datetime.now(UTC).replace(microsecond=0)
ORIGIN = "cameras.example.org/log"
PERSONAL = (
    ("ask Jane Doe at the desk", "a person's name"),
    ("opened for JANE DOE", "a person's name"),
    ("Frau Müller", "a person's name"),
    ("Dr. Weber's door", "a person's name"),
    ("Mme Dupont", "a person's name"),
    ("Maria van der Berg", "a person's name"),
    ("Ja\u200bne D\u202eoe", "a person's name"),
    ("Mohamed El Amrani", "a person's name"),
    ("jean.dupont@example.org", "an e-mail address"),
    ("call +49 30 1234567", "a phone number"),
    ("030 / 123 45 67", "a phone number"),
    ("06 12 34 56 78", "a phone number"),
    ("(555) 123-4567", "a phone number"),
    ("Hauptstraße 12", "a postal address"),
    ("12 rue de la Paix", "a postal address"),
    ("10 Downing Street", "a postal address"),
    ("Via Roma 12", "a postal address"),
    ("Kerkstraat 5a", "a postal address"),
)
PLAIN = (
    "Station hall, north",
    "Gare, quai 2",
    "Straßenbahn-Haltestelle Hauptstraße",
    "Market square, north-east corner (by the fountain)",
    "City of Example, transport office",
    "Article 6(1)(e) GDPR",
    "Transport Act, section 5",
    "Article 6, paragraphe 1, point e), RGPD",
    "from 01.12.2026 to 2026-12-02",
    "Victoria Station",
    "Charlotte Street",
    "the label of entry 3 was corrected",
    "witnesses named: quorum all-three, 3 witnesses, policy sha256:" + "0" * 64,
    "passerby 0.1.0",
    "port 0.0.0.0:8080",
    "Audit office",
)


@pytest.mark.parametrize(("words", "what"), PERSONAL)
def test_words_that_look_like_a_persons_are_asked_about(tmp_path: Path, words: str, what: str) -> None:
    entry = register.Remark(at=NOW, text=words)
    with register.Log.create(tmp_path / "log", origin=ORIGIN) as log:
        with pytest.raises(EntryError, match=f"text looks as if it held {what}") as told:
            log.append(entry)
        assert words not in str(told.value), "an error repeats nobody's name"
        assert "public_text=True" in (told.value.hint or "")
        assert log.size == 0
        assert log.append(entry, public_text=True).index == 0


@pytest.mark.parametrize("words", PLAIN)
def test_places_laws_and_dates_are_not(words: str) -> None:
    assert register.personal_kind(words) is None


@given(st.text(max_size=300))
def test_any_text_is_judged(words: str) -> None:
    assert register.personal_kind(words) in {None, *(what for _, what in PERSONAL)}


@pytest.mark.parametrize("part", ["A", "a-", "1 a ", "(0", "0-11", "a.@", "a@a.", "rue ", "Mr. ", "Aa de ", "+1 1 "])
def test_long_words_of_a_revealed_value_are_judged_in_one_go(part: str) -> None:
    # each of them would hold a writer up for minutes where looking goes back and forth
    register.personal_kind(part * (30_000 // len(part)))
    register.personal_kind("1 " + part * (29_000 // len(part)))


def test_every_field_with_words_is_looked_at() -> None:
    words = {"en": "hall", "fr": "chez Jean Dupont"}
    camera = register.CameraRegistered(
        at=NOW,
        camera="1" * 32,
        label="Jane Doe",
        purpose=words,
        legal_basis={"en": "x"},
        position="act-2024",
        retention_h=1,
    )
    assert [line.split()[0] for line in register.personal_texts(camera)] == ["label", "purpose.fr"]
    revealed = register.Reveal(
        at=NOW, entry=0, salt="0" * 64, value=json.dumps({"for": ["x", {"who": "Jane Doe"}], "n": "0" * 64})
    )
    assert register.personal_texts(revealed) == ["value looks as if it held a person's name"]
    for contact, found in (
        ("mailto:jean.dupont@example.org", 1),
        ("mailto:cameras@example.org", 0),
        ("tel:+33123456789", 0),
    ):
        stated = register.OperatorStated(at=NOW, name="City of Example", contact=contact)
        assert len(register.personal_texts(stated)) == found


def test_the_command_asks_and_takes_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, file = tmp_path / "log", tmp_path / "entry.json"
    register.Log.create(log, origin=ORIGIN).close()
    file.write_text(json.dumps({"kind": "remark", "text": "ask Jane Doe"}))
    with pytest.raises(SystemExit) as ended:
        main(["register", "append", str(log), str(file)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "--yes-public" in said
    assert "Jane" not in said
    with pytest.raises(SystemExit) as ended:
        main(["register", "append", str(log), str(file), "--yes-public"])
    assert not ended.value.code


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (("friendly_name: \"Hall <&> 'one'\"", "friendly_name: 'chez Jean Dupont'"), "cameras.hall.friendly_name"),
        (("purpose: Safety on the platforms", "purpose: 'ask jane@example.org'"), "register.purpose"),
        (("name: Example CityConfig", "name: Jane Doe"), "register.operator.name"),
    ],
)
def test_city_yml_is_asked_about_its_public_words(tmp_path: Path, change: tuple[str, str], where: str) -> None:
    text = TEXT.replace(*change)
    assert text != TEXT
    with pytest.raises(
        ConfigError, match=rf"city\.yml:\d+: {where} is public for ever and looks as if it held"
    ) as told:
        city_in(tmp_path, text)
    assert "yes_public: true" in (told.value.hint or "")
    if where.startswith("register"):
        city_in(tmp_path, text.replace("register:\n", "register:\n  yes_public: true\n"))


def test_a_retention_or_position_that_cannot_be_is_refused(tmp_path: Path) -> None:
    words = {"en": "x"}
    fields = {"at": NOW, "camera": "1" * 32, "label": "x", "purpose": words, "legal_basis": words}
    with register.Log.create(tmp_path / "log", origin=ORIGIN) as log:
        for wrong, told in (
            ({"position": "act-2024", "retention_h": 2**53 - 1}, "retention_h must be at most 87600 hours"),
            ({"position": "act-2024", "retention_h": 1, "sealed_h": 87_601}, "sealed_h must be at most 87600 hours"),
            ({"position": "no-such-position", "retention_h": 1}, "position must be one of act-2024"),
        ):
            with pytest.raises(EntryError, match=told):
                log.append(register.CameraRegistered.model_validate(fields | wrong))
        with pytest.raises(EntryError, match="position must be one of"):
            log.append(register.CameraChanged(at=NOW, camera="1" * 32, position="act-2042"))
        assert log.size == 0
        log.append(register.CameraRegistered.model_validate(fields | {"position": "edpb-2021", "retention_h": 87_600}))
    with pytest.raises(ConfigError, match="position must be one of"):
        city_in(tmp_path, TEXT.replace("act-2024", "act-2042"))


def test_positions_are_those_of_the_law() -> None:
    assert sorted(register.POSITIONS) == sorted(law.positions())


# counts


@given(st.integers(0, 2**53 - 1))
def test_a_public_count_is_a_multiple_of_ten_and_never_more_than_was_counted(faces: int) -> None:
    assert rounded(faces) % COUNTED_IN == 0
    assert 0 <= faces - rounded(faces) < COUNTED_IN


def test_a_heartbeat_more_often_than_a_quarter_of_an_hour_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="15m to 24h"):
        city_in(tmp_path, TEXT.replace("heartbeat: 15m", "heartbeat: 14m"))
