"""Proxies: which one an origin is reached through, and the tunnel through it.

Rules kept here:

* No I/O: the environment is an argument, a tunnel takes bytes and gives bytes.
* Credentials stand in one header, `Proxy-Authorization`, which only the proxy sees: with each request that it forwards
  (http), and in CONNECT (https), never inside the tunnel. No `repr`, `str` or error shows them, nor a URL that may.
* The variables are those of curl: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`, each in lower case before upper
  case; one that is empty is none. `HTTP_PROXY` is not read where `REQUEST_METHOD` is set: under CGI a client sets it,
  by a header `Proxy` (CVE-2016-5385).
* No variable leads this machine's own addresses and names to a proxy; one that is given for everything is for
  everything.
* A tunnel is opened by CONNECT (RFC 9110, section 9.3.6). Its answer has a limit, and the first byte after it is the
  origin's: a proxy that sends one at once, before the origin was asked for anything, is refused.
* SOCKS is another protocol, and is refused by name.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import unquote, urlsplit

from pixel_core.http.addresses import literal
from pixel_core.messages import DEFAULT_PORTS, Origin, ascii_host
from pixel_core.values import hash_of_fields, value

_EXAMPLE = "it should be like http://user:password@host:port, with special characters of the password as %XX"


@value
class Proxy:
    """An HTTP proxy: `scheme` is how it is spoken to, http or https. `user` and `password` are plain text, not encoded;
    without a user there are no credentials.
    """

    scheme: str
    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    __hash__ = hash_of_fields

    @classmethod
    def from_url(cls, url: str) -> "Proxy":
        """From a URL; without a scheme it is http. The port is 80 or 443 unless it is given, a path does not matter.

        Raises ValueError, which does not show the URL, for what is none, and for SOCKS; TypeError for no string.
        """
        if not isinstance(url, str):
            raise TypeError(f"a proxy is given as a URL, not as {type(url).__name__}")
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            scheme, port = parts.scheme.lower(), parts.port
            host = ascii_host(parts.hostname or "")
            user, password = parts.username, unquote(parts.password or "")
        except ValueError:
            raise ValueError(f"not the URL of a proxy: {_EXAMPLE}") from None
        if scheme.startswith("socks"):
            raise ValueError("a SOCKS proxy is not supported: give the URL of an HTTP proxy, http:// or https://")
        if scheme not in DEFAULT_PORTS or not host or port == 0:
            raise ValueError(f"not the URL of an HTTP proxy: {_EXAMPLE}")
        user = unquote(user) if user else None
        if ":" in (user or ""):
            raise ValueError("the user of a proxy cannot have a colon (RFC 7617, section 2)")
        return cls(scheme, host, port or DEFAULT_PORTS[scheme], user, password)

    @property
    def origin(self) -> Origin:
        """Where to connect."""
        return Origin(self.scheme, self.host, self.port)

    @property
    def authorization(self) -> str | None:
        """The value of `Proxy-Authorization` (RFC 7617, in UTF-8); None without credentials. A secret."""
        if self.user is None:
            return None
        return f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode('ascii')}"

    def redact(self, body: bytes) -> bytes:
        """What a proxy said, without the credentials, which a page that shows the request holds."""
        credentials = (self.authorization or "").removeprefix("Basic ").rstrip("=").encode("ascii")
        return body.replace(credentials, b"***") if credentials else body

    def __str__(self) -> str:
        return str(self.origin)


@value
class _Bypass:
    """One entry of NO_PROXY: a name and what ends in it, or a network; at any port, or at one."""

    suffix: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    __hash__ = hash_of_fields

    @classmethod
    def parse(cls, entry: str) -> "_Bypass | None":
        """None for an entry that cannot be understood."""
        host, port = entry, ""
        if entry.startswith("["):
            host, _, port = entry[1:].partition("]")
            port = port.removeprefix(":")
        elif entry.count(":") == 1:
            host, _, port = entry.partition(":")
        if port and not (port.isascii() and port.isdigit()):
            return None
        try:
            if literal(host.partition("/")[0]) is not None:
                return cls("", ip_network(host, strict=False), int(port) if port else None)
            suffix = ascii_host(host.removeprefix("*").removeprefix(".")).rstrip(".").lower()
        except ValueError:
            return None
        return cls(suffix, None, int(port) if port else None) if suffix else None

    def covers(self, origin: Origin) -> bool:
        if self.port is not None and self.port != origin.port:
            return False
        host = origin.host.rstrip(".").lower()
        if self.network is not None:
            address = literal(host)
            return address is not None and address in self.network
        return host == self.suffix or host.endswith(f".{self.suffix}")


def is_local(host: str) -> bool:
    """Whether a host is this machine by its very name (RFC 6761, section 6.3) or address."""
    host = host.rstrip(".").lower()
    address = literal(host)
    return address.is_loopback if address is not None else host == "localhost" or host.endswith(".localhost")


PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""The variables of an environment that tell of proxies, in lower or upper case."""


@value
class Proxies:
    """Which proxy serves which origin; without arguments none. A value: it can be compared and hashed."""

    http: Proxy | None = None
    https: Proxy | None = None
    bypasses: tuple[_Bypass, ...] = ()
    local_too: bool = True

    __hash__ = hash_of_fields

    @classmethod
    def from_url(cls, url: str | None) -> "Proxies":
        """One proxy for everything, this machine too; None is none. Raises what `Proxy.from_url` does."""
        proxy = None if url is None else Proxy.from_url(url)
        return cls(proxy, proxy)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Proxies":
        """From `http_proxy`, `https_proxy`, `all_proxy` (for both) and `no_proxy`, in lower or upper case.

        `no_proxy` is a list with commas: `*` is everything; a name covers itself and what ends in it, with or without a
        leading dot or `*.`; addresses and networks (`10.0.0.0/8`, `fd00::/8`) cover hosts that are written as
        addresses, nothing is looked up; `host:port` and `[address]:port` cover one port. What cannot be understood
        covers nothing. Raises ValueError, which names the variable and not its value, for what is no HTTP proxy.
        """
        names = {name: name for name in PROXY_VARIABLES}
        values: dict[str, str] = {}
        for name in names:
            upper = "" if name == "http_proxy" and "REQUEST_METHOD" in environment else name.upper()
            names[name] = name if name in environment else upper
            values[name] = environment.get(names[name], "").strip()
        entries = values["no_proxy"].replace(",", " ").split()
        if "*" in entries:
            return cls()
        bypasses = tuple(found for found in map(_Bypass.parse, entries) if found is not None)
        chosen: list[Proxy | None] = []
        for own in ("http_proxy", "https_proxy"):
            # A variable that is there and empty says "none", whatever the one for all says.
            name = own if names[own] in environment else "all_proxy"
            try:
                chosen.append(Proxy.from_url(values[name]) if values[name] else None)
            except ValueError as error:
                raise ValueError(f"{names[name]}: {error}") from None
        if chosen == [None, None]:
            return cls()
        return cls(chosen[0], chosen[1], bypasses, local_too=False)

    def for_origin(self, origin: Origin) -> Proxy | None:
        """The proxy through which an origin is reached; None where it is reached directly."""
        proxy = self.https if origin.scheme == "https" else self.http
        if proxy is None or (not self.local_too and is_local(origin.host)):
            return None
        return None if any(each.covers(origin) for each in self.bypasses) else proxy
