"""Keeps room for those who come: who owes something for too long goes, and who holds most of what is owed makes place first.

A visitor *owes* until it has said what it wants: its TLS handshake, the whole of a request, its login. Whoever opens connections
and leaves them so, from one address or slowly, cannot keep others out: a new one is let in, and another of those makes place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Visit:
    """One connection.

    Attributes:
        holder: Who has it: an address, or an account once it is known.
        end: Closes it.
        since_s: When it began to owe, or to be served.
        heard_s: When it last said something whole, or came.
        spoke: It has said something whole.
        owes: It must still say something before we can serve it.
        known: Its account is known: it is never asked to make place for a stranger while strangers are there.
    """

    holder: str
    end: Callable[[], None]
    since_s: float
    heard_s: float
    owes: bool = True
    known: bool = False
    spoke: bool = False


GRACE_S = 0.05
"""Nobody makes place before: whoever waited outside has its request with it, and is heard as soon as it is in."""
NEXT_S = 0.25
"""Whoever was heard makes place no sooner: between an answer and the next request lies the way there and back."""
_Held = dict[str, dict[Visit, None]]
"""Visits by holder, each holder's oldest first."""


class Admission:
    """The connections of one port.

    Args:
        most: At once.
        patience_s: How long a stranger may owe.
        clock: Seconds.

    Attributes:
        displaced: Visitors that made place for others.
        refused: Visitors that found no place.
    """

    def __init__(self, most: int, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self.patience_s, self._clock = most, patience_s, clock
        self.displaced = self.refused = 0
        self._owing: _Held = {}
        self._served: _Held = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many are in."""
        return self._count

    def enter(self, address: str, end: Callable[[], None]) -> Visit | None:
        """Let somebody in, and return the visit; None where nobody can make place.

        Args:
            address: Where from.
            end: Closes the connection; may be called within this and later calls, once.
        """
        if self._count >= self.most and not self.make_place():
            self.refused += 1
            return None
        now_s = self._clock()
        visit = Visit(address, end, now_s, now_s)
        self._count += 1
        self._note(visit)
        return visit

    def leave(self, visit: Visit) -> None:
        """Forget somebody who has gone. Once more does nothing."""
        self._count -= self._forget(visit)

    def state(self, visit: Visit, *, owes: bool, holder: str | None = None) -> None:
        """Note what changed about a visit.

        Args:
            visit: Of somebody who is in; of anybody else nothing is noted.
            owes: Whether it must say something before it can be served.
            holder: The account, once it is known.
        """
        if not self._forget(visit):
            return
        visit.owes = owes
        visit.since_s = visit.heard_s = self._clock()
        visit.spoke = True
        if holder is not None:
            visit.holder, visit.known = holder, True
        self._note(visit)

    def heard(self, visit: Visit) -> None:
        """Note that somebody said something whole: it is the last of its holder's to make place, and its time runs on."""
        if self._forget(visit):
            visit.heard_s, visit.spoke = self._clock(), True
            self._note(visit)

    def make_place(self) -> bool:
        """End the oldest visit of whoever has most of them, and return whether there was one that may be ended.

        In this order: strangers who owe, accounts that owe, strangers who are served, an account that holds more than half.
        """
        victim = self._least_due()
        if victim is None:
            return False
        self.displaced += 1
        self._end(victim)
        return True

    def crowded(self) -> bool:
        """Return whether whoever would make place has only just come: its request may be on the way, so others wait outside."""
        victim = self._least_due() if self._count >= self.most else None
        if victim is None:
            return False
        return self._clock() - victim.heard_s < (NEXT_S if victim.spoke else GRACE_S)

    def _least_due(self) -> Visit | None:
        crowd = _crowd(self._owing, known=False) or _crowd(self._owing, known=True) or _crowd(self._served, known=False)
        if not crowd:
            crowd = _crowd(self._served, known=True)
            if len(crowd) <= self.most // 2:
                return None
        return next(iter(crowd))

    def sweep(self) -> None:
        """End the visits of strangers who have owed for too long."""
        oldest_s = self._clock() - self.patience_s
        late = [
            visit for held in self._owing.values() for visit in held if visit.since_s < oldest_s and not visit.known
        ]
        for visit in late:
            self._end(visit)

    def _end(self, visit: Visit) -> None:
        self.leave(visit)
        visit.end()

    def _note(self, visit: Visit) -> None:
        self._held(visit).setdefault(visit.holder, {})[visit] = None

    def _forget(self, visit: Visit) -> bool:
        held = self._held(visit).get(visit.holder, {})
        if visit not in held:
            return False
        del held[visit]
        if not held:
            del self._held(visit)[visit.holder]
        return True

    def _held(self, visit: Visit) -> _Held:
        return self._owing if visit.owes else self._served


def _crowd(held: _Held, *, known: bool) -> dict[Visit, None]:
    # what one holder has is all of strangers, or all of an account
    return max((visits for visits in held.values() if next(iter(visits)).known == known), key=len, default={})
