from __future__ import annotations

import pytest

from relay.guard.addresses import Networks, Proxies, is_loopback, networks

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
        (["2001:db8:1:2:3::4"], "2001:db8:1:2:3::4"),
        (["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2:3::4"),
        (["2001:db8:1:2:3::4, 2001:db8:ffff::1"], "2001:db8:1:2:3::4"),
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


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("192.0.2.7", ["192.0.2.7"]),
        ("::ffff:192.0.2.7", ["192.0.2.7"]),
        (
            "2001:db8:1:2fff:3:4:5:6",
            ["2001:db8:1:2fff::/64", "2001:db8:1:2f00::/56", "2001:db8:1::/48"],
        ),
        ("testclient", ["testclient"]),
        ("", [""]),
    ],
)
def test_an_address_is_counted_under_its_networks(host: str, names: list[str]):
    counted = networks(host)
    assert [network.name for network in counted] == names
    assert [network.share for network in counted] == [1, 2, 8][: len(names)]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "[::1]:80"])
def test_what_is_loopback(host: str):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "::", "0.0.0.0", "localhost", "", "2001:db8::1"])
def test_what_is_not(host: str):
    assert not is_loopback(host)


def test_members_of_networks():
    members = Networks(["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"])
    assert all(host in members for host in ("10.1.2.3", "2001:db8:9::1", "192.0.2.1"))
    assert not any(host in members for host in ("192.0.2.2", "::1", "", "x"))


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_a_proxy_that_is_not_trusted_hides_who_asks(header: str):
    headers = [(header.encode(), b"192.0.2.1")]
    assert Proxies().hides("127.0.0.1", headers)
    assert not PROXIES.hides("127.0.0.1", headers)
    assert not Proxies().hides("127.0.0.1", [(b"host", b"x")])
