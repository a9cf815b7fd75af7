"""What a tracker at which two people meet can do to them: delay them, and end their rooms.

Real connections and real WebSockets. The tracker keeps to the protocol but for its trick; it sees
every frame, and knows the code's number where a test says so.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from filesend_tui.core.errors import FileSendError, NameplateTaken, NotPaired, UnknownCode
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.relay_client.staying import ConnectionState as State
from filesend_tui.core.tracker_place import link
from filesend_tui.core.tracker_place.seals import Use, number_seals
from filesend_tui.core.tracker_place.timings import DEFAULT, Timings
from relay.protocol import words
from relay.protocol.tracker_json import (
    AnnounceReply,
    AnswerFrame,
    Failure,
    OfferFrame,
    encode,
)
from tests.security.rogue import Delivery, RogueTracker, Trick, honest, rogue_tracker
from tests.tracker_place.people import Person
from tests.tracker_place.test_meeting import NUMBER, PLACE, paired

#: The figures of people who wait for little, so that what takes time ends within the test.
HASTY = replace(
    DEFAULT, reply=1.0, claim=1.5, ask=0.5, again=0.2, settle=0.5, lost=2.0, hold=0.2, parting=0.3
)
#: Who gives nothing up, and says it again soon.
PATIENT = replace(DEFAULT, again=0.5, lost=60.0)
WORDS = [SealedMessage(event="message", body=bytes([each]) * 20) for each in range(20)]

Met = tuple[RogueTracker, Person, Person]


@asynccontextmanager
async def two_at(trick: Trick, timings: Timings = HASTY) -> AsyncIterator[Met]:
    """Two people at such a tracker."""
    async with rogue_tracker(trick) as tracker:
        people = Person(timings), Person(timings)
        for person in people:
            await person.connect(tracker.url)
        yield tracker, *people
        for person in people:
            await person.close()


@asynccontextmanager
async def server(talk: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    """A server that says what it likes."""

    async def talking(socket: ServerConnection) -> None:
        try:
            await talk(socket)
        except ConnectionClosed:
            return

    async with serve(talking, "127.0.0.1", 0, max_size=None) as served:
        yield f"ws://127.0.0.1:{next(iter(served.sockets)).getsockname()[1]}/"


def with_text(due: Delivery, text: str) -> Delivery:
    """Return a delivery with another text in it."""
    frame = due.frame
    if isinstance(frame, OfferFrame):
        frame = msgspec.structs.replace(frame, offer={"type": "offer", "sdp": text})
    elif isinstance(frame, AnswerFrame):
        frame = msgspec.structs.replace(frame, answer={"type": "answer", "sdp": text})
    return Delivery(due.to, frame)


def text_of(due: Delivery) -> str | None:
    match due.frame:
        case OfferFrame() as frame:
            return frame.offer["sdp"]
        case AnswerFrame() as frame:
            return frame.answer["sdp"]
    return None


async def talk_and_check(one: Person, two: Person) -> None:
    """Meet by a number, say many words both ways, and check that each came once and in order."""
    room = await paired(one, two)
    await asyncio.gather(*(side.send(room, each) for each in WORDS for side in (one, two)))
    for side in (one, two):
        assert side.said == [RoomMessage(room, each) for each in WORDS]
    assert one.notices == [words.Claimed(nameplate=NUMBER, room=room)]
    assert two.notices == []


def forging(tracker: RogueTracker, due: Delivery) -> Iterable[Delivery]:
    """The real frame between two forged ones, and ones under ids of nobody's."""
    text = text_of(due)
    if text is None:
        return (due,)
    ids = {"peer_id": os.urandom(20), "offer_id": os.urandom(20)}
    others = [
        Delivery(due.to, msgspec.structs.replace(due.frame, **{name: other}))
        for name, other in ids.items()
    ]
    swapped = text[:-8] + text[-8:].swapcase()
    return (with_text(due, swapped), with_text(due, ""), *others, due, with_text(due, "A" * 684))


def replaying(tracker: RogueTracker, due: Delivery) -> Iterable[Delivery]:
    """Each frame three times, and some of all that were ever passed on once more."""
    old = random.sample(tracker.passed, min(3, len(tracker.passed)))
    return (due, due, *old, due)


def reflecting(tracker: RogueTracker, due: Delivery) -> Iterable[Delivery]:
    """Each offer and answer also to everybody else, its maker among them, as both kinds."""
    yield due
    frame = due.frame
    if isinstance(frame, OfferFrame | AnswerFrame):
        for to in ("0", "1"):
            yield Delivery(to, frame)
            known = {
                "info_hash": frame.info_hash,
                "peer_id": frame.peer_id,
                "offer_id": frame.offer_id,
            }
            text = text_of(due) or ""
            yield Delivery(to, AnswerFrame(answer={"type": "answer", "sdp": text}, **known))
            yield Delivery(to, OfferFrame(offer={"type": "offer", "sdp": text}, **known))


class Reordering:
    """Every other offer or answer is kept back until the next one has gone."""

    def __init__(self) -> None:
        self._kept: list[Delivery] = []

    def __call__(self, tracker: RogueTracker, due: Delivery) -> Iterable[Delivery]:
        if text_of(due) is None:
            return (due,)
        if not self._kept:
            self._kept.append(due)
            return ()
        return (due, self._kept.pop())


class Losing:
    """Half of all offers and answers are dropped."""

    def __init__(self) -> None:
        self._rng = random.Random(7)

    def __call__(self, tracker: RogueTracker, due: Delivery) -> Iterable[Delivery]:
        return () if text_of(due) is not None and self._rng.random() < 0.5 else (due,)


class Dropping:
    """Every second offer or answer is dropped."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, tracker: RogueTracker, due: Delivery) -> Iterable[Delivery]:
        self._count += text_of(due) is not None
        return () if text_of(due) is not None and self._count % 2 else (due,)


@pytest.mark.parametrize("trick", [forging, replaying, reflecting], ids=lambda each: each.__name__)
async def test_what_it_forges_replays_or_reflects_has_no_effect(trick: Trick) -> None:
    async with two_at(trick, PATIENT) as (_, one, two):
        await talk_and_check(one, two)


async def test_what_it_forges_replays_or_reflects_leads_to_nobody_at_a_place() -> None:
    for trick in (forging, replaying, reflecting):
        async with two_at(trick, PATIENT) as (_, one, two):
            assert await one.meet(PLACE) is None
            room = await two.meet(PLACE)
            assert (await one.notice(words.MetAtPlace)).room == room
            assert one.notices == [words.MetAtPlace(place=PLACE, room=room or "")]


@pytest.mark.parametrize("trick", [Reordering, Losing])
async def test_what_it_reorders_or_loses_comes_later_and_in_order(
    trick: Callable[[], Trick],
) -> None:
    async with two_at(honest, PATIENT) as (tracker, one, two):
        room = await paired(one, two)
        tracker.trick = trick()
        await asyncio.gather(*(one.send(room, each) for each in WORDS))
        assert two.said == [RoomMessage(room, each) for each in WORDS]
        tracker.trick = honest


async def test_of_words_that_it_drops_whatever_comes_is_in_order_or_the_room_ends() -> None:
    async with two_at(honest) as (tracker, one, two):
        room = await paired(one, two)
        tracker.trick = Dropping()
        sent = await asyncio.gather(
            *(one.send(room, each) for each in WORDS), return_exceptions=True
        )
        came = [each.word for each in two.said]
        assert came == WORDS[: len(came)]
        # Of what nobody took, the sender knows: a word that counts as taken did come.
        assert all(isinstance(end, NotPaired) for end in sent if end is not None)
        assert {WORDS[at].body for at, end in enumerate(sent) if end is None} <= {
            word.body for word in came
        }


async def test_whom_it_keeps_from_each_other_do_not_meet() -> None:
    def counted(_: RogueTracker, due: Delivery) -> Iterable[Delivery]:
        return (due,) if text_of(due) is None else ()

    async with two_at(counted) as (_, one, two):
        await one.allocate(NUMBER)
        with pytest.raises(UnknownCode):
            await two.claim(NUMBER)
        assert [await person.meet(PLACE) for person in (one, two)] == [None, None]
        assert one.notices == two.notices == []


async def test_a_room_in_which_it_passes_nothing_on_ends_on_both_sides() -> None:
    async with two_at(honest) as (tracker, one, two):
        room = await paired(one, two)
        tracker.trick = lambda _tracker, due: (due,) if text_of(due) is None else ()
        for person in (one, two):
            with pytest.raises(NotPaired):
                await person.send(room, WORDS[0])
            gone = await person.notice(words.PartnerGone)
            assert gone == words.PartnerGone(room=room, reason="lost")
        assert one.said == two.said == []


async def test_answers_that_it_makes_up_say_of_no_word_that_it_was_taken() -> None:
    async with two_at(honest) as (tracker, one, two):
        room = await paired(one, two)

        def lying(_: RogueTracker, due: Delivery) -> Iterable[Delivery]:
            frame = due.frame
            if not isinstance(frame, OfferFrame):
                return (due,)
            # To its maker, in the partner's name, with a text that was sealed for this very room.
            forged = AnswerFrame(
                info_hash=frame.info_hash,
                peer_id=other[frame.peer_id],
                offer_id=frame.offer_id,
                answer={"type": "answer", "sdp": frame.offer["sdp"]},
            )
            return (Delivery("1" if due.to == "0" else "0", forged),)

        ids = [frame.peer_id for _, frame in tracker.announces]
        a, b = sorted(set(ids))
        other = {a: b, b: a}
        tracker.trick = lying
        with pytest.raises(NotPaired):
            await one.send(room, WORDS[0])
        assert two.said == []


async def test_it_moves_nothing_from_one_room_to_another() -> None:
    async with two_at(honest, PATIENT) as (tracker, one, two):
        room = await paired(one, two)
        assert await one.meet(PLACE) is None
        other = await two.meet(PLACE)
        assert other is not None
        await one.notice(words.MetAtPlace)

        def moving(_: RogueTracker, due: Delivery) -> Iterable[Delivery]:
            yield due
            for swarm in {frame.info_hash for _, frame in tracker.announces}:
                yield Delivery(due.to, msgspec.structs.replace(due.frame, info_hash=swarm))

        tracker.trick = moving
        await one.send(room, WORDS[0])
        await one.send(other, WORDS[1])
        assert two.said == [RoomMessage(room, WORDS[0]), RoomMessage(other, WORDS[1])]


async def test_who_guesses_the_number_is_no_more_than_somebody_who_claims_it() -> None:
    """A number has few digits: what is sealed under it hides nothing from who tries them all."""
    async with two_at(honest) as (tracker, one, _):
        await one.allocate(NUMBER)
        peer_id, offer_id, room = os.urandom(20), os.urandom(20), os.urandom(16)
        seals = number_seals(NUMBER)
        offer = OfferFrame(
            info_hash=seals.swarm,
            peer_id=peer_id,
            offer_id=offer_id,
            offer={"type": "offer", "sdp": seals.offer.close(room, Use(offer_id, (peer_id,)))},
        )
        await tracker.send([Delivery("0", offer)])
        claimed = await one.notice(words.Claimed)
        assert claimed.room == room.hex()
        # Nobody is there: it is over like any room, and a second claim leads to nothing.
        with pytest.raises(NotPaired):
            await one.send(claimed.room, words.Pake(body=b"A"))
        await tracker.send([Delivery("0", offer)])
        assert [type(each) for each in one.notices] == [words.Claimed, words.PartnerGone]


async def test_nothing_lies_bare_before_it() -> None:
    async with two_at(honest, PATIENT) as (tracker, one, two):
        room = await paired(one, two)
        await one.meet(PLACE)
        await two.meet(PLACE)
        body = os.urandom(600).hex().encode()
        await one.send(room, SealedMessage(event="fileRequest", body=body))
        seen = "".join(tracker.seen)
        for secret in (room, "fileRequest", body.decode(), str(NUMBER), PLACE.decode("latin-1")):
            assert secret not in seen


async def test_counts_that_it_makes_up_refuse_a_number_and_no_more() -> None:
    def counting(_: RogueTracker, due: Delivery) -> Iterable[Delivery]:
        if isinstance(due.frame, AnnounceReply):
            due = Delivery(due.to, msgspec.structs.replace(due.frame, complete=2**40, interval=0))
        return (due,)

    async with two_at(counting) as (tracker, one, two):
        with pytest.raises(NameplateTaken):
            await one.allocate(NUMBER)
        with pytest.raises(NameplateTaken):
            await one.allocate()
        with pytest.raises(UnknownCode):
            await two.claim(NUMBER)
        assert await one.meet(PLACE) is None
        assert await two.meet(PLACE) is not None
        assert len(tracker.announces) < 60  # an interval of 0 is no reason to talk without end


async def test_a_tracker_that_answers_nothing_costs_a_while() -> None:
    async with two_at(lambda _tracker, _due: ()) as (_, one, two):
        with pytest.raises(FileSendError, match="does not answer"):
            await one.allocate(NUMBER)
        with pytest.raises(UnknownCode):
            await two.claim(NUMBER)
        assert await two.meet(PLACE) is None


async def test_its_own_text_is_cleaned_before_a_person_sees_it() -> None:
    def refusing(_: RogueTracker, due: Delivery) -> Iterable[Delivery]:
        reason = "\x1b[2Jgo\u202eaway" + "x" * 10_000
        return (Delivery(due.to, Failure(reason=reason, action="announce")),)

    async with two_at(refusing) as (_, one, two):
        for asking in (one.allocate(NUMBER), two.claim(NUMBER), two.meet(PLACE)):
            with pytest.raises(FileSendError, match="refused: ") as refused:
                await asking
            assert refused.value.message.isprintable()
            assert len(refused.value.message) < 400


@pytest.mark.parametrize("trick", ["frames", "bytes", "junk", "pings"])
async def test_a_tracker_that_floods_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch, trick: str
) -> None:
    monkeypatch.setattr(link, "FRAMES", (200, 1))
    monkeypatch.setattr(link, "FRAME_BYTES", (1_000_000, 1))
    reply = encode(AnnounceReply(info_hash=bytes(20), interval=1))
    frame = {"frames": reply, "bytes": "x" * 60_000, "junk": "{", "pings": "[]"}[trick]

    async def flood(socket: ServerConnection) -> None:
        while True:
            await socket.send(frame)
            await asyncio.sleep(0)  # both are in one process, and this alone never waits

    async with server(flood) as url:
        one = Person(HASTY)
        await one.connect(url)
        await one.until(lambda: State.LOST in one.states)
        assert one.hung_up
        assert "says too much at once" in one.loss.message
        await one.close()


async def test_a_frame_that_is_too_long_is_hung_up_on() -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.send("x" * (link.MAX_FRAME + 1))
        await socket.wait_closed()

    async with server(talk) as url:
        one = Person(HASTY)
        await one.connect(url)
        await one.until(lambda: State.LOST in one.states)
        assert one.hung_up
        await one.close()


async def test_forged_offers_by_the_thousand_leave_nothing_and_the_real_one_is_taken() -> None:
    async with two_at(honest, PATIENT) as (tracker, one, two):
        await one.allocate(NUMBER)
        swarm = number_seals(NUMBER).swarm
        for _ in range(1_000):
            forged = OfferFrame(
                info_hash=swarm,
                peer_id=os.urandom(20),
                offer_id=os.urandom(20),
                offer={"type": "offer", "sdp": "A" * 684},
            )
            await tracker.send([Delivery("0", forged)])
        room = await two.claim(NUMBER)
        assert (await one.notice(words.Claimed)).room == room
        assert len(tracker.answers) <= 2


async def test_rooms_that_it_leads_into_are_bounded() -> None:
    """With a number that it knows it can open one; with a place, none; so this takes many codes."""
    async with two_at(honest, PATIENT) as (tracker, one, _):
        for count in range(words.MAX_ROOMS + 1):
            number = NUMBER + count
            await one.allocate(number)
            seals = number_seals(number)
            peer_id, offer_id = os.urandom(20), os.urandom(20)
            sealed = seals.offer.close(os.urandom(16), Use(offer_id, (peer_id,)))
            offer = OfferFrame(
                info_hash=seals.swarm,
                peer_id=peer_id,
                offer_id=offer_id,
                offer={"type": "offer", "sdp": sealed},
            )
            await tracker.send([Delivery("0", offer)])
            if count < words.MAX_ROOMS:
                await one.until(lambda: len(claims(one)) == count + 1)  # noqa: B023
        with pytest.raises(FileSendError, match="too many people"):
            await one.claim(NUMBER)
        assert len(claims(one)) == words.MAX_ROOMS


def claims(person: Person) -> list[words.Word]:
    return [each for each in person.notices if isinstance(each, words.Claimed)]


async def test_it_points_nobody_elsewhere() -> None:
    async with rogue_tracker() as elsewhere:

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url}\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )
            await writer.drain()
            writer.close()

        door = await asyncio.start_server(redirect, "127.0.0.1", 0)
        async with door:
            one = Person(HASTY)
            with pytest.raises(FileSendError, match="No tracker answers"):
                await one.connect(f"ws://127.0.0.1:{door.sockets[0].getsockname()[1]}/")
        assert elsewhere.seen == []
