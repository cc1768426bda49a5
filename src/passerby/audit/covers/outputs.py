"""A folder of outputs that any tool made of the footage: each is found by its name and compared frame by frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.audit.covers.matching import SMALL_PX, SmallClip, match_frames
from passerby.audit.covers.pixels import Mask, covered_pixels
from passerby.audit.covers.scene import SceneGauge
from passerby.audit.labels import AnnotatedData, AnnotatedFootage, FootageKind
from passerby.errors import AuditError, UsageError
from passerby.media import ClipReader, read_ahead, read_picture, scaled_luma

_SEPARATORS = "_-. "
_MOST_STRETCH = 0.04
"""How far the shape of an output may be off: tools scale to multiples of 16."""


class FolderCovers:
    """What the outputs in a folder no longer show of their sources.

    Args:
        folder: Holds one output for each clip or picture, of the same name or one that goes on after it
            (``clip_anonymized.mp4``).
        data: Whose outputs they are.

    Raises:
        UsageError: there is no such folder.
        AuditError: an output is missing, empty, or there are two.
    """

    notes = False

    def __init__(self, folder: Path, data: AnnotatedData) -> None:
        if not folder.is_dir():
            raise UsageError(f"--against must be deface or a folder of outputs, got {folder}")
        self.name = folder.name or str(folder)
        self.about = f"outputs in {self.name}, read from their pixels"
        self._outputs = _pair(folder, data)

    def covers(self, footage: AnnotatedFootage, gauge: SceneGauge) -> Iterator[tuple[int, Mask | None]]:
        """Yield frames with what their outputs no longer show."""
        del gauge
        if footage.kind is FootageKind.CLIP:
            yield from _compared(footage, self._outputs[footage.path])
            return
        for index, path in sorted(footage.paths.items()):
            source, output = read_picture(path).rgb, read_picture(self._outputs[path]).rgb
            _check_shape(self._outputs[path], output.shape, source.shape)
            if output.shape != source.shape:
                size = (source.shape[1], source.shape[0])
                output = np.asarray(Image.fromarray(output).resize(size, Image.Resampling.BILINEAR))
            yield index, covered_pixels(source, output)


def _pair(folder: Path, data: AnnotatedData) -> dict[Path, Path]:
    """Find the output of each source: the file whose name begins with the longest name of a source."""
    sources: dict[str, list[Path]] = defaultdict(list)
    for one in data.footage:
        for path in one.paths.values():
            sources[path.stem].append(path)
    found = _by_source(folder, sources.keys())
    paired: dict[Path, Path] = {}
    missing = []
    for stem, paths in sources.items():
        for path in paths:
            fitting = _nearest(path, found[stem])
            if len(fitting) > 1:
                raise AuditError(
                    f"{folder} must hold one output of {path.name}, got {fitting[0].name} and {fitting[1].name}"
                )
            if fitting:
                paired[path] = fitting[0]
            else:
                missing.append(path.name)
    if missing:
        raise AuditError(
            f"{folder} must hold an output of each of {len(paired) + len(missing)} sources, got none of {len(missing)}: "
            f"{', '.join(missing[:3])}",
            hint="outputs have the name of their source, or one that goes on after it: clip_anonymized.mp4",
        )
    if empty := [path for path in paired.values() if not path.stat().st_size]:
        raise AuditError(f"output must be a picture or clip, got 0 bytes: {empty[0]}")
    return paired


def _by_source(folder: Path, stems: AbstractSet[str]) -> dict[str, list[Path]]:
    """Give each file of a folder to the source whose name is the longest with which it begins."""
    found: dict[str, list[Path]] = defaultdict(list)
    for output in sorted(one for one in folder.rglob("*") if one.is_file() and one.suffix != ".json"):
        name = output.stem
        ends = [end for end in range(1, len(name) + 1) if end == len(name) or name[end] in _SEPARATORS]
        stem = next((name[:end] for end in reversed(ends) if name[:end] in stems), None)
        if stem:
            found[stem].append(output)
    return found


def _nearest(path: Path, outputs: list[Path]) -> list[Path]:
    """Return the outputs that may be a source's: those in folders of the same names, and of the very name before longer ones."""
    fitting = outputs
    for depth in range(2, len(path.parts)):
        if len(fitting) > 1:
            fitting = [one for one in fitting if one.parts[-depth:-1] == path.parts[-depth:-1]] or fitting
    exact = [one for one in fitting if one.stem == path.stem]
    return exact if len(fitting) > 1 and len(exact) == 1 else fitting


def _compared(footage: AnnotatedFootage, output: Path) -> Iterator[tuple[int, Mask | None]]:
    """Yield each frame of a source with the pixels that no frame of the output shows, or None where none shows the frame."""
    before, after = _small(footage.path), _small(output)
    shown = match_frames(before, after)
    wanted = footage.frames
    with ClipReader(footage.path) as clip, ClipReader(output) as other:
        size = (clip.info.width_px, clip.info.height_px)
        _check_shape(output, (other.info.height_px, other.info.width_px), (size[1], size[0]))
        with closing(read_ahead(clip.frames())) as sources, closing(read_ahead(other.frames())) as outputs:
            at = 0
            for frame in sources:
                mask: Mask | None = None
                judged = wanted is None or frame.index in wanted
                source: NDArray[np.uint8] | None = None
                while at < len(shown) and shown[at] == frame.index:
                    picture = next(outputs).picture
                    at += 1
                    if judged:
                        if source is None:
                            source = np.asarray(frame.picture.to_ndarray(format="rgb24"), np.uint8)
                        scaled = picture.reformat(width=size[0], height=size[1], format="rgb24")
                        found = covered_pixels(source, np.asarray(scaled.to_ndarray(), np.uint8))
                        mask = found if mask is None else mask & found
                if judged:
                    yield frame.index, mask


def _small(path: Path) -> SmallClip:
    with ClipReader(path) as clip, closing(read_ahead(clip.frames())) as frames:
        copies, times = [], []
        for frame in frames:
            copies.append(scaled_luma(frame.picture, *SMALL_PX))
            times.append(frame.time_s)
    return SmallClip(np.stack(copies), np.array(times))


def _check_shape(path: Path, got: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    stretch = (got[1] / got[0]) / (wanted[1] / wanted[0])
    if abs(stretch - 1) > _MOST_STRETCH:
        raise AuditError(
            f"output must show the whole picture of {wanted[1]}x{wanted[0]}, got {got[1]}x{got[0]}: {path.name}",
            hint="a cropped or turned output cannot be held against labels of the source",
        )
