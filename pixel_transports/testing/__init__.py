"""A kit for tests of programs that use this library, without sockets, waiting, or a tenant.

Fakes are transports and drivers; nothing is patched. Names are loaded at first use. Only `plugin` imports pytest. The
library itself does not use this package.
"""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_transports.sandbox import ManualClock, Sandbox
    from pixel_transports.testing.clients import client, settings_for
    from pixel_transports.testing.drivers import AsyncTimedDriver, TimedDriver
    from pixel_transports.testing.faults import Fault, Faults, Garbage, NoJson, Refuse, Reset, Slow, Status, TimeOut
    from pixel_transports.testing.mock import MockTransport, UnmatchedRequestError, UnusedError
    from pixel_transports.testing.recording import Recorder
    from pixel_transports.testing.replaying import NotRecordedError, Replay
    from pixel_transports.testing.routes import Call, Route
else:  # A type checker would accept any name of a package with `__getattr__`.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            "pixel_transports.sandbox": ["ManualClock", "Sandbox"],
            ".clients": ["client", "settings_for"],
            ".drivers": ["AsyncTimedDriver", "TimedDriver"],
            ".faults": ["Fault", "Faults", "Garbage", "NoJson", "Refuse", "Reset", "Slow", "Status", "TimeOut"],
            ".mock": ["MockTransport", "UnmatchedRequestError", "UnusedError"],
            ".recording": ["Recorder"],
            ".replaying": ["NotRecordedError", "Replay"],
            ".routes": ["Call", "Route"],
        },
    )  # fmt: skip

__all__ = [
    "AsyncTimedDriver", "Call", "Fault", "Faults", "Garbage", "ManualClock", "MockTransport", "NoJson",
    "NotRecordedError", "Recorder", "Refuse", "Replay", "Reset", "Route", "Sandbox", "Slow", "Status", "TimeOut",
    "TimedDriver", "UnmatchedRequestError", "UnusedError", "client", "settings_for",
]  # fmt: skip
