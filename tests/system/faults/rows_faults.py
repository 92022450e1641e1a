"""Rows of the matrix: a fault in one exchange with the API or the object storage, at each of its bytes.

The tables hold the results of a single try (`retries=0`). A POST is never done twice. A file reported as uploaded is
stored once with its own bytes; a failed one is not, and its error has that of the exchange as its cause.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.system.faults.bench import CALLS, LIMIT_SECONDS, MUCH, RIGHT, Bench, Played
from tests.system.faults.callers import PATIENCE
from tests.system.faults.plans import Act, Fault, Place, row
from tests.system.faults.proxy import OUTAGE_SECONDS
from tests.system.faults.world import FACES

BROKEN = frozenset({"PixelConnectionError"})
LATE = frozenset({"PixelTimeoutError"})
GARBLED = frozenset({RIGHT, "PixelProtocolError"}) | BROKEN | LATE
_OK = frozenset({RIGHT})
_FAILED = frozenset({"PixelServerError"})
_REFUSED = frozenset({"PixelStorageError"})

_API: dict[Fault, frozenset[str]] = {
    Fault.PASS: _OK,
    Fault.REFUSE: BROKEN,
    Fault.RESET_REQUEST: BROKEN,
    Fault.HANG_REQUEST: LATE,
    Fault.EARLY: _FAILED,
    Fault.SAY_500: _FAILED,
    Fault.SAY_503: _FAILED,
    Fault.TOO_MANY: frozenset({"PixelRateLimitError"}),
    Fault.CUT_REQUEST: BROKEN,
    Fault.RESET_ANSWERED: BROKEN,
    Fault.GATEWAY: _FAILED,
    Fault.RESET_ANSWER: BROKEN,
    Fault.TRUNCATE: BROKEN,
    Fault.HALF_CLOSE: BROKEN,
    Fault.HANG_ANSWER: LATE,
    Fault.DUPLICATE: _OK,
    Fault.REPEAT: GARBLED,
    Fault.PAUSE: _OK,
    Fault.DRIP: _OK,
}
_RESPONSES = (Fault.EARLY, Fault.SAY_500, Fault.SAY_503, Fault.TOO_MANY, Fault.GATEWAY)
_STORAGE_RESPONSES = (*_RESPONSES, Fault.SLOW_DOWN, Fault.REQUEST_TIMEOUT, Fault.FLIP)
_STORAGE = {**_API, **dict.fromkeys(_STORAGE_RESPONSES, _REFUSED), Fault.REPEAT: GARBLED | _REFUSED}
EXPECTED = {Place.API: _API, Place.STORAGE: _STORAGE}
"""The results of one try, on every face: of a call, or the cause of the file's error."""

_NO_BYTE = {Fault.RESET_REQUEST, Fault.CUT_REQUEST, Fault.RESET_ANSWERED}
_NOTICED = _NO_BYTE | {Fault.RESET_ANSWER, Fault.TRUNCATE, Fault.HALF_CLOSE}
"""A safe request is sent over a new connection if a reused one breaks before the first byte of the answer."""

_NOT_RECEIVED = {
    *(Fault.REFUSE, Fault.RESET_REQUEST, Fault.HANG_REQUEST, Fault.EARLY),
    *(Fault.SAY_500, Fault.SAY_503, Fault.CUT_REQUEST),
}
"""Faults under which the server does nothing."""

MIDWAY = (Fault.EARLY, Fault.RESET_REQUEST, Fault.CUT_REQUEST)
"""Faults while the client is still sending more bytes than the buffers hold."""

EVERY_BYTE = (Fault.CUT_REQUEST, Fault.RESET_ANSWER, Fault.TRUNCATE, Fault.DUPLICATE, Fault.REPEAT)
_SILENCES = frozenset({Fault.HANG_REQUEST, Fault.HANG_ANSWER})
_SECONDS = dict.fromkeys((*_SILENCES, Fault.HALF_CLOSE), 2 * LIMIT_SECONDS) | {Fault.PAUSE: 0.1, Fault.DRIP: 0.3}
_AT: dict[Fault, tuple[int, ...]] = dict.fromkeys((Fault.HANG_ANSWER, Fault.HALF_CLOSE), (0, 1, 40, -1))
"""Bytes for faults that take long; -1 is the last."""


def places(fault: Fault, length: int, every: int) -> list[int]:
    """The bytes at which the fault is applied: one in `every`."""
    if fault in EVERY_BYTE:
        return sorted({*range(0, length, every), length - 1})
    at_bytes = _AT.get(fault, (0,))
    return [at % length for at in (at_bytes if every == 1 else at_bytes[::2])]


@dataclass(frozen=True, slots=True)
class FaultCase:
    """One fault at one byte of an exchange, with a small request body, or with `much`."""

    what: str
    fault: Fault
    at: int
    repeats: bool = False
    much: bool = False

    @property
    def label(self) -> str:
        return self.fault.value + (", much" if self.much else "") + (", repeated" if self.repeats else "")

    def __str__(self) -> str:
        return f"{self.what}, {self.label} (byte {self.at})"

    def expected(self, place: Place) -> frozenset[str]:
        found = EXPECTED[place][self.fault]
        if self.what == "POST":
            return _OK if self.repeats and self.fault is Fault.TOO_MANY else found
        if self.repeats and self.fault is not Fault.REPEAT:
            return _OK
        if self.what != "GET":
            return found
        # A reset may overtake the bytes before it.
        if self.fault in _NOTICED and (self.at == 0 or self.fault in _NO_BYTE):
            return _OK
        return found | _OK if self.fault is Fault.RESET_ANSWER else found

    def play(self, bench: Bench) -> Played:
        endless = self.fault in _SILENCES or self.fault is Fault.REPEAT  # the answer may never end
        options: dict[str, Any] = {"timeout": LIMIT_SECONDS if endless else PATIENCE}
        if self.fault is Fault.REFUSE:
            options["retries"] = 8  # so that the last try comes after the outage
        if not self.repeats:
            options["retries"] = 0
        with bench.prepared(self.what, self.much) as call:
            with bench.spoilt(row(call.place, Act(self.fault, self.at, _SECONDS.get(self.fault, 0.0)))):
                played = bench.timed(call, partial(call.client.run, call.started(options)))
            if played.result not in self.expected(call.place):
                played.wrong.append(played.result)
            if self.fault is Fault.REFUSE:
                time.sleep(2 * OUTAGE_SECONDS)
            played.wrong += bench.next_call()
            played.wrong += call.wrong(played.result, self.repeats or self.fault not in _NOT_RECEIVED)
        return played


def _cases(bench: Bench, every: int, place: Place) -> Iterator[FaultCase]:
    few = every > 1 or place is Place.API
    for kind, what in enumerate(CALLS[place]):
        request, answer = bench.sizes(what)
        for number, fault in enumerate(EXPECTED[place]):
            length = request if fault is Fault.CUT_REQUEST else answer
            for at in places(fault, length, every):
                yield FaultCase(what, fault, at)
            # In a short run, each face takes half of the faults with repeats.
            if every == 1 or (FACES.index(bench.face) + kind + number) % 2 == 0:
                for at in (length // 2,) if few else (0, length // 2, length - 1):
                    yield FaultCase(what, fault, at, repeats=True)
        for fault in MIDWAY if what != "GET" else ():
            for repeats in (False,) if few else (False, True):
                yield FaultCase(what, fault, MUCH // 8, repeats, much=True)


def exchange(bench: Bench, every: int) -> Iterator[FaultCase]:
    return _cases(bench, every, Place.API)


def storage(bench: Bench, every: int) -> Iterator[FaultCase]:
    return _cases(bench, every, Place.STORAGE)
