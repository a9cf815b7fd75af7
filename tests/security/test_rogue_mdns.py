"""Somebody on the network announces relays that are none, without end, or lead elsewhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest

from filesend_tui.core.nearby.interfaces import Here
from filesend_tui.core.nearby.relays import NearbyRelay
from filesend_tui.core.nearby.table import MAX_NAMES, MAX_ROWS, Table
from relay.protocol import nearby
from tests.chaos.network import Host, why_none
from tests.e2e.processes import Filesend
from tests.nearby.lan import Lan, ask, most_at_once

HONEST = "00decade"
#: Bytes by which somebody who looks may grow, whatever is announced.
BOUND = 64_000_000

in_a_lan = pytest.mark.skipif(why_none() is not None, reason=why_none() or "")


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    with Lan(tmp_path) as lan:
        yield lan


@pytest.fixture
def victim(lan: Lan) -> Host:
    return lan.host("192.168.7.2/24", "fd07::2/64")


@pytest.fixture
def rogue(lan: Lan) -> Host:
    return lan.host("192.168.7.66/24")


def memory(looker: Filesend) -> int:
    return int(ask(looker)["memory"])


def found(looker: Filesend) -> list[str]:
    return [each["url"] for each in looker.events if each["event"] == "found"]


@pytest.mark.slow
@in_a_lan
@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("address", "93.184.216.34"),
        ("address", "127.0.0.1"),
        ("huge", "93.184.216.34"),
        ("64 KiB", "192.168.7.66"),
        ("port 0", "192.168.7.66"),
        ("other version", "192.168.7.66"),
        ("names of people", "192.168.7.66"),
        ("long names", "192.168.7.66"),
        ("types without end", "192.168.7.66"),
        ("addresses without end", "192.168.7.66"),
        ("noise", "192.168.7.66"),
    ],
)
def test_ten_thousand_that_are_none_hide_no_honest_one(
    lan: Lan, victim: Host, rogue: Host, kind: str, address: str
) -> None:
    looker = lan.looker(victim, "--pause", "0.5")
    before = memory(looker)
    lan.rogue(rogue, kind, "--address", address)
    lan.relay(
        lan.host("192.168.7.1/24"), "--host", "0.0.0.0", "--announce", "--announce-as", HONEST
    )
    looker.wait_for("found")
    assert found(looker) == ["http://192.168.7.1:8421"]
    assert memory(looker) - before < BOUND


@pytest.mark.slow
@in_a_lan
def test_ten_thousand_that_may_be_some_are_few(lan: Lan, victim: Host, rogue: Host) -> None:
    looker = lan.looker(victim, "--pause", "0.5")
    before = memory(looker)
    lan.rogue(rogue, "address")
    looker.wait_for_line("left alone for a while")
    looker.wait_for("found")
    assert memory(looker) - before < BOUND
    assert most_at_once(looker) <= MAX_ROWS
    assert set(found(looker)) == {"http://192.168.7.66:8421"}


@pytest.mark.slow
@in_a_lan
def test_a_relay_that_is_told_too_much_answers_and_is_announced_again(
    lan: Lan, victim: Host, rogue: Host
) -> None:
    host = lan.host("192.168.7.1/24")
    relay = lan.relay(host, "--host", "0.0.0.0", "--announce", "--log-level", "info")
    relay.wait_for_line("announced on the network")
    lan.rogue(rogue, "huge")
    relay.wait_for_line("left alone for a while")
    relay.errors.clear()
    relay.wait_for_line("announced on the network")
    looker = lan.looker(victim)
    looker.wait_for("found", lambda event: event["url"] == "http://192.168.7.1:8421")


HERE = Here(
    interfaces=("192.168.7.2", 4),
    networks=tuple(map(ipaddress.ip_network, ("192.168.7.0/24", "fd07::/64", "fe80::/64"))),
    own=frozenset({ipaddress.ip_address("192.168.7.2")}),
)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "93.184.216.34",
            "10.1.2.3",
            "169.254.169.254",
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
        ),
        *("224.0.0.251", "192.168.7.0", "192.168.7.255", "192.168.8.1", "2606:2800:220:1::1"),
        *("::1", "::", "ff02::fb", "::ffff:192.168.7.66", "::ffff:127.0.0.1", "fd08::1"),
        *("fe80::1", "fe80::1%5", "fe80::1%eth", "fe80::1%", "fd07::1%4", "192.168.7.1%4"),
        *("", "x", "192.168.7.1/24", "192.168.7.1:80", "[fd07::1]", "1"),
    ],
)
def test_nobody_is_sent_to_where_this_machine_is_not(address: str) -> None:
    assert HERE.url([address], 8421) is None


@pytest.mark.parametrize("port", [-1, 0, 65536, 2**31])
def test_a_port_that_is_none(port: int) -> None:
    assert HERE.url(["192.168.7.1"], port) is None


def test_no_more_addresses_are_looked_at_than_a_relay_has() -> None:
    assert HERE.url(["8.8.8.8"] * (nearby.MAX_ADDRESSES - 1) + ["192.168.7.1"], 1)
    assert HERE.url(["8.8.8.8"] * nearby.MAX_ADDRESSES + ["192.168.7.1"], 1) is None


@pytest.mark.parametrize(
    "name",
    [
        *("Ann", "0123456", "012345678", "0123456g", "\x1b[31m012", "01234567\n", "", "0.1234567"),
        *("é1234567", "٠1234567", "01234567.x", "x" * 60_000),
    ],
)
def test_a_name_that_somebody_chose_is_none(name: str) -> None:
    assert nearby.instance_of(f"{name}.{nearby.SERVICE_TYPE}") is None
    assert nearby.instance_of(name) is None


def test_names_without_end_take_each_others_place_and_nobody_elses() -> None:
    told: list[NearbyRelay] = []
    table = Table(told.append, told.remove, str, 0.0)
    table.announced(HONEST)
    table.says(HONEST, NearbyRelay("http://192.168.7.1:8421", HONEST), 0.0)
    for number in range(10_000):
        table.announced(f"{number:08x}")
        assert len(table.names) <= MAX_NAMES
    assert [each.instance for each in told] == [HONEST]


def test_who_comes_and_goes_without_end_is_told_of_at_a_bounded_rate() -> None:
    told: list[NearbyRelay] = []
    table = Table(told.append, lambda _: None, str, 0.0)
    for number in range(100_000):
        name = f"{number:08x}"
        table.announced(name)
        table.says(name, NearbyRelay("http://192.168.7.66:1", name), number / 10_000)
        table.withdrawn(name)
    assert 10 < len(told) < 100
    # One address after another, too.
    del told[:]
    table.announced(HONEST)
    for port in range(1, 10_000):
        table.says(HONEST, NearbyRelay(f"http://192.168.7.66:{port}", HONEST), 10.0)
    assert len(told) < 50
