"""A partner who says without end: the screens answer keys, and hold no more than they show.

Real app, scripted client. What a key waits for is counted in events and turns of the event loop,
which are the same on every machine; docs/security.md has the seconds.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual import events as textual_events

from filesend_tui.app import FileSendApp
from filesend_tui.core import events
from filesend_tui.core.event_stream import _BACKLOG, _FIGURES, EventStream
from filesend_tui.core.events import Direction, Event, FileEntry, TransferPhase
from filesend_tui.core.exchange import transfers
from filesend_tui.core.sessions import partner
from filesend_tui.runtime.client_handle import HANDFUL
from filesend_tui.state.store import MAX_LINES, MAX_ROWS, Store
from relay.protocol import words
from relay.protocol.words import OfferedFile
from tests.conftest import RunningRelay
from tests.exchange.test_transfers import hostile_partner
from tests.people import Links, NewPerson
from tests.tui.conftest import disk, home, stage
from tests.tui.moments import ANA, asked, paired, phase, receiving
from tests.tui.scripted import ScriptedClient, ScriptedPlaces, Stage

__all__ = ["disk", "home", "stage"]

#: A second of a flood.
FLOOD = 10_000
ONE_FILE = (FileEntry(path="a", size=1),)


def messages() -> Iterator[Event]:
    while True:
        yield events.Message(partner=ANA, text="x" * 200)


def requests() -> Iterator[Event]:
    for number in itertools.count():
        yield from asked(f"{number:016x}", ONE_FILE)
        yield phase(f"{number:016x}", TransferPhase.CANCELLED)


def progress() -> Iterator[Event]:
    while True:
        for number in range(20):
            yield events.Hashing(transfer=f"{number:016x}", progress=number / 20)
        yield from receiving("r1", ONE_FILE)[2:]


def strangers() -> Iterator[Event]:
    """Of an open share: anybody can come and go."""
    for number in itertools.count():
        address = f"192.0.2.1:{number % 50_000}"
        yield events.PeerConnected(torrent="t", address=address, client="x", road="webrtc")
        yield events.PeerDropped(torrent="t", address=address, reason="closed")


def everything() -> Iterator[Event]:
    for one_of_each in zip(messages(), requests(), progress(), strangers(), strict=True):
        yield from one_of_each


KINDS = [messages, requests, progress, strangers, everything]


def flood(kind: object) -> list[Event]:
    return list(itertools.islice(kind(), FLOOD))  # type: ignore[operator]


async def press(stage: Stage, key: str) -> None:
    """Press a key, as the terminal does: it waits its turn among all else."""
    pressed = textual_events.Key(key, None)
    pressed.set_sender(stage.app)
    stage.app.post_message(pressed)


async def taken_in(client: ScriptedClient) -> None:
    """Wait until nothing waits to be read."""
    async with asyncio.timeout(60):
        while any(reader._events for reader in client.readers):
            await asyncio.sleep(0)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_waits_for_a_few_handfuls_and_not_for_the_flood(
    stage: Stage, kind: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0
    at_key: list[int] = []
    apply = Store.apply

    def counting(store: Store, event: Event, now: float) -> None:
        nonlocal taken
        taken += 1
        apply(store, event, now)

    async def noting(_: FileSendApp) -> None:
        at_key.append(taken)

    async with stage.app.run_test() as pilot:
        await stage.play(pilot, paired())
        monkeypatch.setattr(Store, "apply", counting)
        monkeypatch.setattr(FileSendApp, "action_quit", noting)
        coming = flood(kind)
        for event in coming:
            stage.client.stream.publish(event)
        async with asyncio.timeout(60):
            while not taken:  # the flood is under way
                await asyncio.sleep(0)
            for _ in range(3):
                before = taken
                await press(stage, "ctrl+q")  # which every screen lets pass
                while not at_key:
                    await asyncio.sleep(0)
                assert at_key.pop() - before <= 10 * HANDFUL
            await taken_in(stage.client)
        await stage.settle(pilot)
        said = sum(not isinstance(event, _FIGURES) for event in coming)
        assert taken >= said, "no word was left out"


async def test_many_requests_ring_the_bell_once_a_drawing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ScriptedClient()

    async def find(_: object) -> str:
        return "http://127.0.0.1:8421"

    app = FileSendApp(lambda: client, places=ScriptedPlaces(find), output=home, start=home)
    bells = drawn = 0
    draw = app._draw

    def counting() -> None:
        nonlocal drawn
        drawn += 1
        draw()

    def bell() -> None:
        nonlocal bells
        bells += 1

    monkeypatch.setattr(app, "bell", bell)
    monkeypatch.setattr(app, "_draw", counting)
    async with app.run_test() as pilot:
        await pilot.pause()
        await taken_in(client)
        started, drawn = asyncio.get_running_loop().time(), 0
        for event in flood(requests):
            client.stream.publish(event)
        await taken_in(client)
        await pilot.pause()
        took = asyncio.get_running_loop().time() - started
        assert drawn <= 4 * took + 2
        assert bells <= drawn + 1


@pytest.mark.parametrize("kind", KINDS)
async def test_the_store_holds_no_more_than_is_shown(stage: Stage, kind: object) -> None:
    for event in flood(kind):
        stage.app.store.apply(event, 1.0)
    store = stage.app.store
    assert len(store.talk) <= MAX_LINES
    assert len(store.rows) <= MAX_ROWS + 1
    assert store._kept == sum(len(row.files) for row in store.rows.values() if row.ended)


async def test_a_reader_far_behind_is_caught_up_with_at_a_price_that_does_not_grow() -> None:
    """Old figures are thrown away many at a time, however many words wait beside them."""
    stream = EventStream()
    reader = stream.subscribe()
    for event in itertools.islice(messages(), 5 * _BACKLOG):
        stream.publish(event)
    swept = 0
    waiting = reader._events
    for event in itertools.islice(progress(), 5 * _BACKLOG):
        stream.publish(event)
        swept += reader._events is not waiting
        waiting = reader._events
    assert swept <= 5
    got: list[Event] = []
    stream.close()
    while some := await reader.some(100):
        assert len(some) <= 100
        got += some
    assert sum(isinstance(event, events.Message) for event in got) == 5 * _BACKLOG
    assert reader._figures == 0


# --- what a partner may say at all -------------------------------------------------------------


async def test_messages_without_end_end_the_session(
    new_person: NewPerson, links: Links, relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partner, "MESSAGES", (20, 0.001))
    ada, eve = await hostile_partner(new_person, links, relay.url)
    for number in range(21):
        await eve.tell(words.Message(text=f"spam {number}"))
    told = await ada.until(events.Error)
    assert "without end" in told.message
    assert told.hint
    assert (await ada.until(events.PartnerGone)).reason == "broken"
    said = [event for event in ada.log if isinstance(event, events.Message)]
    assert len(said) == 20


async def test_requests_in_too_short_a_time_are_refused_unseen(
    new_person: NewPerson, links: Links, relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "REQUESTS", (3, 0.001))
    ada, eve = await hostile_partner(new_person, links, relay.url)
    for number in range(6):
        request = words.FileRequest(id=f"{number:016x}", files=[OfferedFile(path="a", size=1)])
        await eve.tell(request)
        await eve.tell(words.Cancel(id=request.id))
    await eve.until(lambda: len(eve.words) == 3)
    assert all("too short a time" in repr(word) for word in eve.words)
    asked_about = [event for event in ada.log if isinstance(event, events.FileRequest)]
    assert len(asked_about) == 3
    assert {event.direction for event in asked_about} == {Direction.RECEIVE}
