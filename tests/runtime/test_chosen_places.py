"""Which places a run uses, and what it says of them."""

from __future__ import annotations

import asyncio

import pytest

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.nearby.relays import NearbyRelay
from filesend_tui.runtime.local_relay import LocalRelay
from filesend_tui.runtime.meeting_places import Choice, MeetingPlaces, chosen
from tests.runtime.places_client import NotingClient
from tests.waiting import until

TRACKERS = ("wss://a.example", "wss://b.example")
RELAY = "https://relay.example"
ALL = Choice(own=True, nearby=True, trackers=TRACKERS)
NAMED = Choice(relays=(RELAY,), nearby=True, trackers=TRACKERS)


@pytest.mark.parametrize(
    ("every", "only", "choice"),
    [
        (ALL, [], ALL),
        (ALL, ["own"], Choice(own=True)),
        (ALL, ["nearby"], Choice(nearby=True)),
        (ALL, ["trackers"], Choice(trackers=TRACKERS)),
        (ALL, ["own", "trackers"], Choice(own=True, trackers=TRACKERS)),
        (NAMED, ["relay"], Choice(relays=(RELAY,))),
        (ALL, ["192.168.1.7"], Choice(relays=("http://192.168.1.7:8421",))),
        (ALL, ["nas:9000"], Choice(relays=("http://nas:9000",))),
        (ALL, ["http://nas"], Choice(relays=("http://nas",))),
        (ALL, ["wss://c.example"], Choice(trackers=("wss://c.example",))),
    ],
    ids=str,
)
def test_only_what_was_named_is_used(every: Choice, only: list[str], choice: Choice) -> None:
    assert chosen(every, only) == choice


@pytest.mark.parametrize(
    ("only", "says"),
    [
        ("tracker", "“tracker” is none; a place is relay, own, nearby, trackers, or a URL"),
        ("", "a place is relay, own, nearby"),
        ("\x1b[2J", "a place is relay, own, nearby"),
        ("relay", "the settings name no relay"),
        ("ftp://x", "not the address of a relay"),
        ("wss://", "no WebSocket tracker"),
    ],
)
def test_what_is_no_place_is_refused_with_what_is_possible(only: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"place|relay|tracker") as refused:
        chosen(ALL, [only])
    assert says in str(refused.value)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("every", [ALL, NAMED], ids=["nothing named", "a relay named"])
def test_the_relay_of_a_code_comes_first_and_beside_the_others(every: Choice) -> None:
    choice = chosen(every, [], "192.168.1.7")
    assert choice.relays == ("http://192.168.1.7:8421", *every.relays)
    assert choice.at == "http://192.168.1.7:8421"
    assert (choice.own, choice.nearby, choice.trackers) == (False, True, TRACKERS)


def test_the_relay_of_a_code_that_is_known_is_no_second_one() -> None:
    assert chosen(NAMED, [], RELAY).relays == (RELAY,)


@pytest.mark.parametrize(
    ("choice", "command"),
    [
        (ALL, "filesend receive 7-apple-violin"),
        (NAMED, "filesend receive 7-apple-violin"),
        (Choice(own=True), "filesend receive 7-apple-violin"),
        (Choice(relays=(RELAY,)), f"filesend receive 7-apple-violin@{RELAY}"),
    ],
)
def test_the_command_names_a_relay_that_nobody_would_find(choice: Choice, command: str) -> None:
    places = MeetingPlaces(choice, LocalRelay(8421))
    assert places.command("7-apple-violin") == command


async def test_a_relay_of_a_code_that_does_not_answer_is_told(unused_tcp_port: int) -> None:
    """Even where others are there: they are not where the code is."""

    failure = RelayUnreachable(f"No relay answers at port {unused_tcp_port}.")
    client = NotingClient("wss://a.example", fails=failure)

    async def ask(_: str) -> bool:
        return False

    every = Choice(trackers=("wss://a.example",))
    choice = chosen(every, [], f"127.0.0.1:{unused_tcp_port}")
    places = MeetingPlaces(choice, LocalRelay(unused_tcp_port))
    with pytest.raises(RelayUnreachable, match=str(unused_tcp_port)):
        await places.open(client, ask)
    await places.close()
    places = MeetingPlaces(choice._replace(at=""), LocalRelay(unused_tcp_port))
    await places.open(client, ask)
    await places.close()


async def test_who_says_that_a_relay_nearby_is_gone_ends_no_connection_to_it() -> None:
    client = NotingClient("http://192.168.7.7:8421")
    places = MeetingPlaces(Choice(own=True, nearby=True), LocalRelay(1))
    (url,) = client.places
    places._gone(client, NearbyRelay(url, "0a1b2c3d"))
    await asyncio.sleep(0)
    assert not places._tasks._tasks
    assert not client.left
    # The connection asks before it comes back; then it is left.
    assert not await places._is_near(client, url)
    await until(lambda: client.left == [url])
    client.places.clear()
    places._gone(client, NearbyRelay(url, "0a1b2c3d"))
    await until(lambda: client.left == [url, url])
    await places.close()
