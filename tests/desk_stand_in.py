"""A file that is looked over, for tests of its page: real frames of a drawn clip, edits in memory. Not a test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from passerby.desk.playback.frame_server import FrameServer, open_frames
from passerby.errors import UsageError
from passerby.web.desk.edited import Row, WrittenOutput

Boxes = dict[int, list[float]]


class StandIn:
    """Two people and two doubts in a clip of 40 frames; every kind of edit changes what the page is told.

    Attributes:
        edits: That count, in order.
        exported: How often.
        going: Followed boxes wait for it; set it to let them go on.
    """

    def __init__(self, clip: Path, frames: int = 40) -> None:
        self.name = clip.name
        self.clip = clip
        self.veiled: FrameServer = open_frames(clip, frames=frames)
        self.original: FrameServer = open_frames(clip, frames=frames)
        self.frames = frames
        self.edits: list[dict[str, Any]] = []
        self.undone: list[dict[str, Any]] = []
        self.exported = 0
        self.language = ""
        self.saved = 0
        self.followed: list[dict[str, Any]] = []
        self.going = threading.Event()
        self.going.set()
        self.doubts: list[dict[str, Any]] = [
            {"id": "a", "first": 4, "last": 8, "frame": 6, "box": [10, 10, 30, 34], "why": "score", "track": 1},
            {
                "id": "b",
                "first": 20,
                "last": 24,
                "frame": 22,
                "box": [50, 20, 66, 40],
                "why": "verify,report",
                "track": None,
            },
        ]

    def close(self) -> None:
        """Let go of the clip."""
        self.veiled.close()
        self.original.close()

    def _fold(self) -> tuple[dict[int, Boxes], dict[int, str], dict[str, Any]]:
        tracks: dict[int, Boxes] = {
            1: {n: [10, 10, 30, 34] for n in range(15)},
            2: {n: [60 + n / 2, 16, 74 + n / 2, 34] for n in range(10, 40)},
        }
        origin = {1: "found", 2: "found"}
        rest: dict[str, Any] = {"zones": [], "kept": None, "settled": {}}
        for edit in self.edits:
            self._do(edit, tracks, origin, rest)
        return {number: boxes for number, boxes in tracks.items() if boxes}, origin, rest

    def _do(self, edit: dict[str, Any], tracks: dict[int, Boxes], origin: dict[int, str], rest: dict[str, Any]) -> None:
        new = max(tracks) + 1
        match edit["do"]:
            case "cover":
                tracks[new] = {one["frame"]: one["box"] for one in edit["boxes"]}
                origin[new] = edit["origin"]
            case "correct":
                tracks[edit["track"]][edit["frame"]] = edit["box"]
            case "uncover":
                for number in edit["tracks"]:
                    for n in range(edit["first"], edit["last"] + 1):
                        tracks[number].pop(n, None)
            case "split":
                old = tracks[edit["track"]]
                tracks[new] = {n: old.pop(n) for n in list(old) if n >= edit["frame"]}
                origin[new] = origin[edit["track"]]
            case "join":
                tracks[edit["tracks"][0]] |= tracks.pop(edit["tracks"][1])
            case _:
                self._do_beside(edit, rest)

    def _do_beside(self, edit: dict[str, Any], rest: dict[str, Any]) -> None:
        match edit["do"]:
            case "zone":
                rest["zones"].append({"name": edit["name"], "points": edit["points"]})
            case "unzone":
                rest["zones"] = [zone for zone in rest["zones"] if zone["name"] != edit["name"]]
            case "keep":
                rest["kept"] = {"tracks": edit["tracks"], "why": edit["why"]}
            case "unkeep":
                rest["kept"] = None
            case "settle":
                rest["settled"][edit["doubt"]] = edit["as"]

    def state(self) -> Row:
        """Return what follows from the edits."""
        tracks, origin, rest = self._fold()
        rows = [
            {"number": number, "first": min(boxes), "last": max(boxes), "origin": origin[number], "score": 0.7,
             "style": "solid", "what": "face", "kept": False}
            for number, boxes in sorted(tracks.items())
        ]  # fmt: skip
        return {
            "tracks": rows, "zones": rest["zones"], "kept": rest["kept"], "whole": [[30, 31]], "cuts": [18],
            "doubts": [one | {"settled": rest["settled"].get(one["id"])} for one in self.doubts],
            "changed_frames": [[0, self.frames - 1]] if len(self.edits) != self.saved else [], "notes": ["one", "two"],
            "undo_depth": len(self.edits), "redo_depth": len(self.undone), "frames": self.frames,
        }  # fmt: skip

    def edit(self, row: object, _: int | None) -> Row:
        """Take an edit."""
        if not isinstance(row, dict) or "do" not in row:
            raise UsageError("an edit must say what to do", hint="name it by do")
        self.edits.append(row)
        self.undone.clear()
        return self.state()

    def undo(self, _: int | None) -> Row:
        """Take the last edit back."""
        self.undone.append(self.edits.pop())
        return self.state()

    def redo(self, _: int | None) -> Row:
        """Make it again."""
        self.edits.append(self.undone.pop())
        return self.state()

    def boxes(self, first: int, last: int) -> Row:
        """Return the boxes by frame."""
        tracks = self._fold()[0]
        found: dict[str, list[list[float]]] = {}
        for number, boxes in tracks.items():
            for n, box in boxes.items():
                if first <= n <= last:
                    found.setdefault(str(n), []).append([number, *box])
        return found

    def pieces(self, track: int, frame: int) -> list[Row]:
        """Offer every track that begins later."""
        del track
        rows: list[Row] = [row for row in self.state()["tracks"] if row["first"] > frame]
        return rows

    def follow(
        self, frame: int, box: tuple[float, float, float, float], *, direction: int, stop: Callable[[], bool]
    ) -> Iterator[Row]:
        """Move a box a pixel a frame, for ten frames."""
        for step in range(1, 11):
            n = frame + step * direction
            self.going.wait(10)
            if stop() or not 0 <= n < self.frames:
                return
            one = {"frame": n, "box": [edge + step * (1 - k % 2) for k, edge in enumerate(box)], "quality": 0.9}
            self.followed.append(one)
            yield one

    def export(self, progress: Callable[[float], None], language: str) -> tuple[str, ...]:
        """Take note of an export, and say something about it."""
        self.language = language
        progress(0.5)
        self.exported += 1
        self.saved = len(self.edits)
        return ("a note",)

    def outputs(self) -> list[WrittenOutput]:
        """Return the clip as the result once it was exported."""
        return [WrittenOutput("veiled", self.clip), WrittenOutput("statement", self.clip)] if self.exported else []
