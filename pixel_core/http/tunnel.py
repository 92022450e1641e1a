"""The tunnel through a proxy: CONNECT, seen from the client (RFC 9110, section 9.3.6).

Rules kept here:

* No I/O: a tunnel takes bytes and returns bytes.
* Credentials stand in `Proxy-Authorization` of CONNECT, never inside the tunnel. No error shows them.
* The answer has a limit. The first byte after it is the origin's: a proxy that sends one at once, before anything was
  sent to the origin, is refused.
"""

import h11

from pixel_core.http.proxies import Proxy
from pixel_core.messages import Origin


class ProxyFailure(OSError):  # noqa: N818 - an error of a stream; that of the library is PixelProxyError
    """A proxy could not be reached or refused its service. `status` is that of its response, or None without one."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


def wants_credentials(proxy: Proxy, schemes: str) -> ProxyFailure:
    """The failure for status 407 (RFC 9110, section 15.5.8); `schemes` is the value of `Proxy-Authenticate`."""
    if schemes and "basic" not in schemes.lower():
        return ProxyFailure(f"the proxy {proxy} wants a login that is not supported: only Basic is (status 407)", 407)
    if proxy.user is None:
        return ProxyFailure(
            f"the proxy {proxy} wants a user and a password: give them in its URL, as in "
            f"{proxy.scheme}://user:password@{proxy.origin.authority} (status 407)",
            407,
        )
    return ProxyFailure(
        f"the proxy {proxy} does not accept this user and password: check those in its URL (status 407)", 407
    )


class Tunnel:
    """Opens a tunnel to an origin (RFC 9110, section 9.3.6).

    >>> tunnel = Tunnel(proxy, origin)
    >>> stream.write(tunnel.start())
    >>> while not tunnel.receive(stream.read()):      # b"" is the end of the proxy's side
    ...     pass

    Raises ProxyFailure; the connection has to be closed then.
    """

    def __init__(self, proxy: Proxy, origin: Origin, limit: int = 64 * 1024) -> None:
        self._proxy = proxy
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        self._target = f"{host}:{origin.port}"  # always with its port (section 9.3.6)
        self._limit = limit
        self._received = 0
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=limit)

    def __repr__(self) -> str:
        return f"<Tunnel to {self._target} through {self._proxy}>"

    def start(self) -> bytes:
        """Return the request to send. Raises ValueError for an origin that no request can name."""
        fields = [("Host", self._target)]
        authorization = self._proxy.authorization
        if authorization is not None:
            fields.append(("Proxy-Authorization", authorization))
        try:
            event = h11.Request(method="CONNECT", target=self._target, headers=fields)
        except (h11.LocalProtocolError, ValueError):
            raise ValueError(f"{self._target!r} cannot be requested: it holds a character that no host has") from None
        return (self._h11.send(event) or b"") + (self._h11.send(h11.EndOfMessage()) or b"")

    def receive(self, data: bytes) -> bool:
        """Take bytes of the proxy, b"" for its end. True once the tunnel is open. Raises ProxyFailure."""
        try:
            if not data:
                self._h11.receive_data(data)
                return self._advance()
            consumed, opened = 0, False
            while consumed < len(data) and not opened:
                # As in `connection.py`: h11 never holds more than the limit, so how the bytes are cut does not matter.
                piece = data[consumed : consumed + max(1, self._limit - self._received)]
                consumed += len(piece)
                self._received += len(piece)
                self._h11.receive_data(piece)
                opened = self._advance()
                if not opened and self._received >= self._limit:
                    raise ProxyFailure(f"the proxy {self._proxy} sent more than {self._limit} bytes of headers")
            if opened and (consumed < len(data) or self._h11.trailing_data[0]):
                raise ProxyFailure(f"the proxy {self._proxy} sent bytes of its own into the tunnel")
        except h11.RemoteProtocolError:
            if data:
                raise ProxyFailure(f"the proxy {self._proxy} does not speak HTTP") from None
            raise ProxyFailure(f"the proxy {self._proxy} closed the connection before it responded") from None
        return opened

    def _advance(self) -> bool:
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
                if 200 <= status < 300:
                    return True
                if status == 407:
                    names = [value for name, value in event.headers if name == b"proxy-authenticate"]
                    raise wants_credentials(self._proxy, b", ".join(names).decode("latin-1"))
                raise ProxyFailure(
                    f"the proxy {self._proxy} opened no tunnel to {self._target} (status {status})", status
                )
            if not isinstance(event, h11.InformationalResponse):
                return False
