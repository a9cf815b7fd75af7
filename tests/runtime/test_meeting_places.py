"""meeting_places.py: which places are left when they are gone from the network."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from filesend_tui.core.nearby.relays import NearbyRelay
from filesend_tui.core.util import own_address
from filesend_tui.runtime.local_relay import LocalRelay
from filesend_tui.runtime.meeting_places import Choice, MeetingPlaces
from relay.protocol.nearby import new_instance
from tests.conftest import running_relay
from tests.relay.web.test_page import build, built  # noqa: F401 - a fixture
from tests.runtime.places_client import NotingClient

NEARBY = NearbyRelay("http://192.168.7.3:8421", "00decade")
ANOTHER = "http://192.168.7.4:8421"


@pytest.mark.parametrize(
    ("relays", "left"),
    [((ANOTHER,), [NEARBY.url]), ((NEARBY.url,), []), ((ANOTHER, NEARBY.url), []), ((), [])],
    ids=["another is named", "it is named", "it is named second", "it is all there is"],
)
async def test_what_is_named_or_alone_is_not_left(relays: tuple[str, ...], left: list[str]) -> None:
    client = NotingClient()
    places = MeetingPlaces(Choice(relays=relays, nearby=True), LocalRelay(1))
    places._gone(client, NEARBY)
    while places._tasks:
        await asyncio.sleep(0)
    assert client.left == left
    await places.close()


async def test_a_code_has_a_link_once_the_relay_has_its_page(built: Path) -> None:  # noqa: F811
    with running_relay() as relay:
        places = MeetingPlaces(Choice(relays=(relay.url,)), LocalRelay(1))
        assert not await places.find_page()
        assert places.link("7-apple-violin") == ""
        build(built)
        assert await places.find_page()
        assert places.link("7-apple-violin") == f"{relay.url}/r#7-apple-violin"
        await places.close()
    assert not await places.find_page()


def test_others_reach_the_page_of_this_machines_relay_by_its_address_on_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    local = LocalRelay(8421)
    places = MeetingPlaces(Choice(own=True, nearby=True), local)
    monkeypatch.setattr(LocalRelay, "url", "http://127.0.0.1:8421")
    monkeypatch.setattr(LocalRelay, "is_wide", False)
    assert places.page == "http://127.0.0.1:8421/r"
    monkeypatch.setattr(LocalRelay, "is_wide", True)
    for outward, page in (
        ("192.168.7.2", "http://192.168.7.2:8421/r"),
        ("fd07::2", "http://[fd07::2]:8421/r"),
        (None, "http://127.0.0.1:8421/r"),
    ):
        monkeypatch.setattr(own_address, "outward", lambda outward=outward: outward)
        assert places.page == page


@pytest.mark.parametrize("announced", [True, False])
async def test_a_relay_of_another_process_is_linked_to_as_it_is_reached(
    announced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_address, "outward", lambda: "192.168.7.2")
    with running_relay(announce_as=new_instance() if announced else None) as relay:
        port = urlsplit(relay.url).port
        assert port is not None
        places = MeetingPlaces(Choice(own=True, nearby=True), LocalRelay(port))
        await places.find_page()
        host = "192.168.7.2" if announced else "127.0.0.1"
        assert places.page == f"http://{host}:{port}/r"
        await places.close()


def test_the_address_outward_is_one_that_this_machine_has() -> None:
    outward = own_address.outward()
    assert outward is None or own_address.has((outward, 0))
