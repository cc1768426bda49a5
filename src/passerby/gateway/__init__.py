"""Live cameras: supervision, veiling, serving, health."""

__all__: list[str] = []
