"""Proxies, and which one an origin is reached through.

Rules kept here:

* No I/O: the environment is an argument.
* No `repr`, `str` or error shows credentials, nor a URL that may hold them.
* The variables are those of curl: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`, each in lower case before upper
  case; one that is empty is none. `HTTP_PROXY` is not read where `REQUEST_METHOD` is set: under CGI a client sets it,
  by a header `Proxy` (CVE-2016-5385).
* A proxy of the environment does not serve the addresses and names of this machine; one that is set by a URL does.
* A SOCKS proxy is refused by name. A variable that is no URL of an HTTP proxy is an error when its proxy would be used.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import unquote, urlsplit

from pixel_core.errors import PixelSettingsError
from pixel_core.http.addresses import literal
from pixel_core.messages import DEFAULT_PORTS, Origin, ascii_host, check_host
from pixel_core.redaction import SecretText, redact
from pixel_core.values import hash_of_fields, value

_EXAMPLE = "it should be like http://user:password@host:port, with special characters of the password as %XX"


@value
class Proxy:
    """An HTTP proxy. `scheme` is that of the connection to it, http or https. `user` and `password` are plain text, not
    encoded; without a user there are no credentials.
    """

    scheme: str
    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    __hash__ = hash_of_fields

    @classmethod
    def from_url(cls, url: str) -> "Proxy":
        """Parse a URL. The scheme is http unless given, the port 80 or 443; a path is ignored. Raises ValueError, which
        does not show the URL, for anything else and for SOCKS; TypeError if it is no string.
        """
        if not isinstance(url, str):
            raise TypeError(f"a proxy is a URL, not {type(url).__name__}")
        url = SecretText(url)  # in a traceback
        found = cls._parse(url)
        if isinstance(found, str):
            raise ValueError(found)
        return found

    @classmethod
    def _parse(cls, url: str) -> "Proxy | str":
        """Parse a URL, or return what is wrong with it: no traceback has the local variables of this function."""
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            scheme, port = parts.scheme.lower(), parts.port
            host = ascii_host(parts.hostname or "")
            user, password = parts.username, unquote(parts.password or "")
        except ValueError:
            return f"not the URL of a proxy: {_EXAMPLE}"
        if scheme.startswith("socks"):
            return "a SOCKS proxy is not supported: give the URL of an HTTP proxy, http:// or https://"
        try:
            check_host(host)
        except ValueError:
            host = ""
        if scheme not in DEFAULT_PORTS or not host or port == 0:
            return f"not the URL of an HTTP proxy: {_EXAMPLE}"
        user = unquote(user) if user else None
        if ":" in (user or ""):
            return "the user of a proxy cannot have a colon (RFC 7617, section 2)"
        return cls(scheme, host, port or DEFAULT_PORTS[scheme], user, SecretText(password))

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
        """Replace these credentials in a body: a proxy's error page may repeat the request."""
        credentials = (self.authorization or "").removeprefix("Basic ").rstrip("=")
        redacted: bytes = redact(body, [credentials] if credentials else ())
        return redacted

    def __str__(self) -> str:
        return str(self.origin)


@value
class UnusableProxy:
    """A proxy of the environment that cannot be used: its variable, and why. Its URL is not kept."""

    variable: str
    reason: str

    __hash__ = hash_of_fields


@value
class _Bypass:
    """One entry of NO_PROXY: a domain with its subdomains, or a network; at any port, or at one."""

    suffix: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    __hash__ = hash_of_fields

    @classmethod
    def parse(cls, entry: str) -> "_Bypass | None":
        """Parse an entry. Returns None if it is invalid."""
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
    """True for loopback addresses, and for `localhost` and its subdomains (RFC 6761, section 6.3)."""
    host = host.rstrip(".").lower()
    address = literal(host)
    return address.is_loopback if address is not None else host == "localhost" or host.endswith(".localhost")


PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""Environment variables for proxies, in lower or upper case."""


def proxy_variable(name: str, environment: Mapping[str, str]) -> str:
    """The variable that is read for one of PROXY_VARIABLES: in lower or upper case, "" if neither is set."""
    if name in environment:
        return name
    is_set = name.upper() in environment and not (name == "http_proxy" and "REQUEST_METHOD" in environment)
    return name.upper() if is_set else ""


@value
class Proxies:
    """Which proxy serves which origin; without arguments none does."""

    http: Proxy | UnusableProxy | None = None
    https: Proxy | UnusableProxy | None = None
    bypasses: tuple[_Bypass, ...] = ()
    includes_local: bool = True

    __hash__ = hash_of_fields

    @classmethod
    def from_url(cls, url: str | None) -> "Proxies":
        """Use one proxy for every origin, this machine included; None for none. Raises what `Proxy.from_url` does."""
        url = SecretText(url) if isinstance(url, str) else url  # in a traceback
        proxy = None if url is None else Proxy.from_url(url)
        return cls(proxy, proxy)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Proxies":
        """Read `http_proxy`, `https_proxy`, `all_proxy` (for both) and `no_proxy`, in lower or upper case.

        `no_proxy` is a list with commas. `*` covers every origin; a name covers itself and its subdomains, with or
        without a leading dot or `*.`; addresses and networks (`10.0.0.0/8`, `fd00::/8`) cover hosts that are
        addresses, and no name is looked up; `host:port` and `[address]:port` cover one port. Invalid entries cover
        nothing. A variable that is no URL of an HTTP proxy is an UnusableProxy.
        """
        names = {name: proxy_variable(name, environment) for name in PROXY_VARIABLES}
        # Hidden in a traceback:
        values = {name: SecretText(environment.get(variable, "").strip()) for name, variable in names.items()}
        entries = values["no_proxy"].replace(",", " ").split()
        if "*" in entries:
            return cls()
        bypasses = tuple(each for each in map(_Bypass.parse, entries) if each is not None)
        proxies: list[Proxy | UnusableProxy | None] = []
        for own in ("http_proxy", "https_proxy"):
            # A variable that is set and empty means no proxy, whatever `all_proxy` is.
            name = own if names[own] else "all_proxy"
            try:
                proxies.append(Proxy.from_url(values[name]) if values[name] else None)
            except ValueError as error:
                proxies.append(UnusableProxy(names[name], str(error)))
        if proxies == [None, None]:
            return cls()
        return cls(proxies[0], proxies[1], bypasses, includes_local=False)

    def for_origin(self, origin: Origin) -> Proxy | None:
        """The proxy of an origin; None if it is reached directly. Raises PixelSettingsError, which names the variable
        and not its value, if it is no URL of an HTTP proxy.
        """
        proxy = self.https if origin.scheme == "https" else self.http
        if proxy is None or (not self.includes_local and is_local(origin.host)):
            return None
        if any(each.covers(origin) for each in self.bypasses):
            return None
        if isinstance(proxy, UnusableProxy):
            advice = f"It is used for {origin}: correct or unset it, or name hosts that need no proxy in NO_PROXY"
            raise PixelSettingsError(f"{proxy.variable}: {proxy.reason}", advice, wrong=[proxy.variable])
        return proxy
