"""meeting_places.py: which places are left when they are gone from the network."""

from __future__ import annotations

import asyncio

import pytest

from filesend_tui.core.nearby.relays import NearbyRelay
from filesend_tui.runtime.local_relay import LocalRelay
from filesend_tui.runtime.meeting_places import Choice, MeetingPlaces
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
