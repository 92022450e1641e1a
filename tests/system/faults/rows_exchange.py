"""Rows of the matrix: a fault in one exchange with the API, at each of its bytes.

Rules kept here:

* The table holds the results of a single try (`retries=0`); with repeats, a GET succeeds.
* A POST is never done twice: the projects that it created are counted.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.system.faults.bench import LIMIT_SECONDS, MUCH, RIGHT, Bench, Played, calling, named
from tests.system.faults.callers import PATIENCE
from tests.system.faults.plans import Act, Fault, Place, Row
from tests.system.faults.proxy import OUTAGE_SECONDS
from tests.system.faults.world import FACES

BROKEN = frozenset({"PixelConnectionError"})
LATE = frozenset({"PixelTimeoutError"})
GARBLED = frozenset({RIGHT, "PixelProtocolError"}) | BROKEN | LATE
_FAILED = frozenset({"PixelServerError"})

EXPECTED: dict[Fault, frozenset[str]] = {
    Fault.PASS: frozenset({RIGHT}),
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
    Fault.DUPLICATE: frozenset({RIGHT}),
    Fault.REPEAT: GARBLED,
    Fault.PAUSE: frozenset({RIGHT}),
    Fault.DRIP: frozenset({RIGHT}),
}
"""The results of one try, on every face."""

_NOTICED = frozenset(
    {Fault.RESET_REQUEST, Fault.CUT_REQUEST, Fault.RESET_ANSWERED, Fault.RESET_ANSWER, Fault.TRUNCATE, Fault.HALF_CLOSE}
)
"""A safe request is sent over a new connection if a reused one breaks before the first byte of the answer."""

_NOT_RECEIVED = frozenset(
    {
        Fault.REFUSE,
        Fault.RESET_REQUEST,
        Fault.HANG_REQUEST,
        Fault.EARLY,
        Fault.SAY_500,
        Fault.SAY_503,
        Fault.CUT_REQUEST,
    }
)
"""Faults under which the server does nothing."""

MIDWAY = (Fault.EARLY, Fault.RESET_REQUEST, Fault.CUT_REQUEST)
"""Faults while the client is still sending more bytes than the buffers hold."""

EVERY_BYTE = (Fault.CUT_REQUEST, Fault.RESET_ANSWER, Fault.TRUNCATE, Fault.DUPLICATE, Fault.REPEAT)
_SILENCES = frozenset({Fault.HANG_REQUEST, Fault.HANG_ANSWER})
_AT = {Fault.HANG_ANSWER: (0, 1, 40, -1), Fault.HALF_CLOSE: (0, 1, 40, -1)}
"""Bytes for faults that take long; -1 is the last."""


def act_of(fault: Fault, at: int) -> Act:
    """The fault at this byte, with its duration."""
    if fault in _SILENCES or fault is Fault.HALF_CLOSE:
        return Act(fault, at, 2 * LIMIT_SECONDS)
    return Act(fault, at, {Fault.PAUSE: 0.1, Fault.DRIP: 0.3}.get(fault, 0.0))


def limit_of(fault: Fault) -> float:
    """The limit of a call under this fault: short where the answer may never end."""
    return LIMIT_SECONDS if fault in _SILENCES or fault is Fault.REPEAT else PATIENCE


def places(fault: Fault, request: int, answer: int, every: int) -> list[int]:
    """The bytes at which the fault is applied: one in `every`."""
    length = request if fault is Fault.CUT_REQUEST else answer
    if fault in EVERY_BYTE:
        return sorted({*range(0, length, every), length - 1})
    at_bytes = _AT.get(fault, (0,))
    return [at % length for at in (at_bytes if every == 1 else at_bytes[::2])]


def is_repeated(face: str, kind: int, fault: int, every: int) -> bool:
    """Whether a fault is also applied with repeats. In a short run (`every` above 1), each face takes half of them."""
    return every == 1 or (FACES.index(face) + kind + fault) % 2 == 0


def expected(fault: Fault, method: str, at: int, repeats: bool) -> frozenset[str]:
    """The allowed results of a call."""
    found = EXPECTED[fault]
    if method == "GET":
        if repeats and fault is not Fault.REPEAT:
            return frozenset({RIGHT})
        # A reset may overtake the bytes before it.
        if fault in _NOTICED and (at == 0 or fault in (Fault.RESET_REQUEST, Fault.CUT_REQUEST, Fault.RESET_ANSWERED)):
            return frozenset({RIGHT})
        return found | {RIGHT} if fault is Fault.RESET_ANSWER else found
    return frozenset({RIGHT}) if repeats and fault is Fault.TOO_MANY else found


@dataclass(frozen=True, slots=True)
class ExchangeCase:
    """One fault at one byte of an exchange, with a small request body, or with `much`."""

    what: str
    fault: Fault
    at: int
    repeats: bool
    much: bool = False

    @property
    def label(self) -> str:
        return self.fault.value + (", much" if self.much else "") + (", repeated" if self.repeats else "")

    def __str__(self) -> str:
        return f"{self.what}, {self.label} (byte {self.at})"

    def play(self, bench: Bench) -> Played:
        name = bench.name()
        options: dict[str, Any] = {"timeout": limit_of(self.fault)}
        if self.fault is Fault.REFUSE:
            options["retries"] = 8  # so that the last try comes after the outage
        if not self.repeats:
            options["retries"] = 0
        call = calling(bench, bench.client, self.what, name, options, "x" * MUCH if self.much else "")
        with bench.spoilt(Row(Place.API, act_of(self.fault, self.at))):
            played = bench.timed(lambda: named(self.what, name, call()))
        if played.result not in expected(self.fault, self.what, self.at, self.repeats):
            played.wrong.append(played.result)
        if self.fault is Fault.REFUSE:
            time.sleep(2 * OUTAGE_SECONDS)
        played.wrong += bench.next_call()
        made = bench.projects(name)
        if made > 1 or (self.what == "POST" and played.result == RIGHT and made != 1):
            played.wrong.append(f"{made} projects were made")
        if made and self.fault in _NOT_RECEIVED and not self.repeats:
            played.wrong.append("a project was made, though the server did not receive the whole request")
        return played


def sizes(bench: Bench) -> dict[str, tuple[int, int]]:
    """The lengths of request and answer on the wire, by method."""
    first = len(bench.proxy.records)
    for method in ("GET", "POST"):
        calling(bench, bench.client, method, bench.name(), {})()
    record = {each.method: each for each in bench.proxy.records[first:] if each.place is Place.API}
    return {method: (each.head_bytes + each.length, each.answer_bytes) for method, each in record.items()}


def cases(bench: Bench, every: int) -> Iterator[ExchangeCase]:
    """All cases, with one in `every` bytes."""
    for kind, (method, (request, answer)) in enumerate(sizes(bench).items()):
        for number, fault in enumerate(EXPECTED):
            for at in places(fault, request, answer, every):
                yield ExchangeCase(method, fault, at, repeats=False)
            if is_repeated(bench.face, kind, number, every):
                middle = (request if fault is Fault.CUT_REQUEST else answer) // 2
                yield ExchangeCase(method, fault, middle, repeats=True)
    for fault in MIDWAY:
        yield ExchangeCase("POST", fault, MUCH // 4, repeats=False, much=True)
