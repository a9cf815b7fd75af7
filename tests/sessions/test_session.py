"""Two sessions and the lines between them, which come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from filesend_tui.core.errors import FileSendError, OutOfStep, RelayTampered, RelayUnreachable
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions import session as sessions
from filesend_tui.core.sessions.cipher import RoomCipher
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import SharedKey
from filesend_tui.core.sessions.pairing_handshake import Agreed
from filesend_tui.core.sessions.session import Session, partner_name, state_of
from filesend_tui.core.sessions.word_stream import Kept
from relay.protocol.words import Hello, Message, ProgressUpdate, Word, parse
from tests.waiting import until


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Ada", "Ada"),
        ("  Ada\n", "Ada"),
        ("", "somebody"),
        (" \u200b\u202e ", "somebody"),
        ("Ada\x1b[31m\u202etxt.exe", "Ada[31mtxt.exe"),
        ("x" * 64, "x" * 64),
    ],
)
def test_names_are_made_harmless(said: str, shown: str) -> None:
    assert partner_name(said) == shown


SHARED = SharedKey(b"k" * 32, b"t" * 32, "acrobat violin umbrella")


def agreed(side: Side, hello: Hello | None = None, *, key: bytes = b"k", taken: int = 0) -> Agreed:
    shared = SharedKey(key * 32, b"t" * 32, "acrobat violin umbrella")
    return Agreed(shared, side, RoomCipher(shared, side), hello or Hello(name="x"), taken)


def text(number: int) -> Message:
    return Message(text=f"text number {number}")


class Book:
    """A ledger whose entries are made when `write` is called."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, int]] = []
        self.words: dict[int, Word] = {}
        self.waiting: list[asyncio.Future[bool]] = []

    def _line(self, kind: str, number: int) -> asyncio.Future[bool]:
        self.lines.append((kind, number))
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    def keep(self, number: int, word: Word) -> asyncio.Future[bool]:
        self.words[number] = word
        return self._line("keep", number)

    def took(self, number: int) -> asyncio.Future[bool]:
        return self._line("took", number)

    def drop(self, upto: int) -> None:
        self.lines.append(("drop", upto))

    def entered(self, epoch: int) -> None:
        self.lines.append(("entered", epoch))

    def write(self) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each.set_result(True)


class Person:
    """One of two people: a session, what it took, and the messages and channels it used."""

    def __init__(self, side: Side, book: Book | None = None) -> None:
        self.side = side
        self.taken: list[Word] = []
        self.sent: list[SealedMessage] = []
        self.aways: list[bool] = []
        self.broken: list[FileSendError] = []
        self.refusing: FileSendError | None = None
        self.session = Session.begun(agreed(side), self.send, book)
        self.session.deliver = self.taken.append
        self.session.changed = lambda: self.aways.append(self.session.is_away)
        self.session.failed = self.broken.append

    async def send(self, message: SealedMessage) -> None:
        if self.refusing:
            raise self.refusing
        self.sent.append(message)


class Wire:
    """A channel between two sessions: each end is the channel of one of them."""

    def __init__(self, here: Person, there: Person) -> None:
        self.idle = True
        self.here, self.there = here, there
        self.lost = False
        self.carried = 0

    def send(self, sealed: bytes) -> None:
        self.carried += 1
        if not self.lost:
            assert self.there.session.channels.channel_heard(self, sealed)


def wired(ada: Person, bob: Person) -> tuple[Wire, Wire]:
    ends = Wire(ada, bob), Wire(bob, ada)
    for end in ends:
        end.here.session.channels.channel_opened(end)
    return ends


def unwired(*ends: Wire) -> None:
    for end in ends:
        end.here.session.channels.channel_closed(end)


async def deliver(speaker: Person, listener: Person) -> None:
    """Deliver what one sent into the room so far."""
    await asyncio.sleep(0)
    while speaker.sent:
        listener.session.receive(speaker.sent.pop(0))


@pytest.fixture
async def people() -> AsyncIterator[tuple[Person, Person]]:
    both = Person(Side.MAKER), Person(Side.JOINER)
    yield both
    for each in both:
        await each.session.close()


async def test_words_are_sealed_on_their_way_and_keep_their_order(
    people: tuple[Person, Person],
) -> None:
    ada, bob = people
    said = [text(n) for n in range(20)]
    saying = [asyncio.create_task(ada.session.send(word)) for word in said]
    await asyncio.gather(*saying)
    assert not any(b"text" in message.body for message in ada.sent)
    await deliver(ada, bob)
    assert bob.taken == said


async def test_sending_lasts_until_the_relay_has_it() -> None:
    acknowledged = asyncio.Event()

    async def send(_: SealedMessage) -> None:
        await acknowledged.wait()

    session = Session.begun(agreed(Side.MAKER), send)
    saying = asyncio.create_task(session.send(text(1)))
    await asyncio.sleep(0)
    assert not saying.done()
    acknowledged.set()
    await saying
    await session.close()


async def test_a_session_does_not_show_its_key(people: tuple[Person, Person]) -> None:
    session = Session.begun(agreed(Side.MAKER, Hello(name="Ada")), people[0].send)
    assert repr(session) == "Session(partner='Ada')"


@pytest.mark.parametrize(
    ("said", "heard"),
    [({}, "both"), ({"wants": "send"}, "send"), ({"wants": "to sing"}, "both")],
)
async def test_what_a_partner_is_there_for(
    said: dict[str, str], heard: str, people: tuple[Person, Person]
) -> None:
    """Of an older or a newer version, too."""
    hello = parse(Hello, {"name": "Ada"} | said)
    assert Session.begun(agreed(Side.MAKER, hello), people[0].send).wants == heard


async def test_a_word_is_acknowledged_soon_and_settles_it(people: tuple[Person, Person]) -> None:
    ada, bob = people
    await ada.session.send(text(1))
    await deliver(ada, bob)
    await until(lambda: bob.sent, 5)
    settling = asyncio.create_task(ada.session.settled(5))
    await deliver(bob, ada)
    assert await settling
    assert ada.taken == []  # an acknowledgement is no word for anybody


async def test_what_was_said_while_away_arrives_in_the_next_epoch(
    people: tuple[Person, Person],
) -> None:
    ada, bob = people
    await ada.session.send(text(1))
    await deliver(ada, bob)
    await ada.session.send(text(2))  # lost with the room
    for each in people:
        each.session.room_lost()
        assert each.session.is_away
    await ada.session.send(text(3))
    await bob.session.send(text(4))
    ada.session.say_figures(
        ProgressUpdate(id="0" * 16, downloaded=1, download_speed=1, progress=0.5)
    )
    ada.sent.clear()
    for each, other in ((ada, bob), (bob, ada)):
        again = agreed(each.side, key=b"e", taken=other.session.taken)
        each.session.enter(again, 1, each.send)
    await deliver(ada, bob)
    await deliver(bob, ada)
    assert bob.taken == [text(1), text(2), text(3)]
    assert ada.taken == [text(4)]
    assert ada.aways == bob.aways == [True, False]
    assert ada.session.epoch == 1


async def test_a_message_of_an_earlier_epoch_is_refused(people: tuple[Person, Person]) -> None:
    ada, bob = people
    await ada.session.send(text(1))
    await asyncio.sleep(0)
    old = list(ada.sent)
    for each in people:
        each.session.room_lost()
        each.session.enter(agreed(each.side, key=b"e"), 1, each.send)
    with pytest.raises(RelayTampered):
        bob.session.receive(old[0])
    assert bob.taken == []


async def test_channels_carry_words_while_there_is_no_room(people: tuple[Person, Person]) -> None:
    ada, bob = people
    ends = wired(ada, bob)
    await ada.session.send(text(1))
    await deliver(ada, bob)
    assert not ends[0].carried  # words take the room where there is one
    await ada.session.send(text(2))
    ada.sent.clear()  # the relay dies with it
    for each in people:
        each.session.room_lost()
        assert not each.session.is_away
    await bob.session.send(text(3))
    assert bob.taken == [text(1), text(2)]
    assert ada.taken == [text(3)]
    assert ada.aways == bob.aways == []
    assert await ada.session.settled(5)
    unwired(*ends)
    assert ada.aways == bob.aways == [True]


async def test_a_channel_that_comes_while_away_brings_what_waits(
    people: tuple[Person, Person],
) -> None:
    ada, bob = people
    for each in people:
        each.session.room_lost()
    await ada.session.send(text(1))
    wired(ada, bob)
    await until(lambda: bob.taken == [text(1)], 5)
    assert ada.aways == bob.aways == [True, False]


async def test_what_a_channel_lost_is_sent_again_over_another_or_the_same(
    people: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = people
    monkeypatch.setattr(sessions, "REPEAT_AFTER", 0.05)
    for each in people:
        each.session.room_lost()
    first, _ = wired(ada, bob)
    second, _ = wired(ada, bob)
    first.lost = second.lost = True
    await ada.session.send(text(1))
    assert bob.taken == []
    first.lost = False
    await until(lambda: bob.taken == [text(1)], 5)  # the same, once it works
    first.lost = True
    await ada.session.send(text(2))
    unwired(first)
    assert bob.taken == [text(1)]
    second.lost = False
    await until(lambda: bob.taken == [text(1), text(2)], 5)
    assert second.carried
    assert await ada.session.settled(5)
    carried = first.carried + second.carried
    await asyncio.sleep(0.2)  # and then nothing is repeated
    assert first.carried + second.carried == carried


async def test_a_channel_that_swallows_words_takes_none_away(
    people: tuple[Person, Person],
) -> None:
    ada, bob = people
    for each in people:
        each.session.room_lost()
    first, _ = wired(ada, bob)
    wired(ada, bob)
    first.lost = True
    await ada.session.send(text(1))
    assert bob.taken == [text(1)]


async def test_what_a_dead_room_swallows_is_said_over_a_channel(
    people: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay takes it, and the other side's connection to the relay died unnoticed."""
    ada, bob = people
    monkeypatch.setattr(sessions, "REPEAT_AFTER", 0.05)
    ends = wired(ada, bob)
    await ada.session.send(text(1))
    assert not ends[0].carried  # the room is tried first
    await until(lambda: bob.taken == [text(1)], 5)
    assert await ada.session.settled(5), "it is acknowledged where it was heard"
    assert all(each.session.in_room for each in people)
    carried = sum(end.carried for end in ends)
    # Longer than a busy machine takes: else what goes by the room is said once more over a channel.
    monkeypatch.setattr(sessions, "REPEAT_AFTER", 60.0)
    await ada.session.send(text(2))
    await deliver(ada, bob)  # both come, and in the room
    bob.session.acknowledge()  # as it does by itself in a while, into a room where nobody delivers
    await deliver(bob, ada)
    assert bob.taken == [text(1), text(2)]
    assert await ada.session.settled(5)
    assert sum(end.carried for end in ends) <= carried + 2, "the room is used again"


async def test_whoever_else_speaks_on_a_channel_is_refused_and_nothing_ends(
    people: tuple[Person, Person],
) -> None:
    ada, bob = people
    assert not bob.session.channels.channel_heard(Wire(bob, ada), b"x" * 600)
    stranger = Session.begun(agreed(Side.MAKER, key=b"s"), ada.send)
    got: list[bytes] = []

    class Tap:
        idle = True

        def send(self, sealed: bytes) -> None:
            got.append(sealed)

    stranger.room_lost()
    stranger.channels.channel_opened(Tap())
    await stranger.send(text(1))
    assert not bob.session.channels.channel_heard(Tap(), got[0])
    assert not bob.broken
    assert bob.taken == []
    await stranger.close()


async def test_a_room_that_refuses_costs_no_word(people: tuple[Person, Person]) -> None:
    ada, bob = people
    ada.refusing = RelayUnreachable("gone")
    await ada.session.send(text(1))
    ada.refusing = None
    for each in people:
        each.session.room_lost()
        each.session.enter(agreed(each.side, key=b"e"), 1, each.send)
    await deliver(ada, bob)
    assert bob.taken == [text(1)]


async def test_a_partner_who_acknowledges_too_much_ends_it(people: tuple[Person, Person]) -> None:
    ada, _ = people
    ada.session.room_lost()
    with pytest.raises(OutOfStep, match="This side has forgotten"):
        ada.session.enter(agreed(Side.MAKER, key=b"e", taken=7), 1, ada.send)


async def test_a_partner_who_has_forgotten_what_it_acknowledged_ends_it(
    people: tuple[Person, Person],
) -> None:
    ada, bob = people
    await ada.session.send(text(1))
    await deliver(ada, bob)
    bob.session.acknowledge()
    await deliver(bob, ada)
    assert ada.session.had == 1
    ada.session.room_lost()
    with pytest.raises(OutOfStep, match="'s side has forgotten"):
        ada.session.enter(agreed(Side.MAKER, key=b"e", taken=0), 1, ada.send, had=1)
    # What it acknowledged meanwhile, over a channel, is no sign of that.
    ada.session.enter(agreed(Side.MAKER, key=b"e", taken=0), 1, ada.send, had=0)


async def test_ways_back_are_the_same_on_both_sides(people: tuple[Person, Person]) -> None:
    ada, bob = people
    ways: Callable[[Person], dict[bytes, int]] = lambda person: {  # noqa: E731
        secret.value: epoch for secret, epoch in person.session.ways_back().items()
    }
    assert ways(ada) == ways(bob)
    ada.session.room_lost()
    ada.session.enter(agreed(Side.MAKER, key=b"e"), 1, ada.send)  # bob's handshake broke off
    assert set(ways(ada)) & set(ways(bob))


# --- what outlives a process ---------------------------------------------------------------------


async def test_a_word_is_sent_once_it_is_recorded_and_acknowledged_once_its_effect_is() -> None:
    books = Book(), Book()
    ada, bob = Person(Side.MAKER, books[0]), Person(Side.JOINER, books[1])
    saying = [asyncio.create_task(ada.session.send(text(n))) for n in range(3)]
    await asyncio.sleep(0.01)
    assert ada.sent == []
    books[0].write()
    await asyncio.gather(*saying)
    await deliver(ada, bob)
    assert bob.taken == [text(0), text(1), text(2)]
    assert books[1].lines == [("took", 1), ("took", 2), ("took", 3)]
    await asyncio.sleep(3 * sessions.ACKNOWLEDGE_AFTER)
    assert bob.sent == []
    bob.session.say_figures(
        ProgressUpdate(id="0" * 16, downloaded=1, download_speed=1, progress=0.5)
    )
    await deliver(bob, ada)  # nor by the way
    assert not [line for line in books[0].lines if line[0] == "drop"]
    books[1].write()
    await until(lambda: bob.sent, 5)
    await deliver(bob, ada)
    assert books[0].lines[-1] == ("drop", 3)
    for each in (ada, bob):
        await each.session.close()


async def test_who_leaves_acknowledges_first_what_is_still_being_recorded() -> None:
    book = Book()
    ada, bob = Person(Side.MAKER), Person(Side.JOINER, book)
    await ada.session.send(text(1))
    await deliver(ada, bob)
    leaving = asyncio.create_task(bob.session.settled(5))
    await asyncio.sleep(0)
    assert bob.taken == [text(1)]
    assert not bob.sent
    book.write()
    assert await leaving
    await deliver(bob, ada)
    assert await ada.session.settled(0)
    for each in (ada, bob):
        await each.session.close()


async def test_who_took_it_and_left_at_once_has_taken_it() -> None:
    ada, bob = Person(Side.MAKER), Person(Side.JOINER)
    await ada.session.send(text(1))
    number = ada.session.said
    await deliver(ada, bob)
    await bob.session.send(text(2))  # which acknowledges it, and may be a goodbye
    await deliver(bob, ada)
    await ada.session.send(text(3))  # a goodbye in return, which nobody takes any more
    await ada.session.close()
    assert await ada.session.settled(5, upto=number)
    assert not await ada.session.settled(5)
    await bob.session.close()


async def test_a_disk_that_hangs_holds_up_no_word_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "RECORD_TIMEOUT", 0.05)
    ada, bob = Person(Side.MAKER, Book()), Person(Side.JOINER, Book())
    await ada.session.send(text(1))
    await deliver(ada, bob)
    await until(lambda: bob.sent, 5)
    await deliver(bob, ada)
    assert await ada.session.settled(5)
    for each in (ada, bob):
        await each.session.close()


async def test_both_go_on_in_other_processes_with_what_was_recorded() -> None:
    """Ada was killed before her third word was recorded, Bob before he could acknowledge two."""
    books = Book(), Book()
    ada, bob = Person(Side.MAKER, books[0]), Person(Side.JOINER, books[1])
    for n in (1, 2):
        saying = asyncio.create_task(ada.session.send(text(n)))
        await asyncio.sleep(0)
        books[0].write()
        await saying
    lost = asyncio.create_task(ada.session.send(text(3)))
    await deliver(ada, bob)
    assert bob.taken == [text(1), text(2)]
    books[1].waiting.pop(0).set_result(True)  # the first is recorded
    lost.cancel()
    for each in (ada, bob):
        await each.session.close()
    kept = tuple(Kept(n, books[0].words[n], 30) for n in (1, 2))
    first = state_of(agreed(Side.MAKER))._replace(said=2, kept=kept)
    second = state_of(agreed(Side.JOINER))._replace(taken=1)
    again, other = Person(Side.MAKER), Person(Side.JOINER)
    for each, state in ((again, first), (other, second)):
        await each.session.close()
        each.session = Session.restored(state)
        each.session.deliver = each.taken.append
        assert each.session.is_away
    for each, partner_took in ((again, 1), (other, 0)):
        each.session.enter(agreed(each.side, key=b"e", taken=partner_took), 1, each.send)
    await again.session.send(text(4))
    await deliver(again, other)
    assert other.taken == [text(2), text(4)]
    for each in (again, other):
        await each.session.close()
