"""Addresses of a host: their order, and hosts that are addresses.

No look-ups and no connections: a driver resolves names and opens sockets. Families alternate, beginning with the one
that the system prefers, and keep the system's order within themselves (RFC 8305, section 4). So a network that drops
one family's packets costs one delay, not a time limit.
"""

from collections.abc import Callable, Hashable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain, zip_longest
from typing import TypeVar

A = TypeVar("A")

_MISSING = object()


def interleaved(addresses: Iterable[A], family: Callable[[A], Hashable]) -> list[A]:
    """Return the same addresses with alternating families.

    >>> interleaved(["6a", "6b", "6c", "4a"], lambda address: address[0])
    ['6a', '4a', '6b', '6c']
    """
    families: dict[Hashable, list[A]] = {}
    for address in addresses:
        families.setdefault(family(address), []).append(address)
    turns = chain.from_iterable(zip_longest(*families.values(), fillvalue=_MISSING))
    return [address for address in turns if address is not _MISSING]  # type: ignore[misc]


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return a host as an address, an IPv4-mapped one as IPv4; None for a name."""
    if not host[-1:].isdigit() and ":" not in host:
        return None  # nearly every name
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
