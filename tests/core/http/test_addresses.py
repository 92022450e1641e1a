"""The order in which addresses are tried, and which hosts are addresses themselves."""

from ipaddress import IPv4Address, IPv6Address
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_core.http.addresses import interleaved, literal

ADDRESSES = st.lists(st.tuples(st.sampled_from([4, 6]), st.integers(0, 9)))


def family(address: tuple[int, int]) -> int:
    return address[0]


@pytest.mark.parametrize(
    ("addresses", "ordered"),
    [
        ("", ""),
        ("6a", "6a"),
        ("6a 6b 6c", "6a 6b 6c"),
        ("6a 6b 4a 4b", "6a 4a 6b 4b"),
        ("4a 4b 6a", "4a 6a 4b"),
        ("6a 6b 6c 4a", "6a 4a 6b 6c"),
        ("6a 4a 4b 6b 4c", "6a 4a 6b 4b 4c"),
    ],
)
def test_the_families_take_turns_and_the_first_stays_the_first(addresses: str, ordered: str) -> None:
    assert interleaved(addresses.split(), lambda address: address[0]) == ordered.split()


@given(ADDRESSES)
def test_no_address_is_lost_and_each_family_keeps_its_order(addresses: list[tuple[int, int]]) -> None:
    ordered = interleaved(addresses, family)
    for each in (4, 6):
        assert [a for a in ordered if a[0] == each] == [a for a in addresses if a[0] == each]
    assert ordered[:1] == addresses[:1]


@given(ADDRESSES)
def test_one_family_follows_itself_only_once_the_other_is_used_up(addresses: list[tuple[int, int]]) -> None:
    families = [key for key, _ in groupby(map(family, interleaved(addresses, family)))]
    assert all(one != other for one, other in pairwise(families))
    runs = [len(list(run)) for _, run in groupby(map(family, interleaved(addresses, family)))]
    assert all(run == 1 for run in runs[:-1])


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", IPv4Address("127.0.0.1")),
        ("::1", IPv6Address("::1")),
        ("::ffff:10.0.0.1", IPv4Address("10.0.0.1")),
        ("fe80::1%eth0", IPv6Address("fe80::1%eth0")),
        ("localhost", None),
        ("pixel.test", None),
        ("host1", None),
        ("1.2.3", None),
        ("127.1", None),
        ("1.2.3.4.5", None),
        ("a:b", None),
        ("", None),
    ],
)
def test_a_host_is_an_address_or_a_name(host: str, address: object) -> None:
    assert literal(host) == address
