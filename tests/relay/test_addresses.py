from __future__ import annotations

import pytest

from relay.addresses import Proxies

PROXIES = Proxies(["127.0.0.1", "10.0.0.0/8", "2001:db8:ffff::/48"])


def client(peer: str, *forwarded: str, proxies: Proxies = PROXIES) -> str:
    headers = [(b"host", b"x"), *((b"x-forwarded-for", each.encode()) for each in forwarded)]
    return proxies.client(peer, headers)


@pytest.mark.parametrize("peer", ["192.0.2.1", "11.0.0.1", "2001:db8:fffe::1", "testclient", ""])
def test_a_strangers_header_counts_for_nothing(peer: str):
    assert client(peer, "198.51.100.1") == client(peer)


def test_nobody_is_trusted_who_is_not_named():
    assert client("127.0.0.1", "198.51.100.1", proxies=Proxies()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ([], "10.0.0.1"),
        (["192.0.2.1"], "192.0.2.1"),
        (["1.1.1.1, 192.0.2.1"], "192.0.2.1"),
        (["1.1.1.1", "192.0.2.1"], "192.0.2.1"),
        (["1.1.1.1,192.0.2.1 , 10.9.9.9"], "192.0.2.1"),
        (["10.9.9.9"], "10.9.9.9"),
        (["192.0.2.1:4711"], "192.0.2.1"),
        (["::ffff:192.0.2.1"], "192.0.2.1"),
        (["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        (["2001:db8:1:2:3::4, 2001:db8:ffff::1"], "2001:db8:1:2::/64"),
        # A proxy that says nothing that is an address: then it is the proxy's.
        (["192.0.2.1, unknown"], "10.0.0.1"),
        (["192.0.2.1, "], "10.0.0.1"),
        (["192.0.2.1, 10.9.9.9, \xff"], "10.0.0.1"),
        (["192.0.2.1, unknown, 10.9.9.9"], "10.9.9.9"),
    ],
)
def test_from_the_right_the_first_that_is_no_proxy(forwarded: list[str], expected: str):
    assert client("10.0.0.1", *forwarded) == expected


def test_an_ipv4_proxy_on_an_ipv6_socket():
    assert client("::ffff:127.0.0.1", "192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize("nonsense", ["proxy.example", "10.0.0.1/8", ""])
def test_what_is_no_network_is_refused(nonsense: str):
    with pytest.raises(ValueError):
        Proxies([nonsense])
