"""Reading and writing pictures, files and streams: timestamps, rotation, colour, audio, metadata."""

__all__: list[str] = []
