"""Relays that are found by mDNS, on a network of real hosts."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.chaos.network import Host, why_none
from tests.nearby.lan import Lan, ask

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_none() is not None, reason=why_none() or ""),
]

EVERYWHERE = ("--host", "0.0.0.0", "--announce")


def status(host: Host, address: str) -> int:
    """Return how a relay answers there."""
    code = (
        "import sys, http.client as h; c = h.HTTPConnection(sys.argv[1], 8421); "
        "c.request('GET', '/healthz', headers={'Host': 'x'}); print(c.getresponse().status)"
    )
    return int(host.run(sys.executable, "-c", code, address))


def test_a_relay_is_found_and_gone_at_its_end(lan: Lan, one: Host, other: Host) -> None:
    looker = lan.looker(other)
    relay = lan.relay(one, *EVERYWHERE)
    found = looker.wait_for("found")
    assert found["url"] == "http://192.168.7.1:8421"
    # It can be connected to.
    assert status(other, "192.168.7.1") == 200
    relay.signal(signal.SIGTERM)
    assert looker.wait_for("gone")["instance"] == found["instance"]
    assert relay.end() == 0
    assert ask(looker)["relays"] == 0


def test_a_relay_that_was_there_before_is_found(lan: Lan, one: Host, other: Host) -> None:
    relay = lan.relay(one, *EVERYWHERE, "--log-level", "info")
    relay.wait_for_line("announced on the network")
    assert lan.looker(other).wait_for("found")["url"] == "http://192.168.7.1:8421"


def test_one_that_is_known_by_its_name_is_left_out(lan: Lan, one: Host, other: Host) -> None:
    looker = lan.looker(other, "--own", "00c0ffee")
    lan.relay(one, *EVERYWHERE, "--announce-as", "00c0ffee")
    lan.relay(lan.host("192.168.7.3/24"), *EVERYWHERE, "--announce-as", "00decade")
    assert looker.wait_for("found")["instance"] == "00decade"
    assert [each["instance"] for each in looker.events if each["event"] == "found"] == ["00decade"]


def test_one_that_announces_nothing_is_not_found(lan: Lan, one: Host, other: Host) -> None:
    looker = lan.looker(other)
    lan.relay(one, "--host", "0.0.0.0", "--no-announce")
    lan.relay(lan.host("192.168.7.3/24"), "--host", "127.0.0.1", "--announce")
    lan.relay(lan.host("192.168.7.4/24"), *EVERYWHERE)
    looker.wait_for("found")
    found = [each["url"] for each in looker.events if each["event"] == "found"]
    assert found == ["http://192.168.7.4:8421"]


@pytest.mark.parametrize(
    ("here", "there", "host", "url"),
    [
        ("fd07::2/64", "fd07::1/64", "::", "http://[fd07::1]:8421"),
        ("192.168.7.2/24 fd07::2/64", "192.168.7.1/24 fd07::1/64", "::", "http://192.168.7.1:8421"),
        # Bound to one address of two.
        (
            "192.168.7.2/24 fd07::2/64",
            "192.168.7.1/24 fd07::1/64",
            "fd07::1",
            "http://[fd07::1]:8421",
        ),
        ("169.254.7.2/16", "169.254.7.1/16", "0.0.0.0", "http://169.254.7.1:8421"),
    ],
    ids=["IPv6", "both", "one", "link-local"],
)
def test_addresses(lan: Lan, here: str, there: str, host: str, url: str) -> None:
    looker = lan.looker(lan.host(*here.split()))
    lan.relay(lan.host(*there.split()), "--host", host, "--announce")
    assert looker.wait_for("found")["url"] == url


def test_the_address_of_a_bridge_that_both_have_is_not_taken(
    lan: Lan, one: Host, other: Host
) -> None:
    for host in (one, other):  # as that of containers is everywhere
        host.run("ip", "link", "add", "containers", "type", "bridge")
        host.run("ip", "link", "set", "containers", "up")
        host.run("ip", "address", "add", "172.17.0.1/16", "dev", "containers")
    looker = lan.looker(other)
    relay = lan.relay(one, *EVERYWHERE, "--log-level", "info")
    assert "172.17.0.1" in relay.wait_for_line("announced on the network")
    assert looker.wait_for("found")["url"] == "http://192.168.7.1:8421"


def test_a_link_local_address_of_ipv6_is_one_of_the_interface(lan: Lan) -> None:
    here = lan.host()
    looker = lan.looker(here)
    lan.relay(lan.host(), "--host", "::", "--announce")
    url = looker.wait_for("found")["url"]
    index = here.run("ip", "-o", "link", "show", "eth").partition(":")[0]
    assert url.startswith("http://[fe80::")
    assert url.endswith(f"%{index}]:8421")
    assert status(here, url.removeprefix("http://[").removesuffix("]:8421")) == 200


def test_an_address_that_comes_later_is_told_and_one_that_goes_is_left(
    lan: Lan, one: Host, other: Host
) -> None:
    looker = lan.looker(other)
    relay = lan.relay(one, *EVERYWHERE, "--log-level", "info")
    looker.wait_for("found")
    lan.plug(one, "more", "192.168.7.11/24")
    relay.wait_for_line("192.168.7.11")
    one.run("ip", "address", "del", "192.168.7.1/24", "dev", "eth")
    looker.wait_for("found", lambda event: event["url"] == "http://192.168.7.11:8421")
    names = {each["instance"] for each in looker.events if each["event"] == "found"}
    assert len(names) == 1, "it is the same announcement"


def test_a_network_that_comes_later_is_looked_at_and_announced_on(lan: Lan) -> None:
    with Host() as here, Host() as there:
        looker = lan.looker(here)
        assert ask(looker)["why"] == "this machine has no network"
        lan.relay(there, *EVERYWHERE)
        lan.plug(here, "eth", "192.168.7.2/24")
        lan.plug(there, "eth", "192.168.7.1/24")
        assert looker.wait_for("found")["url"] == "http://192.168.7.1:8421"


def test_a_network_that_carries_no_multicast(lan: Lan, one: Host, other: Host) -> None:
    for host in (one, other):
        host.run("ip", "link", "set", "eth", "down")
    looker = lan.looker(other)
    relay = lan.relay(one, *EVERYWHERE, "--log-level", "info")
    assert ask(looker)["relays"] == 0
    # The relay answers all the same, and is found once the network is there.
    for host in (one, other):
        host.run("ip", "link", "set", "eth", "up")
    looker.wait_for("found")
    relay.signal(signal.SIGTERM)
    assert relay.end() == 0
