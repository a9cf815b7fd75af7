"""core/nearby: which announcements become relays, and by which of their addresses."""

from __future__ import annotations

import ipaddress

import pytest

from filesend_tui.core.nearby.interfaces import Here, here
from filesend_tui.core.nearby.relays import NearbyRelay
from filesend_tui.core.nearby.table import MAX_ROWS, Table
from filesend_tui.core.relay_client.address import parse_relay_url
from relay.protocol import nearby

URL = "http://192.168.7.1:8421"


class Told:
    """What a table tells, in order."""

    def __init__(self, own: str = "") -> None:
        self.own = own
        self.said: list[tuple[str, str]] = []
        self.table: Table[NearbyRelay] = Table(self._found, self._gone, lambda: self.own, 0.0)

    def is_at(self, name: str, url: str | None, now: float) -> None:
        """Have an announcement lead to a relay there as of now; None: to none."""
        self.table.says(name, NearbyRelay(url, name) if url is not None else None, now)

    def _found(self, relay: NearbyRelay) -> None:
        self.said.append(("found", relay.url))

    def _gone(self, relay: NearbyRelay) -> None:
        self.said.append(("gone", relay.url))


@pytest.fixture
def told() -> Told:
    return Told()


def test_one_comes_moves_and_goes(told: Told) -> None:
    told.table.announced("00000001")
    assert told.said == []
    told.is_at("00000001", URL, 0.0)
    told.is_at("00000001", URL, 0.0)
    told.is_at("00000001", "http://192.168.7.9:1", 0.0)
    told.table.withdrawn("00000001")
    told.table.withdrawn("00000001")
    assert told.said == [
        ("found", URL),
        ("gone", URL),
        ("found", "http://192.168.7.9:1"),
        ("gone", "http://192.168.7.9:1"),
    ]
    assert told.table.names == ()


def test_one_that_leads_nowhere_any_more_is_gone_until_it_does(told: Told) -> None:
    told.table.announced("00000001")
    for url in (None, URL, None, URL):
        told.is_at("00000001", url, 0.0)
    assert [event for event, _ in told.said] == ["found", "gone", "found"]
    assert told.table.rows == (NearbyRelay(URL, "00000001"),)


def test_nothing_that_was_not_announced_is_found(told: Told) -> None:
    told.is_at("00000001", URL, 0.0)
    assert told.said == []


def test_ones_own_is_left_out_also_where_its_name_is_known_later(told: Told) -> None:
    told.table.announced("00000001")
    told.is_at("00000001", URL, 0.0)
    told.own = "00000001"
    told.is_at("00000001", URL, 0.0)
    assert told.said == [("found", URL), ("gone", URL)]


def test_one_more_than_there_may_be_waits_for_a_place(told: Told) -> None:
    names = [f"{number:08x}" for number in range(MAX_ROWS + 1)]
    for name in names:
        told.table.announced(name)
        told.is_at(name, URL, 0.0)
    assert len(told.table.rows) == MAX_ROWS
    told.table.withdrawn(names[0])
    told.is_at(names[-1], URL, 0.0)
    assert told.table.rows[-1].instance == names[-1]


def test_after_another_look_what_was_not_seen_again_is_gone(told: Told) -> None:
    for name in ("00000001", "00000002"):
        told.table.announced(name)
        told.is_at(name, URL, 0.0)
    told.table.keep_only(frozenset({"00000002"}))
    assert [each.instance for each in told.table.rows] == ["00000002"]


HERE = Here(
    interfaces=("192.168.7.2", "172.17.0.1", 4),
    networks=tuple(
        map(
            ipaddress.ip_network,
            ("192.168.7.0/24", "172.17.0.0/16", "fd07::/64", "fe80::/64", "203.0.113.0/28"),
        )
    ),
    own=frozenset(map(ipaddress.ip_address, ("192.168.7.2", "172.17.0.1"))),
)


@pytest.mark.parametrize(
    ("addresses", "host"),
    [
        (["192.168.7.1"], "192.168.7.1"),
        (["fd07::1", "192.168.7.1"], "192.168.7.1"),
        (["8.8.8.8", "fd07::1"], "[fd07::1]"),
        (["fe80::1%4", "fd07::1"], "[fd07::1]"),
        (["fe80::1%4"], "[fe80::1%4]"),
        (["172.17.0.1", "192.168.7.1"], "192.168.7.1"),
        (["172.17.0.1", "fd07::1"], "[fd07::1]"),
        # Somebody else's on this machine.
        (["192.168.7.2"], "192.168.7.2"),
        # A public address of the network that this machine is in.
        (["203.0.113.5"], "203.0.113.5"),
    ],
)
def test_the_best_address(addresses: list[str], host: str) -> None:
    url = HERE.url(addresses, 8421)
    assert url == f"http://{host}:8421"
    assert parse_relay_url(url).url == url


def test_this_machine_is_somewhere_or_nowhere() -> None:
    place = here()
    assert bool(place.interfaces) == bool(place.own)
    assert not any(address.is_loopback for address in place.own)
    assert len(place.interfaces) <= nearby.MAX_INTERFACES
    assert place == here()


def test_a_name_tells_nothing_and_is_one() -> None:
    one, other = nearby.new_instance(), nearby.new_instance()
    assert one != other
    assert nearby.instance_of(nearby.full_name(one)) == one
    assert nearby.instance_of(nearby.full_name(one).upper()) == one
