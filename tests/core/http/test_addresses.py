"""The order of addresses (RFC 8305, section 4), and which hosts are addresses."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from pixel_core.http.addresses import interleaved, literal


@pytest.mark.parametrize(
    ("addresses", "ordered"),
    [
        ("", ""),
        ("6a 6b 6c", "6a 6b 6c"),
        ("6a 6b 4a 4b", "6a 4a 6b 4b"),
        ("4a 4b 6a", "4a 6a 4b"),
        ("6a 4a 4b 6b 4c", "6a 4a 6b 4b 4c"),
    ],
)
def test_families_alternate_and_the_first_address_stays_first(addresses: str, ordered: str) -> None:
    assert interleaved(addresses.split(), lambda address: address[0]) == ordered.split()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", IPv4Address("127.0.0.1")),
        ("::1", IPv6Address("::1")),
        ("::ffff:10.0.0.1", IPv4Address("10.0.0.1")),
        ("fe80::1%eth0", IPv6Address("fe80::1%eth0")),
        *((name, None) for name in ("localhost", "pixel.test", "host1", "1.2.3", "127.1", "1.2.3.4.5", "a:b", "")),
    ],
)
def test_a_host_is_an_address_or_a_name(host: str, address: object) -> None:
    assert literal(host) == address
