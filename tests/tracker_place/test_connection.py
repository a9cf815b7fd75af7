"""The connection to a tracker: what is no tracker, and one that goes away."""

from __future__ import annotations

import asyncio
import socket

import pytest

from filesend_tui.core.errors import PairingFailed, RelayUnreachable
from filesend_tui.core.relay_client.staying import ConnectionState as State
from relay.protocol import words
from tests.security.rogue import Delivery, RogueTracker, rogue_tracker
from tests.tracker_place.people import Person
from tests.tracker_place.test_meeting import NUMBER, PLACE, paired


@pytest.mark.parametrize(
    "typed",
    ["", "tracker.example", "http://tracker.example", "ws://", "ws://me:secret@tracker.example"],
)
async def test_what_is_no_trackers_address(typed: str) -> None:
    person = Person()
    with pytest.raises(RelayUnreachable, match="not the address of a tracker") as refused:
        await person.connect(typed)
    assert "secret" not in refused.value.message
    assert person.states == []


async def test_nothing_listens_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        person = Person()
        with pytest.raises(RelayUnreachable, match="nothing listens there") as refused:
            await person.connect(f"ws://127.0.0.1:{taken.getsockname()[1]}/announce?key=passkey")
    assert "passkey" not in refused.value.message
    assert person.states == [State.CONNECTING, State.CLOSED]


async def test_a_lost_tracker_ends_all_and_is_come_back_to() -> None:
    async with rogue_tracker() as tracker:
        one, two = Person(), Person()
        await one.connect(tracker.url)
        await two.connect(tracker.url)
        room = await paired(one, two)
        await one.allocate(NUMBER)
        assert await one.meet(PLACE) is None
        tracker.trick = lambda _tracker, _due: ()
        before = len(tracker.announces)
        sending = asyncio.create_task(one.send(room, words.Pake(body=b"A")))
        asking = asyncio.create_task(two.meet(bytes(32)))
        await tracker.until(lambda: len(tracker.announces) >= before + 2)
        tracker.trick = lambda _tracker, due: (due,)
        tracker.abort()
        for waiting in (sending, asking):
            with pytest.raises(RelayUnreachable, match="was lost"):
                await waiting
        for person in (one, two):
            await person.until(lambda: person.states[-2:] == [State.LOST, State.CONNECTED])  # noqa: B023
            assert not person.hung_up
        with pytest.raises(Exception, match="Nobody is at the other end"):
            await one.send(room, words.Pake(body=b"A"))
        assert one.notices == [words.Claimed(nameplate=NUMBER, room=room)]
        assert await paired(two, one)
        for person in (one, two):
            await person.close()
            assert person.states[-1] is State.CLOSED


async def test_it_is_asked_whether_to_come_back_and_may_come_back_at_once() -> None:
    asked = asyncio.Event()

    async def never() -> bool:
        asked.set()
        return False

    async with rogue_tracker() as tracker:
        one = Person()
        await one.connect(tracker.url, again=never)
        tracker.abort()
        async with asyncio.timeout(20):
            await asked.wait()
        assert one.state is State.LOST
        await one.connect(tracker.url)
        assert one.states == [State.CONNECTING, State.CONNECTED, State.LOST, State.CONNECTED]
        await one.close()


async def test_who_still_waits_while_it_is_closed_is_told() -> None:
    async with rogue_tracker(lambda _tracker, _due: ()) as tracker:
        one = Person()
        await one.connect(tracker.url)
        calls = [
            asyncio.create_task(work)
            for work in (one.allocate(NUMBER), one.claim(NUMBER + 1), one.meet(PLACE))
        ]
        await tracker.until(lambda: len(tracker.announces) == 3)
        await one.close()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(end) for end in ends] == [RelayUnreachable] * 3
        await tracker.until(lambda: len(tracker.announces) == 6)
        assert {frame.event for _, frame in tracker.announces[3:]} == {"stopped"}


async def test_who_leaves_a_place_while_asking_is_told() -> None:
    async with rogue_tracker(lambda _tracker, _due: ()) as tracker:
        one = Person()
        await one.connect(tracker.url)
        meeting = asyncio.create_task(one.meet(PLACE))
        await tracker.until(lambda: tracker.announces)
        await one.call(words.LeavePlace(place=PLACE), words.Done)
        with pytest.raises(PairingFailed, match="left the place"):
            await meeting
        await one.close()


async def test_a_call_of_a_cancelled_caller_leaves_nothing_behind() -> None:
    def unanswered(_: RogueTracker, due: Delivery) -> tuple[Delivery, ...]:
        return ()

    async with rogue_tracker(unanswered) as tracker:
        one = Person()
        await one.connect(tracker.url)
        calls = [
            asyncio.create_task(work)
            for work in (one.allocate(NUMBER), one.claim(NUMBER + 1), one.meet(PLACE))
        ]
        await tracker.until(lambda: len(tracker.announces) == 3)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await tracker.until(lambda: len(tracker.announces) == 6)
        assert {frame.event for _, frame in tracker.announces[3:]} == {"stopped"}
        await one.close()
