"""Sessions of people at two processes outlive whatever happens to what the processes share."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from filesend_tui.core import events
from tests.conftest import RunningRelay, running_relay
from tests.people import Person
from tests.relay.stores.redis_server import RedisServer
from tests.scripted_engine import World

#: Words that each says, one after another, while something happens.
SAID = 12


@pytest.fixture
async def two(
    here: RunningRelay, there: RunningRelay, tmp_path: Path
) -> AsyncIterator[tuple[Person, Person]]:
    """Two who paired across two processes."""
    world = World()
    ada, bob = (Person(name, world, tmp_path / name) for name in ("Ada", "Bob"))
    await ada.people.connect(here.url)
    await bob.people.connect(there.url)
    await bob.people.join(await ada.people.create_code())
    await ada.until(events.Paired)
    yield ada, bob
    for person in (ada, bob):
        await person.people.destroy()
        person.close()
        await person.watching


async def have_all(ada: Person, bob: Person) -> None:
    """Wait until each has what the other said, once and in order, in the session they had."""
    for person, whose in ((ada, "bob"), (bob, "ada")):
        async with asyncio.timeout(60):
            while len(texts(person)) < SAID:
                person._more.clear()
                await person._more.wait()
        assert texts(person) == [f"{whose} {number}" for number in range(SAID)]
        assert not [e for e in person.log if isinstance(e, events.PartnerGone | events.Error)]
    assert ada.people.verification() == bob.people.verification()


def texts(person: Person) -> list[str]:
    return [e.text for e in person.log if isinstance(e, events.Message) and not e.outgoing]


async def say(ada: Person, bob: Person, numbers: range) -> None:
    for number in numbers:
        await ada.people.say(f"ada {number}")
        await bob.people.say(f"bob {number}")


async def test_nothing_happens(two: tuple[Person, Person]) -> None:
    await say(*two, range(SAID))
    await have_all(*two)
    assert not [e for e in two[0].log if isinstance(e, events.PartnerAway)]


@pytest.mark.parametrize("kept", [True, False], ids=["with what it had", "with nothing"])
async def test_the_server_restarts(
    server: RedisServer, two: tuple[Person, Person], kept: bool
) -> None:
    await say(*two, range(4))
    server.stop()
    await say(*two, range(4, 8))
    for person in two:
        await person.until(events.PartnerAway)
    server.start()
    if not kept:
        server.flush()
    await say(*two, range(8, SAID))
    await have_all(*two)


async def test_the_server_stands_still_for_a_while(
    server: RedisServer, two: tuple[Person, Person]
) -> None:
    await say(*two, range(4))
    server.signal(signal.SIGSTOP)
    try:
        await say(*two, range(4, 8))
        await two[0].until(events.PartnerAway)
    finally:
        server.signal(signal.SIGCONT)
    await say(*two, range(8, SAID))
    await have_all(*two)


async def test_a_process_ends_and_another_takes_its_place(
    server: RedisServer, there: RunningRelay, two: tuple[Person, Person]
) -> None:
    """As in an update, one after another: the address is the same, as behind a proxy."""
    await say(*two, range(4))
    port = int(there.url.rpartition(":")[2])
    await asyncio.to_thread(there.stop)
    await say(*two, range(4, 8))
    with running_relay(store=server.store, port=port):
        await say(*two, range(8, SAID))
        await have_all(*two)
        for person in two:
            await person.people.destroy()
