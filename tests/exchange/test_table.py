"""The exchange as a table, input by input; and two exchanges driven against each other."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError, PartnerGone, StorageFailed
from filesend_tui.core.events import Direction, TransferPhase, Who
from filesend_tui.core.exchange.table import TERMINAL, Exchange, answered
from filesend_tui.core.exchange.values import (
    Approved,
    Cancelled,
    Completed,
    Declined,
    Effect,
    Failed,
    FreeTorrent,
    Input,
    Misanswered,
    PartnerCancelled,
    PartnerLost,
    Prepared,
    Progressed,
    Publish,
    Ready,
    SendWord,
    StartAdding,
    Started,
    StartHashing,
    StartSeeding,
)
from relay.protocol import words
from relay.protocol.words import OfferedFile, Word

P = TransferPhase
ID = "0123456789abcdef"
FILES = (OfferedFile(path="folder/a.txt", size=3), OfferedFile(path="folder/b\u202e.txt", size=4))
KEY = bytes(range(32))
MAGNET = "magnet:?xt=urn:btih:" + "a" * 40
DISK = StorageFailed("/home/ada/secret: permission denied.")
GONE = PartnerGone("Ada is gone.")

INPUTS: dict[str, Input] = {
    "approved": Approved((True, False)),
    "declined": Declined((False, False)),
    "misanswered": Misanswered(FileSendError("It does not fit.")),
    "prepared": Prepared(0.5),
    "ready": Ready(MAGNET, KEY),
    "started": Started(),
    "progressed": Progressed(3, 1.5, 0.75, None),
    "completed": Completed(),
    "cancelled": Cancelled("No time."),
    "partner cancelled": PartnerCancelled("Changed my mind."),
    "failed": Failed(DISK),
    "partner lost": PartnerLost(GONE),
}

ENDINGS = {
    "cancelled": P.CANCELLED,
    "partner cancelled": P.CANCELLED,
    "failed": P.FAILED,
    "partner lost": P.FAILED,
}
#: Where each input leads from each phase; an input that is not named changes nothing at all.
SENDING: dict[TransferPhase, dict[str, TransferPhase]] = {
    P.ASKED: {
        "approved": P.APPROVED,
        "declined": P.DECLINED,
        "misanswered": P.FAILED,
        **ENDINGS,
    },
    P.APPROVED: {"prepared": P.HASHING, "ready": P.READY, **ENDINGS},
    P.HASHING: {"prepared": P.HASHING, "ready": P.READY, **ENDINGS},
    P.READY: {
        "started": P.TRANSFERRING,
        "progressed": P.TRANSFERRING,
        "completed": P.DONE,
        **ENDINGS,
    },
    P.TRANSFERRING: {"progressed": P.TRANSFERRING, "completed": P.DONE, **ENDINGS},
}
RECEIVING: dict[TransferPhase, dict[str, TransferPhase]] = {
    P.ASKED: {"approved": P.APPROVED, "declined": P.DECLINED, **ENDINGS},
    P.APPROVED: {"prepared": P.HASHING, "ready": P.READY, **ENDINGS},
    P.HASHING: {"prepared": P.HASHING, "ready": P.READY, **ENDINGS},
    P.READY: {"started": P.TRANSFERRING, "completed": P.DONE, **ENDINGS},
    P.TRANSFERRING: {"progressed": P.TRANSFERRING, "completed": P.DONE, **ENDINGS},
}
EXPECTED = {Direction.SEND: SENDING, Direction.RECEIVE: RECEIVING}
#: One way into each phase.
WAYS: dict[TransferPhase, tuple[str, ...]] = {
    P.ASKED: (),
    P.APPROVED: ("approved",),
    P.DECLINED: ("declined",),
    P.HASHING: ("approved", "prepared"),
    P.READY: ("approved", "ready"),
    P.TRANSFERRING: ("approved", "ready", "started"),
    P.DONE: ("approved", "ready", "started", "completed"),
    P.FAILED: ("failed",),
    P.CANCELLED: ("cancelled",),
}


def at(phase: TransferPhase, direction: Direction) -> Exchange:
    exchange = Exchange(ID, direction, "Ada", FILES)
    for name in WAYS[phase]:
        exchange.step(INPUTS[name])
    assert exchange.phase is phase
    return exchange


def works(effects: tuple[Effect, ...]) -> list[Effect]:
    return [e for e in effects if not isinstance(e, Publish | SendWord)]


def said(effects: tuple[Effect, ...]) -> list[Word]:
    return [e.word for e in effects if isinstance(e, SendWord)]


def told(effects: tuple[Effect, ...]) -> list[events.Event]:
    return [e.event for e in effects if isinstance(e, Publish)]


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("phase", list(P))
@pytest.mark.parametrize("direction", list(Direction))
def test_each_input_in_each_phase(direction: Direction, phase: P, name: str) -> None:
    exchange = at(phase, direction)
    effects = exchange.step(INPUTS[name])
    expected = EXPECTED[direction].get(phase, {}).get(name)
    if expected is None:
        assert effects == ()
        assert exchange.phase is phase
        return
    assert exchange.phase is expected
    states = [e for e in told(effects) if isinstance(e, events.TransferState)]
    if expected is phase:
        assert states == []
    else:
        assert states == told(effects)[-1:]
        assert states[0].phase is expected
        assert (states[0].transfer, states[0].direction) == (ID, direction)


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("phase", [p for p in P if p not in TERMINAL])
def test_every_bad_end_frees_what_was_held(direction: Direction, phase: P, name: str) -> None:
    effects = at(phase, direction).step(INPUTS[name])
    sending = direction is Direction.SEND
    holding = sending or phase not in {P.ASKED, P.APPROVED, P.HASHING}
    assert works(effects) == ([FreeTorrent(delete_data=not sending)] if holding else [])
    # The partner hears of what ended here, and not of what it ended itself.
    cancels = [w for w in said(effects) if isinstance(w, words.Cancel)]
    assert len(cancels) == len(said(effects)) == (name in ("cancelled", "failed"))


def test_the_sender_from_request_to_done() -> None:
    exchange = Exchange(ID, Direction.SEND, "Ada", FILES)
    opening = exchange.open()
    assert said(opening) == [words.FileRequest(id=ID, files=list(FILES))]
    assert works(opening) == [StartHashing()]
    assert told(opening) == [
        events.FileRequest(
            transfer=ID,
            direction=Direction.SEND,
            partner="Ada",
            files=(
                events.FileEntry(path="folder/a.txt", size=3),
                events.FileEntry(path="folder/b.txt", size=4),
            ),
            total_bytes=7,
            file_count=2,
        ),
        events.TransferState(transfer=ID, direction=Direction.SEND, phase=P.ASKED, partner="Ada"),
    ]
    yes = exchange.receive(words.FileAnswer(id=ID, accepted=[True, False]))
    assert told(yes)[0] == events.FileAnswer(transfer=ID, accepted=(True, False))
    assert works(yes) == [StartSeeding()]
    assert said(yes) == []
    assert said(exchange.step(Prepared(0.5))) == [words.Preparing(id=ID, progress=0.5)]
    ready = exchange.step(Ready(MAGNET, KEY))
    assert said(ready) == [words.FileReady(id=ID, magnet_uri=MAGNET, swarm_key=KEY)]
    assert told(ready)[0] == events.FileReady(transfer=ID, magnet_uri=MAGNET)
    started = exchange.receive(words.DownloadStarted(id=ID))
    assert told(started)[0] == events.DownloadStarted(transfer=ID)
    progress = exchange.receive(
        words.ProgressUpdate(id=ID, downloaded=2_000_000, download_speed=4e6, progress=0.5)
    )
    assert told(progress) == [
        events.ProgressUpdate(
            transfer=ID,
            downloaded="2 MB",
            download_speed="4 MB/s",
            progress=0.5,
            downloaded_bytes=2_000_000,
            download_bytes_per_second=4e6,
        )
    ]
    done = exchange.receive(words.DownloadComplete(id=ID))
    assert told(done)[0] == events.TorrentDone(transfer=ID)
    assert works(done) == [FreeTorrent(delete_data=False)]
    assert said(done) == []
    assert exchange.finished


def test_the_receiver_from_request_to_done() -> None:
    exchange = Exchange(ID, Direction.RECEIVE, "Ada", FILES)
    assert said(exchange.open()) == []
    yes = exchange.step(answered([True, False]))
    assert said(yes) == [words.FileAnswer(id=ID, accepted=[True, False])]
    assert exchange.accepted == (True, False)
    assert works(yes) == []
    hashing = exchange.receive(words.Preparing(id=ID, progress=0.5))
    assert told(hashing)[0] == events.Hashing(transfer=ID, progress=0.5)
    ready = exchange.receive(words.FileReady(id=ID, magnet_uri=MAGNET, swarm_key=KEY))
    assert told(ready)[0] == events.AddTorrent(transfer=ID, magnet_uri=MAGNET)
    assert works(ready) == [StartAdding(MAGNET, KEY)]
    assert said(exchange.step(Started())) == [words.DownloadStarted(id=ID)]
    assert said(exchange.step(Progressed(3, 1.5, 0.75, None))) == [
        words.ProgressUpdate(id=ID, downloaded=3, download_speed=1.5, progress=0.75)
    ]
    done = exchange.step(Completed())
    assert said(done) == [words.DownloadComplete(id=ID)]
    assert works(done) == [FreeTorrent(delete_data=False)]


def test_no_swarm_key_is_shown_on_its_way() -> None:
    assert "swarm_key" not in repr(Ready(MAGNET, KEY)) + repr(StartAdding(MAGNET, KEY))


def test_no_yes_at_all_declines() -> None:
    exchange = Exchange(ID, Direction.SEND, "Ada", FILES)
    effects = exchange.receive(words.FileAnswer(id=ID, accepted=[False, False]))
    assert exchange.phase is P.DECLINED
    assert works(effects) == [FreeTorrent(delete_data=False)]


@pytest.mark.parametrize("count", [1, 3])
def test_an_answer_of_another_length_fails_and_is_told(count: int) -> None:
    exchange = Exchange(ID, Direction.SEND, "Ada", FILES)
    effects = exchange.receive(words.FileAnswer(id=ID, accepted=[True] * count))
    assert exchange.phase is P.FAILED
    assert [type(word) for word in said(effects)] == [words.Cancel]
    # Too late, it is as any other late answer.
    ready = at(P.READY, Direction.SEND)
    assert ready.receive(words.FileAnswer(id=ID, accepted=[True] * count)) == ()


ALL_WORDS: list[Word] = [
    words.FileRequest(id=ID, files=list(FILES)),
    words.FileAnswer(id=ID, accepted=[True, True]),
    words.Preparing(id=ID, progress=1.0),
    words.FileReady(id=ID, magnet_uri=MAGNET, swarm_key=KEY),
    words.DownloadStarted(id=ID),
    words.ProgressUpdate(id=ID, downloaded=1, download_speed=0, progress=0.1),
    words.DownloadComplete(id=ID),
    words.Message(text="hi"),
    words.Hello(name="Eve"),
]


@pytest.mark.parametrize("phase", list(P))
@pytest.mark.parametrize("direction", list(Direction))
def test_a_partner_cannot_play_this_sides_part(direction: Direction, phase: P) -> None:
    mine = {
        Direction.SEND: (words.Preparing, words.FileReady),
        Direction.RECEIVE: (
            words.FileAnswer,
            words.DownloadStarted,
            words.ProgressUpdate,
            words.DownloadComplete,
        ),
    }[direction]
    nobodys = (words.FileRequest, words.Message, words.Hello)
    for word in ALL_WORDS:
        if isinstance(word, (*mine, *nobodys)):
            exchange = at(phase, direction)
            assert exchange.receive(word) == ()
            assert exchange.phase is phase


def test_failure_tells_the_person_all_and_the_partner_nothing_private() -> None:
    effects = at(P.TRANSFERRING, Direction.RECEIVE).step(Failed(DISK))
    error, state = told(effects)
    assert isinstance(error, events.Error)
    assert (error.code, error.message, error.hint) == ("storageFailed", DISK.message, DISK.hint)
    assert error.transfer == ID
    assert isinstance(state, events.TransferState)
    assert state.reason == DISK.message
    (cancel,) = said(effects)
    assert isinstance(cancel, words.Cancel)
    assert cancel.reason
    assert "ada" not in cancel.reason
    unknown = at(P.READY, Direction.RECEIVE).step(Failed(FileSendError("/home/ada")))
    (cancel,) = said(unknown)
    assert isinstance(cancel, words.Cancel)
    assert "ada" not in cancel.reason


@pytest.mark.parametrize("direction", list(Direction))
def test_who_declined_or_cancelled_is_told_and_nobody_where_it_failed(
    direction: Direction,
) -> None:
    def by(happened: Input) -> Who | None:
        ended = told(at(P.ASKED, direction).step(happened))[-1]
        assert isinstance(ended, events.TransferState)
        return ended.by

    sends = direction is Direction.SEND
    assert by(Cancelled()) is Who.YOU
    assert by(PartnerCancelled("")) is Who.PARTNER
    assert by(PartnerCancelled("Full.", failed=True)) is None
    assert by(Failed(DISK)) is None
    assert by(Declined((False, False))) is (Who.PARTNER if sends else Who.YOU)


@pytest.mark.parametrize(("happened", "by"), [(Failed(DISK), None), (Cancelled(), Who.PARTNER)])
def test_what_fails_is_no_cancel_of_a_persons(happened: Input, by: Who | None) -> None:
    (word,) = said(at(P.READY, Direction.RECEIVE).step(happened))
    (state,) = told(at(P.READY, Direction.SEND).receive(word))
    assert isinstance(state, events.TransferState)
    assert (state.phase, state.by) == (P.CANCELLED, by)


def test_a_partners_reason_is_made_harmless() -> None:
    exchange = at(P.READY, Direction.SEND)
    effects = exchange.receive(words.Cancel(id=ID, reason="no\x1b[31m\u202e time\n"))
    (state,) = told(effects)
    assert isinstance(state, events.TransferState)
    assert state.reason == "no[31m time "


def test_a_name_that_is_all_invisible_is_still_shown_as_something() -> None:
    exchange = Exchange(ID, Direction.RECEIVE, "Ada", (OfferedFile(path="\u202e\u200b", size=1),))
    request = told(exchange.open())[0]
    assert isinstance(request, events.FileRequest)
    assert request.files[0].path


@given(
    st.sampled_from(Direction),
    st.lists(st.sampled_from(ALL_WORDS + list(INPUTS.values())), max_size=30),
)
def test_no_partner_makes_an_exchange_hold_two_torrents_or_keep_one(
    direction: Direction, happenings: list[Any]
) -> None:
    exchange = Exchange(ID, direction, "Eve", FILES)
    held = len(works(exchange.open()))
    for happened in [*happenings, Cancelled()]:
        hear = exchange.receive if isinstance(happened, Word) else exchange.step
        for work in works(hear(happened)):
            if isinstance(work, StartSeeding):
                assert held == 1
                continue
            held += -1 if isinstance(work, FreeTorrent) else 1
            assert held in (0, 1)
    assert exchange.finished
    assert held == 0


class TwoExchanges(RuleBasedStateMachine):
    """Sender and receiver with words under way between them; anybody may end it at any step."""

    def __init__(self) -> None:
        super().__init__()
        self.sides = {
            Direction.SEND: Exchange(ID, Direction.SEND, "Bob", FILES),
            Direction.RECEIVE: Exchange(ID, Direction.RECEIVE, "Ada", FILES),
        }
        self.under_way: dict[Direction, deque[Word]] = {d: deque() for d in Direction}
        self.held: dict[Direction, str | None] = dict.fromkeys(Direction)
        self.deleted = False
        self.connected = True
        self._do(Direction.SEND, self.sides[Direction.SEND].open())
        self.under_way[Direction.RECEIVE].clear()  # how the receiver's came to be

    def _do(self, side: Direction, effects: tuple[Effect, ...]) -> None:
        other = Direction.RECEIVE if side is Direction.SEND else Direction.SEND
        for effect in effects:
            match effect:
                case SendWord(word):
                    if self.connected:
                        self.under_way[other].append(word)
                case StartHashing() | StartAdding():
                    assert self.held[side] is None
                    self.held[side] = "working"
                case StartSeeding():
                    assert self.held[side] is not None
                case FreeTorrent(delete_data):
                    assert self.held[side] is not None
                    assert not (delete_data and side is Direction.SEND), "never what was sent"
                    self.held[side] = None

    def _step(self, side: Direction, happened: Input) -> None:
        self._do(side, self.sides[side].step(happened))

    def _phase(self, side: Direction) -> TransferPhase:
        return self.sides[side].phase

    @rule(accepted=st.tuples(st.booleans(), st.booleans()))
    def person_answers(self, accepted: tuple[bool, bool]) -> None:
        self._step(Direction.RECEIVE, answered(accepted))

    @precondition(lambda self: self.held[Direction.SEND])
    @rule(progress=st.floats(0, 1))
    def sender_hashes(self, progress: float) -> None:
        self._step(Direction.SEND, Prepared(progress))

    @precondition(lambda self: self.held[Direction.SEND])
    @rule()
    def sender_seeds(self) -> None:
        self._step(Direction.SEND, Ready(MAGNET, KEY))

    @precondition(lambda self: self.held[Direction.RECEIVE])
    @rule(happened=st.sampled_from([Started(), Progressed(1, 1, 0.5, 1), Completed()]))
    def receiver_fetches(self, happened: Any) -> None:
        self._step(Direction.RECEIVE, happened)

    @rule(side=st.sampled_from(Direction))
    def person_cancels(self, side: Direction) -> None:
        self._step(side, Cancelled())

    @rule(side=st.sampled_from(Direction))
    def work_fails(self, side: Direction) -> None:
        if self.held[side]:
            self._step(side, Failed(DISK))

    @rule(side=st.sampled_from(Direction), count=st.integers(1, 3))
    def words_arrive(self, side: Direction, count: int) -> None:
        for _ in range(min(count, len(self.under_way[side]))):
            self._do(side, self.sides[side].receive(self.under_way[side].popleft()))

    @rule()
    def connection_is_lost(self) -> None:
        self.connected = False
        for side in Direction:
            self.under_way[side].clear()
            self._step(side, PartnerLost(GONE))
            assert self.sides[side].finished

    def teardown(self) -> None:
        """However far it got: once the words under way have arrived, both agree that it is over.

        If it is over for one it is over for both; if for none, ending it now ends it for both.
        """
        for _ in range(50):
            for side in Direction:
                self.words_arrive(side, 3)
        phases = {side: self._phase(side) for side in Direction}
        if not any(phase in TERMINAL for phase in phases.values()):
            self._step(Direction.SEND, Cancelled())
            self.words_arrive(Direction.RECEIVE, 3)
        assert all(exchange.finished for exchange in self.sides.values()), phases
        assert self.held == dict.fromkeys(Direction)
        if P.DONE in phases.values() and self.connected:
            # Done at the receiver is done, even if the sender gave up in the same moment.
            assert self._phase(Direction.RECEIVE) is P.DONE


TestTwoExchanges = TwoExchanges.TestCase
TestTwoExchanges.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
