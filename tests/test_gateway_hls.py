"""HLS as RFC 8216 wants it: by its rules, by another's parser, in another's player."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway_site import PASSWORDS, ConsoleSite
from tests.gateway_tools import Fed, HandClock, camera, numbers, program, run, wait_for
from tests.needs import chromium, node_tools

from passerby.gateway.access.accounts import Role
from passerby.gateway.config import EncodeConfig
from passerby.gateway.picture.scene import SceneSettings
from passerby.gateway.picture.slate import Slates
from passerby.gateway.stream.gops import Gop, GopCutter
from passerby.gateway.stream.hls import SEGMENTS, HlsFeed
from passerby.gateway.stream.relay import Relay
from passerby.gateway.values import TICKS_PER_S, CoverReason

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route


def test_hls_plays_and_is_bounded() -> None:
    fed = Fed()
    fed.feed(1)
    feed = HlsFeed(fed.relay, clock=fed.hand.clock)
    assert feed.playlist() is None
    fed.feed(13 * 2 * (SEGMENTS + 3))
    playlist = feed.playlist()
    assert playlist is not None
    names = [line for line in playlist.splitlines() if line.endswith(".m4s")]
    assert len(names) == SEGMENTS
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in playlist
    init = feed.file("init0.mp4")
    parts = [feed.file(name) for name in names]
    assert init is not None
    seen = numbers(init + b"".join(part for part in parts if part is not None))
    assert len(seen) == SEGMENTS * 26
    assert np.diff(np.array(seen, np.int64)).tolist() == [1] * (len(seen) - 1)
    assert feed.file("seg0.m4s") is not None, "whoever has an older playlist gets what it names"
    fed.feed(13 * 2 * (SEGMENTS + 1))
    assert feed.file("seg0.m4s") is None, "old segments go"
    assert feed.file("../etc/passwd") is None
    feed.close()
    assert not feed.active


@pytest.mark.tool
def test_ffmpeg_plays_the_playlist(tmp_path: Path) -> None:
    fed = Fed()
    feed = HlsFeed(fed.relay)
    feed.playlist()
    fed.feed(60)
    playlist = feed.playlist()
    assert playlist is not None
    for name in ["init0.mp4", *(line for line in playlist.splitlines() if line.endswith(".m4s"))]:
        data = feed.file(name)
        assert data is not None
        (tmp_path / name).write_bytes(data)
    (tmp_path / "live.m3u8").write_text(playlist + "#EXT-X-ENDLIST\n")
    done = run([program("ffmpeg"), "-nostdin", "-v", "error", "-i", str(tmp_path / "live.m3u8"), "-f", "null", "-"])
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_hls_marks_another_size() -> None:
    fed = Fed()
    feed = HlsFeed(fed.relay)
    feed.playlist()
    fed.feed(30)
    other = Fed(SceneSettings(640, 352, 12.5, 0))
    other.relay, other.began = fed.relay, fed.hand.ns + 3 * 10**9
    other.feed(60)
    playlist = feed.playlist() or ""
    assert playlist.count("#EXT-X-DISCONTINUITY\n") == 1
    assert playlist.index("init0.mp4") < playlist.index("#EXT-X-DISCONTINUITY\n") < playlist.index("init1.mp4")


# by the rules


class Row(NamedTuple):
    """A segment in a playlist."""

    duration: float
    breaks: int
    anew: bool
    map: str


class Told(NamedTuple):
    """A playlist, read by the letter."""

    target: int
    rows: dict[int, Row]


def read(playlist: str) -> Told:
    target = sequence = breaks = -1
    rows: dict[int, Row] = {}
    anew, where, duration = False, "", 0.0
    for line in playlist.splitlines():
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-TARGETDURATION":
            target = int(value)
        elif tag == "#EXT-X-MEDIA-SEQUENCE":
            sequence = int(value)
        elif tag == "#EXT-X-DISCONTINUITY-SEQUENCE":
            breaks = int(value)
        elif tag == "#EXT-X-DISCONTINUITY":
            anew = True
        elif tag == "#EXT-X-MAP":
            where = value
        elif tag == "#EXTINF":
            duration = float(value.rstrip(","))
        elif not line.startswith("#"):
            breaks += anew
            rows[sequence] = Row(duration, breaks, anew, where)
            assert line == f"seg{sequence}.m4s"
            sequence, anew = sequence + 1, False
    return Told(target, rows)


class Played:
    """A feed that is given groups of pictures by hand, and every playlist that it gave."""

    def __init__(self, gop_s: float) -> None:
        self.hand = HandClock()
        self.relay = Relay(replace(camera(), output=EncodeConfig(gop_s=gop_s)), Slates(), clock=self.hand.clock)
        self.feed = HlsFeed(self.relay, clock=self.hand.clock)
        self.playlists: list[str] = []
        made: list[Gop] = []
        for size in (SceneSettings(320, 192, 12.5, 0), SceneSettings(640, 352, 12.5, 0)):
            fed = Fed(size)
            fed.relay.subscribe(GopCutter(made.append))
            fed.feed(27)
        self.sizes = (made[0], made[-1])
        self.ticks = 0

    def take(self, seconds: float, *, large: bool, gap_s: float, take: Callable[[Gop], None]) -> None:
        one = self.sizes[large]
        self.ticks += round(gap_s * TICKS_PER_S)
        each = max(1, round(seconds * TICKS_PER_S / len(one.samples)))
        samples = tuple(replace(sample, ticks=each) for sample in one.samples)
        take(Gop(one.parameters, self.ticks, each * len(samples), 10**18 + self.ticks * 100_000 // 9, samples))
        self.ticks += each * len(samples)
        self.hand.move(gap_s + seconds)
        playlist = self.feed.playlist()
        if playlist is not None:
            self.playlists.append(playlist)
            for segment in read(playlist).rows:
                assert self.feed.file(f"seg{segment}.m4s")


GROUPS = st.tuples(
    st.floats(0.1, 30.0) | st.sampled_from([0.5, 1.04, 2.5]), st.booleans(), st.sampled_from([0.0] * 6 + [3.0, 900.0])
)


@pytest.fixture(scope="module")
def taken() -> list[list[str]]:
    return []


@given(gop_s=st.sampled_from([0.5, 1.0, 1.04, 2.0, 2.6, 10.0]), groups=st.lists(GROUPS, min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_playlists_keep_to_rfc_8216_whatever_comes(
    gop_s: float, groups: list[tuple[float, bool, float]], taken: list[list[str]]
) -> None:
    played = Played(gop_s)
    for seconds, large, gap_s in groups:
        # what the feed subscribes to gives whole groups: here they are given by hand
        played.take(seconds, large=large, gap_s=gap_s, take=played.feed.take)
    told = [read(playlist) for playlist in played.playlists]
    assert len({one.target for one in told}) <= 1, "4.3.3.1: the target duration does not change"
    known: dict[int, Row] = {}
    for one in told:
        first = min(one.rows)
        for number, row in one.rows.items():
            assert math.floor(row.duration + 0.5) <= one.target
            # a segment stays what it was, its discontinuity number too: 6.2.1, 4.3.3.3
            assert known.setdefault(number, row) == row
        if first > 0:
            assert sum(row.duration for row in one.rows.values()) >= 3 * one.target - 0.001, "6.2.2"
    for number, row in known.items():
        before = known.get(number - 1)
        if before is not None:
            assert row.breaks - before.breaks == row.anew
            assert row.anew or row.map == before.map
    taken.append(played.playlists)


@pytest.mark.tool
def test_another_parser_reads_them_strictly_and_alike(taken: list[list[str]]) -> None:
    playlists = [playlist for one in taken for playlist in one] or [""]
    node, folder = node_tools("hls-parser")
    done = subprocess.run(
        [node, str(folder / "parse_hls.js")], input=json.dumps(playlists), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    for playlist, parsed in zip(playlists, json.loads(done.stdout), strict=True):
        ours = read(playlist)
        assert parsed["target"] == ours.target
        assert [(one["number"], one["breaks"], one["anew"]) for one in parsed["segments"]] == [
            (number, row.breaks, row.anew) for number, row in ours.rows.items()
        ]


# in a player

PAGE = """<!doctype html><video muted autoplay></video><script src="/hls.js"></script><script>
const errors = []; const video = document.querySelector("video");
const hls = new Hls({liveSyncDurationCount: 2});
hls.on(Hls.Events.ERROR, (_, data) => errors.push(`${data.fatal ? "fatal " : ""}${data.details}`));
hls.loadSource("/hls/hall/index.m3u8"); hls.attachMedia(video); video.play();
</script>"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ConsoleSite]:
    made = ConsoleSite(tmp_path)
    yield made
    made.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium("--autoplay-policy=no-user-gesture-required") as found:
        yield found


@pytest.mark.browser
def test_hls_js_plays_on_over_slates(site: ConsoleSite, browser: Browser) -> None:
    _, folder = node_tools("hls.js")

    def served(route: Route) -> None:
        if route.request.url.endswith("/hls.js"):
            route.fulfill(path=folder / "node_modules" / "hls.js" / "dist" / "hls.js", content_type="text/javascript")
        else:
            route.fulfill(body=PAGE, content_type="text/html")

    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site.url + "/console/")
        page.fill("#name", str(Role.VIEWER))
        page.fill("#password", PASSWORDS[Role.VIEWER])
        page.keyboard.press("Enter")
        page.wait_for_selector(".wall")
        page.route(f"{site.url}/player", served)
        page.route(f"{site.url}/hls.js", served)
        page.goto(f"{site.url}/player")
        wait_for(lambda: position(page) > 1.0, 40)
        began = len(page.evaluate("hls.levels[0].details.fragments"))
        assert began
        relay = site.camera.relay
        site.thread.do(lambda: relay.raise_alarm(CoverReason.ALARM))
        for _ in range(6):
            page.wait_for_timeout(500)
            site.thread.do(relay.tick)
        site.thread.do(relay.end_alarm)
        wait_for(lambda: page.evaluate("hls.levels[0].details.endCC - hls.levels[0].details.startCC") >= 2, 40)
        at = position(page)
        wait_for(lambda: position(page) > at + 8, 60)
        assert [text for text in page.evaluate("errors") if text.startswith("fatal")] == []


def position(page: Page) -> float:
    return float(page.evaluate("document.querySelector('video').currentTime"))
