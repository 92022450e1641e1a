"""Rows of the matrix: peers that only a limit can end, and connections that are not made.

Rules kept here:

* A peer that goes on for ever, a byte now and then, reaches no limit of a single wait. The total ends the call: not
  before it, and not long after. Left alone, each of these peers would go on for several times as long.
* A call that finds no connection was not sent: it is repeated, POST too, and a POST is done once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pixel_core.messages import Timeouts
from tests.system.faults.bench import LIMIT_SECONDS, MUCH, RIGHT, Bench, Played, calling, named
from tests.system.faults.callers import PATIENCE, Caller
from tests.system.faults.plans import Act, Fault, Place, Row
from tests.system.faults.proxy import Door
from tests.system.faults.rows_exchange import BROKEN, LATE, sizes

TOTAL_SECONDS = 0.3

SLACK_SECONDS = 2.0
"""How long after its limit a call may end, on a machine that is busy; by itself it takes no hundredth of that."""

DRIP_SECONDS = 8.0
"""How long it takes until a peer that sends a byte at a time has sent all."""

ENDLESS = (Act(Fault.INTERIM, seconds=0.02),)


def with_total(seconds: float) -> Timeouts:
    """No limit is ever reached but the total."""
    return Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE, seconds)


def dripping(answer: int) -> list[Act]:
    """An answer of so many bytes comes to this byte at once, and from there on a byte at a time."""
    starts = [at for at in (0, 1, 9, 40, answer // 3, answer // 2, answer - 30) if at < answer - 20]
    return [Act(Fault.TRICKLE, at, DRIP_SECONDS / (answer - at)) for at in starts]


def in_time(played: Played, limit: float) -> list[str]:
    """What is wrong with when a call ended that had this limit."""
    late, early = played.seconds > limit + SLACK_SECONDS, played.seconds < limit - 0.01
    if not late and not (early and played.result == "PixelTimeoutError"):
        return []
    return [f"it ended after {played.seconds:.2f} s, and had {limit:g}"]


@dataclass(frozen=True, slots=True)
class TotalCase:
    """A peer that goes on and on. Of `much`, the request has more bytes than the peer takes in time."""

    what: str
    place: Place
    act: Act
    repeats: bool
    much: bool = False

    @property
    def told(self) -> str:
        where = "" if self.place is Place.API else " while logging in"
        return f"total limit{where}: {self.act.fault.value}{', repeated' if self.repeats else ''}"

    def __str__(self) -> str:
        return f"{self.what}, {self.told} (byte {self.act.at})"

    def play(self, bench: Bench) -> Played:
        if self.place is Place.API:
            played = self._ended(bench, bench.client)
        else:
            with bench.fresh() as client:
                played = self._ended(bench, client)
        played.wrong += bench.next_call()
        return played

    def _ended(self, bench: Bench, client: Caller) -> Played:
        name, options = bench.name(), dict[str, Any](timeout=with_total(TOTAL_SECONDS))
        if not self.repeats:
            options["retries"] = 0
        call = calling(bench, client, self.what, name, options, "x" * MUCH if self.much else "")
        with bench.spoilt(Row(self.place, *[self.act] * 10)):
            played = bench.timed(lambda: named(self.what, name, call()), client)
        wanted = LATE | {"PixelServerError"} if self.act.fault is Fault.SAY_503 else LATE
        if played.result not in wanted:
            played.wrong.append(played.result)
        played.wrong += in_time(played, TOTAL_SECONDS)
        made = bench.projects(name)
        if made > (not self.much and self.place is Place.API):
            played.wrong.append(f"{made} projects were made")
        return played


@dataclass(frozen=True, slots=True)
class DoorCase:
    """There is no connection, and none is to be had: at all, or (`opens`) until the first try failed. With `total`, the
    limit is that of the call, else that of a connect.
    """

    what: str
    door: Door
    opens: bool
    total: bool = False

    @property
    def told(self) -> str:
        limit = "total" if self.total else "connect"
        return f"{limit} limit: {self.door.value}{', then let in' if self.opens else ''}"

    def __str__(self) -> str:
        return f"{self.what}, {self.told}"

    def play(self, bench: Bench) -> Played:
        name = bench.name()
        limits = Timeouts(LIMIT_SECONDS, PATIENCE, PATIENCE, PATIENCE)
        options: dict[str, Any] = {"timeout": with_total(TOTAL_SECONDS) if self.total else limits}
        if not self.opens and not self.total:
            options["retries"] = 0
        call = calling(bench, bench.client, self.what, name, options)
        if self.opens:
            bench.client.repeating = lambda: bench.proxy.turn(Door.OPEN)
        try:
            with bench.behind(self.door):
                played = bench.timed(lambda: named(self.what, name, call()))
        finally:
            bench.client.repeating = lambda: None
        wanted = {RIGHT} if self.opens else LATE if self.door is Door.DEAF else BROKEN
        if played.result not in wanted:
            played.wrong.append(played.result)
        played.wrong += in_time(played, TOTAL_SECONDS if self.total else LIMIT_SECONDS)
        played.wrong += bench.next_call()
        made = bench.projects(name)
        if made != (self.opens and self.what == "POST"):
            played.wrong.append(f"{made} projects were made")
        return played


def cases(bench: Bench, every: int) -> Iterator[TotalCase | DoorCase]:
    """All cases. They take their time: where bytes are left out (`every` above 1), a few do."""
    few = every > 1
    for method, (_, answer) in sizes(bench).items():
        acts = [*dripping(answer), *ENDLESS]
        for act in [acts[0], *acts[-2:]] if few else acts:
            yield TotalCase(method, Place.API, act, repeats=False)
        yield TotalCase(method, Place.API, acts[0], repeats=True)
        yield TotalCase(method, Place.API, Act(Fault.HANG_REQUEST, seconds=PATIENCE), repeats=True)
        yield TotalCase(method, Place.API, Act(Fault.SAY_503), repeats=True)
    for repeats in (False, True):
        yield TotalCase("POST", Place.API, Act(Fault.SLOW_TAKE, seconds=0.05), repeats, much=True)
    login = bench.login_bytes
    for act in dripping(login)[:: 3 if few else 1]:
        yield TotalCase("GET", Place.LOGIN, act, repeats=True)
    for method in ("GET", "POST"):
        for door in (Door.SHUT, Door.DEAF):
            for opens in (False, True):
                yield DoorCase(method, door, opens)
        yield DoorCase(method, Door.DEAF, opens=False, total=True)
