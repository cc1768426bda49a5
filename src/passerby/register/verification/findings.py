"""What was found wrong with a log, and what its operator says to it.

A finding stays in the list for good. An entry of the log may acknowledge one about what was stated, with a reason: then it counts
no more, and is listed with the reason. Two sorts can be explained by nobody: that the log itself was changed, and that a face was
opened without what must stand in the log before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, get_args

from passerby.register.entries import FindingKind

MAX_FINDINGS = 10_000
"""Findings kept of each sort; more are counted, not listed, and what is not listed cannot be acknowledged."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a finding does not count any more.

    Attributes:
        index: Of the entry that acknowledges it.
        reason: In the operator's words.
    """

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class LogProblem:
    """One thing that is wrong.

    Attributes:
        kind: One of ``KINDS``.
        text: What was wanted and what came.
        index: Of the entry it is about, or None.
        explained: By which entry it was acknowledged, or None.
    """

    KINDS: ClassVar[tuple[str, ...]] = (
        "tree", "tile", "missing", "format", "signature", "quorum", "schema", "order", "opening", "sealing", "time", "silence",
        "late-reveal", "wrong-reveal", "statistics", "rollback", "fork",
    )  # fmt: skip
    EXPLAINABLE: ClassVar[tuple[str, ...]] = get_args(FindingKind)
    """Kinds that are about what was stated, which an entry can acknowledge."""
    kind: str
    text: str
    index: int | None = None
    explained: Explanation | None = None

    def __str__(self) -> str:
        where = "" if self.index is None else f"entry {self.index}: "
        why = self.explained
        return f"{self.kind}: {where}{self.text}" + (
            f" (acknowledged by entry {why.index}: {why.reason})" if why else ""
        )


class LogFindings:
    """Problems as they are found, and those of them that were acknowledged since.

    Attributes:
        open: Those that count, in the order found.
        explained: Those that were acknowledged.
        dropped: Open ones beyond ``MAX_FINDINGS``.
    """

    def __init__(
        self, open_ones: Iterable[LogProblem] = (), explained: Iterable[LogProblem] = (), dropped: int = 0
    ) -> None:
        self.open = list(open_ones)
        self.explained = list(explained)
        self.dropped = dropped
        self._known = {(problem.kind, problem.index) for problem in self.open}

    def say(self, kind: str, text: str, index: int | None = None, explained: Explanation | None = None) -> None:
        """Add a problem."""
        problem = LogProblem(kind, text, index, explained)
        if explained:
            self._keep(problem)
        elif len(self.open) < MAX_FINDINGS:
            self.open.append(problem)
            self._known.add((kind, index))
        else:
            self.dropped += 1

    def explain(self, kind: str, index: int, explanation: Explanation) -> None:
        """Take an acknowledgement of what was found about an entry; where nothing was found it says nothing."""
        if (kind, index) not in self._known:
            return
        self._known.discard((kind, index))
        left = []
        for problem in self.open:
            if (problem.kind, problem.index) == (kind, index):
                self._keep(replace(problem, explained=explanation))
            else:
                left.append(problem)
        self.open = left

    def _keep(self, problem: LogProblem) -> None:
        self.explained.append(problem)
        del self.explained[:-MAX_FINDINGS]
