"""What a transfer waits for: told in its time, and again; over, and ended."""

from __future__ import annotations

from itertools import product

import pytest

from filesend_tui.core.errors import PartnerSilent, StorageFailed
from filesend_tui.core.events import Direction, SessionId, TransferPhase, Waiting, WaitOver
from filesend_tui.core.exchange.patience import REPEAT, WAITS, Patience, Wait
from filesend_tui.core.exchange.table import TERMINAL
from filesend_tui.core.torrent.disk_watch import DiskTrouble
from filesend_tui.core.torrent.torrent import Standing

P, S, D = TransferPhase, Standing, Direction
SESSION = SessionId("5" * 16)
ROWS = sorted(set(WAITS.values()), key=lambda wait: (wait.what, str(wait.ends)))


def patience(direction: Direction) -> Patience:
    return Patience("a", SESSION, direction, "Ann")


def key_of(wait: Wait) -> tuple[Direction, TransferPhase, Standing]:
    return next(key for key, each in WAITS.items() if each is wait)


@pytest.mark.parametrize("wait", ROWS, ids=lambda wait: f"{wait.what}-{wait.ends}")
def test_each_wait_is_told_in_its_time_and_again_and_is_over(wait: Wait) -> None:
    direction, phase, standing = key_of(wait)
    waits = patience(direction)
    assert waits.look(0, phase, standing, 0) == ()
    assert waits.look(wait.tells - 1, phase, standing, 0) == ()
    (told,) = waits.look(wait.tells, phase, standing, 0)
    assert isinstance(told, Waiting)
    assert (told.session, told.transfer) == (SESSION, "a")
    assert (told.what, told.seconds) == (wait.what, wait.tells)
    assert "{" not in told.message + told.hint
    assert waits.look(wait.tells + REPEAT - 1, phase, standing, 0) == ()
    (again,) = waits.look(wait.tells + REPEAT, phase, standing, 0)
    assert isinstance(again, Waiting)
    assert again.seconds == wait.tells + REPEAT
    over = WaitOver(session=SESSION, transfer="a", what=wait.what)
    assert waits.look(wait.tells + REPEAT + 1, phase, standing, 1) == (over,)
    assert waits.look(wait.tells + REPEAT + 2, phase, standing, 1) == ()


@pytest.mark.parametrize("wait", ROWS, ids=lambda wait: f"{wait.what}-{wait.ends}")
def test_each_wait_says_what_it_is_and_what_to_do(wait: Wait) -> None:
    for text in (wait.message, wait.hint):
        assert text[0].isupper() or text.startswith("{partner}")
        assert text.endswith(".")
    assert wait.tells <= 60
    assert wait.ends is None or wait.ends > wait.tells


@pytest.mark.parametrize(
    ("disk", "said"),
    [
        (DiskTrouble("full", 42_000_000), "Ann's disk is full: 42 MB more are needed."),
        (DiskTrouble("full", 0), "Ann's disk is full."),
        (DiskTrouble("readOnly", 0), "Ann's disk has become read-only."),
        (DiskTrouble("away", 0), "Ann's disk is not there any more."),
        (DiskTrouble("hangs", 0), "Ann's disk does not answer."),
        (DiskTrouble("of a later version", 0), "Ann's machine takes nothing."),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_the_receiver_said_of_its_disk_is_told_to_the_sender(
    disk: DiskTrouble, said: str
) -> None:
    waits, moment = patience(D.SEND), (P.TRANSFERRING, S.CONNECTED, 0)
    assert waits.look(0, *moment) == ()
    (told,) = waits.look(20, *moment)
    assert isinstance(told, Waiting)
    assert told.message == "Ann's machine takes nothing."
    later = waits.look(21, *moment, disk=disk)  # at once, where it is another cause
    assert [each.message for each in later if isinstance(each, Waiting)] == (
        [said] if said != told.message else []
    )
    assert waits.look(22, *moment, disk=disk) == ()
    other = patience(D.SEND)
    other.look(0, P.TRANSFERRING, S.ALONE, 0, disk=disk)
    (told,) = other.look(20, P.TRANSFERRING, S.ALONE, 0, disk=disk)
    assert isinstance(told, Waiting)
    assert "disk" not in told.message, "they are not connected: that comes first"


def test_no_phase_is_without_an_answer_to_whose_turn_it_is() -> None:
    """But where somebody here is asked, and where an event of its own tells of a disk."""
    told = {(direction, phase) for direction, phase, _ in WAITS}
    phases = [phase for phase in P if phase not in TERMINAL]
    assert set(product(D, phases)) - told == {(D.RECEIVE, P.ASKED)}
    for direction, phase in product(D, (P.READY, P.TRANSFERRING)):
        there = {standing for each, at, standing in WAITS if (each, at) == (direction, phase)}
        mine = {S.WORKING} if direction is D.SEND else {S.TRACKER}
        # A stream may be silent for days: whoever writes into the pipe decides.
        mine |= {S.DISK, S.RESTING, S.FLOWING}
        assert set(S) - there == mine, "a seed works at nothing; nobody waits for one"


def test_what_moves_is_not_waited_for() -> None:
    waits = patience(D.RECEIVE)
    for second in range(600):
        assert waits.look(second, P.TRANSFERRING, S.CONNECTED, second // 10) == ()


def test_nothing_is_waited_for_while_it_is_halted() -> None:
    waits = patience(D.RECEIVE)
    waits.look(0, P.TRANSFERRING, S.CONNECTED, 0)
    assert waits.look(20, P.TRANSFERRING, S.CONNECTED, 0)
    (over,) = waits.look(21, P.TRANSFERRING, S.CONNECTED, 0, halted=True)
    assert isinstance(over, WaitOver)
    for second in range(22, 600):
        assert waits.look(second, P.TRANSFERRING, S.CONNECTED, 0, halted=True) == ()
    assert waits.look(600, P.TRANSFERRING, S.CONNECTED, 0) == (), "it counts from the return on"
    assert waits.look(620, P.TRANSFERRING, S.CONNECTED, 0)


def test_another_reason_takes_the_place_of_the_first_and_the_count_goes_on() -> None:
    waits = patience(D.RECEIVE)
    waits.look(0, P.TRANSFERRING, S.ALONE, 0)
    (first,) = waits.look(10, P.TRANSFERRING, S.ALONE, 0)
    (over,) = waits.look(11, P.TRANSFERRING, S.CONNECTED, 0)
    (second,) = waits.look(16, P.TRANSFERRING, S.CONNECTED, 0)
    assert [first.what, over.what, second.what] == ["meeting", "meeting", "sending"]
    (back,) = waits.look(17, P.TRANSFERRING, S.ALONE, 0)
    assert isinstance(back, Waiting)
    assert (back.what, back.seconds) == ("meeting", 17)


@pytest.mark.parametrize(
    ("direction", "error"), [(D.SEND, StorageFailed), (D.RECEIVE, PartnerSilent)]
)
def test_who_never_hashes_is_waited_for_for_an_hour(
    direction: Direction, error: type[Exception]
) -> None:
    waits = patience(direction)
    for second in range(3600):
        waits.look(second, P.APPROVED, S.ABSENT, 0)
        assert waits.failure(second) is None
    waits.look(3600, P.APPROVED, S.ABSENT, 0)
    assert type(waits.failure(3600)) is error


def test_what_moves_again_does_not_end() -> None:
    waits = patience(D.RECEIVE)
    waits.look(0, P.HASHING, S.ABSENT, 0)
    waits.look(3599, P.HASHING, S.ABSENT, 0)
    waits.look(3601, P.HASHING, S.ABSENT, 1)
    assert waits.failure(3601) is None
