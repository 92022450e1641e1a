"""A local Pixel, for tests and for trying things without a tenant.

Rules kept here:

* `Sandbox` is a plain function from request to response and does no I/O; `SandboxServer` puts it behind a socket.
* It is for this machine: users, tokens and signatures are no protection. Beyond loopback it is
  served only when that is asked for.
"""

from pixel_transports.sandbox.app import Sandbox
from pixel_transports.sandbox.clock import ManualClock
from pixel_transports.sandbox.objects import StoredObject
from pixel_transports.sandbox.request_log import ReceivedRequest
from pixel_transports.sandbox.samples import SAMPLE_AREA, sample_photos
from pixel_transports.sandbox.server import SandboxServer, serve

__all__ = [
    "SAMPLE_AREA",
    "ManualClock",
    "ReceivedRequest",
    "Sandbox",
    "SandboxServer",
    "StoredObject",
    "sample_photos",
    "serve",
]
