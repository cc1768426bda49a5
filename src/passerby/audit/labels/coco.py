"""Labels as COCO: one JSON object with ``images``, ``annotations``, ``categories`` and, for clips, ``videos``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from passerby.audit.labels.dimensions import labels_of
from passerby.audit.labels.texts import number, shown, whole
from passerby.audit.labels.values import IGNORED, LabelledItem, LabelRow
from passerby.errors import AuditError


def is_coco(text: str) -> bool:
    """Whether the text begins as a JSON object."""
    return text.lstrip().startswith("{")


def read_coco(path: Path, text: str) -> tuple[list[LabelRow], dict[str, LabelledItem]]:
    """Return rows and items.

    Raises:
        AuditError: it is no COCO, or a value cannot be used.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise AuditError(f"labels must be COCO JSON, got {path.name}: {exc}") from exc
    lists = {key: document.get(key, []) for key in ("images", "annotations", "categories", "videos")}
    for key, value in lists.items():
        if (key in {"images", "annotations"} and key not in document) or not isinstance(value, list):
            raise AuditError(
                f"{path.name} must have the COCO lists images and annotations, got {', '.join(document)[:200]}"
            )
        for at, row in enumerate(value):
            if not isinstance(row, dict) or not isinstance(row.get("id"), int | str):
                raise AuditError(f"{path.name}: {key}[{at}] must be an object with an id, got {shown(row)}")
    images = _Images(path, {row["id"]: row for row in lists["videos"]})
    for at, image in enumerate(lists["images"]):
        images.add(f"{path.name}: images[{at}]", image)
    wanted = _faces_of(path, lists["categories"])
    rows = []
    for at, row in enumerate(lists["annotations"]):
        if wanted is None or row.get("category_id") in wanted:
            rows.append(_row(f"{path.name}: annotations[{at}]", row, images))
    return rows, images.items


@dataclass(slots=True)
class _Images:
    """Images of a document: each is a picture, or a frame of a clip.

    Attributes:
        path: Of the document.
        videos: By id.
        items: Found so far, by name.
        place: Item and frame of each image, by id.
    """

    path: Path
    videos: dict[int | str, dict[str, Any]]
    items: dict[str, LabelledItem] = field(default_factory=dict)
    place: dict[int | str, tuple[str, int]] = field(default_factory=dict)

    def add(self, where: str, image: dict[str, Any]) -> None:
        """Take in one image."""
        if image["id"] in self.place:
            raise AuditError(f"{where}: each id must stand once, got {shown(image['id'])} again")
        name = image.get("file_name")
        if not isinstance(name, str) or not name:
            raise AuditError(f"{where}: file_name must name the picture, got {shown(name)}")
        key = next((key for key in ("frame_index", "frame_id", "frame") if key in image), None)
        frame = None if key is None else whole(where, key, image[key])
        video = self._video_of(where, image)
        if video is None and frame is None and not self._is_frame_of_a_clip_beside(name):
            item, at = name, 0
            found = self.items[item] = LabelledItem({0: name}, set())
        else:
            at = _last_number(where, name) if frame is None else frame
            item, found = self._item(where, video)
            if (self.path.parent / name).is_file():
                found.pictures[at] = name
        found.frames = (found.frames or set()) | {at}
        found.size = _size(where, image) or found.size
        self.place[image["id"]] = (item, at)

    def _item(self, where: str, video: dict[str, Any] | None) -> tuple[str, LabelledItem]:
        """Return name and item of the clip that a frame belongs to."""
        told = {} if video is None else video
        item = str(told.get("file_name") or told.get("name") or told.get("id") or self.path.stem)
        found = self.items.setdefault(item, LabelledItem({}, set()))
        if "fps" in told:
            found.rate_hz = number(where, "fps of the video", told["fps"])
        return item, found

    def _video_of(self, where: str, image: dict[str, Any]) -> dict[str, Any] | None:
        if "video_id" not in image:
            return None
        if image["video_id"] not in self.videos:
            raise AuditError(f"{where}: video_id must be one of videos, got {shown(image['video_id'])}")
        return self.videos[image["video_id"]]

    def _is_frame_of_a_clip_beside(self, name: str) -> bool:
        """Labelling tools export the frames of ``clip.mp4`` as ``frame_000012.png`` into ``clip.json``."""
        if (self.path.parent / name).is_file():
            return False
        beside = [one for one in self.path.parent.glob(f"{self.path.stem}.*") if one != self.path]
        return bool(beside) and re.fullmatch(r"(frame|img|image)?[_-]?\d+", Path(name).stem) is not None


def _size(where: str, image: dict[str, Any]) -> tuple[int, int] | None:
    if "width" not in image or "height" not in image:
        return None
    return whole(where, "width", image["width"], least=1), whole(where, "height", image["height"], least=1)


def _last_number(where: str, name: str) -> int:
    numbers = re.findall(r"\d+", Path(name).stem)
    if not numbers:
        raise AuditError(f"{where}: file_name must end in the number of the frame, from 0, got {shown(name)}")
    return int(numbers[-1])


def _faces_of(path: Path, categories: list[dict[str, Any]]) -> set[object] | None:
    """Return the ids of categories that are faces; None where there are no categories."""
    names = {row["id"]: str(row.get("name", "")).lower() for row in categories}
    if len(names) <= 1:
        return None
    faces = {one for one, name in names.items() if "face" in name}
    if not faces:
        raise AuditError(f"{path.name} must have a category face, got {', '.join(sorted(names.values()))[:200]}")
    return faces


def _row(where: str, row: dict[str, Any], images: _Images) -> LabelRow:
    key = row.get("image_id")
    if not isinstance(key, int | str) or key not in images.place:
        raise AuditError(f"{where}: image_id must be one of images, got {shown(key)}")
    item, frame = images.place[key]
    box = row.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise AuditError(f"{where}: bbox must be x, y, width, height in pixels, got {shown(box)}")
    x, y, w, h = (number(where, f"bbox {side}", value) for side, value in zip("xywh", box, strict=True))
    more = row.get("attributes")
    told = row | (more if isinstance(more, dict) else {})
    person = next((told[name] for name in ("track_id", "instance_id", "person_id") if told.get(name) is not None), None)
    ignored = any(told.get(name) in {1, "1", "true"} for name in ("iscrowd", "ignore", "invalid"))
    told = {name: value for name, value in told.items() if isinstance(value, int | float | str)}
    return LabelRow(
        where,
        item,
        frame,
        None if person is None else str(person),
        (x, y, w, h),
        IGNORED if ignored else "face",
        labels_of(told.items()),
    )
