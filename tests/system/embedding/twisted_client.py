"""Twisted: its own HTTP client performs the exchanges, and the core is everything above.

    python -m tests.system.embedding.twisted_client http://127.0.0.1:8000

Rules kept here:

* Who has an HTTP client performs `Exchange`, and needs none of the effects below it. Proxies, TLS and compression
  are that client's affair.
* Failures are the errors of the core, which report whether the request may have been sent.
"""

import secrets
import sys
import time
from collections.abc import Hashable
from io import BytesIO
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.defer import TimeoutError as OutOfTime
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater, react
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers as TwistedHeaders

import pixel_core as pixel
from pixel_transports import run_async

T = TypeVar("T")
AREA = {"type": "Polygon", "coordinates": [[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 59.0], [5.5, 58.8]]]}


class Body(Protocol):
    """Collects the body of an answer."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.whole: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.pieces.append(data)

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        if reason.check(ResponseDone, PotentialDataLoss):
            self.whole.callback(b"".join(self.pieces))
        else:
            self.whole.errback(reason)


class Driver:
    """Runs flows under Twisted's reactor."""

    def __init__(self, reactor: Any) -> None:
        self.reactor, self.pool = reactor, HTTPConnectionPool(reactor)
        self.pool.maxPersistentPerHost = 8
        self.agent: Any = Agent(reactor, connectTimeout=10, pool=self.pool)
        self.running: dict[Hashable, list[Deferred[Any]]] = {}

    def start(self, flow: pixel.Flow[T]) -> "Deferred[T]":
        """Run a flow, and give the Deferred of its result. Cancelling that closes the flow."""
        return Deferred.fromCoroutine(run_async(flow, self.perform))

    def perform(self, effect: pixel.Effect[Any]) -> Any:
        """The result of an effect, or a coroutine that returns it."""
        match effect:
            case pixel.Exchange(request):
                return self.exchange(request)
            case pixel.Sleep(seconds):
                return self.sleep(seconds)
            case pixel.Clock():
                return time.monotonic()
            case pixel.Random():
                return secrets.randbits(128)
            case pixel.Report():
                return None  # there is no listener
            case pixel.SingleFlight(key, flow):
                return self.once(key, flow)
        raise NotImplementedError(f"{effect!r}: uploads and listings ahead ask for more, see selectors_loop.py")

    async def sleep(self, seconds: float) -> None:
        await deferLater(self.reactor, seconds)

    async def exchange(self, request: pixel.Request) -> pixel.Response:
        fields = TwistedHeaders()
        for name, value in request.headers:
            if name != "Accept-Encoding":  # this agent unpacks nothing (`ContentDecoderAgent` would)
                fields.addRawHeader(name, value)
        body = FileBodyProducer(BytesIO(request.body)) if isinstance(request.body, bytes) and request.body else None
        seconds = request.timeouts.read
        try:
            answer = self.agent.request(request.method.encode(), request.url.encode(), fields, body)
            head = await (answer if seconds is None else answer.addTimeout(seconds, self.reactor))
            head.deliverBody(collected := Body())
            rest = collected.whole
            content = await (rest if seconds is None else rest.addTimeout(seconds, self.reactor))
        except (ConnectError, DNSLookupError) as error:
            raise pixel.PixelConnectionError(f"{request.label}: could not connect: {error}", sent=False) from error
        except OutOfTime as error:
            raise pixel.PixelTimeoutError(f"{request.label}: no answer within {seconds} seconds", sent=True) from error
        except (ResponseFailed, ConnectionClosed) as error:
            raise pixel.PixelConnectionError(f"{request.label}: the connection broke: {error}", sent=True) from error
        pairs = [(name, value) for name, values in head.headers.getAllRawHeaders() for value in values]
        return pixel.Response(head.code, pixel.Headers.from_wire(pairs), content)

    async def once(self, key: Hashable, flow: pixel.Flow[Any]) -> Any:
        outcome: Any = None
        if key in self.running:
            waiting: Deferred[Any] = Deferred()
            self.running[key].append(waiting)
            outcome = await waiting
        else:
            self.running[key] = []
            try:
                outcome = await run_async(flow, self.perform)
            except Exception as error:
                outcome = error
            for each in self.running.pop(key):
                each.callback(outcome)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def main(reactor: Any, url: str) -> None:
    account = pixel.Account(f"{url}/auth", "Sandbox", "frontend", "demo@example.com", "demo")
    api, driver = pixel.PixelApi(pixel.Session(f"{url}/api/sandbox", account)), Driver(reactor)
    users = await gatherResults([driver.start(api.me()) for _ in range(8)])
    print(f"{len(users)} calls at once, as", users[0].get("email"))
    await driver.start(api.create_project("Twisted", "Made under Twisted", AREA))
    print("projects:", *(each["name"] for each in await driver.start(api.list_projects())))
    await driver.pool.closeCachedConnections()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, sys.argv[1])))
