"""Both drivers on a manual clock.

Rules kept here:

* `Clock` reads the manual clock. `Sleep` moves it, and returns without delay.
* `NextDone` waits in real time, since threads, tasks and files are real. After a timeout it moves the clock by as much.
* A sleep is still a point where a task can be cancelled, and where other tasks can run.
* Time limits of transports stay in real time.
"""

from typing import Any

import anyio.lowlevel

from pixel_core.effects import Clock, NextDone, Sleep
from pixel_transports.drivers.asynchronous import AsyncDriver
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.net.transports import AsyncTransport, Transport
from pixel_transports.sandbox.clock import ManualClock


class TimedDriver(BlockingDriver):
    """The blocking driver on a manual clock. Other keywords are those of `BlockingDriver`."""

    def __init__(self, transport: Transport, *, clock: ManualClock, **keywords: Any) -> None:
        def next_done(effect: NextDone[Any, Any]) -> Any:
            outcomes = effect.group.next_done(effect.timeout)
            if not outcomes and effect.timeout is not None:
                clock.advance(effect.timeout)
            return outcomes

        super().__init__(
            transport,
            performers={
                Clock: lambda effect: clock(),
                Sleep: lambda effect: clock.wait(effect.seconds),
                NextDone: next_done,
            },
            **keywords,
        )


class AsyncTimedDriver(AsyncDriver):
    """The async driver on a manual clock. Other keywords are those of `AsyncDriver`."""

    def __init__(self, transport: AsyncTransport, *, clock: ManualClock, **keywords: Any) -> None:
        async def sleep(effect: Sleep) -> None:
            await anyio.lowlevel.checkpoint()
            clock.wait(effect.seconds)

        async def next_done(effect: NextDone[Any, Any]) -> Any:
            outcomes = await effect.group.next_done(effect.timeout)
            if not outcomes and effect.timeout is not None:
                clock.advance(effect.timeout)
            return outcomes

        super().__init__(
            transport, performers={Clock: lambda effect: clock(), Sleep: sleep, NextDone: next_done}, **keywords
        )
