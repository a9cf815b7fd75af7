"""Which TURN servers of a relay this client asks: none that is nearer than the relay."""

from __future__ import annotations

import pytest

from filesend_tui.core.transports.base import RelayEntry
from filesend_tui.core.transports.webrtc.relay_turn import (
    Place,
    place_of,
    place_of_relay,
    servers_of,
)
from relay.protocol.words import TurnLogin

#: What names mean here.
NAMES = {
    "turn.example": ["198.51.100.1", "8.8.8.8", "2001:4860:4860::8888"],
    "good.example": ["8.8.4.4", "2001:4860:4860::8844"],
    "six.example": ["2001:4860:4860::8844"],
    "home.example": ["192.168.1.5"],
    "sly.example": ["127.0.0.1"],
    "both.example": ["8.8.8.8", "10.0.0.1"],
    "cloud.example": ["169.254.169.254"],
    "relay.example": ["8.8.8.8"],
    "relay.lan": ["192.168.1.2", "fd00::2"],
}


async def find(host: str) -> list[str]:
    if host not in NAMES:
        raise OSError("unknown")
    return NAMES[host]


async def asked(relay: str, *urls: str) -> list[str]:
    login = TurnLogin(urls=urls, username="1:a", credential="secret")
    servers = await servers_of(RelayEntry(relay, "", "", "", b"", login), find)
    assert all((s.ice.username, s.ice.credential) == ("1:a", "secret") for s in servers)
    return [server.ice.urls for server in servers]


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.0.0.1", Place.MACHINE),
        ("::1", Place.MACHINE),
        ("::ffff:127.0.0.1", Place.MACHINE),
        ("10.1.2.3", Place.NETWORK),
        ("100.64.0.1", Place.NETWORK),
        ("fd00::1", Place.NETWORK),
        ("8.8.8.8", Place.INTERNET),
        ("2001:4860:4860::8888", Place.INTERNET),
        ("169.254.169.254", None),
        ("fe80::1%eth0", None),
        ("224.0.0.1", None),
        ("0.0.0.0", None),
        ("turn.example", None),
    ],
)
def test_where_an_address_is(address: str, place: Place | None) -> None:
    assert place_of(address) is place


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("localhost", Place.MACHINE),
        ("relay.localhost", Place.MACHINE),
        ("127.0.0.1", Place.MACHINE),
        ("192.168.1.2", Place.NETWORK),
        ("relay.lan", Place.NETWORK),
        ("relay.example", Place.INTERNET),
        ("both.example", Place.INTERNET),
        ("nobody.example", Place.INTERNET),
        # A name may mean another address the next time.
        ("sly.example", Place.NETWORK),
    ],
)
async def test_where_a_relay_is(host: str, place: Place) -> None:
    assert await place_of_relay(host, find) is place


@pytest.mark.parametrize(
    "url",
    [
        "turn:127.0.0.1:6379?transport=tcp",
        "turn:[::1]:22?transport=tcp",
        "turn:192.168.1.1:80?transport=tcp",
        "turn:10.0.0.1",
        "turn:169.254.169.254:80?transport=tcp",
        "turn:sly.example",
        "turn:home.example",
        "turn:both.example",
        "turn:cloud.example",
        "turn:turn.example",
        "turns:home.example",
        "turn:nobody.example",
        "turn:[2001:4860:4860::8888]",
        "stun:good.example",
        "turns:good.example?transport=udp",
        "http://good.example",
        "turn:good.example/../x",
        "x",
    ],
)
async def test_hostile_urls_of_a_relay_on_the_internet_are_not_asked(url: str) -> None:
    """The right one beside it is: what is refused costs nothing else."""
    right = "turn:good.example:3478?transport=udp"
    told = await asked("relay.example:8421", url, right)
    assert told == ["turn:8.8.4.4:3478?transport=udp"]


async def test_what_was_looked_up_is_what_is_connected_to() -> None:
    """But with TLS: there whoever answers has to have the name's certificate."""
    assert await asked(
        "relay.example",
        "turn:good.example:1?transport=tcp",
        "turns:good.example",
        "turn:six.example",
    ) == [
        "turn:8.8.4.4:1?transport=tcp",
        "turns:good.example:5349",
        "turn:six.example:3478?transport=udp",
    ]


async def test_a_relay_in_ones_own_network_may_have_its_server_there() -> None:
    urls = ("turn:192.168.1.5", "turn:home.example", "turn:good.example")
    here = ["turn:192.168.1.5:3478?transport=udp"] * 2 + ["turn:8.8.4.4:3478?transport=udp"]
    for relay in ("relay.lan:8421", "192.168.1.2:8421", "127.0.0.1:8421", "[::1]:8421/mounted"):
        assert await asked(relay, *urls) == here
    assert await asked("relay.lan", "turn:127.0.0.1") == []
    assert await asked("127.0.0.1:8421", "turn:127.0.0.1:1") == ["turn:127.0.0.1:1?transport=udp"]


async def test_a_relay_that_names_none() -> None:
    assert await servers_of(RelayEntry("relay.example", "", "", "", b""), find) == []
