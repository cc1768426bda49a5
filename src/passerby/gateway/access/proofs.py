"""Checks passwords so that guessing is slow, and so that nobody's guesses, mistakes or haste lock out who knows the password.

- A password that was proven before is compared without its slow hash, and lets in whatever others guess meanwhile.
- Guesses are counted for an address *and* a name together, and for an address over all names. Nobody elsewhere is slowed by them.
- Whoever sends the same wrong password again and again, as a recorder with an old one does, guesses once.
- The same question asked many times at once, as a wall of pictures does, is answered by one check.
- The slow hash runs in one thread that yields to cameras.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from passerby.gateway.access.accounts import Account, Accounts
from passerby.gateway.clock import MACHINE, Clock
from passerby.gateway.entrance import RateLimit, TooManyError

_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """How many wrong passwords are borne.

    Attributes:
        burst: At once, for an address and a name.
        per_s: Regained each second.
        address_burst: At once, for an address over all names.
        address_per_s: Regained each second.
        compared_burst: Wrong ones for an address and a name that are compared with the proven one; above, none is.
    """

    burst: float = 12
    per_s: float = 0.1
    address_burst: float = 60
    address_per_s: float = 0.5
    compared_burst: float = 8640


class PasswordProofs:
    """Proves who somebody is by name and password.

    Args:
        accounts: Of the gateway.
        limits: Of guessing.
        clock: The machine's clocks.
    """

    def __init__(self, accounts: Accounts, limits: GuessLimits | None = None, clock: Clock = MACHINE) -> None:
        limits = limits or GuessLimits()
        self._accounts = accounts
        self._guesses = RateLimit(limits.burst, limits.per_s, clock=clock.now_s)
        self._addresses = RateLimit(limits.address_burst, limits.address_per_s, clock=clock.now_s)
        # as many a day as the first limit lets through: whoever shares an address with a proven client gains nothing by it
        self._compared = RateLimit(limits.compared_burst, limits.per_s, clock=clock.now_s)
        self._wrong: OrderedDict[bytes, object] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._asked: dict[bytes, asyncio.Task[Account | None]] = {}
        self._thread = ThreadPoolExecutor(1, "passwords", _yield_to_cameras)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    async def account(self, name: str, password: str, address: str) -> Account | None:
        """Return the account that a name and password prove, or None.

        Raises:
            TooManyError: too many wrong ones came from there for that name, or from there at all.
            ServiceError: accounts cannot be read.
        """
        pair = f"{address} {name[:64]}"
        if self._compared.left(pair) >= 1:
            account = self._accounts.proven(name, password)
            if account is not None:
                return account
        proof = self._accounts.proof_of(name, password)
        if self._wrong.get(proof, self) == self._accounts.standing(name):
            # said before, and nothing has changed since
            self._compared.allow(pair)
            return None
        asked = self._asked.get(proof)
        if asked is None:
            self._allow(pair, address)
            asked = asyncio.create_task(self._check(name, password, proof), name="password")
            self._asked[proof] = asked
            asked.add_done_callback(lambda _: self._asked.pop(proof, None))
            account = await asyncio.shield(asked)
            self._count(pair, address, right=account is not None)
            return account
        return await asyncio.shield(asked)

    def _allow(self, pair: str, address: str) -> None:
        if not self._guesses.allow(pair):
            self._compared.allow(pair)
            raise TooManyError(self._guesses.wait_s(pair))
        if pair not in self._known and not self._addresses.allow(address):
            raise TooManyError(self._addresses.wait_s(address))

    def _count(self, pair: str, address: str, *, right: bool) -> None:
        if not right:
            self._compared.allow(pair)
            return
        self._guesses.give_back(pair)
        self._addresses.give_back(address)
        self._known[pair] = None
        _forget(self._known)

    async def _check(self, name: str, password: str, proof: bytes) -> Account | None:
        before = self._accounts.standing(name)
        account = await asyncio.get_running_loop().run_in_executor(self._thread, self._accounts.check, name, password)
        if account is None:
            self._wrong[proof] = before
            _forget(self._wrong)
        return account


def _yield_to_cameras() -> None:
    if sys.platform == "linux":
        # of this thread alone; elsewhere it would be the whole process
        os.nice(5)


def _forget(kept: OrderedDict[bytes, object] | OrderedDict[str, None]) -> None:
    while len(kept) > _REMEMBERED:
        kept.popitem(last=False)
