"""The law as code: positions as literate rule files, an engine, facts, verdicts, reports."""

__all__: list[str] = []
