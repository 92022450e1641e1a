"""Leasing: reuses, waits for, opens, gives back and closes connections, as flows over small effects.

Rules kept here:

* An idle connection is reused if it has no pending bytes and no end of file; otherwise it is closed and another opened.
* An origin is reached directly or through a proxy: http by a request with its whole URL, https by a tunnel (CONNECT).
  TLS to the proxy comes before CONNECT, TLS to the origin after it. The client's certificate is for origins only.
* The addresses of a host are tried as in RFC 8305 (`race.py`). A host that is an address is not looked up.
* `timeouts.connect` is one limit for all of it: look-up, attempts, the tunnel and TLS.
* A slot is freed by a plain call (`Leasing.release`), which closes what is not kept. It may be called twice, so that
  an interrupt during the first call loses nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pixel_core.effects import Clock, Flow
from pixel_core.http.addresses import interleaved, literal
from pixel_core.http.connection import ClientConnection
from pixel_core.http.decoding import Limits
from pixel_core.http.effects import (
    Address,
    Connect,
    IsIdle,
    Read,
    Resolve,
    StartTls,
    Stream,
    WaitConnected,
    WaitForSlot,
    Write,
    timed_out,
)
from pixel_core.http.pool import Lease, LeaseState, Pool
from pixel_core.http.proxies import Proxies, Proxy
from pixel_core.http.race import Race
from pixel_core.http.tunnel import ProxyFailure, Tunnel
from pixel_core.messages import Origin, Timeouts

_CLOCK = Clock()


@dataclass(slots=True, eq=False)
class Connection:
    """A connection of a pool: its stream, its HTTP state machine, and whether it has served an exchange."""

    origin: Origin
    stream: Stream
    http: ClientConnection
    used: bool = False


class Leasing:
    """The connections of one transport. `pool` decides who is served; `proxies` how an origin is reached; `limits`
    bound each response. `trace` is called with what happened to the connection of an origin: "opened", "used again",
    "closed".
    """

    def __init__(
        self,
        pool: Pool[Connection],
        proxies: Proxies = Proxies(),
        limits: Limits = Limits(),
        trace: Callable[[str, Origin], object] = lambda what, origin: None,
    ) -> None:
        self.pool = pool
        self._proxies = proxies
        self._limits = limits
        self._trace = trace

    def __repr__(self) -> str:
        return f"<Leasing, {self.pool!r}>"

    def lease(self, lease: Lease[Connection], timeouts: Timeouts) -> Flow[Connection]:
        """Fill in a new lease: its connection is ready for a request. Raises OSError (TimeoutError among them).
        Whatever happens, the caller gives the lease to `release`.
        """
        expired = self.pool.acquire(lease, (yield from _CLOCK))
        if expired:
            self._close(expired)
        if lease.state is LeaseState.WAITING:
            yield from WaitForSlot(lease, timeouts.pool)
            if lease.state is LeaseState.WAITING:
                raise timed_out("no connection became free", timeouts.pool)
        connection = lease.connection
        if connection is not None:
            if (yield from IsIdle(connection.stream)):
                self._trace("used again", connection.origin)
                return connection
            lease.connection = None
            self._close([connection])
        proxy = self._proxies.for_origin(lease.origin)
        stream = yield from connect(lease.origin, proxy, timeouts.connect)
        via = proxy if lease.origin.scheme == "http" else None
        lease.connection = connection = Connection(lease.origin, stream, ClientConnection(self._limits, via))
        self._trace("opened", lease.origin)
        return connection

    def release(self, lease: Lease[Connection], now: float, reusable: bool) -> None:
        """Free the slot of a lease in any state, then close what is not kept."""
        unwanted = self.pool.release(lease, now, reusable)
        if unwanted:
            self._close(unwanted)

    def close(self) -> None:
        """Close idle connections now, and those in use when they are released."""
        self._close(self.pool.close())

    def _close(self, connections: Sequence[Connection]) -> None:
        for connection in connections:
            connection.stream.close()
            self._trace("closed", connection.origin)


def connect(origin: Origin, proxy: Proxy | None, timeout: float | None) -> Flow[Stream]:
    """Open a stream to an origin, through its proxy if there is one, with TLS for https. Raises OSError; ProxyFailure
    for what goes wrong with the proxy; TimeoutError when `timeout` seconds are over.
    """
    until = None if timeout is None else (yield from _CLOCK) + timeout
    try:
        if proxy is None:
            return (yield from _connect_to(origin, until))
        try:
            stream = yield from _connect_to(proxy.origin, until, is_proxy=True)
        except (TimeoutError, ProxyFailure):
            raise
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise ProxyFailure(f"the proxy {proxy} cannot be reached: {reason}") from error
        if origin.scheme == "https":
            try:
                yield from _open_tunnel(stream, Tunnel(proxy, origin), until)
                yield from _secure(stream, origin.host, until)
            except BaseException:
                stream.close()
                raise
        return stream
    except TimeoutError as error:
        if error.errno is not None:  # the system's own, which has its words
            raise
        what = "no connection" if proxy is None else f"no connection through the proxy {proxy}"
        raise timed_out(what, timeout) from None


def _connect_to(peer: Origin, until: float | None, is_proxy: bool = False) -> Flow[Stream]:
    """A stream to an origin or a proxy, with TLS for https."""
    numeric = literal(peer.host) is not None
    addresses = yield from Resolve(peer.host, peer.port, numeric, (yield from _remaining(until)))
    stream = yield from _win_race(interleaved(addresses, lambda address: address[0]), until)
    if peer.scheme == "https":
        try:
            yield from _secure(stream, peer.host, until, is_proxy)
        except BaseException:
            stream.close()
            raise
    return stream


def _win_race(addresses: Sequence[Address], until: float | None) -> Flow[Stream]:
    """The first stream to connect to one of these addresses; all others are closed."""
    race: Race[Address, Stream] = Race(addresses)
    try:
        while True:
            now = yield from _CLOCK
            while (address := race.due(now)) is not None:
                try:
                    race.running.append((yield from Connect(address)))
                except OSError as error:
                    race.failed(error)
            if until is not None and now >= until:
                raise TimeoutError
            waits = [wait for wait in (race.wait(now), None if until is None else until - now) if wait is not None]
            for ended in (yield from WaitConnected(tuple(race.running), min(waits, default=None))):
                stream: Stream = ended.stream
                if ended.error is None:
                    race.running.remove(stream)
                    return stream
                race.failed(ended.error, stream)
                stream.close()
    finally:
        for stream in race.running:
            stream.close()


def _open_tunnel(stream: Stream, tunnel: Tunnel, until: float | None) -> Flow[None]:
    """Have the proxy at the other end connect to an origin. Raises ProxyFailure."""
    yield from Write(stream, (tunnel.start(),), (yield from _remaining(until)))
    while not tunnel.receive((yield from Read(stream, (yield from _remaining(until))))):
        pass


def _secure(stream: Stream, host: str, until: float | None, is_proxy: bool = False) -> Flow[None]:
    """Start TLS on a stream, inside the TLS of a proxy if there is one."""
    tls = yield from StartTls(stream, host, is_proxy)
    complete = False
    while not complete:
        try:
            complete = tls.handshake()
        finally:  # an alert is sent too
            data = tls.outgoing()
            if data:
                yield from Write(stream, (data,), (yield from _remaining(until)))
        if not complete:
            tls.feed((yield from Read(stream, (yield from _remaining(until)))))
    stream.secure(tls)


def _remaining(until: float | None) -> Flow[float | None]:
    """Seconds that are left. Raises TimeoutError when the time is over."""
    if until is None:
        return None
    left = until - (yield from _CLOCK)
    if left <= 0:
        raise TimeoutError
    return left
