"""That faces are kept locked stands first: on the page, in the list, on the sign and in the feed, in three languages."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from tests.web_register.conftest import DIGEST, HOUR, City

from passerby.register import (
    AnnouncedAuthority,
    AnnouncedCustodian,
    Heartbeat,
    SealAnnounced,
    SealHeld,
    SealTestOpened,
)
from passerby.web.register.pages import Address, CitizenPages, LogSummary

NOW_EN, NOW_FR, NOW_DE = (
    "Faces are kept locked here for 72 hours.",
    "Ici, les visages sont conservés sous clé pendant 72 heures.",
    "Gesichter werden hier 72 Stunden lang verschlossen aufbewahrt.",
)
LANGUAGES = pytest.mark.parametrize(("language", "first"), [("en", NOW_EN), ("fr", NOW_FR), ("de", NOW_DE)])


def announced(
    city: City, *, begins_h: float, hours: int = 72, at_h: float = 0, who: str = "authority"
) -> SealAnnounced:
    at = city.begin + at_h * HOUR
    if hours == 0:
        return SealAnnounced(at=at, camera=city.name(0), begins=city.begin + begins_h * HOUR, retention_h=0)
    held = [AnnouncedAuthority(name=f"Court {n}", role="court", key=f"sha256:{n:064x}") for n in range(3)]
    return SealAnnounced.model_validate(
        {
            "at": at,
            "camera": city.name(0),
            "begins": city.begin + begins_h * HOUR,
            "retention_h": hours,
            "needed": 2,
            "authorities": tuple(held),
            "custodian": AnnouncedCustodian.model_validate({"name": "Court 1", "who": who}),
        }
    )


def pages(city: City) -> CitizenPages:
    seen = LogSummary("cameras.example.org/log", len(city.entries), "key")
    return CitizenPages(city.state(), seen, city.now, base_url="https://cameras.example.org/")


def camera_page(city: City, language: str = "en") -> str:
    return pages(city).camera(Address(language, f"c/{city.name(0)}/"), city.name(0))


def read(page: str) -> str:
    """The words of a page in their order."""
    body = re.sub(r"<(script|style|header).*?</\1>", " ", page.partition("<body>")[2], flags=re.DOTALL)
    words = " ".join(re.sub(r"<[^>]+>", " ", body).split())
    return re.sub(r" ([.,)])", r"\1", words)


@LANGUAGES
def test_camera_page_says_it_before_whether_the_camera_is_on(city: City, language: str, first: str) -> None:
    city.usual().add(announced(city, begins_h=1))
    words = read(camera_page(city, language))
    assert words.index(first) < words.index("UTC"), "before its state and everything else"
    assert words.index(first) < 300


@LANGUAGES
def test_sign_and_drawing_say_it_right_after_their_heading(city: City, language: str, first: str) -> None:
    city.usual().add(announced(city, begins_h=1))
    drawing = str(pages(city).drawing(Address(language), city.name(0)))
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
    assert first in " ".join(texts[1:4])
    assert "leaves the machine" not in drawing


@LANGUAGES
def test_feed_says_it_before_openings_and_silences(city: City, language: str, first: str) -> None:
    city.usual().add(announced(city, begins_h=1))
    feed = ET.fromstring(pages(city).feed(Address(language)))  # noqa: S314  # our own
    entries = feed.findall("{http://www.w3.org/2005/Atom}entry")
    first_text = entries[0].findtext("{http://www.w3.org/2005/Atom}content") or ""
    assert first.rpartition(" ")[0].split()[-1] in first_text
    assert "72" in first_text
    ids = [entry.findtext("{http://www.w3.org/2005/Atom}id") for entry in entries]
    assert len(set(ids)) == len(ids)


def test_where_nothing_is_sealed_nothing_speaks_of_it(city: City) -> None:
    city.usual()
    for text in (
        camera_page(city),
        str(pages(city).drawing(Address("en"), city.name(0))),
        pages(city).operator(Address("en")),
    ):
        assert "locked" not in text
    assert "Sealed faces none are kept" in read(camera_page(city))


def test_in_the_week_before_it_says_from_when_on(city: City) -> None:
    city.usual().add(announced(city, begins_h=170))
    words = read(camera_page(city))
    assert "From 29 November 2026, 12:00 UTC on, faces are kept locked here for 72 hours." in words
    assert NOW_EN not in words
    assert "At 1 of 4 cameras faces will be kept locked." in read(pages(city).operator(Address("en")))
    sign = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", str(pages(city).drawing(Address("en"), city.name(0)))))
    assert "From 29 November 2026, 12:00 UTC on, faces are kept locked here for 72 hours." in sign


def test_a_longer_time_that_is_announced_stands_beside_the_present_one(city: City) -> None:
    city.usual().add(announced(city, begins_h=1), announced(city, begins_h=200, at_h=5, hours=96))
    words = read(camera_page(city))
    assert words.index(NOW_EN) < words.index("faces are kept locked here for 96 hours.")


def test_after_the_end_it_says_until_when_the_last_ones_are_kept(city: City) -> None:
    city.usual().add(announced(city, begins_h=1), announced(city, begins_h=20, at_h=20, hours=0))
    words = read(camera_page(city))
    assert "Faces are no longer kept here. Those of before 23 November 2026, 06:00 UTC stay locked until" in words
    later = pages(city)
    later.now = city.now + timedelta(hours=80)
    assert (
        "locked" not in read(later.camera(Address("en", f"c/{city.name(0)}/"), city.name(0))).partition("How long")[0]
    )


def test_an_end_before_the_beginning_leaves_nothing(city: City) -> None:
    city.usual().add(announced(city, begins_h=170), announced(city, begins_h=2, at_h=2, hours=0))
    assert "locked" not in read(camera_page(city))


def test_list_of_all_cameras_says_it_first_and_at_each(city: City) -> None:
    city.usual().add(announced(city, begins_h=1))
    words = read(pages(city).operator(Address("en")))
    assert words.index("At 1 of 4 cameras faces are kept locked.") < words.index("4 cameras stand")
    assert words.count(NOW_EN) == 1


@pytest.mark.parametrize(
    ("who", "says"),
    [
        ("authority", "Court 1 holds the keys of each hour and destroys them when the time is over."),
        ("operator", "The operator itself ( Court 1) holds the keys of each hour"),
    ],
)
def test_page_says_who_can_open_and_who_destroys_the_keys(city: City, who: str, says: str) -> None:
    city.usual().add(announced(city, begins_h=1, who=who))
    words = read(camera_page(city))
    assert "Any 2 of these 3 together can open one face: Court 0, Court 1, Court 2." in words
    assert says in words


def test_counts_tests_and_holds_stand_on_the_page(city: City) -> None:
    city.usual().add(announced(city, begins_h=1))
    name, last = city.name(0), city.begin + 30 * HOUR
    city.add(
        Heartbeat(
            at=last + HOUR,
            begin=last,
            end=last + HOUR,
            camera=name,
            frames=9,
            faces_covered=10,
            sealed_roots=("ab" * 32,),
            pieces_sealed=40,
            unsealed_faces=20,
        ),
        SealTestOpened(at=last, camera=name, test="7e" * 16, pieces=(DIGEST,), passed=False),
        SealHeld(at=last, camera=name, case="c5" * 16, pieces=(DIGEST, "sha256:" + "cd" * 32), until=last + 90 * HOUR),
    )
    words = read(camera_page(city))
    assert "In the last count: 40 pieces were locked. 20 times a covered face could not be kept." in words
    assert "failed, 23 November 2026, 16:00 UTC. One test so far" in words
    assert "Pieces held longer for one pending request: 2, until 27 November 2026, 10:00 UTC at most." in words
    assert "Test of the locking failed" in pages(city).feed(Address("en"))


def test_every_value_names_its_entry(city: City) -> None:
    city.usual().add(announced(city, begins_h=1))
    index, page = len(city.entries) - 1, camera_page(city)
    for field in ("retention_h", "needed", "authorities/0/name", "authorities/2/name", "custodian/name"):
        assert f'data-entry="{index}" data-claim="/{field}"' in page


@pytest.mark.parametrize("label", ["Hall", "The long label of a camera that stands at the far end of platform nine"])
@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_no_line_of_a_sign_lies_on_another_or_on_the_code(city: City, language: str, label: str) -> None:
    city.usual(label=label).add(announced(city, begins_h=170))
    drawing = str(pages(city).drawing(Address(language), city.name(0)))
    lines = [
        (float(y), float(size))
        for y, size in re.findall(r'<text x="[^"]*" y="([^"]*)"[^>]*font-size="([^"]*)"', drawing)
    ]
    assert all(below - above >= size * 0.95 for (above, _), (below, size) in pairwise(lines))
    found = re.search(r'translate\([^ ]+ ([^)]+)\) scale\(([^)]+)\)"><rect width="(\d+)"', drawing)
    assert found
    top, scale, modules = map(float, found.groups())
    above = max(y for y, _ in lines if y < top + 10)
    assert above <= top + 2
    assert scale * modules >= 45, "still easily read by a phone"
    assert top + scale * modules <= 172
