"""Which connection serves whom: a pool of connections per origin, as a plain state machine.

Rules kept here:

* No I/O, no clock, no locks: `now` is an argument, connections are opaque, and whoever drives the pool opens, closes
  and wakes. A driver with threads calls every method under one lock.
* Every place has an owner, its lease. A lease moves through a table of states and is given back by one plain call
  (`release`) that works in every state, twice too, so that a cancelled owner frees its place before anything is closed.
* Places know their leases weakly: one that its owner lost hold of without that call (a signal may break off any line
  of a program) is free again, and `reclaim` tells who gets it.
* Those who wait are served in the order in which they came. No event costs more for there being more of them.
* An idle connection is used again last-in-first-out, so that those not needed grow old and are closed.

States of a lease::

    WAITING ──(a place becomes free)──▶ HOLDING ──release──▶ RETURNED
       └──────────────release (gave up)──────────────────────▲
"""

import enum
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import ref

from pixel_core.messages import Origin
from pixel_core.values import value

C = TypeVar("C")


class LeaseState(enum.Enum):
    WAITING = enum.auto()
    HOLDING = enum.auto()
    RETURNED = enum.auto()


@dataclass(slots=True, eq=False, weakref_slot=True)
class PoolLease(Generic[C]):
    """One owner's claim to a place. `connection` is None when a place is held and a connection has to be opened."""

    origin: Origin
    state: LeaseState = LeaseState.WAITING
    connection: C | None = None
    known: "ref[PoolLease[C]] | None" = field(default=None, repr=False)


@value
class Returned(Generic[C]):
    """What is left to do after a lease was given back: close this connection, wake this owner."""

    close: C | None = None
    wake: PoolLease[C] | None = None


@dataclass(slots=True, eq=False, repr=False)
class _Idle(Generic[C]):
    connection: C
    since: float


@dataclass(slots=True, eq=False, repr=False)
class _Place(Generic[C]):
    held: "set[ref[PoolLease[C]]]" = field(default_factory=set)
    idle: list[_Idle[C]] = field(default_factory=list)
    waiting: deque[PoolLease[C]] = field(default_factory=deque)
    given_up: int = 0


class Pool(Generic[C]):
    """Connections by origin. `limit` places an origin (held or waiting to be opened); at most `idle_limit` unused
    connections an origin are kept, each for `idle_seconds`.
    """

    def __init__(self, limit: int = 100, idle_limit: int = 32, idle_seconds: float = 30.0) -> None:
        if limit < 1:
            raise ValueError(f"a pool needs at least one connection, got {limit}")
        self._limit = limit
        self._idle_limit = idle_limit
        self._idle_seconds = idle_seconds
        self._places: dict[Origin, _Place[C]] = {}

    def __repr__(self) -> str:
        held, idle, waiting = self.counts()
        return f"<Pool {held} held, {idle} idle, {waiting} waiting>"

    def counts(self) -> tuple[int, int, int]:
        """How many places are held, how many connections are idle, how many owners wait."""
        places = self._places.values()
        return (
            sum(len(place.held) for place in places),
            sum(len(place.idle) for place in places),
            sum(len(place.waiting) - place.given_up for place in places),
        )

    def acquire(self, origin: Origin, now: float) -> tuple[PoolLease[C], list[C]]:
        """A lease, and idle connections (to any origin) that grew too old and are to be closed.

        The lease is HOLDING, with a connection or (None) with the right to open one; or WAITING until another
        lease's release names it in `Returned.wake`.
        """
        expired = self._expire(now)
        place = self._places.setdefault(origin, _Place())
        lease: PoolLease[C] = PoolLease(origin)
        if len(place.held) < self._limit:
            self._grant(place, lease, place.idle.pop().connection if place.idle else None)
        else:
            place.waiting.append(lease)
        return lease, expired

    def release(self, lease: PoolLease[C], now: float, reusable: C | None = None) -> Returned[C]:
        """Give a lease back in whatever state it is, with its connection where that can serve again.

        A connection that is not given back here is no longer the pool's: its owner closes it.
        """
        state, lease.state = lease.state, LeaseState.RETURNED
        if state is LeaseState.RETURNED:
            return Returned()
        place = self._places[lease.origin]
        if state is LeaseState.WAITING:
            self._give_up(place)
            return Returned()
        lease.connection = None
        if lease.known is not None:
            place.held.discard(lease.known)
        successor = self._next(place)
        if successor is not None:
            self._grant(place, successor, reusable)
            return Returned(wake=successor)
        if reusable is None:
            return Returned()
        place.idle.append(_Idle(reusable, now))
        return Returned(close=place.idle.pop(0).connection if len(place.idle) > self._idle_limit else None)

    def reclaim(self, origin: Origin) -> list[PoolLease[C]]:
        """Hand places that were lost to those who wait. To be called before `acquire`; the owners are to be woken."""
        place = self._places.get(origin)
        served: list[PoolLease[C]] = []
        while place is not None and place.waiting and len(place.held) < self._limit:
            successor = self._next(place)
            if successor is not None:
                self._grant(place, successor, place.idle.pop().connection if place.idle else None)
                served.append(successor)
        return served

    def drain(self) -> list[C]:
        """All idle connections, which are the pool's no longer and are to be closed."""
        idle = [kept.connection for place in self._places.values() for kept in place.idle]
        for place in self._places.values():
            place.idle.clear()
        return idle

    def _grant(self, place: _Place[C], lease: PoolLease[C], connection: C | None) -> None:
        lease.connection = connection
        lease.state = LeaseState.HOLDING
        lease.known = ref(lease, place.held.discard)
        place.held.add(lease.known)

    def _next(self, place: _Place[C]) -> PoolLease[C] | None:
        """Who has waited the longest, and still does."""
        while place.waiting:
            successor = place.waiting.popleft()
            if successor.state is LeaseState.WAITING:
                return successor
            place.given_up -= 1
        return None

    def _give_up(self, place: _Place[C]) -> None:
        """Count a waiter that left; sweep once the dead are the majority, so that each costs O(1) in the long run."""
        place.given_up += 1
        if place.given_up > len(place.waiting) // 2 and place.given_up > 16:
            place.waiting = deque(waiter for waiter in place.waiting if waiter.state is LeaseState.WAITING)
            place.given_up = 0

    def _expire(self, now: float) -> list[C]:
        """Take out what has been idle too long, whatever its origin, and origins without any connection. Origins are
        few, and the oldest connections stand first, so this looks at no more of them than it removes.
        """
        expired: list[C] = []
        for origin, place in list(self._places.items()):
            count = 0
            while count < len(place.idle) and now - place.idle[count].since >= self._idle_seconds:
                count += 1
            expired += [kept.connection for kept in place.idle[:count]]
            del place.idle[:count]
            if not place.held and not place.idle:
                del self._places[origin]
        return expired
