"""Requests and responses: values that describe one HTTP exchange, and its time limits.

Rules kept here:

* A message is a value: it is not changed after it is made.
* A body is a *description*: bytes, a slice of a file, or a form with a file. Nothing here opens a file; the transport
  streams the described bytes.
* `Request.label` never holds a query, since the query of a presigned URL is a signature. No `repr` shows a header's
  value or a body.
* Text is encoded, and refused where it cannot be sent safely, in `pixel_core.http.heads`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar, cast, overload
from urllib.parse import quote, urljoin, urlsplit

from pydantic_core import from_json

from pixel_core.values import value

T = TypeVar("T")

DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*\.?", re.ASCII)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing on the server (RFC 9110, section 9.2.1)."""


class Origin(NamedTuple):
    """Scheme, host and port of a server (RFC 6454, section 4). A NamedTuple, since it is a key of the pool, and tuples
    are hashed and compared in C.
    """

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as in a `Host` header: without the scheme's default port (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if DEFAULT_PORTS.get(self.scheme) == self.port else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def split_url(url: str) -> tuple[Origin, str]:
    """Split an absolute http(s) URL into its origin and its target (path and query; a fragment is dropped).

    The target is of the same type of text as the URL. Raises ValueError when it is not an absolute http or https URL,
    or has a user or password before its host (RFC 9110, section 4.2.4); the error shows neither those nor the query.
    """
    found = _split(url)
    if isinstance(found, str):
        raise ValueError(found)
    return found


def _split(url: str) -> tuple[Origin, str] | str:
    """Split a URL, or return what is wrong with it: no traceback has the local variables of this function."""
    try:
        parts = urlsplit(url)
        scheme, port = parts.scheme.lower(), parts.port
        host = ascii_host(parts.hostname or "")
    except ValueError as error:
        return str(error)
    if "@" in parts.netloc:
        return "a URL with a user or password before its host is not accepted: pass them by other means"
    if scheme not in DEFAULT_PORTS or not host:
        return f"not an absolute http or https URL: {str(url).split('?')[0]!r}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Origin(scheme, host, DEFAULT_PORTS[scheme] if port is None else port), type(url)(target)


def split_base_url(url: str) -> tuple[Origin, str]:
    """Split the address of a server, to which paths are added, as `split_url` does. Raises ValueError also for a query,
    a fragment, characters that a URL cannot hold, and a host that is neither an address nor a name.
    """
    origin, path = split_url(url)
    check_host(origin.host)
    if "?" in url or "#" in url or " " in url or not url.isprintable() or not path.isascii():
        raise ValueError("the address of a server has no query, no fragment, no spaces, and a path in ASCII")
    return origin, path


def resolve_location(request: "Request", location: str) -> tuple[Origin, str]:
    """Resolve the `Location` of a redirect, as received (Latin-1), to an origin and a target. What a URL cannot hold
    (spaces, control and other characters) is percent-encoded, byte by byte, as browsers do. Raises ValueError.
    """
    return split_url(urljoin(request.url, quote(location.encode("latin-1"), safe="%/:?#[]@!$&'()*+,;=~")))


def ascii_host(host: str) -> str:
    """Encode a host name in ASCII (RFC 5891, with the mapping of UTS 46; ß stays ß). An ASCII host is not changed.
    Raises ValueError for an invalid name.
    """
    if host.isascii():
        return host
    import idna  # imported here, since few hosts need it; a dependency of anyio and email-validator

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError as error:
        raise ValueError(f"not a host name: {host!r}: {error}") from None


def check_host(host: str) -> None:
    """Raise ValueError unless a host, in ASCII, is an address or a name of labels of up to 63 letters, digits, hyphens
    and underscores (RFC 1123, section 2.1; names of containers have underscores).
    """
    if ":" not in host and not _HOST.fullmatch(host):
        raise ValueError("the host of a URL is an address or a name of letters, digits, hyphens and dots")


class Headers:
    """Header fields in order, looked up without regard to case. Made from pairs or from a mapping.

    >>> Headers({"Content-Type": "text/plain"})["content-type"]
    'text/plain'
    """

    __slots__ = ("_fields", "_raw")

    def __init__(self, items: "Mapping[str, str] | Iterable[tuple[str, str]] | Headers" = ()) -> None:
        if not isinstance(items, tuple) and isinstance(items, Mapping):
            items = cast(Mapping[str, str], items).items()
        self._fields: tuple[tuple[str, str], ...] = tuple(items)
        self._raw: Sequence[tuple[bytes, bytes]] = ()

    @classmethod
    def from_wire(cls, items: Sequence[tuple[bytes, bytes]]) -> "Headers":
        """Make fields from received bytes (Latin-1), with names in lower case. They are decoded at the first access,
        since most responses are never asked for theirs.
        """
        headers = cls()
        headers._raw = items
        return headers

    @property
    def _items(self) -> tuple[tuple[str, str], ...]:
        if self._raw:
            decoded = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in self._raw)
            self._fields, self._raw = decoded, ()
        return self._fields

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: T) -> str | T: ...
    def get(self, name: str, default: Any = None) -> Any:
        """The value of the first field with this name, or `default`."""
        lowered = name.lower()
        for each, text in self._items:
            if each.lower() == lowered:
                return text
        return default

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(k.lower(), v) for k, v in self._items] == [(k.lower(), v) for k, v in other._items]

    __hash__: ClassVar[None]  # type: ignore[assignment] # `__eq__` alone makes it None

    def __repr__(self) -> str:
        return f"<Headers {', '.join(name for name, _ in self._items)}>"


class Timeouts(NamedTuple):
    """Time limits in seconds; None is no limit.

    `connect` covers name look-up, proxy, TCP and TLS; `read` and `write` the time without any progress in that
    direction; `pool` the wait for a free connection. `total` covers a whole call, with its login, its repeats and the
    waits between them.

    A NamedTuple, since it is iterated, and hashed in the key by which `get_client` caches clients.
    """

    connect: float | None = 10.0
    read: float | None = 10.0
    write: float | None = 15.0
    pool: float | None = 10.0
    total: float | None = None

    def within(self, seconds: float) -> "Timeouts":
        """Return these limits, each at most `seconds`; `total` becomes `seconds`, or stays None."""
        left = max(seconds, 0.001)
        return Timeouts(*(left if limit is None else min(limit, left) for limit in self))

    @classmethod
    def parse(cls, value: object) -> "Timeouts":
        """Make Timeouts from seconds (for each of the first four), from None (no limits), or from any object with the
        first four as attributes (Timeouts, `httpx.Timeout`). Raises TypeError or ValueError for anything else.
        """
        if value is None:
            return cls(None, None, None, None)
        names = cls._fields[:4]
        if isinstance(value, (int, float)):
            limits = [value] * 4
        else:
            try:
                limits = [getattr(value, name) for name in names]
            except AttributeError:
                raise TypeError(
                    f"timeouts are seconds, None, or an object with {', '.join(names)}; got {type(value).__name__}"
                ) from None
            limits.append(cast(float, getattr(value, "total", None)))
        return cls(*(None if limit is None else _seconds(limit) for limit in limits))


def _seconds(limit: object) -> float:
    if isinstance(limit, bool) or not isinstance(limit, (int, float)):
        raise TypeError(f"a timeout is a number of seconds or None, got {type(limit).__name__}")
    if not limit > 0:
        raise ValueError(f"a timeout has to be above 0 seconds, got {limit}")
    return float(limit)


@value
class Deadline:
    """The moment (on a monotonic clock) at which the total limit of `timeouts` ends."""

    timeouts: Timeouts
    at: float

    @classmethod
    def from_total(cls, timeouts: Timeouts, now: float) -> "Deadline":
        """Make the deadline of something that starts `now`. Without a total limit there is none: use None for it."""
        return cls(timeouts, now + (float("inf") if timeouts.total is None else timeouts.total))

    def remaining(self, now: float) -> Timeouts:
        """Return the limits of an exchange that starts `now`. Raises TimeoutError when no time is left."""
        if now >= self.at:
            raise TimeoutError(self.reason)
        return self.timeouts.within(self.at - now)

    def is_over(self, now: float) -> bool:
        """True if a wait that ended `now` was ended by this deadline: timers may be early by their resolution."""
        return now >= self.at - 0.001

    @property
    def reason(self) -> str:
        """The message of its error."""
        return f"the total limit of {self.timeouts.total:g} seconds is over"


class Meter:
    """Counts the file bytes read in the present try of a request, and its repeats. The transport and the session write
    it; any thread may read it.
    """

    __slots__ = ("bytes", "retries")

    def __init__(self) -> None:
        self.bytes: int = 0
        self.retries: int = 0


@value
class FileSlice:
    """`length` bytes of the file at `path`, from byte `offset` on. `meter` counts the bytes as they are read."""

    path: str
    offset: int
    length: int
    meter: Meter | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return self.length


Segment: TypeAlias = bytes | FileSlice
"""A piece of a request on the wire: bytes, or a slice of a file that is read when it is sent."""


@value
class Form:
    """A multipart/form-data body (RFC 7578): the fields in order, then one file part named `file` (S3's POST policies
    require it last). `boundary` must not occur in any part; use 128 random bits in hex.
    """

    fields: tuple[tuple[str, str], ...]
    filename: str
    content: Segment
    boundary: str

    def __repr__(self) -> str:
        return f"<Form {', '.join(name for name, _ in self.fields)}, file {self.filename!r}>"

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    def segments(self) -> list[Segment]:
        """Return the body on the wire: the bytes before the file, the file, and the closing boundary."""
        head = "".join(
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
            for name, value in self.fields
        )
        head += (
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_quoted(self.filename)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        return [head.encode(), self.content, f"\r\n--{self.boundary}--\r\n".encode()]


def _quoted(name: str) -> str:
    """Escape a name for use inside quotes, by the three escapes of the WHATWG form rules."""
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


Body: TypeAlias = bytes | FileSlice | Form
"""A request body: bytes, a part of a file, or a form."""


def body_segments(body: Body) -> list[Segment]:
    """Return the pieces of a body in the order in which they are sent."""
    if isinstance(body, Form):
        return body.segments()
    return [body] if len(body) else []


@value
class Request:
    """One HTTP request. `target` is path and query, already percent-encoded."""

    method: str
    origin: Origin
    target: str
    headers: Headers = field(default_factory=Headers)
    body: Body = b""
    timeouts: Timeouts = Timeouts()

    @property
    def url(self) -> str:
        """The URL with its query, which may be a signature: not for messages."""
        return f"{self.origin}{self.target}"

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def label(self) -> str:
        """Method and URL without its query: safe to show."""
        return f"{self.method} {self.origin}{self.path}"

    def __repr__(self) -> str:
        return f"<Request {self.label}>"


@value
class Response:
    """One complete HTTP response: its body is whole and in memory."""

    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def json(self) -> Any:
        """Decode the body as JSON; the content type and a byte order mark are ignored (RFC 8259, section 8.1). Raises
        ValueError when it is not JSON.
        """
        start = 3 if self.body.startswith(b"\xef\xbb\xbf") else 0  # not the text itself: a traceback would show it
        return from_json(self.body[start:], cache_strings="keys")  # names repeat, values seldom do

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"


def encode_json(value: Any) -> bytes:
    """Encode as compact JSON in UTF-8. Raises ValueError for NaN and infinities (RFC 8259, section 6), TypeError for
    what JSON cannot hold.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
