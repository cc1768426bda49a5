"""Pictures of another size, laid into the size that an output has: scaled as a player does, on black where shapes differ."""

from __future__ import annotations

import av
from av.filter import Graph


class Fitter:
    """Scales pictures into one size, their shape kept.

    Args:
        width_px: Of the output.
        height_px: Of the output.
    """

    def __init__(self, width_px: int, height_px: int) -> None:
        self._size = (width_px, height_px)
        self._of: tuple[int, int, str] | None = None
        self._graph = Graph()

    def fit(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return a picture in the output's size; its time, kind and pixel format stay."""
        shape = (picture.width, picture.height, picture.format.name)
        if shape != self._of:
            self._graph, self._of = self._build(*shape), shape
        self._graph.vpush(picture)
        return self._graph.vpull()

    def _build(self, width_px: int, height_px: int, pix_fmt: str) -> Graph:
        size = f"{self._size[0]}:{self._size[1]}"
        graph = Graph()
        graph.link_nodes(
            graph.add("buffer", f"video_size={width_px}x{height_px}:pix_fmt={pix_fmt}:time_base=1/1"),
            graph.add("scale", f"{size}:force_original_aspect_ratio=decrease:flags=bicubic"),
            graph.add("pad", f"{size}:-1:-1"),
            graph.add("format", pix_fmt),
            graph.add("buffersink"),
        )
        graph.configure()
        return graph
