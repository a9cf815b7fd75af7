"""Who paused a transfer, input by input, on either side and in every phase."""

from __future__ import annotations

from typing import Final

import pytest

from filesend_tui.core import events
from filesend_tui.core.events import Direction, PausedBy, TransferPhase
from filesend_tui.core.exchange import transfers
from filesend_tui.core.exchange.table import PAUSABLE, Exchange
from filesend_tui.core.exchange.values import (
    Cancelled,
    Effect,
    FilesPaused,
    HoldFiles,
    HoldTorrent,
    Input,
    PartnerPaused,
    PartnerResumed,
    Paused,
    Publish,
    Resumed,
    SendWord,
)
from relay.protocol import words
from tests.conftest import RunningRelay
from tests.exchange.test_table import FILES, ID, at
from tests.exchange.test_transfers import hostile_partner
from tests.people import Links, NewPerson

B = PausedBy
PAUSE, RESUME = words.Pause(id=ID), words.Resume(id=ID)
#: Who has paused it; what happens; who has then; and the word, if any, that is said.
ROWS: Final = [
    (B.NOBODY, Paused(), B.YOU, PAUSE),
    (B.NOBODY, PartnerPaused(), B.PARTNER, None),
    (B.YOU, PartnerPaused(), B.BOTH, None),
    (B.YOU, Resumed(), B.NOBODY, RESUME),
    (B.PARTNER, Paused(), B.BOTH, PAUSE),
    (B.PARTNER, PartnerResumed(), B.NOBODY, None),
    (B.BOTH, Resumed(), B.PARTNER, RESUME),
    (B.BOTH, PartnerResumed(), B.YOU, None),
]
INPUTS: Final[list[Input]] = [Paused(), Resumed(), PartnerPaused(), PartnerResumed()]
#: The inputs by which each comes about.
WAYS: Final[dict[PausedBy, list[Input]]] = {
    B.NOBODY: [],
    B.YOU: [Paused()],
    B.PARTNER: [PartnerPaused()],
    B.BOTH: [PartnerPaused(), Paused()],
}


def paused(by: PausedBy, direction: Direction = Direction.SEND) -> Exchange:
    exchange = at(TransferPhase.TRANSFERRING, direction)
    for happened in WAYS[by]:
        exchange.step(happened)
    assert exchange.paused_by is by
    return exchange


def said(effects: tuple[Effect, ...]) -> list[words.Word]:
    return [effect.word for effect in effects if isinstance(effect, SendWord)]


@pytest.mark.parametrize(("by", "happened", "then", "word"), ROWS)
@pytest.mark.parametrize("direction", list(Direction))
def test_each_side_pauses_for_itself(
    direction: Direction,
    by: PausedBy,
    happened: Paused,
    then: PausedBy,
    word: words.Word | None,
) -> None:
    exchange = paused(by, direction)
    effects = exchange.step(happened)
    assert exchange.paused_by is then
    assert exchange.phase is TransferPhase.TRANSFERRING
    assert said(effects) == ([word] if word else [])
    (told,) = [effect.event for effect in effects if isinstance(effect, Publish)]
    assert isinstance(told, events.TransferPaused | events.TransferResumed)
    assert isinstance(told, events.TransferResumed) is (then is B.NOBODY)
    assert told.by is (by if then is B.NOBODY else then)  # whose was the last, or whose it is
    assert (told.transfer, told.direction, told.partner) == (ID, direction, "Ada")
    holds = [effect for effect in effects if isinstance(effect, HoldTorrent)]
    changes = (by is B.NOBODY) != (then is B.NOBODY)
    assert holds == ([HoldTorrent(paused=then is not B.NOBODY)] if changes else [])


@pytest.mark.parametrize("by", list(B))
def test_what_is_late_or_repeated_changes_nothing(by: PausedBy) -> None:
    known = [type(happened) for start, happened, _, _ in ROWS if start is by]
    others = [happened for happened in INPUTS if type(happened) not in known]
    assert len(others) == 2
    for happened in others:
        exchange = paused(by)
        assert exchange.step(happened) == ()
        assert exchange.paused_by is by


@pytest.mark.parametrize("phase", list(TransferPhase))
@pytest.mark.parametrize("direction", list(Direction))
def test_only_what_is_agreed_on_and_not_over_can_be_paused(
    direction: Direction, phase: TransferPhase
) -> None:
    for happened in (Paused(), PartnerPaused()):
        exchange = at(phase, direction)
        assert bool(exchange.step(happened)) is (phase in PAUSABLE)
    assert phase not in PAUSABLE or not phase.ended


@pytest.mark.parametrize("direction", list(Direction))
def test_the_partners_words_pause_and_resume(direction: Direction) -> None:
    exchange = at(TransferPhase.APPROVED, direction)
    assert HoldTorrent(paused=True) in exchange.receive(PAUSE)
    assert exchange.receive(PAUSE) == ()
    assert HoldTorrent(paused=False) in exchange.receive(RESUME)


def test_the_work_goes_on_through_its_phases_while_paused() -> None:
    exchange = at(TransferPhase.APPROVED, Direction.RECEIVE)
    exchange.step(PartnerPaused())
    exchange.receive(words.FileReady(id=ID, magnet_uri="magnet:?x", swarm_key=bytes(32)))
    assert (exchange.phase, exchange.paused_by) == (TransferPhase.READY, B.PARTNER)
    exchange.step(Cancelled())
    assert exchange.phase is TransferPhase.CANCELLED
    assert exchange.step(PartnerResumed()) == ()


@pytest.mark.parametrize("by", list(B))
def test_a_later_process_knows_who_paused_it(by: PausedBy) -> None:
    exchange = Exchange(ID, Direction.RECEIVE, "Ada", FILES)
    effects = exchange.reopen(TransferPhase.TRANSFERRING, (True, False), by)
    assert exchange.paused_by is by
    assert said(effects) == []
    told = [e.event for e in effects if isinstance(e, Publish)]
    paused = [event.by for event in told if isinstance(event, events.TransferPaused)]
    assert paused == ([] if by is B.NOBODY else [by])
    assert (HoldTorrent(paused=True) in effects) is (by is not B.NOBODY)


def test_a_receiver_leaves_files_out_and_the_sender_is_told() -> None:
    receiver = at(TransferPhase.TRANSFERRING, Direction.RECEIVE)
    effects = receiver.step(FilesPaused((0, 0)))
    word = words.PauseFiles(id=ID, files=[0])
    assert said(effects) == [word]
    assert HoldFiles((0,)) in effects
    assert receiver.paused_files == (0,)
    assert receiver.step(FilesPaused((0,))) == ()
    sender = at(TransferPhase.TRANSFERRING, Direction.SEND)
    (told,) = sender.receive(word)
    assert told == Publish(
        events.FilesPaused(transfer=ID, direction=Direction.SEND, partner="Ada", files=(0,))
    )
    assert receiver.receive(word) == (), "it is no word of a sender's"
    assert said(receiver.step(FilesPaused(()))) == [words.PauseFiles(id=ID, files=[])]
    assert receiver.paused_files == ()


@pytest.mark.parametrize("direction", list(Direction))
def test_only_files_that_go_can_be_left_out(direction: Direction) -> None:
    exchange = at(TransferPhase.APPROVED, direction)
    assert exchange.accepted == (True, False)
    assert exchange.step(FilesPaused((1, 2, 9_999, -1))) == ()
    exchange.step(FilesPaused((0, 1, 2)))
    assert exchange.paused_files == (0,)
    assert at(TransferPhase.ASKED, direction).step(FilesPaused((0,))) == ()
    assert at(TransferPhase.DONE, direction).step(FilesPaused((0,))) == ()


@pytest.mark.parametrize("direction", list(Direction))
def test_a_later_process_knows_what_is_left_out(direction: Direction) -> None:
    exchange = Exchange(ID, direction, "Ada", FILES)
    effects = exchange.reopen(TransferPhase.TRANSFERRING, (True, False), paused_files=(0,))
    assert exchange.paused_files == (0,)
    assert said(effects) == []
    assert (HoldFiles((0,)) in effects) is (direction is Direction.RECEIVE)


async def test_pauses_without_end_are_not_heard(
    relay: RunningRelay, new_person: NewPerson, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "PAUSES", (3, 0.0001))
    ada, eve = await hostile_partner(new_person, links, relay.url)
    await eve.tell(words.FileRequest(id=ID, files=list(FILES)))
    await ada.until(events.FileRequest)
    await ada.people.answer(ID, [True, False])
    for _ in range(9):
        await eve.tell(PAUSE)
        await eve.tell(RESUME)
    await eve.tell(words.Message(text="done"))
    await ada.until(events.Message)
    paused = [event for event in ada.log if isinstance(event, events.TransferPaused)]
    assert len(paused) == 3
    assert ada.engine.paused[ID] is False
