"""Rows of the matrix: calls and uploads that a total limit ends, or that are cancelled, and connections that fail.

* A delayed call ends at its total limit, or at once when it is cancelled. One that is cancelled after some turns of the
  event loop may also have ended before.
* A POST is done once or not at all; not at all if the server did not receive all of it.
* A stopped upload can be called again, and the file is stored once. A call without a connection is repeated.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from pixel_core.messages import Timeouts
from tests.system.faults.bench import CALLS, LIMIT_SECONDS, MUCH, RIGHT, Bench, Played
from tests.system.faults.callers import CANCELLED, PATIENCE, Caller
from tests.system.faults.plans import Act, Fault, Place, row
from tests.system.faults.proxy import Door
from tests.system.faults.rows_faults import BROKEN, EXPECTED, LATE

TOTAL_SECONDS = {Place.LOGIN: 0.3, Place.API: 0.3, Place.STORAGE: 0.6}

SLACK_SECONDS = 2.0
"""How long after its limit or its cancellation a call may end, on a busy machine."""

DRIP_SECONDS = 8.0
"""The time in which a peer sends an answer byte by byte."""

HELD_SECONDS = 20.0
"""The delay by the peer, if the call is not cancelled."""

TURNS = 240
"""More turns of an event loop than a call takes."""


def with_total(seconds: float) -> Timeouts:
    """Limits of which only the total can be reached."""
    return Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE, seconds)


def dripping(answer: int) -> list[Act]:
    """Faults that send an answer byte by byte from several bytes on."""
    starts = [at for at in (0, 1, 9, 40, answer // 3, answer // 2, answer - 30) if at < answer - 20]
    return [Act(Fault.TRICKLE, at, DRIP_SECONDS / (answer - at)) for at in starts]


def in_time(played: Played, limit: float) -> list[str]:
    """The problem with the time at which a call with this limit ended."""
    late, early = played.seconds > limit + SLACK_SECONDS, played.seconds < limit - 0.01
    if not late and not (early and played.result == "PixelTimeoutError"):
        return []
    return [f"it ended after {played.seconds:.2f} s, and had {limit:g}"]


@dataclass(frozen=True, slots=True)
class StoppedCase:
    """A call reaches its total limit, or is cancelled in a `way`: once `act` delays its exchange with this place, while
    it connects (None), while it waits to be repeated (`waits`), or after so many `turns` of the loop. With `much`, the
    request has more bytes than the peer takes in time.
    """

    what: str
    place: Place
    act: Act | None
    way: str | None = None
    much: bool = False
    waits: bool = False
    turns: int | None = None

    @property
    def label(self) -> str:
        if self.turns is not None:
            at = "after some turns of the loop"
        elif self.act is None:
            at = "while it connects"
        elif self.waits and self.way is not None:
            at = "while it waits to be repeated"
        else:
            at = "with the request half through" if self.much else "in " + self.act.fault.value
            at += ", repeated" * self.waits
        how = "total limit" if self.way is None else f"cancelled ({self.way})"
        return f"{how} {at}{' (login)' if self.place is Place.LOGIN else ''}"

    def __str__(self) -> str:
        where = f"byte {self.act.at}" if self.act is not None else "no byte"
        return f"{self.what}, {self.label} ({where}, turn {self.turns})"

    @property
    def fault(self) -> Fault | None:
        return None if self.act is None else self.act.fault

    @property
    def expected(self) -> frozenset[str]:
        if self.way is not None:
            return frozenset({CANCELLED} if self.turns is None else {CANCELLED, RIGHT})
        return LATE | EXPECTED[self.place][Fault.SAY_503] if self.fault is Fault.SAY_503 else LATE

    def play(self, bench: Bench) -> Played:
        total = TOTAL_SECONDS[self.place]
        options: dict[str, Any] = {"timeout": HELD_SECONDS}
        if self.way is None:
            options = {"timeout": with_total(total), "retries": 8 if self.waits else 0}
        with bench.prepared(self.what, self.much) as call:
            with ExitStack() as stack:
                if self.place is Place.LOGIN:
                    call.client = stack.enter_context(bench.fresh())
                if self.act is None:
                    stack.enter_context(bench.behind(Door.HANGING))
                else:
                    stack.enter_context(bench.spoilt(row(self.place, *[self.act] * 10)))
                method, ready = call.started(options), self._ready(bench, call.client)
                if self.way is None:
                    played = bench.timed(call, lambda: call.client.run(method))
                else:
                    attempt = partial(call.client.begin, self.way, self.turns, method)
                    played = bench.timed(call, lambda: attempt().end(ready))
            if played.result not in self.expected:
                played.wrong.append(played.result)
            if self.way is None:
                played.wrong += in_time(played, total)
            elif played.seconds > SLACK_SECONDS:
                played.wrong.append(f"it ended after {played.seconds:.2f} s")
            received = self.way is None or self.turns is not None or self.fault is Fault.HANG_ANSWER
            played.wrong += bench.next_call()
            played.wrong += call.wrong(played.result, received and self.place is Place.API and not self.much)
            played.wrong += call.again()
        return played

    def _ready(self, bench: Bench, client: Caller) -> Callable[[], bool]:
        """Whether the call is where it is to be cancelled."""
        if self.waits:
            before = client.repeats
            return lambda: client.repeats > before
        if self.act is not None:
            return bench.proxy.held.is_set
        began = time.monotonic()
        return lambda: time.monotonic() > began + 0.05


@dataclass(frozen=True, slots=True)
class DoorCase:
    """No connection can be opened: at all, or until the first try has failed (`opens`). With `total`, the limit is that
    of the call, else that of a connect.
    """

    what: str
    door: Door
    opens: bool
    total: bool = False

    @property
    def label(self) -> str:
        limit = "total" if self.total else "connect"
        return f"{limit} limit: {self.door.value}{', then let in' if self.opens else ''}"

    def __str__(self) -> str:
        return f"{self.what}, {self.label}"

    def play(self, bench: Bench) -> Played:
        limit = TOTAL_SECONDS[Place.API] if self.total else LIMIT_SECONDS
        limits = with_total(limit) if self.total else Timeouts(limit, PATIENCE, PATIENCE, PATIENCE)
        options: dict[str, Any] = {"timeout": limits}
        if not self.opens and not self.total:
            options["retries"] = 0
        with bench.prepared(self.what) as call:
            if self.opens:
                call.client.repeating = lambda: bench.proxy.turn(Door.OPEN)
            try:
                with bench.behind(self.door):
                    played = bench.timed(call, partial(call.client.run, call.started(options)))
            finally:
                call.client.repeating = lambda: None
            if played.result not in ({RIGHT} if self.opens else LATE if self.door is Door.HANGING else BROKEN):
                played.wrong.append(played.result)
            played.wrong += in_time(played, limit) + bench.next_call() + call.wrong(played.result, False)
        return played


def limits(bench: Bench, every: int) -> Iterator[StoppedCase | DoorCase]:
    """All cases of calls with limits, or a few of them if `every` is above 1."""
    few, late = every > 1, partial(StoppedCase, place=Place.API)
    for method in CALLS[Place.API]:
        acts = [*dripping(bench.sizes(method)[1]), Act(Fault.INTERIM, seconds=0.02)]
        for act in [acts[0], *acts[-2:]] if few else acts:
            yield late(method, act=act)
        for act in (acts[0], Act(Fault.HANG_REQUEST, seconds=PATIENCE), Act(Fault.SAY_503)):
            yield late(method, act=act, waits=True)
    for repeats in (False, True):
        yield late("POST", act=Act(Fault.SLOW_TAKE, seconds=0.05), waits=repeats, much=True)
    for act in dripping(bench.login_bytes)[:: 3 if few else 1]:
        yield StoppedCase("GET", Place.LOGIN, act, waits=True)
    for method in CALLS[Place.API]:
        for door in (Door.SHUT, Door.HANGING):
            for opens in (False, True):
                yield DoorCase(method, door, opens)
        yield DoorCase(method, Door.HANGING, opens=False, total=True)


def cancelled(bench: Bench, every: int) -> Iterator[StoppedCase]:
    """All cases of cancelled calls, for each way to cancel; of the bytes of an answer, one in `every`."""

    def hang(at: int) -> Act:
        return Act(Fault.HANG_REQUEST, at, HELD_SECONDS)

    def answer(at: int) -> Act:
        return Act(Fault.HANG_ANSWER, at, HELD_SECONDS)

    for way in bench.client.ways:
        for method in CALLS[Place.API]:
            request, length = bench.sizes(method)
            acts = [None, *map(hang, {0, request // 2} if method == "POST" else {0})]
            acts += map(answer, sorted({*range(0, length, every), length - 1}))
            for act in acts:
                yield StoppedCase(method, Place.API, act, way)
            yield StoppedCase(method, Place.API, Act(Fault.TOO_MANY), way, waits=True)
            if way != "interrupt":
                for turns in range(0, TURNS, 1 + every // 5):
                    yield StoppedCase(method, Place.API, Act(Fault.PASS), way, turns=turns)
        for at in (0, MUCH // 4):
            yield StoppedCase("POST", Place.API, hang(at), way, much=True)
        yield StoppedCase("GET", Place.LOGIN, None, way)
        login = bench.login_bytes
        for act in (hang(0), *map(answer, (0, 1, 40, login // 2, login - 1))):
            yield StoppedCase("POST", Place.LOGIN, act, way)


def storage(bench: Bench, every: int) -> Iterator[StoppedCase]:
    """All cases of stopped uploads, with one in `every` bytes of an answer."""
    stopped = partial(StoppedCase, place=Place.STORAGE)
    for what in CALLS[Place.STORAGE]:
        answer = bench.sizes(what)[1]
        yield stopped(what, act=Act(Fault.SLOW_TAKE, seconds=0.05), much=True)
        for at in (0, answer // 2) if every == 1 else (answer // 3,):
            yield stopped(what, act=Act(Fault.TRICKLE, at, DRIP_SECONDS / (answer - at)))
        for act in (Act(Fault.SAY_503), Act(Fault.TRICKLE, 0, DRIP_SECONDS / answer)):
            yield stopped(what, act=act, waits=True)
        for way in bench.client.ways:
            yield stopped(what, act=Act(Fault.HANG_REQUEST, MUCH // 8, HELD_SECONDS), way=way, much=True)
            yield stopped(what, act=Act(Fault.HANG_REQUEST, 100, HELD_SECONDS), way=way)
            for at in sorted({*range(0, answer, every), answer - 1}):
                yield stopped(what, act=Act(Fault.HANG_ANSWER, at, HELD_SECONDS), way=way)
