"""Rows of the matrix: peers that only the total limit can end, and connections that fail.

Rules kept here:

* A peer that sends single bytes without end reaches no limit of a single wait. The total limit ends the call, not
  before it and not long after.
* A call without a connection is repeated, also a POST, which is done once.
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
"""How long after its limit a call may end, on a busy machine."""

DRIP_SECONDS = 8.0
"""The time in which a peer sends an answer byte by byte."""

ENDLESS = (Act(Fault.INTERIM, seconds=0.02),)


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
class TotalCase:
    """A peer without end. With `much`, the request has more bytes than the peer takes in time."""

    what: str
    place: Place
    act: Act
    repeats: bool
    much: bool = False

    @property
    def label(self) -> str:
        where = "" if self.place is Place.API else " while logging in"
        return f"total limit{where}: {self.act.fault.value}{', repeated' if self.repeats else ''}"

    def __str__(self) -> str:
        return f"{self.what}, {self.label} (byte {self.act.at})"

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
        expected = LATE | {"PixelServerError"} if self.act.fault is Fault.SAY_503 else LATE
        if played.result not in expected:
            played.wrong.append(played.result)
        played.wrong += in_time(played, TOTAL_SECONDS)
        made = bench.projects(name)
        if made > (not self.much and self.place is Place.API):
            played.wrong.append(f"{made} projects were made")
        return played


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
        expected = {RIGHT} if self.opens else LATE if self.door is Door.HANGING else BROKEN
        if played.result not in expected:
            played.wrong.append(played.result)
        played.wrong += in_time(played, TOTAL_SECONDS if self.total else LIMIT_SECONDS)
        played.wrong += bench.next_call()
        made = bench.projects(name)
        if made != (self.opens and self.what == "POST"):
            played.wrong.append(f"{made} projects were made")
        return played


def cases(bench: Bench, every: int) -> Iterator[TotalCase | DoorCase]:
    """All cases, or a few of them if `every` is above 1."""
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
        for door in (Door.SHUT, Door.HANGING):
            for opens in (False, True):
                yield DoorCase(method, door, opens)
        yield DoorCase(method, Door.HANGING, opens=False, total=True)
