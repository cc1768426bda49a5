"""Find, follow and cover faces, in a file or a live stream. Identifies nobody."""

__all__: list[str] = []
