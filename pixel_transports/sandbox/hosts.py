"""The hosts that a server listens on and answers to.

Rules kept here:

* Listening beyond loopback has to be requested.
* A host name is answered only if it is `localhost`, the one that the server listens on, or allowed. Any other page
  could have its own name resolved to loopback (DNS rebinding), and a browser would let it read everything here.
* An IP address is always answered: no page has one as its name without being served from there.
"""

import ipaddress
from collections.abc import Iterable

from pixel_core.messages import ascii_host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def local_host(host: str) -> str:
    """Return the host at which this machine reaches a server that listens at `host`, which may mean all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 # Nothing listens here


def require_loopback(host: str, allow_with: str = "pass allow_remote=True") -> None:
    """Raise ValueError for a host that other machines can reach; `allow_with` says how to allow it."""
    address = _address(host)
    if not (host == "localhost" if address is None else address.is_loopback):
        raise ValueError(
            f"{host!r} can be reached from other machines, and a sandbox protects nothing: {allow_with} to allow it"
        )


class AllowedHosts:
    """The hosts that a server at `host` answers to; `allowed` are further names.

    Raises TypeError for a single text, and ValueError for what is no host name, such as one with a port.
    """

    def __init__(self, host: str, allowed: Iterable[str]) -> None:
        if isinstance(allowed, str):
            raise TypeError("the allowed hosts are several names, not one text")
        self._names = frozenset({"localhost", _normalized(host), *map(_checked, allowed)})

    def __contains__(self, host: object) -> bool:
        return isinstance(host, str) and (_normalized(host) in self._names or _address(host) is not None)


def _checked(name: str) -> str:
    """Return a name as it is in the header `Host`."""
    if not name or any(character in name for character in ":/?#@\\ \t"):
        raise ValueError(f"{name!r} is no host name, which has no scheme, port or path")
    return _normalized(ascii_host(name))


def _normalized(name: str) -> str:
    return name.lower().removesuffix(".")


def refusal(host: str) -> str:
    """Return why a request for a host is refused, and how to allow it."""
    return (
        f"This sandbox does not answer to the name {host}. To allow it: SandboxServer(allowed_hosts=[...]), "
        f"or pixel sandbox --allowed-host {host}"
    )
