"""The two drivers with a manual clock in place of the time.

Rules kept here:

* `Clock` reads the manual clock, `Sleep` turns it on and returns at once.
* `NextDone` waits in real time, since threads, tasks and files are real. After a timeout it turns the clock on by that
  much.
* A sleep is still a point at which a task can be cancelled, and others can run.
* Transports keep their limits in real time.
"""

from typing import Any

import anyio.lowlevel

from pixel_core.effects import Clock, NextDone, Sleep
from pixel_transports.drivers.asynchronous import AsyncDriver
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.drivers.instrumentation import Instrumentation
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.net.transports import AsyncTransport, Transport
from pixel_transports.sandbox import ManualClock
from pixel_transports.testing.clocks import turn, wait


class TimedDriver(BlockingDriver):
    """The blocking driver on a manual clock."""

    def __init__(
        self,
        transport: Transport,
        clock: ManualClock,
        *,
        instrumentation: Instrumentation | None = None,
        journal: JournalPath | None = None,
    ) -> None:
        def next_done(effect: NextDone[Any, Any]) -> Any:
            endings = effect.group.next_done(effect.timeout)
            if not endings and effect.timeout is not None:
                turn(clock, effect.timeout)
            return endings

        super().__init__(
            transport,
            instrumentation=instrumentation,
            journal=journal,
            performers={
                Clock: lambda effect: clock(),
                Sleep: lambda effect: wait(clock, effect.seconds),
                NextDone: next_done,
            },
        )
        self.clock = clock


class AsyncTimedDriver(AsyncDriver):
    """The async driver on a manual clock."""

    def __init__(
        self,
        transport: AsyncTransport,
        clock: ManualClock,
        *,
        instrumentation: Instrumentation | None = None,
        journal: JournalPath | None = None,
    ) -> None:
        async def sleep(effect: Sleep) -> None:
            await anyio.lowlevel.checkpoint()
            wait(clock, effect.seconds)

        async def next_done(effect: NextDone[Any, Any]) -> Any:
            endings = await effect.group.next_done(effect.timeout)
            if not endings and effect.timeout is not None:
                turn(clock, effect.timeout)
            return endings

        super().__init__(
            transport,
            instrumentation=instrumentation,
            journal=journal,
            performers={Clock: lambda effect: clock(), Sleep: sleep, NextDone: next_done},
        )
        self.clock = clock
