"""The connection pool: which connection serves which request, as a state machine.

Rules kept here:

* No I/O, no clock, no locks: `now` is an argument and connections are opaque. A driver with threads calls `acquire`,
  `release` and `close` under one lock (`pixel_transports.net.blocking.LockedPool`).
* A slot has an owner before it is taken: the caller makes a `Lease`, and `acquire` fills it in. `release` works in
  every state of a lease, also twice, so one `finally` frees the slot wherever its owner was interrupted.
* Waiting leases are served in the order of `acquire`. No event costs more for there being more of them.
* Idle connections are reused last-in-first-out, so that those not needed expire.

States of a lease::

    NEW ──acquire──▶ HOLDING ─────────────release────────▶ RELEASED
     └────acquire──▶ WAITING ──a slot becomes free──▶ HOLDING
                        └──────release (given up)────────▶ RELEASED
"""

import enum
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pixel_core.messages import Origin

C = TypeVar("C")


class LeaseState(enum.Enum):
    NEW = enum.auto()
    WAITING = enum.auto()
    HOLDING = enum.auto()
    RELEASED = enum.auto()


@dataclass(slots=True, eq=False)
class Lease(Generic[C]):
    """The claim of one request to a slot. `connection` is None while there is none, or one has to be opened."""

    origin: Origin
    state: LeaseState = LeaseState.NEW
    connection: C | None = None
    generation: int = field(default=0, repr=False)
    notify: Callable[[], object] | None = field(default=None, repr=False)
    """Called once when a waiting lease gets its slot, perhaps under the driver's lock: it has to be short."""


@dataclass(slots=True, eq=False, repr=False)
class _Slots(Generic[C]):
    """The connections to one origin. `idle` has the time since which each is unused."""

    held: set[Lease[C]] = field(default_factory=set)
    idle: list[tuple[C, float]] = field(default_factory=list)
    waiting: OrderedDict[Lease[C], None] = field(default_factory=OrderedDict)


class Pool(Generic[C]):
    """Connections by origin. `limit` is the number of slots per origin; at most `idle_limit` unused connections per
    origin are kept, each for `idle_seconds`. Raises ValueError for a limit below 1.
    """

    def __init__(self, limit: int = 100, idle_limit: int = 32, idle_seconds: float = 30.0) -> None:
        if limit < 1:
            raise ValueError(f"a pool needs at least one connection, got {limit}")
        self._limit = limit
        self._idle_limit = idle_limit
        self._idle_seconds = idle_seconds
        self._slots: dict[Origin, _Slots[C]] = {}
        self._generation = 0
        self._expires_at = float("inf")
        """No idle connection expires before this time."""

    def __repr__(self) -> str:
        held, idle, waiting = self.counts()
        return f"<Pool {held} held, {idle} idle, {waiting} waiting>"

    def counts(self) -> tuple[int, int, int]:
        """How many slots are held, connections are idle, and leases wait."""
        slots = self._slots.values()
        return (
            sum(len(each.held) for each in slots),
            sum(len(each.idle) for each in slots),
            sum(len(each.waiting) for each in slots),
        )

    def acquire(self, lease: Lease[C], now: float) -> list[C]:
        """Fill in a new lease. Returns idle connections, to any origin, that have expired and have to be closed.
        Afterwards the lease is HOLDING, with a connection or (None) with the right to open one; or it is WAITING.
        """
        expired = self._expire(now) if now >= self._expires_at else []
        lease.generation = self._generation
        slots = self._slots.get(lease.origin)
        if slots is None:
            slots = self._slots[lease.origin] = _Slots()
        if len(slots.held) < self._limit:
            self._grant(slots, lease, slots.idle.pop()[0] if slots.idle else None)
        else:
            slots.waiting[lease] = None
            lease.state = LeaseState.WAITING
        return expired

    def release(self, lease: Lease[C], now: float, reusable: bool) -> list[C]:
        """Free the slot of a lease in any state, and notify the next in line. A reusable connection is kept. Returns
        connections that have to be closed, that of the lease among them unless it is kept.
        """
        slots = self._slots.get(lease.origin)
        if slots is None:
            lease.state = LeaseState.RELEASED
            return []
        slots.waiting.pop(lease, None)
        if lease not in slots.held:
            lease.state = LeaseState.RELEASED
            return []
        # Each step can be repeated, and the state changes last: a second call completes one that was interrupted.
        connection = lease.connection
        kept = connection if reusable and lease.generation == self._generation else None
        unwanted = [] if connection is None or kept is not None else [connection]
        if slots.waiting:
            successor = next(iter(slots.waiting))
            if successor not in slots.held:
                self._grant(slots, successor, kept)
            if successor.notify is not None:
                successor.notify()
            lease.connection = None
            slots.waiting.pop(successor)
        else:
            lease.connection = None
            if kept is not None:
                slots.idle.append((kept, now))
                self._expires_at = min(self._expires_at, now + self._idle_seconds)
                if len(slots.idle) > self._idle_limit:
                    unwanted.append(slots.idle.pop(0)[0])
        slots.held.discard(lease)
        self._discard_empty(lease.origin)
        lease.state = LeaseState.RELEASED
        return unwanted

    def close(self) -> list[C]:
        """Keep no connection of a lease that is acquired already. Returns the idle ones, which have to be closed."""
        self._generation += 1
        idle = [connection for slots in self._slots.values() for connection, _ in slots.idle]
        for slots in self._slots.values():
            slots.idle.clear()
        return idle

    @staticmethod
    def _grant(slots: _Slots[C], lease: Lease[C], connection: C | None) -> None:
        lease.connection = connection
        lease.state = LeaseState.HOLDING
        slots.held.add(lease)

    def _discard_empty(self, origin: Origin) -> None:
        slots = self._slots[origin]
        if not (slots.held or slots.idle or slots.waiting):
            del self._slots[origin]

    def _expire(self, now: float) -> list[C]:
        """Take out connections that were idle too long. The oldest of an origin stand first."""
        expired: list[C] = []
        since = [now]
        for origin, slots in list(self._slots.items()):
            count = 0
            while count < len(slots.idle) and now - slots.idle[count][1] >= self._idle_seconds:
                count += 1
            expired += [connection for connection, _ in slots.idle[:count]]
            del slots.idle[:count]
            since += [idle_since for _, idle_since in slots.idle[:1]]
            self._discard_empty(origin)
        self._expires_at = min(since) + self._idle_seconds
        return expired
