"""The pool as its drivers use it: owners who come, wait, wake, connect, work and are cancelled at every point.

Rules kept here:

* An owner does what `_lease`, `_wait` and `give_back` of the transports do, step by step; between any two of its steps
  anything may happen to it and to all others. A wake-up arrives later than it was sent.
* The model is plain lists: who holds, who waits and in what order, what is idle, what was closed.
* What an event costs is counted in lines of `pool.py` that run, not in seconds.
"""

import enum
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pixel_core.http import pool as pool_module
from pixel_core.http.pool import LeaseState, Pool, PoolLease, Returned
from pixel_core.messages import Origin

ORIGINS = [Origin("https", f"{name}.example", 443) for name in ("api", "login", "storage")]


class At(enum.Enum):
    """Where an owner is on its way through a transport."""

    WAITING = "waits for its waker, which may be set already"
    LEASED = "has a place, and looks at the connection that came with it"
    CONNECTING = "has a place and opens a connection"
    WORKING = "has a connection, and an exchange under way"
    GONE = "gave its lease back"


@dataclass(eq=False)
class Owner:
    """One call of `send`."""

    lease: PoolLease[int]
    at: At
    wakes: int = 0


class Drivers(RuleBasedStateMachine):
    """Owners of one pool, one step at a time, in any order. Connections are numbers."""

    @initialize(limit=st.integers(1, 3), idle_limit=st.integers(0, 2))
    def start(self, limit: int, idle_limit: int) -> None:
        self.limit, self.idle_limit, self.idle_seconds = limit, idle_limit, 10.0
        self.pool: Pool[int] = Pool(limit, idle_limit, self.idle_seconds)
        self.now = 0.0
        self.opened = 0
        self.owners: list[Owner] = []
        self.queues: dict[Origin, deque[Owner]] = {origin: deque() for origin in ORIGINS}
        self.idle: dict[int, tuple[Origin, float]] = {}
        self.closed: set[int] = set()

    # What a driver does

    def close(self, connection: int) -> None:
        assert connection not in self.closed, "closed twice"
        self.idle.pop(connection, None)
        self.closed.add(connection)

    def give_back(self, owner: Owner, reusable: bool) -> None:
        """As the transports' `give_back`: free the place, wake, then close what is not kept."""
        waited, origin = owner.lease.state is LeaseState.WAITING, owner.lease.origin
        connection = owner.lease.connection
        returned = self.pool.release(owner.lease, self.now, connection if reusable else None)
        owner.at = At.GONE
        kept = connection if reusable else None
        queue = self.queues[origin]
        if waited:
            queue.remove(owner)
            assert returned == Returned()
        elif queue:
            first = queue.popleft()
            assert returned == Returned(wake=first.lease), "not the first who came"
            assert first.lease.state is LeaseState.HOLDING
            assert first.lease.connection == kept
            first.wakes += 1
        else:
            assert returned.wake is None
            if kept is not None:
                self.idle[kept] = (origin, self.now)
                if returned.close is not None:
                    oldest = min((each for each in self.idle if self.idle[each][0] == origin), key=self.since)
                    assert self.since(returned.close) == self.since(oldest), "not the oldest"
        for unwanted in (None if reusable else connection, returned.close):
            if unwanted is not None:
                self.close(unwanted)

    def since(self, connection: int) -> float:
        return self.idle[connection][1]

    def pick(self, data: st.DataObject, *at: At) -> Owner:
        return data.draw(st.sampled_from([owner for owner in self.owners if owner.at in at]))

    @rule(origin=st.sampled_from(ORIGINS))
    def someone_comes(self, origin: Origin) -> None:
        lease, expired = self.pool.acquire(origin, self.now)
        assert set(expired) == {each for each in self.idle if self.now - self.since(each) >= self.idle_seconds}
        for connection in expired:
            self.close(connection)
        owner = Owner(lease, At.LEASED if lease.state is LeaseState.HOLDING else At.WAITING)
        if owner.at is At.WAITING:
            self.queues[origin].append(owner)
        elif lease.connection is not None:
            newest = max((each for each in self.idle if self.idle[each][0] == origin), key=self.since)
            assert self.idle[lease.connection] == self.idle[newest], "another origin's, or not the newest"
            del self.idle[lease.connection]
        self.owners.append(owner)

    @precondition(lambda self: any(owner.at is At.WAITING and owner.wakes for owner in self.owners))
    @rule(data=st.data())
    def someone_wakes(self, data: st.DataObject) -> None:
        woken = [owner for owner in self.owners if owner.at is At.WAITING and owner.wakes]
        data.draw(st.sampled_from(woken)).at = At.LEASED

    @precondition(lambda self: any(owner.at is At.LEASED for owner in self.owners))
    @rule(data=st.data(), alive=st.booleans())
    def someone_looks_at_the_connection(self, data: st.DataObject, alive: bool) -> None:
        owner = self.pick(data, At.LEASED)
        if owner.lease.connection is not None and alive:
            owner.at = At.WORKING
            return
        if owner.lease.connection is not None:  # found dead: another is opened in its place
            self.close(owner.lease.connection)
            owner.lease.connection = None
        owner.at = At.CONNECTING

    @precondition(lambda self: any(owner.at is At.CONNECTING for owner in self.owners))
    @rule(data=st.data())
    def someone_has_connected(self, data: st.DataObject) -> None:
        owner = self.pick(data, At.CONNECTING)
        self.opened += 1
        owner.lease.connection = self.opened
        owner.at = At.WORKING

    @precondition(lambda self: any(owner.at is At.WORKING for owner in self.owners))
    @rule(data=st.data(), reusable=st.booleans())
    def someone_is_done(self, data: st.DataObject, reusable: bool) -> None:
        self.give_back(self.pick(data, At.WORKING), reusable)

    @precondition(lambda self: any(owner.at is not At.GONE for owner in self.owners))
    @rule(data=st.data())
    def someone_is_cancelled(self, data: st.DataObject) -> None:
        """Wherever it is: waiting, woken and not yet running, connecting, working."""
        owner = self.pick(data, At.WAITING, At.LEASED, At.CONNECTING, At.WORKING)
        self.give_back(owner, reusable=owner.at is not At.WORKING)

    @precondition(lambda self: any(owner.at is At.GONE for owner in self.owners))
    @rule(data=st.data())
    def someone_gives_back_again(self, data: st.DataObject) -> None:
        assert self.pool.release(self.pick(data, At.GONE).lease, self.now, -1) == Returned()

    @rule(data=st.data())
    def everyone_at_an_origin_is_cancelled(self, data: st.DataObject) -> None:
        """In any order, as when the scope around a hundred requests is cancelled."""
        origin = data.draw(st.sampled_from(ORIGINS))
        there = [owner for owner in self.owners if owner.lease.origin == origin and owner.at is not At.GONE]
        for owner in data.draw(st.permutations(there)):
            self.give_back(owner, reusable=owner.at is not At.WORKING)
        assert not self.held(origin)

    @rule(seconds=st.sampled_from([0.0, 0.5, 9.5, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def the_transport_is_closed(self) -> None:
        drained = self.pool.drain()
        assert sorted(drained) == sorted(self.idle)
        for connection in drained:
            self.close(connection)

    # What always holds

    def held(self, origin: Origin) -> list[Owner]:
        return [owner for owner in self.owners if owner.lease.origin == origin and self.holds(owner)]

    def holds(self, owner: Owner) -> bool:
        return owner.at in (At.LEASED, At.CONNECTING, At.WORKING) or (owner.at is At.WAITING and owner.wakes > 0)

    @invariant()
    def no_origin_has_more_than_its_limit_and_no_one_waits_for_a_free_place(self) -> None:
        for origin in ORIGINS:
            held = len(self.held(origin))
            assert held <= self.limit
            assert held == self.limit or not self.queues[origin], "a place was lost"
            assert sum(each == origin for each, _ in self.idle.values()) <= self.idle_limit

    @invariant()
    def everyone_is_woken_at_most_once_and_only_with_a_place(self) -> None:
        for owner in self.owners:
            assert owner.wakes <= 1
            states = {True: LeaseState.HOLDING, False: LeaseState.WAITING}
            expected = LeaseState.RETURNED if owner.at is At.GONE else states[self.holds(owner)]
            assert owner.lease.state is expected

    @invariant()
    def a_connection_has_one_owner_or_is_idle_or_closed(self) -> None:
        owned = [owner.lease.connection for owner in self.owners if owner.lease.connection is not None]
        assert all(owner.lease.connection is None for owner in self.owners if owner.at is At.GONE)
        assert sorted([*owned, *self.idle, *self.closed]) == list(range(1, self.opened + 1))

    @invariant()
    def the_counts_and_the_repr_are_those_of_the_model(self) -> None:
        held, waiting = sum(map(self.holds, self.owners)), sum(map(len, self.queues.values()))
        assert self.pool.counts() == (held, len(self.idle), waiting)
        assert repr(self.pool) == f"<Pool {held} held, {len(self.idle)} idle, {waiting} waiting>"

    def teardown(self) -> None:
        """When everyone has left, every place is free again."""
        if not hasattr(self, "pool"):
            return
        for owner in self.owners:
            if owner.at is not At.GONE:
                self.give_back(owner, reusable=False)
        assert self.pool.counts() == (0, len(self.idle), 0)
        for origin in ORIGINS:
            leases = [self.pool.acquire(origin, self.now)[0] for _ in range(self.limit + 1)]
            states = [lease.state for lease in leases]
            assert states == [LeaseState.HOLDING] * self.limit + [LeaseState.WAITING]


TestDrivers = Drivers.TestCase
TestDrivers.settings = settings(max_examples=100, stateful_step_count=50)


# What it costs


def lines_of(work: Callable[[], object]) -> int:
    """How many lines of the pool run meanwhile; each round of a comprehension counts as one."""
    count = 0

    def local(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += 1
        return local

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        return local(frame, event, argument) if frame.f_code.co_filename == pool_module.__file__ else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def crowd(size: int, limit: int = 10) -> tuple[Pool[int], list[PoolLease[int]], list[PoolLease[int]]]:
    """A pool with so many who wait, those who hold, and those who wait."""
    pool: Pool[int] = Pool(limit)
    holding = [pool.acquire(ORIGINS[0], 0.0)[0] for _ in range(limit)]
    return pool, holding, [pool.acquire(ORIGINS[0], 0.0)[0] for _ in range(size)]


ORDERS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "the first first": lambda waiters: waiters,
    "the last first": lambda waiters: waiters[::-1],
    "every other one": lambda waiters: waiters[::2] + waiters[1::2],
    "from both ends": lambda waiters: [each for pair in zip(waiters, waiters[::-1], strict=True) for each in pair],
    "at random": lambda waiters: Random(5).sample(waiters, len(waiters)),
}


@pytest.mark.parametrize("order", ORDERS)
def test_thousands_who_give_up_in_any_order_cost_each_as_much_as_a_few(order: str) -> None:
    def cost(size: int) -> float:
        pool, _, waiters = crowd(size)
        leaving = ORDERS[order](waiters)

        def leave() -> None:
            for waiter in leaving:
                pool.release(waiter, 0.0)

        lines = lines_of(leave)
        assert pool.counts() == (10, 0, 0)
        return lines / size

    few, thousands = cost(100), cost(5000)
    assert thousands < 1.5 * few


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.floats(0, 1))
def test_any_mix_of_coming_giving_up_and_giving_back_costs_each_as_much_however_many_wait(
    seed: int, leaving: float
) -> None:
    def cost(size: int) -> float:
        random = Random(seed)
        pool, holding, waiters = crowd(size)
        events = 2 * size

        def mix() -> None:
            for _ in range(events):
                draw = random.random()
                if waiters and draw < leaving / 2:
                    index = random.randrange(len(waiters))
                    waiters[index], waiters[-1] = waiters[-1], waiters[index]
                    pool.release(waiters.pop(), 0.0)
                elif draw < 0.75:
                    index = random.randrange(len(holding))
                    returned = pool.release(holding[index], 0.0, None)
                    holding[index] = returned.wake or pool.acquire(ORIGINS[0], 0.0)[0]
                else:
                    waiters.append(pool.acquire(ORIGINS[0], 0.0)[0])

        return lines_of(mix) / events

    assert cost(1600) < 1.5 * cost(100) + 5


def test_a_place_is_handed_on_at_the_same_cost_to_the_first_of_ten_and_of_ten_thousand() -> None:
    def cost(size: int) -> int:
        pool, holding, _ = crowd(size)
        return lines_of(lambda: pool.release(holding[0], 0.0, 7))

    assert cost(10) == cost(10_000)


def test_one_more_who_waits_costs_the_same_behind_ten_as_behind_ten_thousand() -> None:
    def cost(size: int) -> int:
        pool, _, _ = crowd(size)
        return lines_of(lambda: pool.acquire(ORIGINS[0], 0.0))

    assert cost(10) == cost(10_000)


def test_the_first_who_came_is_served_first_after_thousands_between_them_gave_up() -> None:
    pool, holding, waiters = crowd(5000, limit=1)
    staying = [waiter for number, waiter in enumerate(waiters) if number % 700 == 0]
    leaving = [waiter for waiter in waiters if waiter not in staying]
    for waiter in Random(1).sample(leaving, len(leaving)):
        pool.release(waiter, 0.0)
    served = []
    holder: PoolLease[int] | None = holding[0]
    while holder is not None:
        holder = pool.release(holder, 0.0, 1).wake
        if holder is not None:
            served.append(holder)
    assert served == staying
    assert pool.counts() == (0, 1, 0)
