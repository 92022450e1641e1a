"""A local Pixel, for tests and for trials without a tenant. README.md lists the files.

Rules kept here:

* `Sandbox` is a plain function from request to response and does no I/O; `SandboxServer` serves it on a socket.
* It is for one machine: its users, tokens and signatures protect nothing. It listens beyond loopback only on request.
"""

from pixel_transports.sandbox.app import Sandbox
from pixel_transports.sandbox.clock import ManualClock
from pixel_transports.sandbox.http import ReceivedRequest
from pixel_transports.sandbox.objects import StoredObject
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
