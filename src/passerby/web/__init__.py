"""Pages and interfaces for browsers, over the rooms."""

__all__: list[str] = []
