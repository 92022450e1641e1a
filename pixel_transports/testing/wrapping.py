"""Transports around transports: what passes through can be watched, delayed, changed or refused.

Rules kept here:

* What is put around is written once, as a flow (`exchange`) that yields `Exchange`, `Sleep` and `Blocking`.
* The face is that of what is inside: a blocking transport, an async one (a coroutine function too), or a plain
  function, which serves both faces. So one object can be given to `transport=` wherever what is inside it could.
* An event loop is never blocked. A plain function does not know whether it runs on one, so around it nothing sleeps for
  real: a clock has to be given.
"""

import inspect
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from pixel_core.effects import Effect, Exchange, Flow, Sleep
from pixel_core.messages import Request, Response
from pixel_core.values import value
from pixel_transports.net.transports import (
    AnyTransport,
    AsyncTransport,
    Transport,
    async_transport,
    blocking_transport,
)
from pixel_transports.runtime.running import run, run_async

if TYPE_CHECKING:
    from pixel_transports.sandbox import ManualClock


@value
class Blocking(Effect[Any]):
    """Call a function that may block for a while, such as one that reads a file."""

    function: Callable[[], Any]


class TransportWrapper:
    """The base of transports around others. `inner` is what is inside; a subclass writes `exchange`.

    Raises TypeError for what is no transport of either face.
    """

    def __init__(self, transport: AnyTransport, clock: "ManualClock | None" = None) -> None:
        self.inner = transport
        self._clock = clock
        self._blocking: Transport | None = None
        self._async: AsyncTransport | None = None
        # Attributes of the object and not of the class, since which there are tells what kind of transport it is.
        face: Any = self
        try:
            blocking = blocking_transport(transport) if transport is not None else None
        except TypeError:
            blocking = None
        if blocking is None:
            self._async = async_transport(transport) if transport is not None else _refused()
            face.send, face.aclose = self._send_async, self._async.aclose
        elif blocking is transport:
            self._blocking = blocking
            face.send, face.close = self._send, blocking.close

    def exchange(self, request: Request) -> Flow[Response]:
        """One exchange. What is inside performs the `Exchange` effects that this yields."""
        return (yield from Exchange(request))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} around {self.inner!r}>"

    def __call__(self, request: Request) -> Response:
        """One exchange of what is around a plain function."""
        if self._async is not None:
            raise TypeError(f"{self!r} is a transport of the async client")
        return run(self.exchange(request), self._perform)

    def _send(self, request: Request) -> Response:
        return run(self.exchange(request), self._perform)

    def _perform(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Exchange):
            if self._blocking is not None:
                return self._blocking.send(effect.request)
            return _response(cast(Callable[[Request], object], self.inner)(effect.request))
        if isinstance(effect, Sleep):
            return self._sleep(effect.seconds)
        return _blocking(effect).function()

    def _sleep(self, seconds: float) -> None:
        if self._clock is not None:
            self._clock.wait(seconds)
        elif self._blocking is not None:
            time.sleep(seconds)
        else:
            raise TypeError(
                f"{type(self).__name__} around a plain function needs a clock to wait on (clock=ManualClock()): it "
                "may be called inside an event loop, which must not be blocked"
            )

    async def _send_async(self, request: Request) -> Response:
        return await run_async(self.exchange(request), self._perform_async)

    def _perform_async(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Exchange):
            return cast(AsyncTransport, self._async).send(effect.request)
        import anyio.to_thread  # here, since the blocking face needs none of it

        if isinstance(effect, Sleep):
            return anyio.sleep(effect.seconds) if self._clock is None else self._sleep(effect.seconds)
        return anyio.to_thread.run_sync(_blocking(effect).function)


def _blocking(effect: Effect[Any]) -> Blocking:
    if not isinstance(effect, Blocking):
        raise TypeError(f"what is around a transport asks for Exchange, Sleep and Blocking, not {effect!r}")
    return effect


def _refused() -> AsyncTransport:
    raise TypeError("there is no transport to put something around")


def _response(answer: object) -> Response:
    if inspect.iscoroutine(answer):
        answer.close()  # or Python would warn that nobody awaited it
    if not isinstance(answer, Response):
        raise TypeError(f"a transport returns a pixel_core.Response, this one returned {type(answer).__name__}")
    return answer
