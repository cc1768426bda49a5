from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
import segno
from markupsafe import escape

from passerby.languages import LANGUAGES
from passerby.register import (
    CameraChanged,
    Fault,
    FindingAcknowledged,
    OperatorStated,
    Remark,
    RequestOpened,
    Reveal,
    RunningStopped,
    SpotCheck,
    YearStatistics,
)
from passerby.web.register.documents import every_path, find
from passerby.web.register.drawings import MAX_SINGLE, Spot, code, draw_map
from passerby.web.register.pages import Address, CitizenPages, LogSummary, verifier_page
from passerby.web.register.status import Light
from passerby.web.register.translation import words_in

if TYPE_CHECKING:
    from tests.web_register.conftest import City

ATOM = "{http://www.w3.org/2005/Atom}"
SVG = "{http://www.w3.org/2000/svg}"
VKEY = "cameras.example.org/log+00000000+AAAA"
VOID = {"meta", "link", "br", "input", "img"}
HOSTILE = "Hall <script>alert(1)</script> \"'><img src=x onerror=alert(2)>"


class PageReader(HTMLParser):
    """Reads a page and refuses what does not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in {"script", "style"}:
            self.text.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


def pages_of(
    city: City, *, witnesses: int = 0, met: bool = False, now: datetime | None = None, trouble: str | None = None
) -> CitizenPages:
    state = city.state()
    seen = LogSummary("cameras.example.org/log", state.size, VKEY, witnesses, met)
    return CitizenPages(state, seen, now or city.now, base_url="https://cameras.example.org/", trouble=trouble)


def every(pages: CitizenPages, ending: str) -> Iterator[tuple[str, str]]:
    for path in every_path(pages):
        document = find(pages, path, "en")
        assert document is not None, path
        if path.endswith(ending):
            yield path, document.body.decode()


def test_every_page_nests_and_states_its_language(city: City) -> None:
    for path, text in every(pages_of(city.usual()), ".html"):
        page = PageReader(text)
        language = path.split("/")[0] if path.split("/")[0] in LANGUAGES else "en"
        assert [a["lang"] for tag, a in page.elements if tag == "html"] == [language], path
        ids = [a["id"] for _, a in page.elements if "id" in a]
        assert len(ids) == len(set(ids)), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_statement_says_who_states_it_and_links_to_its_entry_and_proof(city: City, language: str) -> None:
    city.usual().add(
        SpotCheck(at=city.now, camera=city.name(0), auditor="Audit office", passed=True, report="sha256:" + "00" * 32),
        CameraChanged(at=city.now, camera=city.name(0), recognises=()),
    )
    pages, words = pages_of(city), words_in(language)
    page = pages.camera(Address(language, f"c/{city.name(0)}/", named=True), city.name(0))
    assert str(escape(words.text("page.stated"))) in page
    rows = re.findall(r'<div class="row[ "].*?</div>', page, re.S)
    assert len(rows) > 20
    for row in rows:
        stated = words.text("said") in row
        silent = any(words.text(f"row.{key}.none", all="").rstrip(".") in row for key in ("refused", "authority"))
        assert stated or words.text("reckoned") in row or silent, row
        if stated:
            assert re.search(r'href="../../../entry/\d+.json"', row), row
            assert re.search(r'href="../../../proof/\d+"', row), row


def test_camera_page_tells_all_that_a_passer_by_may_ask(city: City) -> None:
    city.usual().add(
        YearStatistics(
            at=city.now, year=2025, cameras=4, requests=3, granted=1, refused=2, withdrawn=0, opened=1, notified=1
        )
    )
    words = PageReader(pages_of(city).camera(Address("en", f"c/{city.name(0)}/"), city.name(0))).words
    for told in (
        "this camera is on, and faces are covered. It has run since 22 November 2026, 10:00 UTC",
        "Ville de Beispiel", "Crowd safety on the platform", "Gesetz über die Polizei, § 4", "Regulation (EU) 2024/1689",
        "passerby 0.1.0", "sha256:" + "ab" * 32, "6,928 faces", "Whole picture covered because of faults", "5 min",
        "passed , 22 November 2026, 11:00 UTC", "Only Passerby can take this camera's picture", "1 request.",
        "1 opening; faces opened: 1.", "No refusal stands in the register.", "took 5 h", "3 days", "none are kept",
        "privacy@example.org", "48.85000 , 2.35000", "Unwitnessed", "detector-stalled",
    ):  # fmt: skip
        assert told in words, told


def test_silent_camera_is_not_known_with_the_length_of_its_silence(city: City) -> None:
    words = PageReader(pages_of(city.usual()).camera(Address("en", f"c/{city.name(2)}/"), city.name(2))).words
    assert "Nobody can tell from the register whether this camera is on." in words
    assert "covers the time up to 23 November 2026, 07:00 UTC . Since then it has been silent for 9 h 5 min." in words
    assert "this camera is on" not in words.replace("whether this camera is on", "")


def test_past_gaps_stand_on_the_page_with_their_length(city: City) -> None:
    words = PageReader(pages_of(city.usual()).camera(Address("en", f"c/{city.name(1)}/"), city.name(1))).words
    assert "22 November 2026, 21:00 UTC to 23 November 2026, 00:00 UTC (3 h)" in words
    assert "All gaps since the first start: 3 h." in words


def test_remarks_and_corrections_stand_on_the_operators_page(city: City) -> None:
    city.usual().add(Remark(at=city.now, entry=3, text="The purpose of entry 3 was misspelled."))
    page = pages_of(city).operator(Address("en"))
    assert '<span data-entry="98" data-claim="/text">The purpose of entry 3 was misspelled.</span>' in page


def test_same_page_says_not_known_once_time_has_passed(city: City) -> None:
    city.usual()
    at = Address("en", f"c/{city.name(0)}/")
    before = pages_of(city).camera(at, city.name(0))
    after = pages_of(city, now=city.now + timedelta(days=3)).camera(at, city.name(0))
    assert 'data-light="on" data-due="2026-11-23T17:06:00Z"' in before
    assert 'data-light="unknown"' in after
    assert "silent for 3 days" in PageReader(after).words


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_operators_write_is_shown_and_never_run(city: City, language: str) -> None:
    city.usual(name=HOSTILE, label=HOSTILE)
    city.add(
        CameraChanged(
            at=city.begin, camera=city.name(0), purpose={"en": HOSTILE}, contact='https://x/?"onclick=alert(3)'
        ),
        Fault(at=city.now, camera=city.name(0), begin=city.begin, end=city.now, what="down", cause="</script><b>"),
        Remark(at=city.now, text=HOSTILE),
    )
    pages = pages_of(city)
    for path in every_path(pages):
        if not path.endswith((".html", ".svg")) or not path.startswith(language):
            continue
        document = find(pages, path, "en")
        assert document
        page = PageReader(document.body.decode())
        scripts = [a for tag, a in page.elements if tag == "script" and a.get("type") != "application/json"]
        assert all(set(a) == {"src", "defer"} for a in scripts), path
        assert not [a for _, a in page.elements if any(name.startswith("on") or name == "style" for name in a)], path
        assert "img" not in {tag for tag, _ in page.elements}
        assert "<script>alert(1)" in page.words, "the operator's words are shown as they are"
    feed = ET.fromstring(pages.feed(Address(language)))  # noqa: S314  # our own
    assert HOSTILE in "".join(feed.itertext())


def test_address_that_a_browser_could_run_is_never_a_link(city: City) -> None:
    for _, text in every(pages_of(city.usual()), ".html"):
        for tag, attributes in PageReader(text).elements:
            if tag == "a":
                href = attributes.get("href") or ""
                assert urlsplit(href).scheme in {"", "mailto", "https"}, href


def test_pages_load_nothing_from_elsewhere(city: City) -> None:
    for path, text in every(pages_of(city.usual()), ".html"):
        for tag, attributes in PageReader(text).elements:
            for name in ("src", "srcset", "data", "poster", "action", "background"):
                assert not urlsplit(attributes.get(name) or "").netloc, path
            if tag == "link" and attributes.get("rel") != "alternate":
                assert not urlsplit(attributes.get("href") or "").netloc, path


def test_links_inside_the_site_lead_to_pages_that_are_there(city: City) -> None:
    pages = pages_of(city.usual())
    there = set(every_path(pages))
    for path in there:
        document = find(pages, path, "en")
        assert document
        if not path.endswith(".html"):
            continue
        for _, attributes in PageReader(document.body.decode()).elements:
            href = urlsplit(attributes.get("href") or attributes.get("src") or "")
            if href.scheme or not href.path or href.path.startswith("data"):
                continue
            parts = path.split("/")[:-1]
            for step in href.path.split("/"):
                parts = parts[:-1] if step == ".." else [*parts, step] if step != "." else parts
            target = "/".join(parts)
            target += "index.html" if not target or target.endswith("/") else ""
            assert target in there or re.match(r"(proof|entry)/\d+", target), (path, href.path)


@pytest.mark.parametrize(
    ("witnesses", "met", "words"),
    [
        (0, False, "Unwitnessed: no independent witness"),
        (1, False, "Not witnessed enough: 1 of"),
        (2, True, "Witnessed: 2 independent"),
    ],
)
def test_page_says_whether_anyone_independent_vouches(city: City, witnesses: int, met: bool, words: str) -> None:
    pages = pages_of(city.usual(), witnesses=witnesses, met=met)
    assert words in pages.operator(Address("en"))
    assert words in pages.camera(Address("en", f"c/{city.name(0)}/"), city.name(0))


@pytest.mark.parametrize("trouble", ["broken", "unreachable"])
def test_register_that_was_rewritten_or_is_gone_is_an_alarm_on_every_page(city: City, trouble: str) -> None:
    pages = pages_of(city.usual(), trouble=trouble)
    for text in (pages.operator(Address("fr")), pages.camera(Address("fr", f"c/{city.name(0)}/"), city.name(0))):
        assert words_in("fr").text(f"page.{trouble}") in text
        assert 'role="alert"' in text


def test_late_and_false_reveals_are_an_alarm(city: City) -> None:
    city.usual().add(Reveal(at=city.now, entry=len(city.entries) - 3, salt="00" * 32, value="no"))
    page = pages_of(city, now=city.now + timedelta(days=400)).operator(Address("en"))
    assert "1 secret that the operator promised to reveal by now is still hidden." in page
    assert "1 reveal does not match what was fixed before." in page


def test_reveal_that_came_late_is_an_alarm(city: City) -> None:
    late = Reveal(at=city.begin + timedelta(days=91), entry=2, salt="cd" * 32, value=f'{{"camera":"{city.name(0)}"}}')
    pages = pages_of(city.operator().register(0).case(None).add(late))
    assert "1 secret was revealed later than the operator had promised." in pages.operator(Address("en"))
    assert "später offengelegt" in pages.camera(Address("de", f"c/{city.name(0)}/"), city.name(0))


def test_hidden_requests_are_announced_with_their_date(city: City) -> None:
    page = pages_of(city.operator().register(0).case(None)).camera(Address("en", f"c/{city.name(0)}/"), city.name(0))
    assert "It must be named by 20 February 2027." in page


def test_camera_that_was_never_registered_says_so(city: City) -> None:
    page = pages_of(city.operator().start(0)).camera(Address("en", f"c/{city.name(0)}/"), city.name(0))
    assert "The operator never registered this camera" in page


def test_empty_log_has_pages(city: City) -> None:
    pages = pages_of(city)
    for path in every_path(pages):
        assert find(pages, path, "de"), path
    assert "No camera stands in this register yet." in pages.operator(Address("en"))


def test_list_of_many_cameras_is_cut_into_parts(city: City) -> None:
    city.operator()
    for number in range(120):
        city.register(number, place=False)
    pages = pages_of(city)
    assert [pages.operator(Address("en"), part).count("<li id=") for part in (1, 2, 3)] == [50, 50, 20]
    assert find(pages, "part/3/", "en")
    assert find(pages, "part/4/", "en") is None


@pytest.mark.parametrize(
    "path",
    [
        "c/../",
        "c/zz/",
        f"c/{'0' * 32}/",
        "nl/",
        "part/0/",
        "x.html",
        "c/" + "0" * 31 + "/",
        "verify.html/",
        ".register-state.json",
    ],
)
def test_paths_where_nothing_stands_give_nothing(city: City, path: str) -> None:
    assert find(pages_of(city.usual()), path, "en") is None


def test_feed_is_valid_atom(city: City) -> None:
    feed = ET.fromstring(pages_of(city.usual()).feed(Address("de", named=True)))  # noqa: S314  # our own
    assert feed.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):
        assert len(feed.findall(f"{ATOM}{name}")) == 1
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 9
    ids = set()
    for entry in entries:
        for name in ("id", "title", "updated", "content"):
            assert len(entry.findall(f"{ATOM}{name}")) == 1
        ids.add(entry.findtext(f"{ATOM}id"))
        updated = entry.findtext(f"{ATOM}updated") or ""
        assert datetime.fromisoformat(updated).tzinfo == UTC
        links = [link.get("href") or "" for link in entry.findall(f"{ATOM}link[@rel='alternate']")]
        assert len(links) == 1
        assert links[0].startswith("https://cameras.example.org/de/")
    assert len(ids) == len(entries)
    assert all(str(i).startswith("urn:uuid:") for i in ids)
    assert ET.tostring(feed) and "Ein Gesicht wurde geöffnet" in "".join(feed.itertext())  # noqa: PT018


@pytest.mark.parametrize("while_silent", [False, True])
def test_gap_that_the_operator_explains_is_shown_with_the_reason(city: City, while_silent: bool) -> None:
    city.operator().register(0).start(0).heartbeat(0, 0)
    beats = [len(city.entries) - 1, len(city.entries)]
    answer = FindingAcknowledged(
        at=city.begin + timedelta(hours=8), finding="silence", entry=beats[0], reason="power cut <in the street>"
    )
    if while_silent:
        city.add(answer).heartbeat(0, 9)
    else:
        city.heartbeat(0, 9).add(answer.model_copy(update={"entry": beats[1]}))
    path = f"c/{city.name(0)}/"
    document = find(pages_of(city), path, "en")
    assert document is not None
    text = document.body.decode()
    reason = beats[1] + (not while_silent)
    assert f'data-entry="{reason}" data-claim="/reason">power cut &lt;in the street&gt;</span>' in text
    assert "The operator says why" in text


def test_feed_is_never_newer_than_now_though_an_entry_is(city: City) -> None:
    usual = city.usual()
    ahead = usual.now + timedelta(days=365 * 70)
    usual.add(RequestOpened(at=ahead, case="9" * 32, warrant="sha256:" + "ab" * 32))
    feed = ET.fromstring(pages_of(usual).feed(Address("en")))  # noqa: S314  # our own
    updated = datetime.fromisoformat(feed.findtext(f"{ATOM}updated") or "")
    assert usual.begin < updated <= usual.now


def test_feed_tells_of_cameras_that_are_silent_now(city: City) -> None:
    titles = re.findall("<title>(.*?)</title>", pages_of(city.usual()).feed(Address("en")))
    assert titles[1] == "Silent, Station hall, entrance 2"


def test_feed_holds_no_character_that_xml_forbids(city: City) -> None:
    city.operator().register(0, "Hall \ufffe\uffff")
    city.add(Fault(at=city.now, camera=city.name(0), begin=city.begin, end=city.now, what="down", cause="a\ufffeb"))
    ET.fromstring(pages_of(city).feed(Address("en")))  # noqa: S314  # our own


def test_map_keeps_directions_and_distances() -> None:
    north, east = Spot(1, "a" * 32, "N", Light.ON, 48.86, 2.35), Spot(2, "b" * 32, "E", Light.OFF, 48.85, 2.36)
    drawn = draw_map([north, east])
    assert drawn
    first, second = drawn.markers
    assert first.y < second.y
    assert first.x < second.x
    degree_m = 6_371_008.8 * 3.14159265 / 180
    assert (second.y - first.y) * drawn.scale_m / drawn.scale_px == pytest.approx(0.01 * degree_m, rel=0.01)
    assert (second.x - first.x) * drawn.scale_m / drawn.scale_px == pytest.approx(0.01 * degree_m * 0.658, rel=0.01)


def test_map_of_one_place_and_of_none() -> None:
    assert draw_map([]) is None
    drawn = draw_map([Spot(1, "a" * 32, "x", Light.ON, 89.9999, 179.9999)])
    assert drawn
    assert (drawn.markers[0].x, drawn.scale_m > 0) == (200, True)


def test_map_of_very_many_cameras_is_drawn_in_groups() -> None:
    spots = [Spot(i, f"{i:032x}", "x", Light.ON, 48 + i / 1e4, 2 + (i * 7 % 1000) / 1e4) for i in range(MAX_SINGLE * 5)]
    drawn = draw_map(spots)
    assert drawn
    assert len(drawn.markers) < 300
    assert sum(marker.count for marker in drawn.markers) == len(spots)


def test_sign_is_a_drawing_with_the_pages_address_as_code(city: City) -> None:
    pages = pages_of(city.usual())
    at = Address("fr", f"c/{city.name(0)}/", named=True)
    address = f"https://cameras.example.org/c/{city.name(0)}/"  # each reader gets their own language there
    sign = ET.fromstring(pages.drawing(at, city.name(0)))  # noqa: S314  # our own
    assert sign.tag == f"{SVG}svg"
    assert (sign.get("width"), sign.get("height")) == ("148mm", "210mm")
    assert address in "".join(sign.itertext()).replace("…", "")
    path = sign.find(f"{SVG}g/{SVG}path")
    assert path is not None
    drawn = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", path.get("d") or "")}
    rows = segno.make(address, error="q", micro=False).matrix
    assert drawn == {(x + 4, y + 4) for y, row in enumerate(rows) for x, dark in enumerate(row) if dark}


def test_code_has_a_quiet_zone() -> None:
    first = re.findall(r"M(\d+) (\d+)h1", code("https://example.org/"))
    assert min(int(x) for x, _ in first) == min(int(y) for _, y in first) == 4


def test_long_names_stay_on_the_sign(city: City) -> None:
    pages = pages_of(city.usual(name="W" * 200, label="X" * 200))
    lines = re.findall(
        r'font-size="([\d.]+)"[^>]*>([^<]*)<', pages.drawing(Address("en", f"c/{city.name(0)}/"), city.name(0))
    )
    assert all(len(text) * float(size) * 0.62 <= 160 for size, text in lines), lines


def test_checker_is_one_file_that_allows_no_other_script() -> None:
    page, policy = verifier_page()
    elements = PageReader(page.decode()).elements
    assert not [a for tag, a in elements if tag == "link" and a.get("href") != "data:,"]
    assert not [a for _, a in elements if "src" in a]
    script = re.findall(r"<script>(.*?)</script>", page.decode(), re.S)
    assert len(script) == 1
    assert hashlib.sha256(script[0].encode()).digest()
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
    assert verifier_page()[0] is page


def test_link_to_the_checker_carries_key_log_and_page(city: City) -> None:
    page = pages_of(city.usual()).camera(Address("fr", f"c/{city.name(0)}/", named=True), city.name(0))
    links = [a.get("href") or "" for _, a in PageReader(page).elements]
    link = next(href for href in links if "verify.html#" in href)
    asked = parse_qs(urlsplit(link).fragment)
    assert asked == {"lang": ["fr"], "log": ["./"], "key": [VKEY], "page": [f"fr/c/{city.name(0)}/"]}


def test_a_gap_stands_beside_off(city: City) -> None:
    """A camera that fell silent and was then stopped is off, but not only that."""
    city.operator().register(0).start(0).heartbeat(0, 0)
    city.add(RunningStopped(at=city.begin + timedelta(hours=5), camera=city.name(0), reason="planned"))
    pages = pages_of(city)
    words = PageReader(pages.camera(Address("en", f"c/{city.name(0)}/"), city.name(0))).words
    assert "this camera is off" in words
    assert "For 4 h of the last 30 days nobody can tell whether this camera was on, last from 22 November 2026" in words
    assert "not known for 4 h of the last 30 days" in PageReader(pages.operator(Address("en"))).words


def test_authority_to_complain_to_is_named_or_all_are(city: City) -> None:
    city.usual()
    at = Address("en", f"c/{city.name(0)}/")
    assert "The operator has not named its authority" in PageReader(pages_of(city).camera(at, city.name(0))).words
    city.add(
        OperatorStated(
            at=city.now, name="Ville", contact="mailto:a@example.org",
            authority="Data Protection Commission", authority_contact="https://dpc.example.org/",
        )
    )  # fmt: skip
    page = pages_of(city).camera(at, city.name(0))
    words = PageReader(page).words
    assert "Data Protection Commission" in words
    assert 'href="https://dpc.example.org/"' in page
    assert "has not named" not in words
    assert "You may complain" in words


def test_purpose_stands_on_the_sign(city: City) -> None:
    pages = pages_of(city.usual())
    assert "Purpose: Crowd safety on the platform" in pages.drawing(Address("en"), city.name(0))
    assert "Sécurité du quai" in pages.drawing(Address("fr"), city.name(0))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_what_the_camera_recognises_by_itself_and_that_it_was_not_asked(city: City, language: str) -> None:
    words, city = words_in(language), city.usual()
    address = Address(language, f"c/{city.name(0)}/")
    assert str(words.say("row.recognises.none")) in pages_of(city).camera(address, city.name(0))
    city.add(CameraChanged(at=city.begin, camera=city.name(0), recognises=()))
    assert str(words.say("row.recognises.no")) in pages_of(city).camera(address, city.name(0))
    city.add(CameraChanged(at=city.begin, camera=city.name(0), recognises=("FaceRecognition", "own-topic")))
    page = pages_of(city).camera(address, city.name(0))
    index = len(city.entries) - 1
    for place, name in enumerate(("FaceRecognition", "own-topic")):
        assert f'<span data-entry="{index}" data-claim="/recognises/{place}">{name}</span>' in page
