"""The connection pool: a model of its owners, in plain lists; interrupts at any line; and the cost of its events.

Cost is counted in lines of `pool.py` that run, not in seconds.
"""

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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

ORIGINS = A, B = [Origin("https", f"{name}.example", 443) for name in ("api", "storage")]


def acquired(pool: Pool[Any], origin: Origin = A, connection: Any = None) -> Lease[Any]:
    """A lease of a pool in which nothing expires, with a connection that was opened for it."""
    lease: Lease[Any] = Lease(origin)
    assert pool.acquire(lease, 0.0) == []
    lease.connection = connection or lease.connection
    return lease


def test_a_pool_has_at_least_one_slot_for_each_origin() -> None:
    with pytest.raises(ValueError, match="at least one connection"):
        Pool(limit=0)
    pool: Pool[str] = Pool(limit=1)
    leases = acquired(pool), acquired(pool), acquired(pool, B)
    assert [each.state for each in leases] == [LeaseState.HOLDING, LeaseState.WAITING, LeaseState.HOLDING]
    assert repr(pool) == "<Pool 2 held, 0 idle, 1 waiting>"


def with_idle(*connections: str, **options: Any) -> tuple[Pool[str], list[str]]:
    """A pool in which these became idle at 0, 1, 2 … seconds, and those that had to be closed."""
    pool: Pool[str] = Pool(**options)
    leases = [acquired(pool, A, each) for each in connections]
    return pool, [each for now, lease in enumerate(leases) for each in pool.release(lease, now, True)]


def test_the_last_idle_connection_of_an_origin_is_used_first() -> None:
    pool, closed = with_idle("one", "two", "three")
    assert acquired(pool, B).connection is None
    assert [acquired(pool).connection for _ in range(4)] == ["three", "two", "one", None]
    assert closed == []


def test_idle_connections_above_the_limit_and_expired_ones_are_closed() -> None:
    pool, closed = with_idle("one", "two", "three", "four", idle_limit=3, idle_seconds=10)
    assert closed == ["one"]
    lease: Lease[str] = Lease(B)
    assert pool.acquire(lease, 12) == ["two", "three"]
    assert (lease.connection, pool.counts()) == (None, (1, 1, 0))


def test_after_closing_no_connection_of_an_earlier_lease_is_kept() -> None:
    pool, _ = with_idle("one", "two", limit=2)
    holders, waiter = [acquired(pool), acquired(pool)], acquired(pool)
    pool.release(acquired(pool, B, "three"), 1, True)
    assert [pool.close(), pool.close()] == [["three"], []]
    assert [pool.release(holder, 1, True) for holder in holders] == [["two"], ["one"]]
    waiter.connection = "four"
    assert pool.release(waiter, 1, True) == ["four"]
    assert pool.release(acquired(pool, A, "five"), 1, True) == []


def test_origins_without_connections_leave_nothing_behind() -> None:
    pool: Pool[str] = Pool()
    for port in range(1, 1000):
        pool.release(acquired(pool, Origin("http", "a.example", port)), 0, False)
    assert len(pool._slots) <= 2


class Interrupted(BaseException):
    """What Ctrl-C raises, at one line."""


def lines_of(work: Callable[[], object], interrupt_at: int = 0) -> int:
    """The number of lines of `pool.py` that run. Raises Interrupted at the line of this number."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename != pool_module.__file__:
            return None
        if event == "line":
            count += 1
            if count == interrupt_at:
                raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("releases", [False, True], ids=["acquire", "release"])
@pytest.mark.parametrize("others", [0, 1])
def test_what_is_interrupted_at_any_line_is_completed_by_release(releases: bool, others: int) -> None:
    """There is a holder before an `acquire`, or a lease that waits for a `release`."""
    for line in range(1, 100):
        pool: Pool[str] = Pool(limit=1)
        before, lease = [acquired(pool) for _ in range(0 if releases else others)], Lease[str](A)
        if releases:
            pool.acquire(lease, 0)
        after = [acquired(pool) for _ in range(others if releases else 0)]
        works = [partial(pool.acquire, lease, 0), partial(pool.release, lease, 0, False)]
        try:
            lines_of(works[releases], line)
        except Interrupted:
            pool.release(lease, 0, False)
        else:
            return
        assert pool.counts() == (others, 0, 0), f"line {line}"
        assert all(other.state is LeaseState.HOLDING for other in before + after)
    raise AssertionError("it does not end")


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


@dataclass(eq=False)
class Owner:
    """One call of `send`. It holds a slot unless it waits or is gone."""

    lease: Lease[int]
    waits: bool
    gone: bool = False
    notified: int = 0

    @property
    def holds(self) -> bool:
        return not self.waits and not self.gone


class Owners(RuleBasedStateMachine):
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
        lease, queue = owner.lease, self.queues[owner.lease.origin]
        connection = lease.connection
        kept = connection if reusable and lease.generation == self.generation else None
        unwanted = self.pool.release(lease, self.now, reusable)
        owner.gone = True
        if owner.waits:
            queue.remove(owner)
            assert unwanted == []
            return
        if queue:
            first = queue.popleft()
            first.waits = False
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

    def pick(self, data: st.DataObject, condition: Callable[[Owner], bool]) -> Owner:
        return data.draw(st.sampled_from(list(filter(condition, self.owners))))

    @rule(origin=st.sampled_from(ORIGINS))
    def an_owner_comes(self, origin: Origin) -> None:
        lease: Lease[int] = Lease(origin)
        expired = self.pool.acquire(lease, self.now)
        assert set(expired) == {each for each in self.idle if self.now - self.since(each) >= self.idle_seconds}
        for connection in expired:
            self.close(connection)
        owner = Owner(lease, lease.state is LeaseState.WAITING)
        lease.notify = lambda: setattr(owner, "notified", owner.notified + 1)
        there = [each for each in self.idle if self.idle[each][0] == origin]
        if owner.waits:
            self.queues[origin].append(owner)
        elif lease.connection is not None:
            newest = max(there, key=self.since)
            assert self.idle[lease.connection] == self.idle[newest], "another origin's, or not the newest"
            del self.idle[lease.connection]
        else:
            assert not there, "an idle connection is not used"
        self.owners.append(owner)

    @precondition(lambda self: any(owner.holds for owner in self.owners))
    @rule(data=st.data())
    def an_owner_opens_a_connection(self, data: st.DataObject) -> None:
        """In place of the one that came with its slot, if there is one, which is closed."""
        owner = self.pick(data, lambda owner: owner.holds)
        if owner.lease.connection is not None:
            self.close(owner.lease.connection)
        self.opened += 1
        owner.lease.connection = self.opened

    @precondition(lambda self: any(not owner.gone for owner in self.owners))
    @rule(data=st.data(), reusable=st.booleans())
    def an_owner_is_done_or_cancelled(self, data: st.DataObject, reusable: bool) -> None:
        self.release(self.pick(data, lambda owner: not owner.gone), reusable)

    @precondition(lambda self: any(owner.gone for owner in self.owners))
    @rule(data=st.data())
    def an_owner_releases_again(self, data: st.DataObject) -> None:
        assert self.pool.release(self.pick(data, lambda owner: owner.gone).lease, self.now, True) == []

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

    @invariant()
    def no_origin_has_more_than_its_limit_and_no_lease_waits_for_a_free_slot(self) -> None:
        for origin in ORIGINS:
            held = sum(owner.holds and owner.lease.origin == origin for owner in self.owners)
            assert held <= self.limit
            assert held == self.limit or not self.queues[origin], "a slot was lost"
            assert sum(each == origin for each, _ in self.idle.values()) <= self.idle_limit

    @invariant()
    def every_owner_is_notified_at_most_once_and_has_the_state_of_the_model(self) -> None:
        for owner in self.owners:
            assert owner.notified <= 1
            state = LeaseState.RELEASED if owner.gone else LeaseState.WAITING if owner.waits else LeaseState.HOLDING
            assert owner.lease.state is state

    @invariant()
    def a_connection_has_one_owner_or_is_idle_or_closed(self) -> None:
        owned = [owner.lease.connection for owner in self.owners if owner.lease.connection is not None]
        assert all(owner.lease.connection is None for owner in self.owners if not owner.holds)
        assert sorted([*owned, *self.idle, *self.closed]) == list(range(1, self.opened + 1))

    @invariant()
    def the_counts_are_those_of_the_model(self) -> None:
        held, waiting = sum(owner.holds for owner in self.owners), sum(map(len, self.queues.values()))
        assert self.pool.counts() == (held, len(self.idle), waiting)

    def teardown(self) -> None:
        """When every owner has left, every slot is free again."""
        if not hasattr(self, "pool"):
            return
        for owner in self.owners:
            if not owner.gone:
                self.release(owner, reusable=False)
        assert self.pool.counts() == (0, len(self.idle), 0)


TestOwners = Owners.TestCase
TestOwners.settings = settings(max_examples=60, stateful_step_count=50)
