"""The chain of a contact's secrets: kept whole by a crash at any step, and forked by any copy.

Real books on a real disk; a room is two queues.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from filesend_tui.core.contacts.book import Book
from filesend_tui.core.contacts.keys import Beginning
from filesend_tui.core.contacts.renewal import Meeting, OwnSide, Purpose, Visit
from filesend_tui.core.errors import ContactDoubted, FileSendError, PairingFailed, RelayTampered
from filesend_tui.core.journal import contact_rows
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.journal.records import ContactRecord, pack
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import SharedKey
from relay.protocol.words import ContactStep


class Crash(FileSendError):
    """The end of a process, as far as its meeting is concerned."""


class Room:
    """A room of two. crash: after how many acts of a side it ends; an act is a word or a write."""

    def __init__(self, crash: dict[Side, int] | None = None) -> None:
        self.shared = SharedKey(secrets.token_bytes(32), secrets.token_bytes(32), "words")
        self.left = dict(crash or {})
        self.lines: dict[Side, asyncio.Queue[ContactStep | None]] = {
            side: asyncio.Queue() for side in Side
        }
        self.said: list[tuple[Side, ContactStep]] = []

    def act(self, side: Side) -> None:
        if side in self.left:
            self.left[side] -= 1
            if self.left[side] < 0:
                self.lines[side.other].put_nowait(None)
                raise Crash("This process ended.")

    async def say(self, side: Side, step: ContactStep) -> None:
        self.act(side)
        self.said.append((side, step))
        self.lines[side.other].put_nowait(step)

    async def heard(self, side: Side) -> ContactStep:
        step = await self.lines[side].get()
        if step is None:
            self.lines[side].put_nowait(None)
            raise PairingFailed("The other side went away.")
        return step


class Crashing(Book):
    """A book of a process that may end before any write."""

    def __init__(self, book: Book, room: Room, side: Side) -> None:
        super().__init__(book._journal)
        self._room, self._side = room, side

    async def _change(self, id: str, change: Any) -> ContactRecord | None:
        self._room.act(self._side)
        return await super()._change(id, change)


class Who:
    """One side, with a book of its own."""

    def __init__(self, book: Book, id: str, side: Side) -> None:
        self.book, self.id, self.side = book, id, side

    async def meet(self, room: Room, purpose: Purpose | None = None) -> Any:
        agreed: Any = type("Agreed", (), {"shared": room.shared})
        book = Crashing(self.book, room, self.side)
        meeting = Meeting(
            Visit(book, self.id, purpose),
            agreed,
            lambda step: room.say(self.side, step),
            lambda: room.heard(self.side),
        )
        try:
            return await meeting.run()
        except (FileSendError, OwnSide):
            room.lines[self.side.other].put_nowait(None)
            raise

    async def now(self) -> ContactRecord:
        return await self.book.require(self.id)

    async def become(self, record: ContactRecord) -> None:
        await self.book._change(self.id, lambda _: record)


@asynccontextmanager
async def pair_of(folder: Path) -> AsyncIterator[tuple[Who, Who]]:
    first = Beginning(b"m" * 32, b"s" * 32)
    journals = [Journal.open(folder / side) for side in Side]
    try:
        made = []
        for journal, side in zip(journals, Side, strict=True):
            book = Book(journal)
            made.append(Who(book, (await book.add("Other", side, first)).id, side))
        yield made[0], made[1]
    finally:
        for journal in journals:
            await journal.close()


async def both(maker: Who, joiner: Who, room: Room | None = None) -> tuple[Any, Any]:
    room = room or Room()
    return await asyncio.gather(
        maker.meet(room, Purpose.SESSION), joiner.meet(room), return_exceptions=True
    )


async def test_each_meeting_replaces_the_secret_on_both_sides(tmp_path: Path) -> None:
    async with pair_of(tmp_path) as (maker, joiner):
        seen = {(await maker.now()).secret}
        for count in range(1, 4):
            for result in await both(maker, joiner):
                assert result[1] is Purpose.SESSION
            ours, theirs = await maker.now(), await joiner.now()
            assert ours.secret == theirs.secret
            assert (ours.generation, theirs.generation) == (count, count)
            assert ours.next == theirs.next == b""
            seen.add(ours.secret)
        assert len(seen) == 4


#: A maker's acts: check, count, renew, settle, renewed. A joiner's: check, follow, renewed, settle.
CRASHES = [(Side.MAKER, act) for act in range(5)] + [(Side.JOINER, act) for act in range(4)]


#: One, or one of each side in either order.
STORIES = [
    *([crash] for crash in CRASHES),
    *([one, two] for one in CRASHES[:5] for two in CRASHES[5:]),
    *([two, one] for one in CRASHES[1:5] for two in CRASHES[6:]),
]


async def test_crashes_at_any_step_leave_a_common_secret_and_no_doubt(tmp_path: Path) -> None:
    async with pair_of(tmp_path) as (maker, joiner):
        for story in STORIES:
            for crash in story:
                results = await both(maker, joiner, Room(dict([crash])))
                assert any(isinstance(each, Crash) for each in results), story
                assert not any(isinstance(each, ContactDoubted) for each in results), story
            results = await both(maker, joiner)
            assert not any(isinstance(each, Exception) for each in results), (story, results)
            assert (await maker.now()).secret == (await joiner.now()).secret, story


@pytest.mark.parametrize("side", Side)
async def test_a_copy_that_met_once_is_noticed_at_the_next_meeting_by_both(
    side: Side, tmp_path: Path
) -> None:
    async with pair_of(tmp_path) as (maker, joiner):
        robbed = maker if side is Side.MAKER else joiner
        copied = await robbed.now()
        # The thief's meeting looks like any other.
        assert not any(isinstance(each, Exception) for each in await both(maker, joiner))
        await robbed.become(copied)
        for result in await both(maker, joiner):
            assert isinstance(result, ContactDoubted)
        for each in (maker, joiner):
            assert (await each.now()).doubted
        # And from then on there is no session, whoever comes.
        for result in await both(maker, joiner):
            assert isinstance(result, ContactDoubted)


async def test_a_thief_who_plays_the_maker_and_goes_before_the_end_is_noticed_too(
    tmp_path: Path,
) -> None:
    async with pair_of(tmp_path) as (maker, joiner):
        copied = await maker.now()
        thief, victim = await both(maker, joiner, Room({Side.MAKER: 3}))
        assert isinstance(thief, Crash)
        assert isinstance(victim, PairingFailed)  # so there was no session
        await maker.become(copied)
        for result in await both(maker, joiner):
            assert isinstance(result, ContactDoubted)


async def test_a_thief_who_plays_the_joiner_and_goes_before_the_end_has_no_session(
    tmp_path: Path,
) -> None:
    async with pair_of(tmp_path) as (maker, joiner):
        copied = await joiner.now()
        victim, thief = await both(maker, joiner, Room({Side.JOINER: 2}))
        assert isinstance(thief, Crash)
        assert isinstance(victim, PairingFailed)
        await joiner.become(copied)
        assert not any(isinstance(each, Exception) for each in await both(maker, joiner))


async def test_two_programs_of_one_side_do_not_take_each_other_for_a_copy(tmp_path: Path) -> None:
    async with pair_of(tmp_path) as (maker, joiner):
        for _ in range(3):
            rooms = [Room() for _ in range(4)]
            results = await asyncio.gather(*(both(maker, joiner, room) for room in rooms))
            for result in (each for pair in results for each in pair):
                assert not isinstance(result, ContactDoubted), result
            assert not any(isinstance(each, Exception) for each in await both(maker, joiner))
            assert (await maker.now()).secret == (await joiner.now()).secret


async def test_ones_own_other_program_is_no_partner_and_no_copy(tmp_path: Path) -> None:
    async with pair_of(tmp_path) as (maker, _):
        room = Room()
        room.lines[Side.MAKER].put_nowait(ContactStep(step="check", side=Side.MAKER))
        with pytest.raises(OwnSide):
            await maker.meet(room, Purpose.SESSION)
        assert not (await maker.now()).doubted


async def test_who_looks_renews_nothing(tmp_path: Path) -> None:
    async with pair_of(tmp_path) as (maker, joiner):
        room = Room()
        results = await asyncio.gather(maker.meet(room, Purpose.LOOK), joiner.meet(room))
        assert [result[1] for result in results] == [Purpose.LOOK, Purpose.LOOK]
        assert (await maker.now()).generation == (await joiner.now()).generation == 0


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(ContactStep(step="renewed"), id="out of turn"),
        pytest.param(ContactStep(step="check"), id="again"),
        pytest.param(ContactStep(step=""), id="nothing"),
    ],
)
async def test_a_step_that_makes_no_sense_ends_it_and_doubts_nothing(
    step: ContactStep, tmp_path: Path
) -> None:
    async with pair_of(tmp_path) as (maker, joiner):
        room = Room()
        meeting = asyncio.create_task(joiner.meet(room))
        await room.heard(Side.MAKER)
        await room.say(Side.MAKER, step)
        with pytest.raises((RelayTampered, OwnSide)):
            await meeting
        assert not (await joiner.now()).doubted
        assert not (await maker.now()).doubted


async def test_a_renewal_that_was_numbered_before_is_not_followed(tmp_path: Path) -> None:
    async with pair_of(tmp_path) as (_, joiner):
        known = await joiner.now()
        assert await joiner.book.follow(joiner.id, known.secret, 2, b"n" * 32)
        assert not await joiner.book.follow(joiner.id, known.secret, 2, b"o" * 32)
        assert not await joiner.book.follow(joiner.id, known.secret, 1, b"o" * 32)
        assert not await joiner.book.follow(joiner.id, b"x" * 32, 3, b"o" * 32)
        assert (await joiner.now()).next == b"n" * 32


async def test_a_book_has_an_end_and_names_are_of_one_person(tmp_path: Path) -> None:
    async with pair_of(tmp_path) as (maker, _):
        known = await maker.now()

        def fill(rows: Any) -> bool:
            count = contact_rows.MAX_CONTACTS - 1
            for number in range(count):
                rows.changed(
                    "INSERT INTO contact VALUES (?, NULL, 0, ?)",
                    (
                        f"{number:x}",
                        pack(replace(known, id=f"{number:x}", name=f"{number}")),
                    ),
                )
            return True

        assert await maker.book._journal.with_contacts(fill, False)
        with pytest.raises(FileSendError, match="Nobody more"):
            await maker.book.add("One more", Side.MAKER, Beginning(b"m" * 32, b"s" * 32))
