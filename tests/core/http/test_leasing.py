"""The flows of leasing, without a driver: their effects and the order of these, and what they close."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from pixel_core.effects import Clock, Effect, Flow
from pixel_core.http import effects
from pixel_core.http.connection import ClientConnection
from pixel_core.http.leasing import Connection, Leasing
from pixel_core.http.pool import Lease, LeaseState, Pool
from pixel_core.http.proxies import Proxies
from pixel_core.http.race import ATTEMPT_DELAY
from pixel_core.http.tunnel import ProxyFailure
from pixel_core.messages import Origin, Request, Timeouts

HTTP = Origin("http", "pixel.example", 80)
HTTPS = Origin("https", "pixel.example", 443)
SIX, FOUR = (10, "six"), (2, "four")
LIMITS = Timeouts(10, 10, 10, 10)


class FakeStream:
    """A stream that records its calls."""

    def __init__(self, name: object) -> None:
        self.name = name
        self.secured: list[Any] = []
        self.closed = 0

    def secure(self, tls: Any) -> None:
        self.secured.append(tls)

    def close(self) -> None:
        self.closed += 1


class FakeTls:
    """A handshake of two flights. It fails after b"refuse", and at the end of the peer."""

    def __init__(self, host: str) -> None:
        self.host, self.flight, self.fed = host, b"hello", b""

    def handshake(self) -> bool:
        if self.fed.endswith(b"refuse"):
            raise OSError("its certificate is not accepted")
        self.flight = b"finished" if self.fed else b"hello"
        return bool(self.fed)

    def outgoing(self) -> bytes:
        return self.flight

    def feed(self, data: bytes) -> None:
        self.fed += data or b"refuse"


class SimulatedNetwork:
    """Performs the effects in simulated time. `peers` has the seconds after which each address connects or fails."""

    def __init__(self, peers: Any = None, replies: Sequence[bytes] = (), read_seconds: float = 0.0) -> None:
        self.now, self.read_seconds = 0.0, read_seconds
        self.peers: dict[Any, tuple[float, OSError | None]] = {FOUR: (0.0, None)} if peers is None else peers
        self.replies = list(replies)
        self.log: list[str] = []
        self.streams: list[FakeStream] = []
        self.started: dict[FakeStream, float] = {}
        self.idle = True
        self.steps, self.fail_at, self.failure = 0, 0, BaseException()
        self.free_slot: Callable[[], object] = lambda: None

    def perform(self, effect: Effect[Any]) -> Any:
        self.steps += 1
        if self.steps == self.fail_at:
            raise self.failure
        match effect:
            case Clock():
                return self.now
            case effects.Resolve(host, port, numeric, _):
                self.log.append(f"resolve {host}:{port}{' numeric' if numeric else ''}")
                return list(self.peers)
            case effects.Connect(address):
                stream = FakeStream(address[1])
                self.streams.append(stream)
                self.started[stream] = self.now
                self.log.append(f"connect {address[1]} at {self.now:g}")
                return stream
            case effects.WaitConnected(streams, timeout):
                ends = {each: self.started[each] + self.peer(each)[0] for each in streams}
                first = min(ends, key=lambda each: ends[each])
                if timeout is not None and ends[first] > self.now + timeout:
                    self.now += timeout
                    return []
                self.now = max(self.now, ends[first])
                return [effects.ConnectResult(first, self.peer(first)[1])]
            case effects.StartTls(stream, host, proxy):
                self.log.append(f"tls {host}{' of a proxy' if proxy else ''}")
                return FakeTls(host)
            case effects.Write(_, segments, _, _):
                self.log.append("write " + bytes(segments[0]).split(b"\r\n")[0].decode())  # type: ignore[arg-type]
                return True
            case effects.Read():
                self.log.append("read")
                if not self.replies:
                    self.now += 60
                    raise TimeoutError
                self.now += self.read_seconds
                return self.replies.pop(0)
            case effects.IsIdle():
                return self.idle
            case effects.WaitForSlot():
                return self.free_slot()
        raise AssertionError(effect)

    def peer(self, stream: FakeStream) -> tuple[float, OSError | None]:
        return next(peer for address, peer in self.peers.items() if address[1] == stream.name)

    def run(self, flow: Flow[Any]) -> Any:
        try:
            effect = next(flow)
            while True:
                try:
                    value = self.perform(effect)
                except BaseException as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(value)
        except StopIteration as end:
            return end.value
        finally:
            flow.close()


def leasing_of(proxy: str | None = None, **options: Any) -> tuple[Leasing, list[str]]:
    traced: list[str] = []
    proxies = Proxies() if proxy is None else Proxies.from_url(proxy)
    pool: Pool[Connection] = Pool(**options)
    return Leasing(pool, proxies, trace=lambda what, origin: traced.append(f"{what} {origin}")), traced


OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SLOW = [bytes([each]) for each in OPENED]

TLS = "tls {0}, write hello, read, write finished"
CONNECT = "write CONNECT pixel.example:443 HTTP/1.1, read"


@pytest.mark.parametrize(
    ("origin", "proxy", "replies", "steps"),
    [
        (HTTP, None, [], "pixel.example:80"),
        (Origin("http", "127.0.0.1", 81), None, [], "127.0.0.1:81 numeric"),
        (HTTPS, None, [b"reply"], f"pixel.example:443, {TLS.format('pixel.example')}"),
        (HTTP, "http://proxy.example:3128", [], "proxy.example:3128"),
        (
            HTTP,
            "https://proxy.example:3129",
            [b"reply"],
            f"proxy.example:3129, {TLS.format('proxy.example of a proxy')}",
        ),
        (
            HTTPS,
            "http://proxy.example:3128",
            [OPENED[:9], OPENED[9:], b"reply"],
            f"proxy.example:3128, {CONNECT}, read, {TLS.format('pixel.example')}",
        ),
        (
            HTTPS,
            "https://proxy.example:3129",
            [b"reply", OPENED, b"reply"],
            f"proxy.example:3129, {TLS.format('proxy.example of a proxy')}, {CONNECT}, {TLS.format('pixel.example')}",
        ),
    ],
    ids=["http", "an address", "https", "forwarded", "forwarded over TLS", "tunnel", "tunnel over TLS"],
)
def test_a_connection_is_opened_in_these_steps(
    origin: Origin, proxy: str | None, replies: list[bytes], steps: str
) -> None:
    network = SimulatedNetwork(replies=replies)
    leasing, traced = leasing_of(proxy)
    lease: Lease[Connection] = Lease(origin)
    connection = network.run(leasing.lease(lease, LIMITS))
    first, *others = steps.split(", ")
    assert network.log == [f"resolve {first}", "connect four at 0", *others]
    assert (lease.state, lease.connection, connection.used) == (LeaseState.HOLDING, connection, False)
    assert len(network.streams[0].secured) == others.count("write finished")
    assert traced == [f"opened {origin}"]


REFUSED = ConnectionRefusedError(111, "refused")


@pytest.mark.parametrize(
    ("peers", "winner", "attempts"),
    [
        ({SIX: (0.0, None), FOUR: (0.0, None)}, "six", ["connect six at 0"]),
        ({SIX: (9.0, None), FOUR: (0.1, None)}, "four", ["connect six at 0", f"connect four at {ATTEMPT_DELAY}"]),
        ({SIX: (0.1, REFUSED), FOUR: (0.0, None)}, "four", ["connect six at 0", "connect four at 0.1"]),
        ({SIX: (0.3, None), FOUR: (0.1, None)}, "six", ["connect six at 0", f"connect four at {ATTEMPT_DELAY}"]),
        ({SIX: (0.5, REFUSED), FOUR: (9.0, None)}, "four", ["connect six at 0", f"connect four at {ATTEMPT_DELAY}"]),
        (
            {SIX: (0.0, REFUSED), (10, "other"): (0.0, None), FOUR: (0.0, REFUSED)},
            "other",
            ["connect six at 0", "connect four at 0", "connect other at 0"],
        ),
    ],
    ids=["first at once", "first silent", "first refuses", "first later", "first fails late", "families alternate"],
)
def test_addresses_are_tried_in_turn_and_the_first_to_connect_wins(
    peers: Any, winner: str, attempts: list[str]
) -> None:
    network = SimulatedNetwork(peers)
    leasing, _ = leasing_of()
    connection = network.run(leasing.lease(Lease(HTTP), LIMITS))
    assert connection.stream.name == winner
    assert network.log[1:] == attempts
    assert [stream.closed for stream in network.streams] == [int(stream.name != winner) for stream in network.streams]


REFUSES = {FOUR: (0.0, REFUSED)}
BOTH_FAIL = {SIX: (0.0, REFUSED), FOUR: (0.0, OSError(113, "no route"))}
PROXY = "http://p:1"


@pytest.mark.parametrize(
    ("network", "origin", "proxy", "error", "message"),
    [
        ({"peers": {}}, HTTP, None, OSError, "it has no address"),
        ({"peers": BOTH_FAIL}, HTTP, None, OSError, "refused"),
        ({"peers": {FOUR: (99.0, None)}}, HTTP, None, TimeoutError, "no connection within 10 seconds"),
        ({"replies": [b"refuse"]}, HTTPS, None, OSError, "its certificate is not accepted"),
        ({}, HTTPS, None, TimeoutError, "no connection within 10 seconds"),
        ({"peers": REFUSES}, HTTP, PROXY, ProxyFailure, "the proxy http://p:1 cannot be reached: refused"),
        ({}, HTTPS, PROXY, TimeoutError, "no connection through the proxy http://p:1 within 10 seconds"),
        ({"replies": SLOW, "read_seconds": 1.0}, HTTPS, PROXY, TimeoutError, "within 10 seconds"),
        ({"replies": [b"HTTP/1.1 403 No\r\n\r\n"]}, HTTPS, PROXY, ProxyFailure, "opened no tunnel"),
    ],
    ids=["no address", "refused", "silent", "TLS fails", "TLS hangs", "no proxy", "proxy hangs", "slow", "no tunnel"],
)
def test_a_failure_is_named_closes_every_stream_and_frees_the_slot(
    network: Any, origin: Origin, proxy: str | None, error: type[OSError], message: str
) -> None:
    network = SimulatedNetwork(**network)
    leasing, traced = leasing_of(proxy)
    lease: Lease[Connection] = Lease(origin)
    with pytest.raises(error, match=message):
        network.run(leasing.lease(lease, LIMITS))
    leasing.release(lease, 0.0, False)
    assert [stream.closed for stream in network.streams] == [1] * len(network.streams)
    assert (leasing.pool.counts(), traced) == ((0, 0, 0), [])


@pytest.mark.parametrize("idle", [True, False])
def test_an_idle_connection_is_reused_unless_bytes_or_its_end_arrived(idle: bool) -> None:
    network = SimulatedNetwork()
    leasing, traced = leasing_of()
    first: Lease[Connection] = Lease(HTTP)
    connection = network.run(leasing.lease(first, LIMITS))
    leasing.release(first, 0.0, True)
    network.idle = idle
    other = network.run(leasing.lease(Lease(HTTP), LIMITS))
    assert (other is connection, network.streams[0].closed) == (idle, int(not idle))
    assert traced[1:] == ([f"used again {HTTP}"] if idle else [f"closed {HTTP}", f"opened {HTTP}"])


@pytest.mark.parametrize("served", [True, False])
def test_a_lease_waits_for_a_slot_and_no_longer_than_its_limit(served: bool) -> None:
    network = SimulatedNetwork()
    leasing, _ = leasing_of(limit=1)
    holder, waiter = Lease[Connection](HTTP), Lease[Connection](HTTP)
    connection = network.run(leasing.lease(holder, LIMITS))
    flow = leasing.lease(waiter, Timeouts(pool=2.0))
    next(flow)
    effect = flow.send(0.0)
    assert isinstance(effect, effects.WaitForSlot)
    assert (effect.lease, effect.timeout) == (waiter, 2.0)
    if served:
        leasing.release(holder, 0.0, True)
        assert isinstance(flow.send(None), effects.IsIdle)
        with pytest.raises(StopIteration) as end:
            flow.send(True)
        assert end.value.value is connection
    else:
        with pytest.raises(TimeoutError, match="no connection became free within 2 seconds"):
            flow.send(None)
        leasing.release(waiter, 0.0, False)
        assert leasing.pool.counts() == (1, 0, 0)


def test_the_credentials_of_a_proxy_are_sent_with_forwarded_requests_only() -> None:
    for origin, via in ((HTTP, True), (HTTPS, False)):
        network = SimulatedNetwork(replies=[OPENED, b"reply"])
        leasing, _ = leasing_of("http://ada:b1ab1a@proxy.example:3128")
        connection = network.run(leasing.lease(Lease(origin), LIMITS))
        head = b"".join(connection.http.start(Request("GET", origin, "/")))
        assert (b"Proxy-Authorization" in head) is via


@pytest.mark.parametrize("failure", [OSError("failed"), TimeoutError(), KeyboardInterrupt(), GeneratorExit()], ids=repr)
@pytest.mark.parametrize("waits", [False, True], ids=["a kept connection", "a slot is waited for"])
@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize("proxy", [None, "http://p:1", "https://u:p@p:1"])
def test_a_failure_of_any_effect_loses_no_connection_and_no_slot(
    proxy: str | None, idle: bool, waits: bool, failure: BaseException
) -> None:
    """GeneratorExit closes the flow. A tunnel over TLS, with two attempts, has the most steps."""
    for step in range(1, 40):
        network = SimulatedNetwork({SIX: (9.0, None), FOUR: (0.1, None)}, [b"reply", OPENED, b"reply", b"reply"])
        network.idle, network.fail_at, network.failure = idle, step, failure
        leasing, _ = leasing_of(proxy, limit=1)
        holder, lease = Lease[Connection](HTTPS), Lease[Connection](HTTPS)
        leasing.pool.acquire(holder, 0.0)
        network.streams.append(kept := FakeStream("kept"))
        holder.connection = Connection(HTTPS, kept, ClientConnection(), used=True)
        network.free_slot = partial(leasing.release, holder, 0.0, True)
        if not waits:
            network.free_slot()
        connection = None
        with suppress(OSError, KeyboardInterrupt, GeneratorExit):
            connection = network.run(leasing.lease(lease, LIMITS if idle else Timeouts(connect=None)))
        assert connection is None or lease.connection is connection
        still_open = [stream for stream in network.streams if not stream.closed]
        assert all(stream is kept or (connection and stream is connection.stream) for stream in still_open)
        leasing.release(lease, 0.0, connection is not None)
        leasing.release(holder, 0.0, False)
        leasing.close()
        assert leasing.pool.counts() == (0, 0, 0)
        assert [stream.closed for stream in network.streams] == [1] * len(network.streams)
        if network.steps < step:
            return
    raise AssertionError("endless")
