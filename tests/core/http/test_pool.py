"""The connection pool: a table of its states, a model of its owners, and what its events cost."""

import sys
from collections import deque
from types import FrameType
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pixel_core.http.pool import LeaseState, Pool, PoolLease, Returned
from pixel_core.messages import Origin

A = Origin("http", "a.example", 80)
B = Origin("http", "b.example", 80)


def acquired(pool: Pool[str], origin: Origin = A, now: float = 0.0) -> PoolLease[str]:
    """A lease where nothing is expected to have grown old."""
    lease, expired = pool.acquire(origin, now)
    assert expired == []
    return lease


def with_idle(*connections: str, **settings_: Any) -> Pool[str]:
    """A pool where these became idle at 0, 1, 2 … seconds."""
    pool: Pool[str] = Pool(**settings_)
    leases = [acquired(pool) for _ in connections]
    for now, (lease, connection) in enumerate(zip(leases, connections, strict=True)):
        assert pool.release(lease, now, connection) == Returned()
    return pool


def test_the_first_lease_has_the_right_to_open_a_connection() -> None:
    pool: Pool[str] = Pool()
    lease = acquired(pool)
    assert (lease.state, lease.connection, lease.origin) == (LeaseState.HOLDING, None, A)
    assert pool.counts() == (1, 0, 0)


def test_a_connection_that_was_given_back_is_used_again() -> None:
    pool = with_idle("one")
    assert pool.counts() == (0, 1, 0)
    lease = acquired(pool, now=1)
    assert (lease.state, lease.connection) == (LeaseState.HOLDING, "one")
    assert pool.counts() == (1, 0, 0)


def test_a_connection_that_was_not_given_back_is_forgotten() -> None:
    pool: Pool[str] = Pool()
    assert pool.release(acquired(pool), 0) == Returned()
    assert pool.counts() == (0, 0, 0)
    assert acquired(pool).connection is None


def test_the_last_idle_connection_is_used_first() -> None:
    pool = with_idle("one", "two", "three")
    assert [acquired(pool, now=3).connection for _ in range(4)] == ["three", "two", "one", None]


def test_a_connection_serves_its_own_origin_alone() -> None:
    pool = with_idle("one")
    assert acquired(pool, B).connection is None
    assert acquired(pool, A).connection == "one"


def test_a_connection_that_was_idle_too_long_is_to_be_closed() -> None:
    pool = with_idle("one", "two", "three", idle_seconds=10)
    lease, expired = pool.acquire(A, 11)
    assert expired == ["one", "two"]
    assert lease.connection == "three"


def test_what_is_idle_too_long_is_closed_when_another_origin_is_asked_for() -> None:
    """Else connections to an origin that is not asked for again would stay open for ever."""
    pool = with_idle("one", idle_seconds=10)
    lease, expired = pool.acquire(B, 10)
    assert expired == ["one"]
    assert pool.counts() == (1, 0, 0)
    pool.release(lease, 10)
    assert acquired(pool, A, 10).connection is None


def test_more_idle_connections_than_the_limit_push_out_the_oldest() -> None:
    pool: Pool[str] = Pool(idle_limit=1)
    first, second = acquired(pool), acquired(pool)
    assert pool.release(first, 0, "one") == Returned()
    assert pool.release(second, 0, "two") == Returned(close="one")
    assert acquired(pool).connection == "two"


def test_a_pool_without_idle_places_closes_what_it_is_given_back() -> None:
    pool: Pool[str] = Pool(idle_limit=0)
    assert pool.release(acquired(pool), 0, "one") == Returned(close="one")
    assert pool.counts() == (0, 0, 0)


def test_above_the_limit_a_lease_waits_and_another_origin_does_not() -> None:
    pool: Pool[str] = Pool(limit=1)
    leases = acquired(pool), acquired(pool), acquired(pool, B)
    assert [each.state for each in leases] == [LeaseState.HOLDING, LeaseState.WAITING, LeaseState.HOLDING]
    assert pool.counts() == (2, 0, 1)


def test_a_connection_is_handed_to_the_first_who_waits() -> None:
    pool: Pool[str] = Pool(limit=1)
    holder, first, second = acquired(pool), acquired(pool), acquired(pool)
    assert pool.release(holder, 0, "one") == Returned(wake=first)
    assert (first.state, first.connection) == (LeaseState.HOLDING, "one")
    assert second.state is LeaseState.WAITING
    assert pool.counts() == (1, 0, 1)


def test_a_place_without_a_connection_is_handed_to_the_first_who_waits() -> None:
    pool: Pool[str] = Pool(limit=1)
    holder, first = acquired(pool), acquired(pool)
    assert pool.release(holder, 0) == Returned(wake=first)
    assert (first.state, first.connection) == (LeaseState.HOLDING, None)


def test_who_gave_up_waiting_is_passed_over() -> None:
    pool: Pool[str] = Pool(limit=1)
    holder, first, second = acquired(pool), acquired(pool), acquired(pool)
    assert pool.release(first, 0) == Returned()
    assert pool.counts() == (1, 0, 1)
    assert pool.release(holder, 0, "one") == Returned(wake=second)


def test_who_is_cancelled_between_the_wake_and_the_work_hands_the_place_on() -> None:
    pool: Pool[str] = Pool(limit=1)
    holder, first, second = acquired(pool), acquired(pool), acquired(pool)
    pool.release(holder, 0, "one")
    assert pool.release(first, 0, first.connection) == Returned(wake=second)
    assert second.connection == "one"


@pytest.mark.parametrize("state", LeaseState)
def test_giving_back_twice_is_harmless_in_every_state(state: LeaseState) -> None:
    pool: Pool[str] = Pool(limit=1)
    holder = acquired(pool)
    lease = acquired(pool)
    if state is not LeaseState.WAITING:
        pool.release(holder, 0)
    if state is LeaseState.RETURNED:
        pool.release(lease, 0)
    assert lease.state is state
    pool.release(lease, 0)
    counts = pool.counts()
    assert pool.release(lease, 0, "again") == Returned()
    assert pool.counts() == counts
    assert (lease.state, lease.connection) == (LeaseState.RETURNED, None)


def test_draining_gives_out_all_idle_connections_once_and_leaves_owners_alone() -> None:
    pool = with_idle("one", "two")
    pool.release(acquired(pool, B), 1, "three")
    holder = acquired(pool, now=1)
    assert holder.connection == "two"
    assert pool.drain() == ["one", "three"]
    assert pool.drain() == []
    assert pool.counts() == (1, 0, 0)
    assert pool.release(holder, 1, "two") == Returned()
    assert pool.counts() == (0, 1, 0)


def test_who_waits_is_served_after_a_drain() -> None:
    pool: Pool[str] = Pool(limit=1)
    holder, waiter = acquired(pool), acquired(pool)
    assert pool.drain() == []
    assert pool.release(holder, 0, "one") == Returned(wake=waiter)


def test_a_pool_needs_a_connection() -> None:
    with pytest.raises(ValueError, match="at least one connection"):
        Pool(limit=0)


def test_its_repr_shows_the_counts() -> None:
    pool = with_idle("one", limit=2)
    leases = [acquired(pool, origin) for origin in (A, A, A, A, B)]
    assert repr(pool) == "<Pool 3 held, 0 idle, 2 waiting>"
    assert len(leases) == 5


class Owners(RuleBasedStateMachine):
    """Owners come, wait, open, work, give back and are cancelled, in any order; connections are numbers.

    What the pool should do is modelled by plain lists: who holds, who waits (in order), and what is idle.
    """

    LIMIT, IDLE_LIMIT, IDLE_SECONDS = 2, 1, 10.0

    def __init__(self) -> None:
        super().__init__()
        self.pool: Pool[int] = Pool(self.LIMIT, self.IDLE_LIMIT, self.IDLE_SECONDS)
        self.now = 0.0
        self.opened = 0
        self.closed: list[int] = []
        self.holders: list[tuple[PoolLease[int], int | None]] = []
        self.waiters: deque[PoolLease[int]] = deque()
        self.idle: dict[int, float] = {}
        self.gone: list[PoolLease[int]] = []

    def close(self, connections: list[int]) -> None:
        for connection in connections:
            del self.idle[connection]
            self.closed.append(connection)

    def returned(self, lease: PoolLease[int], back: int | None, origin: Origin) -> None:
        """Give a lease back and hold the pool to what has to follow."""
        had = lease.connection
        done = self.pool.release(lease, self.now, back)
        self.gone.append(lease)
        successor = next((waiter for waiter in self.waiters if waiter.origin == origin), None)
        assert done.wake is successor
        if had is not None and back is None:
            self.closed.append(had)
        if successor is not None:
            assert done.close is None
            assert (successor.state, successor.connection) == (LeaseState.HOLDING, back)
            self.waiters.remove(successor)
            self.holders.append((successor, back))
        elif back is not None:
            self.idle[back] = self.now
            if done.close is not None:
                self.close([done.close])

    @rule(origin=st.sampled_from([A, B]))
    def acquire(self, origin: Origin) -> None:
        lease, expired = self.pool.acquire(origin, self.now)
        assert all(self.now - self.idle[connection] >= self.IDLE_SECONDS for connection in expired)
        self.close(expired)
        assert all(self.now - since < self.IDLE_SECONDS for since in self.idle.values())
        held = [holder for holder, _ in self.holders if holder.origin == origin]
        if lease.state is LeaseState.WAITING:
            assert len(held) == self.LIMIT
            self.waiters.append(lease)
            return
        assert lease.state is LeaseState.HOLDING
        assert len(held) < self.LIMIT
        if lease.connection is not None:
            del self.idle[lease.connection]
        self.holders.append((lease, lease.connection))

    @precondition(lambda self: any(connection is None for _, connection in self.holders))
    @rule(data=st.data())
    def open(self, data: st.DataObject) -> None:
        opening = [holder for holder in self.holders if holder[1] is None]
        lease, _ = data.draw(st.sampled_from(opening))
        self.holders.remove((lease, None))
        self.opened += 1
        lease.connection = self.opened
        self.holders.append((lease, self.opened))

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), reusable=st.booleans())
    def release_or_cancel_while_holding(self, data: st.DataObject, reusable: bool) -> None:
        index = data.draw(st.integers(0, len(self.holders) - 1))
        lease, connection = self.holders.pop(index)
        self.returned(lease, connection if reusable else None, lease.origin)

    @precondition(lambda self: self.waiters)
    @rule(data=st.data())
    def cancel_while_waiting(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.waiters) - 1))
        lease = self.waiters[index]
        del self.waiters[index]
        assert self.pool.release(lease, self.now) == Returned()
        self.gone.append(lease)

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def release_again(self, data: st.DataObject) -> None:
        assert self.pool.release(data.draw(st.sampled_from(self.gone)), self.now, -1) == Returned()

    @rule(seconds=st.sampled_from([0.5, 5.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def drain(self) -> None:
        self.close(self.pool.drain())
        assert self.idle == {}

    @invariant()
    def counts_are_those_of_the_model(self) -> None:
        assert self.pool.counts() == (len(self.holders), len(self.idle), len(self.waiters))

    @invariant()
    def no_origin_has_more_than_the_limits(self) -> None:
        for origin in (A, B):
            assert sum(lease.origin == origin for lease, _ in self.holders) <= self.LIMIT
        assert len(self.idle) <= 2 * self.IDLE_LIMIT

    @invariant()
    def states_are_those_of_the_model(self) -> None:
        assert all(lease.state is LeaseState.HOLDING for lease, _ in self.holders)
        assert all(lease.connection == connection for lease, connection in self.holders)
        assert all(lease.state is LeaseState.WAITING for lease in self.waiters)
        assert all((lease.state, lease.connection) == (LeaseState.RETURNED, None) for lease in self.gone)

    @invariant()
    def a_connection_is_held_or_idle_or_closed_exactly_once(self) -> None:
        held = [connection for _, connection in self.holders if connection is not None]
        assert sorted([*held, *self.idle, *self.closed]) == list(range(1, self.opened + 1))

    def teardown(self) -> None:
        """No place is lost: when all have left, nothing is held and no one waits."""
        while self.waiters:
            assert self.pool.release(self.waiters.popleft(), self.now) == Returned()
        for lease, connection in self.holders:
            self.pool.release(lease, self.now, connection)
        held, _, waiting = self.pool.counts()
        assert (held, waiting) == (0, 0)
        self.pool.drain()
        for origin in (A, B):
            for _ in range(self.LIMIT):
                lease, _ = self.pool.acquire(origin, self.now)
                assert (lease.state, lease.connection) == (LeaseState.HOLDING, None)


TestOwners = Owners.TestCase
TestOwners.settings = settings(max_examples=60, stateful_step_count=40)


def steps_of(events: int) -> int:
    """How many steps of Python the pool takes when so many owners come and give up, the last ones first."""
    pool: Pool[str] = Pool(limit=1)
    steps = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal steps
        steps += 1

    holder = acquired(pool)
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        waiters = [acquired(pool) for _ in range(events)]
        for waiter in reversed(waiters[events // 4 :]):
            pool.release(waiter, 0)
        for waiter in waiters[: events // 4]:
            assert pool.release(holder, 0).wake is waiter
            holder = waiter
        pool.release(holder, 0)
    finally:
        sys.setprofile(before)
    assert pool.counts() == (0, 0, 0)
    return steps


def test_twice_as_many_owners_who_give_up_cost_twice_as_much() -> None:
    """Linear in total: neither the search for the next owner nor the sweep of the dead grows with their number."""
    assert steps_of(8000) < 2.2 * steps_of(4000)


def test_origins_that_are_not_used_leave_nothing_behind() -> None:
    pool: Pool[str] = Pool()
    for port in range(1, 1000):
        pool.release(acquired(pool, Origin("http", "a.example", port)), 0)
    assert len(pool._places) <= 2


def test_owners_who_gave_up_leave_nothing_behind() -> None:
    """Whoever waits behind one busy connection, the pool keeps no more of the dead than of the living and a few."""
    pool: Pool[str] = Pool(limit=1)
    holder = acquired(pool)
    for _ in range(5000):
        pool.release(acquired(pool), 0)
    assert len(pool._places[A].waiting) <= 32
    assert pool.counts() == (1, 0, 0)
    assert holder.state is LeaseState.HOLDING


# Leases that their owners lost hold of.


def test_a_place_that_its_owner_lost_hold_of_is_free() -> None:
    pool: Pool[str] = Pool(1)
    lease = acquired(pool)
    assert pool.counts() == (1, 0, 0)
    del lease
    assert pool.counts() == (0, 0, 0)
    assert acquired(pool).state is LeaseState.HOLDING


def test_the_first_who_waits_gets_a_place_that_was_lost() -> None:
    pool = with_idle("one", "two", limit=2)
    holders = [acquired(pool, now=1) for _ in range(2)]
    waiting, others = acquired(pool, now=1), acquired(pool, now=1)
    assert pool.reclaim(A) == []
    holders.pop()
    assert pool.reclaim(A) == [waiting]
    assert (waiting.state, waiting.connection) == (LeaseState.HOLDING, None)
    assert others.state is LeaseState.WAITING
    assert pool.counts() == (2, 0, 1)


def test_a_lost_place_goes_to_none_who_gave_up() -> None:
    pool: Pool[str] = Pool(1)
    holder = acquired(pool)
    gone, waiting = acquired(pool), acquired(pool)
    pool.release(gone, 0)
    del holder
    assert pool.reclaim(A) == [waiting]
    assert pool.counts() == (1, 0, 0)


def test_who_was_lost_while_waiting_is_not_held_once_it_was_its_turn() -> None:
    pool: Pool[str] = Pool(1)
    holder = acquired(pool)
    acquired(pool)
    pool.release(holder, 0, "one")
    assert pool.counts() == (0, 0, 0)
