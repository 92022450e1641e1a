"""A kit for the tests of programs that use this library: no socket, no waiting, no tenant.

Rules kept here:

* Everything goes through the transport or the driver, as in a program; nothing is patched.
* Importing this package loads next to nothing, and never pytest: that is needed by `plugin` alone.
* Nothing here is needed at run time by the library itself.
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
else:  # Type checkers would take a package with `__getattr__` to have any name at all.
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
    )

__all__ = [
    "AsyncTimedDriver",
    "Call",
    "Fault",
    "Faults",
    "Garbage",
    "ManualClock",
    "MockTransport",
    "NoJson",
    "NotRecordedError",
    "Recorder",
    "Refuse",
    "Replay",
    "Reset",
    "Route",
    "Sandbox",
    "Slow",
    "Status",
    "TimeOut",
    "TimedDriver",
    "UnmatchedRequestError",
    "UnusedError",
    "client",
    "settings_for",
]
