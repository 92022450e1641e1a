"""Faults of an exchange, and plans that assign them to requests. The same seed gives each place the same faults."""

import enum
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


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


_STORAGE_ONLY = {Fault.FLIP, Fault.SLOW_DOWN, Fault.REQUEST_TIMEOUT}
_ROWS_ONLY = {Fault.PASS, Fault.REPEAT, Fault.SLOW_TAKE, Fault.TRICKLE, Fault.INTERIM}
"""Also those that not every client can notice, and those that only a total limit can end."""


@dataclass(frozen=True, slots=True)
class Act:
    """One fault, at byte `at` (modulo the length), with its duration or that of each of its pauses in seconds."""

    fault: Fault
    at: int = 0
    seconds: float = 0.0


PASS = Act(Fault.PASS)

Plan: TypeAlias = Callable[[Place], Act]
"""Returns the fault for the next request to a place. Called from several threads."""


def no_faults(seconds: float = 0.0) -> Plan:
    """No fault; storage requests take `seconds` longer."""
    slow = Act(Fault.PAUSE, seconds=seconds) if seconds else PASS
    return lambda place: slow if place is Place.STORAGE else PASS


def row(place: Place, *acts: Act) -> Plan:
    """These faults for the next requests to a place, then none."""
    left = iter(acts)
    return lambda other: next(left, PASS) if other is place else PASS


def schedule(seed: int, rates: Mapping[Place, float], hang_seconds: float) -> Plan:
    """Random faults with a rate for each place. A silence lasts `hang_seconds`, longer than the limits of the client; a
    pause lasts up to a second.
    """
    draws = {place: random.Random(f"{seed}/{place.value}") for place in Place}
    faults = [fault for fault in Fault if fault not in _ROWS_ONLY]
    lock = threading.Lock()

    def act(place: Place) -> Act:
        possible = [fault for fault in faults if place is Place.STORAGE or fault not in _STORAGE_ONLY]
        with lock:
            # All are drawn each time, so that the fault of a request depends on its number alone.
            chance, fault = draws[place].random(), draws[place].choice(possible)
            at, pause = draws[place].randrange(1 << 30), draws[place].random()
        if chance >= rates[place]:
            return PASS
        hangs = fault in (Fault.HANG_REQUEST, Fault.HANG_ANSWER, Fault.HALF_CLOSE)
        return Act(fault, at, hang_seconds if hangs else pause)

    return act
