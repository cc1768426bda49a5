"""A project while edits are applied to it: what each edit does to tracks, zones, doubts and the person who is left clear.

No edit bares a face that it does not name: a cover that is cut leaves all its other frames covered, a box that is put right
moves no other track, and two tracks that are joined are covered in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from passerby.desk.project.edits import (
    CorrectEdit,
    CoverEdit,
    DeskEdit,
    JoinEdit,
    KeepEdit,
    SettledAs,
    SettleEdit,
    SplitEdit,
    UncoverEdit,
    UnkeepEdit,
    UnzoneEdit,
    ZoneEdit,
)
from passerby.desk.project.paths import between, corrected, first_twice_seen, known_frames, piece
from passerby.desk.project.state import DeskDoubt, DeskTrack, KeptPerson, TakenAway
from passerby.errors import UsageError
from passerby.values import Track, Zone


@dataclass(slots=True)
class Draft:
    """A project that edits are applied to, in place.

    Attributes:
        frames: Of the clip.
        tracks: By number.
        zones: By name.
        kept: Who is left clear.
        settled: By doubt: how, and the cover that was made for it.
        taken_away: Covers of the program's that were taken away.
        moved: Boxes of the program's that were put right.
        next_number: Of a further track.
    """

    frames: int
    tracks: dict[int, DeskTrack]
    zones: dict[str, Zone]
    next_number: int
    kept: KeptPerson | None = None
    settled: dict[str, tuple[SettledAs, int | None]] = field(default_factory=dict)
    taken_away: list[TakenAway] = field(default_factory=list)
    moved: int = 0

    @classmethod
    def of(cls, tracks: tuple[Track, ...], zones: tuple[Zone, ...], frames: int) -> Draft:
        """Begin with what was found."""
        found = {one.number: DeskTrack(one, "found", "solid", "face", known_frames(one)) for one in tracks}
        return cls(frames, found, {zone.name: zone for zone in zones}, max(found, default=0) + 1)

    def copy(self) -> Draft:
        """Return another one that changes alone."""
        return replace(
            self,
            tracks=dict(self.tracks),
            zones=dict(self.zones),
            settled=dict(self.settled),
            taken_away=list(self.taken_away),
        )

    def apply(self, edit: DeskEdit, doubts: dict[str, DeskDoubt]) -> None:
        """Apply an edit.

        Args:
            edit: What to do.
            doubts: All that are known, by their ids.

        Raises:
            UsageError: it does not fit the clip or what is there; nothing was changed.
        """
        if isinstance(edit, SettleEdit):
            self._settle(edit, doubts)
        elif isinstance(edit, ZoneEdit | UnzoneEdit | KeepEdit | UnkeepEdit):
            self._apply_whole(edit)
        else:
            self._apply_track(edit)

    def _apply_whole(self, edit: ZoneEdit | UnzoneEdit | KeepEdit | UnkeepEdit) -> None:
        match edit:
            case ZoneEdit():
                self._add_zone(edit)
            case UnzoneEdit():
                self._take_zone(edit)
            case KeepEdit():
                self._keep(edit)
            case UnkeepEdit():
                self._unkeep()

    def _apply_track(self, edit: CoverEdit | CorrectEdit | UncoverEdit | SplitEdit | JoinEdit) -> None:
        match edit:
            case CoverEdit():
                self._cover(edit)
            case CorrectEdit():
                self._correct(edit)
            case UncoverEdit():
                self._uncover(edit)
            case SplitEdit():
                self._split(edit)
            case JoinEdit():
                self._join(edit)

    def _cover(self, edit: CoverEdit) -> int:
        last = edit.boxes[-1].frame
        self._check_frame(last)
        number = self.next_number
        track = between(number, {one.frame: one.box for one in edit.boxes})
        known = frozenset(one.frame for one in edit.boxes)
        self._put(DeskTrack(track, edit.origin, edit.style, edit.what, known))
        return number

    def _correct(self, edit: CorrectEdit) -> None:
        self._check_frame(edit.frame)
        was = self._track(edit.track)
        self.moved += was.origin == "found"
        track = corrected(was.track, edit.frame, edit.box, was.known)
        self.tracks[was.number] = replace(was, track=track, known=was.known | {edit.frame})

    def _uncover(self, edit: UncoverEdit) -> None:
        for one in (self._track(number) for number in edit.tracks):
            first, last = self._within(one, edit)
            if first > last:
                raise UsageError(
                    f"track {one.number} must have boxes in the frames named, got {edit.first} to {edit.last}",
                    hint=f"it has them in {one.first} to {one.last}",
                )
        for one in [self.tracks[number] for number in edit.tracks]:
            self._cut_out(one, *self._within(one, edit))

    def _within(self, one: DeskTrack, edit: UncoverEdit) -> tuple[int, int]:
        first = one.first if edit.first is None else max(one.first, edit.first)
        return first, one.last if edit.last is None else min(one.last, edit.last)

    def _cut_out(self, one: DeskTrack, first: int, last: int) -> None:
        if one.origin == "found":
            self.taken_away.append(TakenAway(one.number, first, last))
        del self.tracks[one.number]
        number = one.number
        left = [(begin, end) for begin, end in ((one.first, first - 1), (last + 1, one.last)) if begin <= end]
        numbers = []
        for begin, end in left:
            self._put(piece(one, number, begin, end))
            numbers.append(number)
            number = self.next_number
        self._replace_kept(one.number, numbers)

    def _split(self, edit: SplitEdit) -> None:
        one = self._track(edit.track)
        if not one.first < edit.frame <= one.last:
            raise UsageError(
                f"frame of split must lie behind the first of track {one.number}, got {edit.frame}",
                hint=f"the track has frames {one.first} to {one.last}",
            )
        number = self.next_number
        self._put(piece(one, one.number, one.first, edit.frame - 1))
        self._put(piece(one, number, edit.frame, one.last))
        self._replace_kept(one.number, [one.number, number])

    def _join(self, edit: JoinEdit) -> None:
        one, other = (self._track(number) for number in edit.tracks)
        if other.first <= one.last:
            raise UsageError(
                f"second track of join must begin after the first ends in frame {one.last}, got {other.first}",
                hint="name the earlier track first; tracks of the same frames are two faces",
            )
        if (one.style, one.what, one.kept) != (other.style, other.what, other.kept):
            raise UsageError(
                f"tracks of join must be covered alike, got {_kind(one)} and {_kind(other)}",
                hint="put right or take away one of them first",
            )
        known = one.known | other.known
        boxes = {frame: one.track.xyxy[frame - one.first] for frame in range(one.first, one.last + 1)}
        boxes |= {frame: other.track.xyxy[frame - other.first] for frame in range(other.first, other.last + 1)}
        gap = np.zeros(other.first - one.last - 1, np.float32)
        score = np.concatenate([one.track.score, gap, other.track.score])
        joined = between(one.number, boxes)
        track = Track(one.number, one.first, joined.xyxy, score)
        origin = "found" if "found" in {one.origin, other.origin} else one.origin
        self._put(DeskTrack(track, origin, one.style, one.what, known, one.kept))
        del self.tracks[other.number]
        self._replace_kept(other.number, [])

    def _add_zone(self, edit: ZoneEdit) -> None:
        if edit.name in self.zones:
            raise UsageError(
                f"name of a zone must be a new one, got {edit.name!r}", hint="take the old zone away first"
            )
        self.zones[edit.name] = Zone(edit.points, edit.name)

    def _take_zone(self, edit: UnzoneEdit) -> None:
        if self.zones.pop(edit.name, None) is None:
            raise UsageError(f"name must be that of a zone, got {edit.name!r}", hint=_listed("zones", self.zones))

    def _unkeep(self) -> None:
        if self.kept is None:
            raise UsageError("somebody must be left clear to be covered again, got nobody")
        self._set_kept(None)

    def _keep(self, edit: KeepEdit) -> None:
        kept = [self._track(number) for number in edit.tracks]
        for one in kept:
            if one.what != "face":
                raise UsageError(f"tracks of keep must be of a face, got track {one.number} over a {one.what}")
        twice = first_twice_seen(kept)
        if twice is not None:
            raise UsageError(
                "tracks of keep must be of one person, got tracks {} and {} both in frame {}".format(*twice),
                hint="nobody is in two places at once: keep one of them, the other stays covered",
            )
        self._set_kept(KeptPerson(edit.tracks, edit.why))

    def _settle(self, edit: SettleEdit, doubts: dict[str, DeskDoubt]) -> None:
        doubt = doubts.get(edit.doubt)
        if doubt is None:
            raise UsageError(f"doubt must be the id of one, got {edit.doubt!r}")
        made = self.settled.get(doubt.id, ("later", None))[1]
        about = [one for number in (made, doubt.track) if (one := self.tracks.get(number or 0)) is not None]
        if edit.settled == "covered":
            if not any(one.first <= doubt.first and doubt.last <= one.last for one in about):
                made = self._cover(CoverEdit(doubt.boxes))
        elif edit.settled == "not a face":
            for one in about:  # what was joined to it, or drawn on, since it was in doubt is named by nobody
                first, last = max(one.first, doubt.first), min(one.last, doubt.last)
                if first <= last:
                    self._cut_out(one, first, last)
        self.settled[doubt.id] = (edit.settled, made)

    def _put(self, one: DeskTrack) -> None:
        self.tracks[one.number] = one
        self.next_number = max(self.next_number, one.number + 1)

    def _replace_kept(self, number: int, by: list[int]) -> None:
        """Say which tracks stand for a kept one now."""
        if self.kept is None or number not in self.kept.tracks:
            return
        tracks = tuple(new for one in self.kept.tracks for new in (by if one == number else [one]))
        self._set_kept(replace(self.kept, tracks=tracks) if tracks else None)

    def _set_kept(self, kept: KeptPerson | None) -> None:
        self.kept = kept
        numbers = () if kept is None else kept.tracks
        for number, one in self.tracks.items():
            if one.kept != (number in numbers):
                self.tracks[number] = replace(one, kept=number in numbers)

    def _track(self, number: int) -> DeskTrack:
        if number not in self.tracks:
            raise UsageError(f"track must be one of the {len(self.tracks)} there are, got {number}")
        return self.tracks[number]

    def _check_frame(self, frame: int) -> None:
        if frame >= self.frames:
            raise UsageError(f"frame must be below {self.frames}, got {frame}", hint="frames are counted from 0")


def _kind(one: DeskTrack) -> str:
    return f"track {one.number} ({one.what}, {one.style}{', left clear' if one.kept else ''})"


def _listed(what: str, names: dict[str, Zone]) -> str:
    return f"{what}: {', '.join(sorted(names))}" if names else f"there are no {what}"
