"""Rows of the matrix: a call is cancelled while it connects, sends, receives, logs in, or waits to repeat.

Rules kept here:

* A delayed call ends at once when it is cancelled, and its slot is free at once.
* A call that is cancelled after some turns of the event loop may also have ended before.
* A POST is done once or not at all; not at all if the server did not receive all of it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.system.faults.bench import MUCH, RIGHT, Bench, Played, calling, named
from tests.system.faults.callers import CANCELLED, Caller
from tests.system.faults.plans import Act, Fault, NoFaults, Place, Row
from tests.system.faults.proxy import Door
from tests.system.faults.rows_exchange import sizes

HELD_SECONDS = 20.0
"""The delay by the peer, if the call is not cancelled."""

SOON_SECONDS = 2.0
"""The longest time until a cancelled call ends, on a busy machine."""

TURNS = 240
"""More turns of an event loop than a call takes."""


@dataclass(frozen=True, slots=True)
class CancelledCase:
    """A call is cancelled once `act` delays its exchange, while it connects (None), while it waits to repeat (`waits`),
    or after so many `turns` of the loop.
    """

    what: str
    way: str
    place: Place
    act: Act | None
    much: bool = False
    waits: bool = False
    turns: int | None = None

    @property
    def label(self) -> str:
        if self.turns is not None:
            at = "after some turns of the loop"
        elif self.act is None:
            at = "while it connects"
        elif self.waits:
            at = "while it waits to be repeated"
        elif self.much:
            at = "with the request half through"
        else:
            at = "in " + self.act.fault.value
        return f"cancelled ({self.way}) {at}{' (login)' if self.place is Place.LOGIN else ''}"

    def __str__(self) -> str:
        where = f"byte {self.act.at}" if self.act is not None else f"turn {self.turns}"
        return f"{self.what}, {self.label} ({where})"

    def play(self, bench: Bench) -> Played:
        if self.place is Place.API:
            played = self._ended(bench, bench.client)
        else:
            with bench.fresh() as client:
                played = self._ended(bench, client)
        played.wrong += bench.next_call()
        return played

    def _ended(self, bench: Bench, client: Caller) -> Played:
        name = bench.name()
        call = calling(bench, client, self.what, name, {"timeout": HELD_SECONDS}, "x" * MUCH if self.much else "")
        if self.act is None:
            began = time.monotonic()
            with bench.behind(Door.HANGING):
                played = self._cancelled(bench, client, name, call, lambda: time.monotonic() > began + 0.05)
        else:
            with bench.spoilt(Row(self.place, self.act) if self.turns is None else NoFaults()):
                repeating: list[None] = []
                client.repeating = lambda: repeating.append(None)
                ready = (lambda: bool(repeating)) if self.waits else bench.proxy.held.is_set
                played = self._cancelled(bench, client, name, call, ready)
                client.repeating = lambda: None
        expected = {CANCELLED, RIGHT} if self.turns is not None else {CANCELLED}
        if played.result not in expected:
            played.wrong.append(played.result)
        if played.seconds > SOON_SECONDS:
            played.wrong.append(f"it ended after {played.seconds:.2f} s")
        played.wrong += self._made_wrongly(bench, name, played.result)
        return played

    def _cancelled(
        self, bench: Bench, client: Caller, name: str, call: "partial[Any]", ready: Callable[[], bool]
    ) -> Played:
        return bench.timed(
            lambda: named(self.what, name, client.begin(self.way, self.turns, call).end(ready)),
            client,
        )

    def _made_wrongly(self, bench: Bench, name: str, result: str) -> list[str]:
        received = self.place is Place.API and self.act is not None and self.act.fault is Fault.HANG_ANSWER
        made = bench.projects(name)
        if self.turns is not None:
            received = True
        if made > (received and self.what == "POST") or (self.what == "POST" and result == RIGHT and made != 1):
            return [f"{made} projects were made"]
        return []


def cases(bench: Bench, every: int) -> Iterator[CancelledCase]:
    """All cases, for each way to cancel; of the bytes of an answer, one in `every`."""
    hang, answer = Fault.HANG_REQUEST, Fault.HANG_ANSWER
    for way in bench.client.ways:
        for method, (request, length) in sizes(bench).items():
            yield CancelledCase(method, way, Place.API, None)
            for at in {0, request // 2} if method == "POST" else {0}:
                yield CancelledCase(method, way, Place.API, Act(hang, at, HELD_SECONDS))
            for at in sorted({*range(0, length, every), length - 1}):
                yield CancelledCase(method, way, Place.API, Act(answer, at, HELD_SECONDS))
            yield CancelledCase(method, way, Place.API, Act(Fault.TOO_MANY), waits=True)
            if way != "interrupt":
                for turns in range(0, TURNS, 1 + every // 5):
                    yield CancelledCase(method, way, Place.API, Act(Fault.PASS), turns=turns)
        for at in (0, MUCH // 4):
            yield CancelledCase("POST", way, Place.API, Act(hang, at, HELD_SECONDS), much=True)
        yield CancelledCase("GET", way, Place.LOGIN, None)
        yield CancelledCase("POST", way, Place.LOGIN, Act(hang, 0, HELD_SECONDS))
        for at in (0, 1, 40, bench.login_bytes // 2, bench.login_bytes - 1):
            yield CancelledCase("POST", way, Place.LOGIN, Act(answer, at, HELD_SECONDS))
