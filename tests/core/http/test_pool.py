"""The connection pool: a table of its states, a model of its owners, and the cost of its events.

Rules kept here:

* A lease that is interrupted at any line of `acquire` or `release` and is released again loses no slot.
* In the model an owner does what a transport does, step by step; between two of its steps anything may happen to it
  and to all others. The model is plain lists: who holds, who waits and in what order, what is idle, what was closed.
* Cost is counted in lines of `pool.py` that run, not in seconds.
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
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pixel_core.http import pool as pool_module
from pixel_core.http.pool import Lease, LeaseState, Pool
from pixel_core.messages import Origin

ORIGINS = [Origin("https", f"{name}.example", 443) for name in ("api", "login", "storage")]
A, B, _ = ORIGINS


def acquired(pool: Pool[Any], origin: Origin = A, now: float = 0.0) -> Lease[Any]:
    """A lease of a pool in which nothing expires."""
    lease: Lease[Any] = Lease(origin)
    assert pool.acquire(lease, now) == []
    return lease


def opened(lease: Lease[Any], connection: Any) -> Lease[Any]:
    lease.connection = connection
    return lease


def with_idle(*connections: str, **options: Any) -> Pool[str]:
    """A pool in which these became idle at 0, 1, 2 … seconds."""
    pool: Pool[str] = Pool(**options)
    leases = [opened(acquired(pool), connection) for connection in connections]
    for now, lease in enumerate(leases):
        assert pool.release(lease, now, True) == []
    return pool


def test_the_first_lease_has_the_right_to_open_a_connection() -> None:
    pool: Pool[str] = Pool()
    lease = acquired(pool)
    assert (lease.state, lease.connection, lease.origin) == (LeaseState.HOLDING, None, A)
    assert pool.counts() == (1, 0, 0)


def test_a_connection_is_closed_unless_it_is_reusable() -> None:
    pool: Pool[str] = Pool()
    assert pool.release(opened(acquired(pool), "one"), 0, False) == ["one"]
    assert pool.release(opened(acquired(pool), "two"), 0, True) == []
    assert pool.counts() == (0, 1, 0)


def test_the_last_idle_connection_is_used_first() -> None:
    pool = with_idle("one", "two", "three")
    assert [acquired(pool, now=3).connection for _ in range(4)] == ["three", "two", "one", None]


def test_a_connection_serves_its_own_origin_alone() -> None:
    pool = with_idle("one")
    assert acquired(pool, B).connection is None
    assert acquired(pool, A).connection == "one"


@pytest.mark.parametrize("origin", [A, B], ids=["the same origin", "another origin"])
def test_expired_connections_are_closed_whichever_origin_is_asked_for(origin: Origin) -> None:
    pool = with_idle("one", "two", "three", idle_seconds=10)
    lease: Lease[str] = Lease(origin)
    assert pool.acquire(lease, 11) == ["one", "two"]
    assert lease.connection == ("three" if origin is A else None)


@pytest.mark.parametrize(("limit", "closed"), [(0, ["one"]), (1, [])])
def test_more_idle_connections_than_the_limit_push_out_the_oldest(limit: int, closed: list[str]) -> None:
    pool: Pool[str] = Pool(idle_limit=limit)
    first, second = opened(acquired(pool), "one"), opened(acquired(pool), "two")
    assert pool.release(first, 0, True) == closed
    assert pool.release(second, 0, True) == (["one"] if limit else ["two"])


def test_above_the_limit_a_lease_waits_and_another_origin_does_not() -> None:
    pool: Pool[str] = Pool(limit=1)
    leases = acquired(pool), acquired(pool), acquired(pool, B)
    assert [each.state for each in leases] == [LeaseState.HOLDING, LeaseState.WAITING, LeaseState.HOLDING]
    assert pool.counts() == (2, 0, 1)
    assert repr(pool) == "<Pool 2 held, 0 idle, 1 waiting>"


@pytest.mark.parametrize("reusable", [True, False])
def test_a_slot_goes_to_the_first_lease_that_still_waits(reusable: bool) -> None:
    pool: Pool[str] = Pool(limit=1)
    holder, gone, first, second = opened(acquired(pool), "one"), acquired(pool), acquired(pool), acquired(pool)
    notified: list[str] = []
    first.notify = lambda: notified.append("first")
    pool.release(gone, 0, False)
    assert pool.release(holder, 0, reusable) == ([] if reusable else ["one"])
    assert (first.state, first.connection) == (LeaseState.HOLDING, "one" if reusable else None)
    assert (second.state, notified) == (LeaseState.WAITING, ["first"])
    assert pool.counts() == (1, 0, 1)


@pytest.mark.parametrize("state", LeaseState)
def test_a_second_release_does_nothing_in_every_state(state: LeaseState) -> None:
    pool: Pool[str] = Pool(limit=1)
    lease: Lease[str] = Lease(A)
    holder = acquired(pool)
    if state is not LeaseState.NEW:
        pool.acquire(lease, 0)
    if state in (LeaseState.HOLDING, LeaseState.RELEASED):
        pool.release(holder, 0, False)
    if state is LeaseState.RELEASED:
        pool.release(lease, 0, False)
    assert lease.state is state
    pool.release(lease, 0, False)
    counts = pool.counts()
    assert pool.release(lease, 0, True) == []
    assert pool.counts() == counts
    assert (lease.state, lease.connection) == (LeaseState.RELEASED, None)


def test_closing_returns_all_idle_connections_once_and_keeps_none_that_is_in_use() -> None:
    pool = with_idle("one", "two", limit=2)
    pool.release(opened(acquired(pool, B), "three"), 1, True)
    holders, waiter = [acquired(pool, now=1) for _ in range(2)], acquired(pool, now=1)
    assert pool.close() == ["three"]
    assert pool.close() == []
    assert sorted(pool.release(holder, 1, True)[0] for holder in holders) == ["one", "two"]
    assert waiter.state is LeaseState.HOLDING
    assert pool.release(opened(waiter, "four"), 1, True) == ["four"]
    assert pool.release(opened(acquired(pool), "five"), 1, True) == []


def test_a_pool_needs_a_connection() -> None:
    with pytest.raises(ValueError, match="at least one connection"):
        Pool(limit=0)


def test_origins_without_connections_leave_nothing_behind() -> None:
    pool: Pool[str] = Pool()
    for port in range(1, 1000):
        pool.release(acquired(pool, Origin("http", "a.example", port)), 0, False)
    assert len(pool._slots) <= 2


# Interrupts


class Interrupted(BaseException):
    """What Ctrl-C raises, at one line."""


def interrupted(at: int, work: Callable[[], object]) -> bool:
    """Do it, with an interrupt at its line number `at` in `pool.py`; False if it has fewer lines."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename != pool_module.__file__:
            return None
        if event == "line":
            count += 1
            if count == at:
                raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except Interrupted:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("waits", [False, True])
def test_a_lease_that_is_interrupted_at_any_line_of_acquire_is_freed_by_release(waits: bool) -> None:
    for line in range(1, 100):
        pool: Pool[str] = Pool(limit=1)
        holder = acquired(pool) if waits else None
        lease: Lease[str] = Lease(A)
        more = interrupted(line, lambda pool=pool, lease=lease: pool.acquire(lease, 0))  # type: ignore[misc]
        pool.release(lease, 0, False)
        assert pool.counts() == (int(waits), 0, 0)
        assert holder is None or pool.release(holder, 0, False) == []
        if not more:
            return
    raise AssertionError("acquire does not end")


@pytest.mark.parametrize("waiting", [0, 1])
def test_a_release_that_is_interrupted_at_any_line_is_completed_by_another(waiting: int) -> None:
    for line in range(1, 100):
        pool: Pool[str] = Pool(limit=1)
        lease, others = acquired(pool), [acquired(pool) for _ in range(waiting)]
        more = interrupted(line, lambda pool=pool, lease=lease: pool.release(lease, 0, False))  # type: ignore[misc]
        pool.release(lease, 0, False)
        held, _, waits = pool.counts()
        assert held + waits == waiting, f"line {line}"
        assert all(other.state is not LeaseState.NEW for other in others)
        if not more:
            return
    raise AssertionError("release does not end")


# A model


class At(enum.Enum):
    """Where an owner is on its way through a transport."""

    WAITING = "waits to be notified, or was notified and does not run yet"
    LEASED = "has a slot, and checks the connection that came with it"
    CONNECTING = "has a slot and opens a connection"
    WORKING = "has a connection, and an exchange under way"
    GONE = "released its lease"


@dataclass(eq=False)
class Owner:
    """One call of `send`."""

    lease: Lease[int]
    at: At
    notified: int = 0


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
        self.generation = 0

    def close(self, connection: int) -> None:
        assert connection not in self.closed, "closed twice"
        self.idle.pop(connection, None)
        self.closed.add(connection)

    def release(self, owner: Owner, reusable: bool) -> None:
        waited, lease = owner.at is At.WAITING and not owner.notified, owner.lease
        connection, queue = lease.connection, self.queues[lease.origin]
        kept = connection if reusable and lease.generation == self.generation else None
        unwanted = self.pool.release(lease, self.now, reusable)
        owner.at = At.GONE
        if waited:
            queue.remove(owner)
            assert unwanted == []
            return
        if queue:
            first = queue.popleft()
            assert first.notified == 1, "not the first in line"
            assert (first.lease.state, first.lease.connection) == (LeaseState.HOLDING, kept)
        elif kept is not None:
            self.idle[kept] = (lease.origin, self.now)
        for each in unwanted:
            if each != connection or kept is not None:
                oldest = min((other for other in self.idle if self.idle[other][0] == lease.origin), key=self.since)
                assert self.since(each) == self.since(oldest), "not the oldest"
            self.close(each)

    def since(self, connection: int) -> float:
        return self.idle[connection][1]

    def pick(self, data: st.DataObject, *at: At) -> Owner:
        return data.draw(st.sampled_from([owner for owner in self.owners if owner.at in at]))

    @rule(origin=st.sampled_from(ORIGINS))
    def an_owner_comes(self, origin: Origin) -> None:
        lease: Lease[int] = Lease(origin)
        expired = self.pool.acquire(lease, self.now)
        assert set(expired) == {each for each in self.idle if self.now - self.since(each) >= self.idle_seconds}
        for connection in expired:
            self.close(connection)
        owner = Owner(lease, At.LEASED if lease.state is LeaseState.HOLDING else At.WAITING)
        lease.notify = lambda: setattr(owner, "notified", owner.notified + 1)
        if owner.at is At.WAITING:
            self.queues[origin].append(owner)
        elif lease.connection is not None:
            newest = max((each for each in self.idle if self.idle[each][0] == origin), key=self.since)
            assert self.idle[lease.connection] == self.idle[newest], "another origin's, or not the newest"
            del self.idle[lease.connection]
        self.owners.append(owner)

    @precondition(lambda self: any(owner.at is At.WAITING and owner.notified for owner in self.owners))
    @rule(data=st.data())
    def a_notified_owner_runs(self, data: st.DataObject) -> None:
        notified = [owner for owner in self.owners if owner.at is At.WAITING and owner.notified]
        data.draw(st.sampled_from(notified)).at = At.LEASED

    @precondition(lambda self: any(owner.at is At.LEASED for owner in self.owners))
    @rule(data=st.data(), alive=st.booleans())
    def an_owner_checks_its_connection(self, data: st.DataObject, alive: bool) -> None:
        owner = self.pick(data, At.LEASED)
        if owner.lease.connection is not None and alive:
            owner.at = At.WORKING
            return
        if owner.lease.connection is not None:  # found closed: another is opened in its place
            self.close(owner.lease.connection)
            owner.lease.connection = None
        owner.at = At.CONNECTING

    @precondition(lambda self: any(owner.at is At.CONNECTING for owner in self.owners))
    @rule(data=st.data())
    def an_owner_has_connected(self, data: st.DataObject) -> None:
        owner = self.pick(data, At.CONNECTING)
        self.opened += 1
        owner.lease.connection = self.opened
        owner.at = At.WORKING

    @precondition(lambda self: any(owner.at is not At.GONE for owner in self.owners))
    @rule(data=st.data(), reusable=st.booleans())
    def an_owner_is_done_or_cancelled(self, data: st.DataObject, reusable: bool) -> None:
        self.release(self.pick(data, *[at for at in At if at is not At.GONE]), reusable)

    @precondition(lambda self: any(owner.at is At.GONE for owner in self.owners))
    @rule(data=st.data())
    def an_owner_releases_again(self, data: st.DataObject) -> None:
        assert self.pool.release(self.pick(data, At.GONE).lease, self.now, True) == []

    @rule(data=st.data())
    def everyone_at_an_origin_is_cancelled(self, data: st.DataObject) -> None:
        """In any order, as when the scope around a hundred requests is cancelled."""
        origin = data.draw(st.sampled_from(ORIGINS))
        there = [owner for owner in self.owners if owner.lease.origin == origin and owner.at is not At.GONE]
        for owner in data.draw(st.permutations(there)):
            self.release(owner, reusable=False)
        assert not self.held(origin)

    @rule(seconds=st.sampled_from([0.0, 0.5, 9.5, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def the_transport_is_closed(self) -> None:
        idle = self.pool.close()
        self.generation += 1
        assert sorted(idle) == sorted(self.idle)
        for connection in idle:
            self.close(connection)

    def held(self, origin: Origin) -> list[Owner]:
        return [owner for owner in self.owners if owner.lease.origin == origin and self.holds(owner)]

    def holds(self, owner: Owner) -> bool:
        return owner.at in (At.LEASED, At.CONNECTING, At.WORKING) or (owner.at is At.WAITING and owner.notified > 0)

    @invariant()
    def no_origin_has_more_than_its_limit_and_no_lease_waits_for_a_free_slot(self) -> None:
        for origin in ORIGINS:
            held = len(self.held(origin))
            assert held <= self.limit
            assert held == self.limit or not self.queues[origin], "a slot was lost"
            assert sum(each == origin for each, _ in self.idle.values()) <= self.idle_limit

    @invariant()
    def every_owner_is_notified_at_most_once_and_only_with_a_slot(self) -> None:
        for owner in self.owners:
            assert owner.notified <= 1
            states = {True: LeaseState.HOLDING, False: LeaseState.WAITING}
            expected = LeaseState.RELEASED if owner.at is At.GONE else states[self.holds(owner)]
            assert owner.lease.state is expected

    @invariant()
    def a_connection_has_one_owner_or_is_idle_or_closed(self) -> None:
        owned = [owner.lease.connection for owner in self.owners if owner.lease.connection is not None]
        assert all(owner.lease.connection is None for owner in self.owners if owner.at is At.GONE)
        assert sorted([*owned, *self.idle, *self.closed]) == list(range(1, self.opened + 1))

    @invariant()
    def the_counts_are_those_of_the_model(self) -> None:
        held, waiting = sum(map(self.holds, self.owners)), sum(map(len, self.queues.values()))
        assert self.pool.counts() == (held, len(self.idle), waiting)

    def teardown(self) -> None:
        """When every owner has left, every slot is free again."""
        if not hasattr(self, "pool"):
            return
        for owner in self.owners:
            if owner.at is not At.GONE:
                self.release(owner, reusable=False)
        assert self.pool.counts() == (0, len(self.idle), 0)


TestDrivers = Drivers.TestCase
TestDrivers.settings = settings(max_examples=100, stateful_step_count=50)


# Cost


def lines_of(work: Callable[[], object]) -> int:
    """The number of lines of the pool that run meanwhile; each round of a comprehension counts as one."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename != pool_module.__file__:
            return None
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_no_event_costs_more_for_more_waiting_leases() -> None:
    def costs(size: int) -> list[int]:
        pool: Pool[int] = Pool(limit=1)
        holder, *waiters = [acquired(pool) for _ in range(size)]
        middle = Random(1).choice(waiters[:-1])
        return [
            lines_of(lambda: acquired(pool)),
            lines_of(lambda: pool.release(middle, 0.0, False)),
            lines_of(lambda: pool.release(waiters[-1], 0.0, False)),
            lines_of(lambda: pool.release(holder, 0.0, False)),
        ]

    assert costs(10) == costs(10_000)
