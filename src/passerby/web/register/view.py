"""What the pages show, ready for the templates: status sentences, sections of statements, hours, map, news."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from passerby.languages import straight
from passerby.register import Fault, RequestOpened, SealAnnounced, SealTestOpened, SelfTest, SpotCheck, format_instant
from passerby.web.register.camera import CameraHistory, Counts, Gap, Said
from passerby.web.register.drawings import Map, Spot, draw_map
from passerby.web.register.rows import Row, claim, rows_of, seal_lines, source, tally_rows
from passerby.web.register.state import State
from passerby.web.register.status import Light, Status, late_reveals, sealed_of, status_of, totals_of
from passerby.web.register.translation import Translation, element

CAMERAS_PER_PART = 50
NEWS_SHOWN = 10
CHART_HOURS = 24
CHART_WIDTH_PX, CHART_HEIGHT_PX = 480, 96


@dataclass(frozen=True, slots=True)
class Shown:
    """A camera as a list or the head of its page shows it.

    Attributes:
        camera: Its identifier.
        number: In the list of all; 0 on its own page.
        label: Its name, bound to the entry that states it.
        light: On, off, not known.
        word: That in words.
        sentence: That as a statement.
        since: Since when, or None.
        due: When this turns into "not known" by itself, as entries spell instants, or None.
        entries: Where in the log.
        plain: Its name as plain text.
        gap: How long in the last 30 days nothing was known of it, and when last; None where something always was.
        gap_brief: The same in few words.
        sealed: That faces are kept locked there, before all else; empty where none are.
    """

    camera: str
    number: int
    label: Markup
    light: Light
    word: str
    sentence: Markup
    since: Markup | None
    due: str | None
    entries: tuple[int, ...]
    plain: str
    gap: Markup | None = None
    gap_brief: Markup | None = None
    sealed: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour in the chart, in pixels."""

    x: float
    y: float
    width: float
    height: float
    title: str
    fault: bool


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour in the table."""

    begin: Markup
    faces: Markup | str
    notes: tuple[str, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class News:
    """One opening or fault.

    Attributes:
        at: When, by the operator's clock.
        title: In a few words.
        text: What the operator states.
        index: The entry; None for a silence, which is no entry.
        camera: Which, where it is known.
    """

    at: datetime
    title: str
    text: str
    index: int | None
    camera: str | None


def plain_label(camera: CameraHistory) -> str:
    """Return a camera's name as plain text, or the start of its identifier where it was never given one."""
    return str(straight(camera.registered.entry.label)) if camera.registered else camera.camera[:8]


def ordered(state: State) -> list[CameraHistory]:
    """Return all cameras in the order of the list: by name, removed ones last."""
    return sorted(state.cameras.values(), key=lambda c: (c.retired is not None, plain_label(c).casefold(), c.camera))


def shown(words: Translation, camera: CameraHistory, now: datetime, number: int = 0) -> Shown:
    """Return a camera's name and status."""
    status = status_of(camera, now)
    label = (
        claim(source(camera, "label"), "label")
        if camera.registered
        else Markup("<code>{}</code>").format(camera.camera[:8])
    )
    when = since(words, status)
    gap, gap_brief = gap_beside(words, camera, now)
    entries = [] if status.index is None else [status.index]
    if camera.registered:
        entries.append(camera.sources.get("label", camera.registered.index))
    return Shown(
        camera=camera.camera,
        number=number,
        label=label,
        light=status.light,
        word=words.text(f"light.{status.light}"),
        sentence=sentence(words, camera, status, when, now),
        since=words.say("page.since", when=when) if when and status.light is not Light.NEW else None,
        due=format_instant(status.due) if status.due else None,
        entries=tuple(dict.fromkeys(entries)),
        plain=plain_label(camera),
        gap=gap,
        gap_brief=gap_brief,
        sealed=tuple(seal_lines(words, camera, now)),
    )


def gap_beside(words: Translation, camera: CameraHistory, now: datetime) -> tuple[Markup | None, Markup | None]:
    """Return what a reader of "on" or "off" must know: that for a while nobody could tell. In full, and in few words."""
    seconds, last = totals_of(camera, now).gaps_s, camera.gaps[-1] if camera.gaps else None
    if last is None or seconds == 0:
        return None, None
    span = words.span(seconds)
    begin, end = words.instant(last.begin), words.instant(last.end)
    return words.say("status.gap", span=span, begin=begin, end=end), words.say("page.gap_brief", span=span)


def since(words: Translation, status: Status) -> Markup | None:
    """Return the instant since when a camera is what it is, bound to its entry."""
    if status.since is None:
        return None
    return words.instant(status.since, data_entry=status.index, data_claim=f"/{status.field}")


def sentence(words: Translation, camera: CameraHistory, status: Status, when: Markup | None, now: datetime) -> Markup:
    """Return the status in plain words."""
    if status.ahead:
        return words.say("status.ahead")
    if status.light is Light.NEW and camera.registered is None:
        return words.say("status.unregistered")
    return words.say(f"status.{status.light}", when=when, span=words.span(status.silent_s(now)))


def camera_view(words: Translation, state: State, camera: CameraHistory, now: datetime) -> dict[str, Any]:
    """Return everything the page of one camera shows."""
    status = status_of(camera, now)
    return {
        "camera": shown(words, camera, now),
        "due": words.instant(status.due) if status.due else None,
        "sections": rows_of(words, state, camera, now),
        "hours": [hour(words, row) for row in reversed(camera.hours[-CHART_HOURS:])],
        "chart": chart(words, camera.hours[-CHART_HOURS:]),
        "highest": words.number(max((row.faces for row in camera.hours[-CHART_HOURS:]), default=0)),
        "gaps_in_all": words.span(camera.gap_s),
        "gaps": [explained_gap(words, state, gap) for gap in reversed(camera.gaps)],
        "faults": [(news_of(words, state, fault).text, (fault.index,)) for fault in reversed(camera.faults)],
        "alarms": alarms(words, state, now),
    }


def explained_gap(words: Translation, state: State, gap: Gap) -> tuple[Markup, list[int]]:
    """Return a gap's line, with the operator's reason where it gave one, and the entries that it stands on."""
    line = gap_line(words, gap.begin, gap.end)
    said = state.reasons.get(gap.index) or state.reasons.get(gap.before)
    if said is None:
        return line, [gap.index]
    reason = words.say("page.gap_reason", line=line, reason=claim(said, "reason"))
    return reason, [gap.index, said.index]


def gap_line(words: Translation, begin: datetime, end: datetime) -> Markup:
    """Return a span without any word."""
    span = words.span(round((end - begin).total_seconds()))
    return words.say("page.gap", begin=words.instant(begin), end=words.instant(end), span=span)


def hour(words: Translation, row: Counts) -> Hour:
    """Return an hour's line; its number is bound to the entry where one heartbeat holds the whole of it."""
    notes = [
        words.text(f"page.{name}_note", span=words.span(seconds))
        for name, seconds in (("whole", row.covered_whole_s), ("stalled", row.stalled_s), ("down", row.down_s))
        if seconds
    ]
    faces: Markup | str = words.number(row.faces)
    if row.first == row.last:
        faces = Markup('<data value="{}" data-entry="{}" data-claim="/faces_covered">{}</data>').format(
            row.faces, row.first, faces
        )
    begin = element("time", f"{words.day(row.begin)}, {words.clock(row.begin)}", datetime=format_instant(row.begin))
    return Hour(begin, faces, tuple(notes), row.first, row.last)


def chart(words: Translation, rows: Sequence[Counts]) -> list[Bar]:
    """Return the bars of the last hours."""
    if not rows:
        return []
    step = CHART_WIDTH_PX / CHART_HOURS
    highest = max(1, *(row.faces for row in rows))
    bars = []
    for place, row in enumerate(rows):
        high = max(1.0, row.faces / highest * (CHART_HEIGHT_PX - 8))
        fault = (row.covered_whole_s + row.stalled_s + row.down_s) * 2 > row.stated_s
        title = f"{words.clock(row.begin)}: {words.number(row.faces)}"
        bars.append(
            Bar(round(place * step + 1, 1), round(CHART_HEIGHT_PX - high, 1), step - 2, round(high, 1), title, fault)
        )
    return bars


def operator_view(words: Translation, state: State, now: datetime, part: int) -> dict[str, Any]:
    """Return everything one page of the list of all cameras shows.

    Args:
        words: The language.
        state: What the log says.
        now: When it is read.
        part: From 1.
    """
    cameras = ordered(state)
    parts = max(1, -(-len(cameras) // CAMERAS_PER_PART))
    begin = (part - 1) * CAMERAS_PER_PART
    return {
        "operator": claim(state.operator, "name") if state.operator else words.text("page.no_operator"),
        "operator_entry": state.operator.index if state.operator else None,
        "sealed": sealed_count(words, cameras, now),
        "count": words.count("page.cameras", len(cameras)) if cameras else words.text("page.none"),
        "cameras": [
            shown(words, c, now, begin + i + 1) for i, c in enumerate(cameras[begin : begin + CAMERAS_PER_PART])
        ],
        "map": map_of(cameras, now) if part == 1 else None,
        "part": part,
        "parts_total": parts,
        "tally": list(tally_rows(words, state.tally)),
        "years": years(words, state),
        "news": list(news(words, state))[:NEWS_SHOWN],
        "remarks": [(claim(said, "text"), said.index) for said in reversed(state.remarks)][:NEWS_SHOWN],
        "alarms": alarms(words, state, now),
    }


def sealed_count(words: Translation, cameras: Sequence[CameraHistory], now: datetime) -> Markup | None:
    """Return at how many cameras faces are kept locked, or will be; None where at none."""
    found = [sealed_of(camera, now) for camera in cameras]
    kept, coming = sum(one.now is not None for one in found), sum(one.coming is not None for one in found)
    if not kept and not coming:
        return None
    n = words.number(len(cameras))
    lines = [words.count("sealed.at", kept, of=n)] if kept else []
    lines += [words.count("sealed.soon_at", coming, of=n)] if coming else []
    return Markup(" ").join(lines)


def map_of(cameras: Sequence[CameraHistory], now: datetime) -> Map | None:
    """Return the map of the cameras that have a place and were not removed."""
    spots = []
    for number, camera in enumerate(cameras, 1):
        place = camera.registered.entry.place if camera.registered and not camera.retired else None
        if place:
            light = status_of(camera, now).light
            spot = Spot(
                number, camera.camera, plain_label(camera), light, place.latitude_e6 / 1e6, place.longitude_e6 / 1e6
            )
            spots.append(spot)
    return draw_map(spots)


def years(words: Translation, state: State) -> list[Row]:
    """Return the yearly figures, newest first."""
    rows = []
    for year, said in sorted(state.years.items(), reverse=True):
        names = ("requests", "granted", "refused", "opened", "notified")
        figures = {name: claim(said, name, words.number(getattr(said.entry, name))) for name in names}
        rows.append(Row("year", words.say("page.year_value", year=claim(said, "year", year), **figures), (said.index,)))
    return rows


def alarms(words: Translation, state: State, now: datetime) -> list[Row]:
    """Return what a reader should know before all else: broken promises to reveal."""
    rows = []
    if late := late_reveals(state, now):
        rows.append(Row("late", words.count("page.late", len(late)), tuple(late[:20]), by="reckoned", warn=True))
    for key, found in (("was_late", state.late_reveals), ("bad", state.bad_reveals), ("unread", state.unread)):
        if found:
            rows.append(Row(key, words.count(f"page.{key}", len(found)), tuple(found), by="reckoned", warn=True))
    return rows


def news(words: Translation, state: State) -> Iterator[News]:
    """Yield openings and faults, newest entry first."""
    for said in reversed(state.news):
        yield news_of(words, state, said)


def news_of(words: Translation, state: State, said: Said[Any]) -> News:
    """Return one entry as news."""
    entry = said.entry
    camera = getattr(entry, "camera", None)
    if isinstance(entry, RequestOpened):
        case = state.cases.get(entry.case)
        camera = case.camera if case else None
        name = plain_label(state.cameras[camera]) if camera in state.cameras else words.text("feed.hidden")
        text = words.text(words.form("feed.opened_text", entry.tracks), n=words.number(entry.tracks), camera=name)
        return News(entry.at, words.text("feed.opened"), text, said.index, camera)
    name = plain_label(state.cameras[camera]) if camera in state.cameras else str(camera)
    if isinstance(entry, Fault):
        what = words.text(f"fault.{entry.what}")
        begin, end = words.moment(entry.begin), words.moment(entry.end)
        text = words.text("feed.fault_text", what=what, cause=entry.cause, begin=begin, end=end)
        return News(entry.at, words.text("feed.fault", what=what, camera=name), text, said.index, camera)
    if isinstance(entry, SealAnnounced):
        return News(entry.at, *seal_news(words, entry, name), said.index, camera)
    if isinstance(entry, SealTestOpened):
        title = words.text("feed.seal_test", camera=name)
        return News(entry.at, title, f"{words.text('said')} {title}", said.index, camera)
    kind = "selftest" if isinstance(entry, SelfTest) else "spotcheck" if isinstance(entry, SpotCheck) else None
    kind = kind or ("stopped" if entry.kind == "running.stopped" else "access")
    title = words.text(f"feed.{kind}", camera=name)
    return News(entry.at, title, f"{words.text('said')} {title}", said.index, camera)


def seal_news(words: Translation, entry: SealAnnounced, name: str) -> tuple[str, str]:
    """Return an announcement of locked faces as title and text."""
    begins = words.moment(entry.begins)
    if entry.retention_h == 0:
        title = words.text("feed.unsealed", camera=name)
        return title, words.text("feed.unsealed_text", begins=begins)
    hours = words.text(words.form("sealed.hours", entry.retention_h), n=words.number(entry.retention_h))
    title = words.text("feed.sealed", hours=hours, camera=name)
    return title, words.text("feed.sealed_text", begins=begins, hours=hours)
