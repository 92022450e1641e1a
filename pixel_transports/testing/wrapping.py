"""Transports around other transports, which record, delay, change or refuse exchanges.

Rules kept here:

* A wrapper is written once, as a flow (`exchange`) that yields `Exchange`, `Sleep` and `Blocking`.
* A wrapper is of the same kind as its inner transport: blocking, async (also a coroutine function), or a plain
  function, which works with both clients.
* An event loop is never blocked. A plain function may run in one, so a wrapper around it needs a clock to sleep.
"""

import inspect
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from pixel_core.effects import Effect, Exchange, Flow, Sleep
from pixel_core.messages import Request, Response
from pixel_core.values import value
from pixel_transports.net.transports import AnyTransport, AsyncTransport, Transport, async_transport, blocking_transport
from pixel_transports.runtime.running import run, run_async

if TYPE_CHECKING:
    from pixel_transports.sandbox import ManualClock


@value
class Blocking(Effect[Any]):
    """Call a function that may block, such as one that reads a file."""

    function: Callable[[], Any]


class TransportWrapper:
    """Base of transports around others. `inner` is the inner transport; a subclass implements `exchange`. Raises
    TypeError if `transport` is neither a blocking nor an async transport.
    """

    def __init__(self, transport: AnyTransport, clock: "ManualClock | None" = None) -> None:
        self.inner = transport
        self._clock = clock
        self._blocking: Transport | None = None
        self._async: AsyncTransport | None = None
        # Attributes of the object, not of the class: they decide which kind of transport it is.
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
        """One exchange. The inner transport performs the `Exchange` effects that this yields."""
        return (yield from Exchange(request))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} around {self.inner!r}>"

    def __call__(self, request: Request) -> Response:
        """One exchange, if the inner transport is a plain function."""
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
        import anyio.to_thread  # late: the blocking client does not need it

        if isinstance(effect, Sleep):
            return anyio.sleep(effect.seconds) if self._clock is None else self._sleep(effect.seconds)
        return anyio.to_thread.run_sync(_blocking(effect).function)


def _blocking(effect: Effect[Any]) -> Blocking:
    if not isinstance(effect, Blocking):
        raise TypeError(f"a wrapper yields Exchange, Sleep and Blocking, not {effect!r}")
    return effect


def _refused() -> AsyncTransport:
    raise TypeError("the inner transport is missing")


def _response(answer: object) -> Response:
    if inspect.iscoroutine(answer):
        answer.close()  # otherwise Python warns that it was not awaited
    if not isinstance(answer, Response):
        raise TypeError(f"a transport returns a pixel_core.Response, this one returned {type(answer).__name__}")
    return answer
