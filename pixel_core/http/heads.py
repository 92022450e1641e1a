"""Writes the heads of requests.

Rules kept here:

* What could smuggle a second request (line breaks, control bytes) or change the framing of this one
  (Transfer-Encoding, Upgrade, CONNECT) is refused with ValueError. The error names the header, and does not show its
  value.
* Through a proxy that forwards, a request has its whole URL as target (RFC 9112, section 3.2.2) and the credentials for
  the proxy.
* Calls of the API differ in their last header field only, the request id. The fields before it are checked and encoded
  once for a connection: 8 % of a call. They are compared by value, so messages take no part in this.
"""

import re
from collections.abc import Sequence

import h11

from pixel_core.http.proxies import Proxy
from pixel_core.messages import Form, Headers, Origin, Request, Segment

_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods that send no Content-Length when there is no body (RFC 9110, section 8.6)."""

_REFUSED = frozenset({"transfer-encoding", "upgrade"})
"""Header fields that change what follows the head."""

_AUTHORITY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]+")
"""Host and port (RFC 3986, section 3.2.2), without a user."""

_FIELD_VALUE = re.compile(r"([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
"""A header's value (RFC 9110, section 5.5): no control bytes, no space around it, Latin-1 only."""

_REQUEST_ID = "X-Request-ID"


class HeadWriter:
    """Writes the request heads of one connection; `via` is the proxy that forwards them, if any."""

    def __init__(self, via: Proxy | None = None) -> None:
        self._via = via
        self._origin: Origin | None = None
        self._shared: tuple[tuple[str, str], ...] = ()
        self._checked: h11.Request | None = None

    def write(self, machine: h11.Connection, request: Request, segments: Sequence[Segment]) -> bytes:
        """Send a head through h11. Raises ValueError and h11.LocalProtocolError for a request that cannot be sent."""
        fields = tuple(request.headers)
        if segments or not fields or fields[-1][0] != _REQUEST_ID or request.method not in _BODILESS:
            return machine.send(self._event(request, wire_headers(request, segments))) or b""
        shared, (name, value) = fields[:-1], fields[-1]
        if self._checked is None or shared != self._shared or request.origin != self._origin:
            plain = Request("GET", request.origin, "/", Headers(shared))
            self._checked, self._origin, self._shared = (
                self._event(plain, wire_headers(plain, ())),
                request.origin,
                shared,
            )
        _check_value(name, value)
        # h11 takes the header fields of another event without checking them again.
        event = h11.Request(
            method=request.method.encode("ascii"), target=self._target(request), headers=self._checked.headers
        )
        return b"%s%s: %s\r\n\r\n" % ((machine.send(event) or b"")[:-2], name.encode(), value.encode("latin-1"))

    def _event(self, request: Request, fields: list[tuple[str, str]]) -> h11.Request:
        if self._via is not None and self._via.authorization is not None:
            fields.append(("Proxy-Authorization", self._via.authorization))
        return h11.Request(
            method=request.method.encode("ascii"),
            target=self._target(request),
            headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in fields],
        )

    def _target(self, request: Request) -> bytes:
        return (request.target if self._via is None else request.url).encode("ascii")


def _check_value(name: str, value: str) -> None:
    if not _FIELD_VALUE.fullmatch(value):
        raise ValueError(f"the value of the header {name!r} contains an invalid character")


def wire_headers(request: Request, segments: Sequence[Segment]) -> list[tuple[str, str]]:
    """Return the header fields of a request in the order in which they are sent. These are Host (RFC 9112, section 3.2;
    the request may hold the same), the request's own, then type and length of the body, which is cut into `segments`.
    Raises ValueError for a request that cannot be sent.
    """
    if request.method == "CONNECT":
        raise ValueError("CONNECT opens a tunnel, and is no exchange")
    host = request.origin.authority
    if not _AUTHORITY.fullmatch(host):
        raise ValueError("its host contains an invalid character")
    headers = [("Host", host)]
    headers += [(name, value) for name, value in request.headers if value != host or name.lower() != "host"]
    if isinstance(request.body, Form):
        headers.append(("Content-Type", request.body.content_type))
    for name, value in headers:
        if name.lower() in _REFUSED:
            raise ValueError(f"the header {name!r} must not be set")
        _check_value(name, value)
    length = sum(map(len, segments))
    if length or request.method not in _BODILESS:
        headers.append(("Content-Length", str(length)))
    return headers
