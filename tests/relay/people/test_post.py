"""Post to people of another process: notices wait where they cannot go, and words behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from relay.app import RelayApp
from relay.bus.base import BusAway, Receive
from relay.bus.local import LocalBus
from relay.guard.limits import Limits
from relay.people.post import Parcel, Post
from relay.protocol.words import PartnerGone, to_wire
from relay.stores.base import Notice
from relay.stores.memory.stores import memory_stores
from tests.relay.stores.test_slow import hear, relay_here
from tests.security.raw import Raw
from tests.waiting import until

ROOM = "0" * 32
MESSAGE = msgspec.msgpack.encode(Parcel("message", {"room": ROOM, "body": "A" * 24}, False))
GONE = msgspec.msgpack.encode(Parcel("partnerGone", {"room": ROOM, "reason": "left"}, True))


class ScriptedBus(LocalBus):
    """A bus to another process, which can be away; `gone` is connected nowhere."""

    def __init__(self) -> None:
        self.is_away = False
        self.sent: list[tuple[str, Parcel]] = []
        self.handed: Receive | None = None

    def receive(self, kind: str, receive: Receive) -> None:
        if kind == "people":
            self.handed = receive

    async def send(self, kind: str, key: str, message: bytes) -> bool:
        if self.is_away:
            raise BusAway("away")
        self.sent.append((key, msgspec.msgpack.decode(message, type=Parcel)))
        return key != "gone"


class Came:
    """What was taken in."""

    def __init__(self) -> None:
        self.parcels: list[tuple[str, Parcel, int]] = []

    def __call__(self, own: str, parcel: Parcel, size: int) -> None:
        self.parcels.append((own, parcel, size))


def gone(to: str, reason: str = "left") -> Notice:
    return Notice(to, "partnerGone", PartnerGone(room=ROOM, reason=reason))


def told(notice: Notice) -> tuple[str, Parcel]:
    return notice.to, Parcel(notice.event, to_wire(notice.word), True)


async def test_a_word_goes_or_its_sender_is_told() -> None:
    bus = ScriptedBus()
    post = Post(bus, Came())
    assert await post.send("a", "message", {"room": ROOM})
    assert not await post.send("gone", "message", {"room": ROOM})
    assert bus.sent[0] == ("a", Parcel("message", {"room": ROOM}, False))
    bus.is_away = True
    with pytest.raises(BusAway):
        await post.send("a", "message", {"room": ROOM})


async def test_notices_wait_in_order_and_words_to_the_same_person_behind_them() -> None:
    bus = ScriptedBus()
    post = Post(bus, Came())
    bus.is_away = True
    await post.tell(gone("a"))
    await post.tell_waiting()
    bus.is_away = False
    await post.tell(gone("a", "lost"))
    with pytest.raises(BusAway):
        await post.send("a", "message", {"room": ROOM})
    await post.send("b", "message", {"room": ROOM})
    await post.tell(gone("b"))
    assert [to for to, _ in bus.sent] == ["b", "b"]
    await post.tell_waiting()
    assert bus.sent[2:] == [told(gone("a")), told(gone("a", "lost"))]
    assert await post.send("a", "message", {"room": ROOM})


async def test_what_comes_is_taken_in_and_what_cannot_be_read_is_not() -> None:
    bus, came = ScriptedBus(), Came()
    Post(bus, came)
    assert bus.handed is not None
    parcel = Parcel("message", {"room": ROOM}, False)
    message = msgspec.msgpack.encode(parcel)
    bus.handed("a", message)
    for broken in (b"", b"\xc1", b"[]", message[:-1], msgspec.msgpack.encode(["x", {}, False])):
        bus.handed("a", broken)
    assert came.parcels == [("a", parcel, len(message))]


@asynccontextmanager
async def somebody(limits: Limits) -> AsyncIterator[tuple[Raw, RelayApp, Callable[[bytes], None]]]:
    """A person at a relay, and what hands them something from another process."""
    bus = ScriptedBus()
    async with relay_here(limits, memory_stores(limits), bus) as (here, app):
        person = await here.person()
        [sid] = app._people._people
        hand = bus.handed
        assert hand is not None
        yield person, app, lambda message: hand(sid, message)


async def test_a_notice_waits_for_an_answer_and_words_for_the_notice() -> None:
    async with somebody(Limits()) as (person, app, hand):
        [them] = app._people._people.values()
        async with them.busy:  # as while a word of theirs is answered
            hand(MESSAGE)
            assert (await hear(person))[0] == "message"
            for message in (GONE, MESSAGE, MESSAGE, GONE):
                hand(message)
            await until(lambda: len(them.inbox) == 4)
        heard = [(await hear(person))[0] for _ in range(4)]
        assert heard == ["partnerGone", "message", "message", "partnerGone"]
        await until(lambda: not them.inbox_size)


async def test_who_has_too_much_from_another_process_is_let_go() -> None:
    async with somebody(Limits(max_backlog=10 * len(MESSAGE))) as (person, app, hand):
        [them] = app._people._people.values()
        async with them.busy:
            hand(GONE)
            for _ in range(10):
                hand(MESSAGE)
            assert them.inbox_size <= 10 * len(MESSAGE)
            await person.ended()


async def test_what_comes_for_who_is_gone_goes_nowhere() -> None:
    async with somebody(Limits()) as (person, app, hand):
        person.abort()
        await until(lambda: not app._people._people)
        hand(MESSAGE)
        assert not app._people._handing
