"""A scripted driver: it performs nothing, and returns the lines of a script as the results of a flow's effects.

A line is the result of one effect; an exception as a line is thrown into the flow. A flow with more effects than the
script has lines fails the test.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pixel_core.effects import Clock, Effect, Flow
from pixel_core.http import exchange as exchanges
from pixel_core.http.connection import ClientConnection
from pixel_core.http.leasing import Leasing
from pixel_core.http.pool import Lease, Pool
from pixel_core.messages import Origin, Request, Response, Timeouts

T = TypeVar("T")


@dataclass(slots=True)
class Played(Generic[T]):
    """The effects of a flow in order, and its result or error."""

    effects: list[Effect[Any]] = field(default_factory=list)
    outcome: T | None = None
    error: BaseException | None = None

    @property
    def kinds(self) -> list[type[Effect[Any]]]:
        return [type(effect) for effect in self.effects]

    @property
    def result(self) -> T:
        """The result of the flow. Raises its error."""
        if self.error is not None:
            raise self.error
        assert self.outcome is not None
        return self.outcome


def play(flow: Flow[T], *script: Any) -> Played[T]:
    """Run a flow to its end. Every line of the script has to be used."""
    played: Played[T] = Played()
    lines = list(script)
    reply: Any = None
    try:
        while True:
            effect = flow.throw(reply) if isinstance(reply, BaseException) else flow.send(reply)
            played.effects.append(effect)
            assert lines, f"the script has no line for {effect!r}"
            reply = lines.pop(0)
    except StopIteration as end:
        played.outcome = end.value
    except AssertionError:
        raise
    except BaseException as error:
        played.error = error
    assert not lines, f"the flow ended before these lines: {lines!r}"
    return played


def play_until(flow: Flow[Any], *script: Any) -> Effect[Any]:
    """Run a flow through a script. Returns the effect after the last line."""
    effect = next(flow)
    for reply in script:
        effect = flow.throw(reply) if isinstance(reply, BaseException) else flow.send(reply)
    return effect


@dataclass(slots=True, eq=False)
class LeaseConnection(Effect[Any]):
    """The effect of `FakeLeasing`. Its result is a `FakeLease`."""

    origin: Origin
    timeouts: Timeouts


class FakeLeasing(Leasing):
    """Leasing with connections of the script."""

    def __init__(self) -> None:
        super().__init__(Pool())

    def lease(self, lease: Lease[Any], timeouts: Timeouts) -> Flow[Any]:
        lease.connection = yield from LeaseConnection(lease.origin, timeouts)
        return lease.connection

    def release(self, lease: Lease[Any], now: float, reusable: bool) -> None:
        connection, lease.connection = lease.connection, None
        if connection is not None:
            connection.released.append(reusable)


def exchange(request: Request) -> Flow[Response]:
    """The core's exchange with `FakeLeasing`. The script has no lines for the clock unless the request has a total."""
    flow = exchanges.exchange(request, FakeLeasing())
    return flow if request.timeouts.total is not None else _at_time_zero(flow)


def _at_time_zero(flow: Flow[T]) -> Flow[T]:
    reply: Any = None
    try:
        while True:
            effect = flow.throw(reply) if isinstance(reply, BaseException) else flow.send(reply)
            try:
                reply = 0.0 if isinstance(effect, Clock) else (yield effect)
            except GeneratorExit:
                raise
            except BaseException as error:
                reply = error
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        flow.close()


@dataclass(slots=True, eq=False)
class FakeLease:
    """A leased connection without a stream. `released` has for each release whether it was reusable."""

    used: bool = False
    http: ClientConnection = field(default_factory=ClientConnection)
    stream: Any = "a stream"
    released: list[bool] = field(default_factory=list)


def joined(segments: Sequence[Any]) -> bytes:
    """Join segments that are all bytes."""
    assert all(isinstance(segment, bytes) for segment in segments), segments
    return b"".join(segments)
