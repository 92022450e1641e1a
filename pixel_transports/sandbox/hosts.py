"""The hosts that a server listens on and answers to.

Rules kept here:

* Listening beyond loopback has to be requested.
* A host name is answered only if it is `localhost`, the one that the server listens on, or allowed. Any other page
  could have its own name resolved to loopback (DNS rebinding), and a browser would let it read everything here.
* An IP address is always answered: no page has one as its name without being served from there.
"""

import ipaddress
from collections.abc import Iterable


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def require_loopback(host: str, allow_with: str = "pass beyond_loopback=True") -> None:
    """Raise ValueError for a host that other machines can reach; `allow_with` says how to allow it."""
    address = _address(host)
    if not (host == "localhost" if address is None else address.is_loopback):
        raise ValueError(
            f"{host!r} can be reached from other machines, and a sandbox protects nothing: {allow_with} to allow it"
        )


class AllowedHosts:
    """The hosts that a server answers to; `allowed` are the names beside `localhost`."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._names = frozenset({"localhost", *map(_normalized, allowed)})

    def __contains__(self, host: object) -> bool:
        return isinstance(host, str) and (_normalized(host) in self._names or _address(host) is not None)


def _normalized(name: str) -> str:
    return name.lower().removesuffix(".")


def refusal(host: str) -> str:
    """Return why a request for a host is refused, and how to allow it."""
    return (
        f"This sandbox does not answer to the name {host}. To allow it: SandboxServer(allowed_hosts=[...]), "
        f"or pixel sandbox --allowed-host {host}"
    )
