"""Post to people of another process: notices wait where they cannot go, and words behind them."""

from __future__ import annotations

import msgspec
import pytest

from relay.bus.base import BusAway, Receive
from relay.bus.local import LocalBus
from relay.people.post import Parcel, Post
from relay.protocol.words import PartnerGone, to_wire
from relay.stores.base import Notice

ROOM = "0" * 32


class ScriptedBus(LocalBus):
    """A bus to another process, which can be away; `gone` is connected nowhere."""

    def __init__(self) -> None:
        self.is_away = False
        self.sent: list[tuple[str, Parcel]] = []
        self.handed: Receive | None = None

    def receive(self, kind: str, receive: Receive) -> None:
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
