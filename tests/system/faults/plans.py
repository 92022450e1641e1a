"""Faults of an exchange, and plans that assign them to requests.

Rules kept here:

* A plan is consulted once for each request, by several threads, with the place of the request only.
* The same seed gives each place the same sequence of faults.
"""

import enum
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Place(enum.Enum):
    LOGIN = "login"
    API = "api"
    STORAGE = "storage"

    @classmethod
    def of(cls, target: str) -> "Place":
        if target.startswith("/storage/"):
            return cls.STORAGE
        return cls.LOGIN if target.startswith("/auth/") else cls.API


class Fault(enum.Enum):
    """Faults of an exchange; `Act.at` is the byte at which they occur."""

    PASS = "nothing"
    # The server does not receive the request.
    REFUSE = "connection refused"
    RESET_REQUEST = "reset before the request was forwarded"
    HANG_REQUEST = "silence before the request was forwarded"
    EARLY = "503 before the body was read"
    SAY_500 = "500"
    SAY_503 = "503"
    SLOW_DOWN = "503 SlowDown"
    REQUEST_TIMEOUT = "400 RequestTimeout"
    TOO_MANY = "429 with Retry-After"
    # The server receives other bytes, or only a part.
    CUT_REQUEST = "reset in the middle of the request"
    FLIP = "a flipped byte in what is stored"
    # The server acts; its answer is damaged.
    RESET_ANSWERED = "reset in place of the answer"
    GATEWAY = "504 in place of the answer"
    RESET_ANSWER = "reset in the middle of the answer"
    TRUNCATE = "truncated answer"
    HALF_CLOSE = "half-closed in the middle of the answer"
    HANG_ANSWER = "silence in the middle of the answer"
    DUPLICATE = "the answer's end comes twice"
    REPEAT = "a byte of the answer comes twice"
    # Without end, and without reaching the limit of a single wait.
    SLOW_TAKE = "the request is taken little by little"
    TRICKLE = "the answer comes a byte at a time"
    INTERIM = "interim answers without end"
    # Slow, and complete.
    PAUSE = "a pause"
    DRIP = "the answer drips"


_STORAGE_ONLY = frozenset({Fault.FLIP, Fault.SLOW_DOWN, Fault.REQUEST_TIMEOUT})
_ROWS_ONLY = frozenset({Fault.REPEAT, Fault.SLOW_TAKE, Fault.TRICKLE, Fault.INTERIM})
"""Faults that not every client can notice, and those that only a total limit can end."""


def drawn_faults(place: Place) -> tuple[Fault, ...]:
    out = {Fault.PASS} | _ROWS_ONLY | (_STORAGE_ONLY if place is not Place.STORAGE else frozenset())
    return tuple(fault for fault in Fault if fault not in out)


@dataclass(frozen=True, slots=True)
class Act:
    """One fault, at byte `at` (modulo the length), with its duration or that of each of its pauses in seconds."""

    fault: Fault
    at: int = 0
    seconds: float = 0.0


PASS = Act(Fault.PASS)


class Plan(Protocol):
    """Returns the fault for the next request to a place. Called from several threads."""

    def act(self, place: Place) -> Act: ...


class NoFaults:
    """No fault; storage requests take `seconds` longer."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._storage = Act(Fault.PAUSE, seconds=seconds) if seconds else PASS

    def act(self, place: Place) -> Act:
        return self._storage if place is Place.STORAGE else PASS


class Row:
    """These faults for the next requests to a place, then none."""

    def __init__(self, place: Place, *acts: Act) -> None:
        self._place = place
        self._acts = list(acts)
        self._lock = threading.Lock()

    def act(self, place: Place) -> Act:
        with self._lock:
            return self._acts.pop(0) if place is self._place and self._acts else PASS


class Schedule:
    """Random faults with a rate for each place. A silence lasts `hang_seconds`, longer than the
    limits of the client; a pause lasts up to a second.
    """

    def __init__(self, seed: int, rates: Mapping[Place, float], hang_seconds: float) -> None:
        self._rates = dict(rates)
        self._hang_seconds = hang_seconds
        self._faults = {place: drawn_faults(place) for place in Place}
        self._draws = {place: random.Random(f"{seed}/{place.value}") for place in Place}
        self._lock = threading.Lock()

    def act(self, place: Place) -> Act:
        with self._lock:
            draw = self._draws[place]
            # All are drawn each time, so that the fault of a request depends on its number alone.
            chance, fault = draw.random(), draw.choice(self._faults[place])
            at, pause = draw.randrange(1 << 30), draw.random()
        if chance >= self._rates.get(place, 0.0):
            return PASS
        hangs = fault in (Fault.HANG_REQUEST, Fault.HANG_ANSWER, Fault.HALF_CLOSE)
        return Act(fault, at, self._hang_seconds if hangs else pause)
