"""Who comes in: whatever strangers do, there is room for others, and nobody's mistakes close a neighbour's door."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.gateway_tools import HandClock, LoopThread, certificate, wait_for

from passerby.errors import ServiceError
from passerby.gateway.access.accounts import Account, Accounts, Role
from passerby.gateway.access.proofs import GuessLimits, PasswordProofs
from passerby.gateway.config.city import ServerConfig
from passerby.gateway.entrance.admission import Admission, Visit
from passerby.gateway.entrance.doorway import Doorway, listen_on
from passerby.gateway.entrance.limits import Shares, TooManyError
from passerby.gateway.entrance.places import ConnectionPlaces, connection_places, divided_places

RIGHT = "correct horse battery"
HERE, THERE = "127.0.0.1", "192.0.2.66"


# the admission


class Hall:
    """An admission, and who it has ended."""

    def __init__(self, most: int, patience_s: float = 10.0) -> None:
        self.now_s = 0.0
        self.ended: list[str] = []
        self.admission = Admission(most, patience_s, lambda: self.now_s)

    def come(self, address: str) -> Visit | None:
        return self.admission.enter(address, lambda: self.ended.append(address))


def test_a_crowd_from_one_address_makes_place_and_others_stay() -> None:
    hall = Hall(10)
    early = hall.come(HERE)
    assert early is not None
    for _ in range(100):
        assert hall.come(THERE) is not None
    assert hall.come(HERE) is not None
    assert set(hall.ended) == {THERE}
    assert len(hall.admission) == 10


def test_the_newest_of_a_crowd_has_its_turn() -> None:
    hall = Hall(4)
    visits = [hall.come(HERE) for _ in range(6)]
    last = visits[-1]
    assert last is not None
    hall.admission.state(last, owes=False)
    for _ in range(20):
        hall.come(HERE)
    assert len(hall.ended) == 22
    assert len(hall.admission) == 4
    # whoever is served is asked last
    hall.admission.leave(last)
    assert len(hall.admission) == 3


def test_who_is_known_and_served_makes_place_for_nobody() -> None:
    hall = Hall(3)
    for _ in range(3):
        visit = hall.come(HERE)
        assert visit is not None
        hall.admission.state(visit, owes=False, holder="account a" if _ else "account b")
    hall.admission.most = 4
    assert hall.come(THERE) is not None
    assert hall.come(THERE) is not None, "one stranger makes place for the next"
    assert hall.ended == [THERE]
    hall.admission.most = 3
    assert hall.admission.refused == 0


def test_an_account_with_more_than_half_makes_place() -> None:
    hall = Hall(4)
    for number in range(4):
        visit = hall.come(f"address {number}")
        assert visit is not None
        hall.admission.state(visit, owes=False, holder="account a" if number else "account b")
    assert hall.come(HERE) is not None
    assert hall.ended == ["address 1"]


def test_who_owes_for_too_long_goes_and_who_is_known_is_left_to_its_own_time() -> None:
    hall = Hall(10)
    slow, known, served = hall.come("slow"), hall.come("known"), hall.come("served")
    assert slow
    assert known
    assert served
    hall.admission.state(known, owes=True, holder="account a")
    hall.admission.state(served, owes=False)
    hall.now_s = 9.0
    hall.admission.sweep()
    assert hall.ended == []
    hall.now_s = 11.0
    hall.admission.sweep()
    assert hall.ended == ["slow"]


def test_whoever_says_something_is_the_last_of_its_crowd_and_its_time_runs_on() -> None:
    hall = Hall(3)
    ended: list[str] = []
    first = hall.admission.enter(HERE, lambda: ended.append("first"))
    assert first is not None
    for _ in range(2):
        hall.come(HERE)
    hall.now_s = 9.0
    assert not hall.admission.crowded()
    hall.admission.heard(first)
    for _ in range(2):
        assert hall.come(HERE) is not None
    assert ended == []
    assert hall.admission.crowded(), "its next request may be on the way"
    hall.now_s = 10.5
    hall.admission.sweep()
    assert ended == ["first"]


class Crowd(RuleBasedStateMachine):
    """Whatever visitors do, the count is right, the bound holds, and somebody is refused only where no stranger is."""

    @initialize(most=st.integers(1, 6))
    def begin(self, most: int) -> None:
        self.hall = Hall(most)
        self.inside: list[Visit] = []

    @rule(address=st.sampled_from("abc"))
    def come(self, address: str) -> None:
        free = len(self.inside) < self.hall.admission.most
        strangers = [one for one in self.inside if not one.known]
        slot: list[Visit] = []
        visit = self.hall.admission.enter(address, lambda: self.inside.remove(slot[0]))
        if visit is None:
            assert not free
            assert not strangers
            return
        slot.append(visit)
        self.inside.append(visit)

    @precondition(lambda self: self.inside)
    @rule(data=st.data(), owes=st.booleans(), account=st.sampled_from(["", "x", "y"]))
    def change(self, data: st.DataObject, *, owes: bool, account: str) -> None:
        visit = data.draw(st.sampled_from(self.inside))
        self.hall.admission.state(visit, owes=owes, holder=f"account {account}" if account else None)

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        visit = data.draw(st.sampled_from(self.inside))
        self.hall.admission.leave(visit)
        self.hall.admission.leave(visit)
        self.inside.remove(visit)

    @invariant()
    def count_is_right(self) -> None:
        if hasattr(self, "hall"):
            assert len(self.hall.admission) == len(self.inside) <= self.hall.admission.most


TestCrowd = Crowd.TestCase


# places


@given(st.integers(1, 300), st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=600))
def test_one_holder_never_has_all_places_and_none_is_lost(most: int, steps: list[tuple[str, bool]]) -> None:
    shares, held = Shares(most), Counter[str]()
    for holder, takes in steps:
        if takes:
            held[holder] += shares.take(holder)
        elif held[holder]:
            shares.give_back(holder)
            held[holder] -= 1
        assert shares.taken == held.total() <= most


@pytest.mark.parametrize("most", [4, 60, 200])
def test_whoever_comes_late_finds_a_quarter_of_the_places(most: int) -> None:
    shares = Shares(most)
    greedy = sum(shares.take("greedy") for _ in range(2 * most))
    assert greedy == most * 3 // 4
    assert sum(shares.take("late") for _ in range(2 * most)) == most - greedy


def test_two_people_with_a_wall_of_forty_cameras_find_their_places() -> None:
    shares = Shares(ServerConfig().max_viewers)
    assert [shares.take(person) for person in "ab" for _ in range(40)] == [True] * 80
    assert [shares.take("alone, on two walls of forty") for _ in range(80)] == [True] * 80


@given(st.integers(32, 70_000), st.integers(1, 5000), st.integers(1, 2000))
def test_places_are_never_more_than_there_are(places: int, readers: int, viewers: int) -> None:
    found = divided_places(places, readers=readers, viewers=viewers)
    assert found.http + found.rtsp + found.views <= places
    assert min(found.http, found.rtsp, found.views) >= 1
    assert isinstance(found, ConnectionPlaces)


def test_places_leave_room_for_cameras_and_the_register() -> None:
    code = "from passerby.gateway.entrance import connection_places as p; print(p(2), p(12))"

    def low() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, preexec_fn=low)
    few, fewer = map(int, told.stdout.split())
    assert fewer == max(32, few - 160)
    assert few < 300 - 96 - 32
    assert connection_places(2) > 32


# the doorway


class Echo(asyncio.Protocol):
    """Says ok to a line, and tells the admission as a server does."""

    def __init__(self, visit: Visit, admission: Admission) -> None:
        self.visit, self.admission = visit, admission

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\n") and isinstance(self.transport, asyncio.Transport):
            self.transport.write(b"ok\n")

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.admission.leave(self.visit)


@contextlib.contextmanager
def door(most: int, tls: ssl.SSLContext | None = None, patience_s: float = 30.0) -> Iterator[Doorway]:
    thread = LoopThread()
    admission = Admission(most, patience_s)
    made = Doorway(listen_on(HERE, 0, hint=""), admission, lambda visit: Echo(visit, admission), tls=tls)
    thread.do(made.open)
    yield made
    thread.do(made.close)
    thread.call(made.wait_closed())
    thread.close()


def asks(port: int, wrap: Callable[[socket.socket], socket.socket] = lambda one: one) -> bytes:
    with socket.create_connection((HERE, port), 5) as plain, wrap(plain) as one:
        one.sendall(b"hello\n")
        return one.recv(10)


def test_idle_connections_keep_nobody_out() -> None:
    with door(20) as made, ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(socket.create_connection((HERE, made.port), 5))
        assert [asks(made.port) for _ in range(10)] == [b"ok\n"] * 10
        assert len(made.admission) <= 20
    wait_for(lambda: len(made.admission) == 0)


def test_handshakes_that_do_not_end_keep_nobody_out(tmp_path: Path) -> None:
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(*certificate(tmp_path))
    theirs = ssl.create_default_context()
    theirs.check_hostname, theirs.verify_mode = False, ssl.CERT_NONE
    with door(20, ours) as made, ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(socket.create_connection((HERE, made.port), 5))
        assert asks(made.port, theirs.wrap_socket) == b"ok\n"
    wait_for(lambda: len(made.admission) == 0)


def test_who_owes_is_let_go_after_its_time() -> None:
    with door(20, patience_s=0.1) as made, socket.create_connection((HERE, made.port), 5) as slow:
        assert slow.recv(10) == b""
        wait_for(lambda: len(made.admission) == 0)


def test_a_port_that_is_taken_is_named() -> None:
    with door(2) as made, pytest.raises(ServiceError, match=rf"must be able to listen on {HERE}:{made.port}"):
        listen_on(HERE, made.port, hint="another")


# passwords


class Desk:
    """Password proofs on a clock that stands still, called from one loop."""

    def __init__(self, folder: Path, limits: GuessLimits | None = None) -> None:
        self.hand = HandClock()
        self.accounts = Accounts(folder / "accounts.sqlite")
        for name in ("admin", "a", "b"):
            self.accounts.add(name, Role.VIEWER, RIGHT)
        self.proofs = PasswordProofs(self.accounts, limits, self.hand.clock)

    def ask(self, *asked: tuple[str, str, str]) -> list[Account | int | None]:
        """Ask at once; 429 stands for too many."""

        async def all_of_them() -> list[Account | BaseException | None]:
            return await asyncio.gather(*(self.proofs.account(*one) for one in asked), return_exceptions=True)

        found: list[Account | int | None] = []
        for answer in asyncio.run(all_of_them()):
            if isinstance(answer, BaseException):
                assert isinstance(answer, TooManyError), answer
                assert answer.wait_s >= 1
                found.append(429)
            else:
                found.append(answer)
        return found

    def names(self, *asked: tuple[str, str, str]) -> list[str | int]:
        return [one.name if isinstance(one, Account) else one or "" for one in self.ask(*asked)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.proofs.close()
    made.accounts.close()


def guesses(count: int, name: str = "admin", address: str = THERE) -> list[tuple[str, str, str]]:
    return [(name, f"wrong {number}", address) for number in range(count)]


def test_guesses_from_one_address_lock_a_name_there_and_nowhere_else(desk: Desk) -> None:
    assert desk.names(*guesses(14)) == [""] * 12 + [429] * 2
    assert desk.names(("admin", RIGHT, THERE)) == [429]
    assert desk.names(("admin", RIGHT, HERE), ("a", RIGHT, THERE)) == ["admin", "a"]
    desk.hand.move(11)
    assert desk.names(("admin", "wrong again", THERE)) == [""]


def test_the_right_password_asked_many_times_at_once_is_one_question(desk: Desk) -> None:
    assert desk.names(*[("a", RIGHT, HERE)] * 40) == ["a"] * 40
    assert desk.names(*[("a", RIGHT, HERE)] * 40) == ["a"] * 40


def test_the_same_wrong_password_again_and_again_is_one_guess(desk: Desk) -> None:
    for _ in range(50):
        assert desk.names(("a", "of last year", HERE)) == [""]
    assert desk.names(("a", RIGHT, HERE)) == ["a"]


def test_who_was_proven_comes_in_whatever_a_neighbour_guesses(desk: Desk) -> None:
    assert desk.names(("a", RIGHT, HERE)) == ["a"]
    desk.names(*guesses(100, "a", HERE))
    assert desk.names(("a", RIGHT, HERE)) == ["a"]


def test_a_password_that_becomes_right_is_right(desk: Desk) -> None:
    assert desk.names(("a", "the next password", HERE)) == [""]
    desk.accounts.change("a", password="the next password")
    assert desk.names(("a", "the next password", HERE), ("a", RIGHT, HERE)) == ["a", ""]


def test_guesses_over_many_names_are_counted_for_the_address(desk: Desk) -> None:
    found = desk.names(*[(f"name{number}", "wrong password", THERE) for number in range(70)])
    assert found == [""] * 60 + [429] * 10
    assert desk.names(("a", RIGHT, HERE)) == ["a"]


def test_what_is_compared_without_the_slow_hash_is_bounded_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path, GuessLimits(compared_burst=20))
    assert desk.names(("a", RIGHT, HERE)) == ["a"]
    desk.names(*guesses(60, "a", HERE))
    assert desk.names(("a", RIGHT, HERE)) == [429], "or a neighbour could try as fast as it can"
    assert desk.names(("a", RIGHT, THERE)) == ["a"]
    desk.proofs.close()
    desk.accounts.close()


def test_an_account_that_another_process_changed_is_proven_no_more(desk: Desk, tmp_path: Path) -> None:
    assert desk.names(("a", RIGHT, HERE)) == ["a"]
    other = Accounts(tmp_path / "accounts.sqlite")
    other.change("a", password="changed by the command")
    other.close()
    assert desk.names(("a", RIGHT, HERE), ("a", "changed by the command", HERE)) == ["", "a"]
