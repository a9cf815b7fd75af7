"""The order of what is sent: who runs, who waits for how many, and that nobody waits for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core import events
from filesend_tui.core.events import Direction, TransferPhase
from filesend_tui.core.exchange.queue import Queue
from filesend_tui.core.exchange.table import PAUSABLE, Exchange
from filesend_tui.core.exchange.values import (
    HoldTorrent,
    Paused,
    Publish,
    Queued,
    Resumed,
    SendWord,
)
from relay.protocol import words
from tests.exchange.test_table import FILES, ID, at
from tests.exchange.test_transfers import pair
from tests.people import NewPerson, Person

P = TransferPhase
ALL: Final = ["a", "b", "c", "d"]


def test_the_first_run_and_the_others_wait_for_as_many_as_go_before() -> None:
    queue = Queue(2)
    assert queue.places(ALL, ALL) == {"a": 0, "b": 0, "c": 1, "d": 2}
    assert queue.places(["b", "c", "d"], ["b", "c", "d"]) == {"b": 0, "c": 0, "d": 1}
    assert Queue(None).places(ALL, ALL) == dict.fromkeys(ALL, 0)


def test_who_cannot_run_takes_no_place_and_keeps_it() -> None:
    queue = Queue(1)
    assert queue.places(ALL, ["b", "c"]) == {"b": 0, "c": 1}
    assert queue.places(ALL, ["a", "b", "c"]) == {"a": 0, "b": 1, "c": 2}


def test_what_is_moved_goes_before_or_after_others() -> None:
    queue = Queue(1)
    queue.places(ALL, ALL)
    queue.move("c", -1)
    assert queue.places(ALL, ALL) == {"a": 0, "c": 1, "b": 2, "d": 3}
    for _ in range(9):
        queue.move("d", -1)
    assert queue.places(ALL, ALL)["d"] == 0
    queue.move("d", 99)
    queue.move("nobody's", 1)
    assert list(queue.places(ALL, ALL)) == ["a", "c", "b", "d"]


@given(
    at_once=st.integers(1, 3),
    steps=st.lists(
        st.tuples(st.sets(st.sampled_from(ALL)), st.sampled_from(ALL), st.integers(-3, 3))
    ),
)
def test_as_many_run_as_may(at_once: int, steps: list[tuple[set[str], str, int]]) -> None:
    queue = Queue(at_once)
    for ready, moved, by in steps:
        places = queue.places(ALL, ready)
        assert places.keys() == ready
        assert list(places.values()).count(0) == min(at_once, len(ready))
        queue.move(moved, by)


def test_a_sender_says_once_that_it_waits_and_that_its_turn_has_come() -> None:
    exchange = at(P.TRANSFERRING, Direction.SEND)
    waits = exchange.step(Queued(3))
    assert SendWord(words.Queue(id=ID, waits=True)) in waits
    assert HoldTorrent(paused=True) in waits
    (told,) = exchange.step(Queued(2))  # only this side counts
    assert isinstance(told, Publish)
    assert isinstance(told.event, events.TransferQueued)
    assert (told.event.waits, told.event.before) == (True, 2)
    assert exchange.step(Queued(2)) == ()
    turn = exchange.step(Queued(0))
    assert SendWord(words.Queue(id=ID, waits=False)) in turn
    assert HoldTorrent(paused=False) in turn
    assert not exchange.halted


def test_a_receiver_is_told() -> None:
    exchange = at(P.TRANSFERRING, Direction.RECEIVE)
    told, hold = exchange.receive(words.Queue(id=ID, waits=True))
    assert isinstance(told, Publish)
    assert isinstance(told.event, events.TransferQueued)
    assert (told.event.waits, told.event.direction) == (True, Direction.RECEIVE)
    assert hold == HoldTorrent(paused=True)
    assert at(P.TRANSFERRING, Direction.SEND).receive(words.Queue(id=ID, waits=True)) == ()


@pytest.mark.parametrize("phase", list(P))
def test_only_what_is_agreed_on_and_not_over_waits(phase: TransferPhase) -> None:
    assert bool(at(phase, Direction.SEND).step(Queued(1))) is (phase in PAUSABLE)


def test_what_waits_and_is_paused_goes_when_neither_is_so_any_more() -> None:
    exchange = at(P.TRANSFERRING, Direction.SEND)
    exchange.step(Queued(1))
    exchange.step(Paused())
    assert HoldTorrent(paused=False) not in exchange.step(Resumed())
    exchange.step(Paused())
    assert HoldTorrent(paused=False) not in exchange.step(Queued(0))
    assert exchange.halted
    assert HoldTorrent(paused=False) in exchange.step(Resumed())


@pytest.mark.parametrize("direction", list(Direction))
def test_a_later_process_knows_that_it_waits(direction: Direction) -> None:
    exchange = Exchange(ID, direction, "Ada", FILES)
    effects = exchange.reopen(P.TRANSFERRING, (True, False), queued=2)
    assert HoldTorrent(paused=True) in effects
    assert not [each for each in effects if isinstance(each, SendWord)]
    turn = exchange.step(Queued(0))
    assert HoldTorrent(paused=False) in turn
    said = SendWord(words.Queue(id=ID, waits=False)) in turn
    assert said is (direction is Direction.SEND)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        path.write_bytes(b"x" * 100)
    return paths


def waits(person: Person, transfer: str) -> list[int]:
    """For how many others a transfer waited, one after another, as this person was told."""
    return [
        event.before
        for event in person.log
        if isinstance(event, events.TransferQueued) and event.transfer == transfer
    ]


async def test_two_people_see_what_waits_and_it_goes_in_turn(
    files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    ada.people._transfers._queue.at_once = 1
    bob.engine.gates["data"].clear()
    mine = []
    for _ in range(3):
        mine.append(await ada.people.request(files[:1]))
        await bob.until(events.FileRequest, transfer=mine[-1])
        await bob.people.answer(mine[-1], [True])
        await ada.until(events.TransferState, transfer=mine[-1], phase=P.TRANSFERRING)
    first, second, third = mine
    assert (waits(ada, first), waits(ada, second), waits(ada, third)) == ([], [1], [2])
    await bob.until(events.TransferQueued, transfer=third)
    assert waits(bob, second) == waits(bob, third) == [1]
    assert [bob.engine.paused.get(id, False) for id in mine] == [False, True, True]
    ada.people._transfers.move(third, -1)
    await ada.until(events.TransferQueued, transfer=third, before=1)
    assert waits(ada, second) == [1, 2]
    ada.people._transfers.pause(first)  # it takes no place meanwhile
    await bob.until(events.TransferQueued, transfer=third, waits=False)
    assert ada.engine.paused[third] is False
    ada.people._transfers.go_on(first)
    await bob.until(events.TransferResumed, transfer=first)
    bob.engine.gates["data"].set()
    for transfer in mine:
        await ada.until(events.TransferState, transfer=transfer, phase=P.DONE)


async def test_what_is_left_out_keeps_nobody_waiting(
    files: list[Path], new_person: NewPerson
) -> None:
    ada, bob = await pair(new_person)
    ada.people._transfers._queue.at_once = 1
    bob.engine.gates["data"].clear()
    mine = []
    for _ in range(2):
        mine.append(await ada.people.request(files[:2]))
        await bob.until(events.FileRequest, transfer=mine[-1])
        await bob.people.answer(mine[-1], [True, True])
        await ada.until(events.TransferState, transfer=mine[-1], phase=P.TRANSFERRING)
    await bob.until(events.TransferQueued, transfer=mine[1], waits=True)
    bob.people._transfers.pause(mine[0], [0])
    await bob.until(events.TransferQueued, transfer=mine[1], waits=False)
