"""What a transfer waits for, since when, when that is told and when it ends: a table; sans-IO.

A transfer moves, or somebody's turn it is: its phase, and where its torrent stands, say whose. What
moves it, and how long it stands still, is seen here from outside, by one figure of each phase. So
nothing that could hang has to report that it hangs.

Times are passed in, in seconds of any monotonic clock. What ends a wait is mostly its own business
(a torrent without peers, a tracker that does not answer); the rows of the table say when all the
same, as docs/reliability.md shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError, PartnerSilent, StorageFailed
from filesend_tui.core.events import Direction, SessionId, TransferId, TransferPhase
from filesend_tui.core.meeting.rendezvous import PATIENT_TIMEOUT
from filesend_tui.core.torrent import torrent
from filesend_tui.core.torrent.disk_watch import DiskTrouble
from filesend_tui.core.torrent.torrent import Standing
from filesend_tui.core.util.figures import size_text

#: Seconds after which a wait that was told is told again.
REPEAT: Final = 60.0
#: Seconds that one machine or the other may take to read on in what is to be sent.
READING: Final = 3600.0

P, S = TransferPhase, Standing


class Turn(StrEnum):
    """Whose turn it is."""

    PARTNER = "the other person"
    THEIR_MACHINE = "the other machine"
    THIS_MACHINE = "this machine"
    BETWEEN = "the network between them"


class Wait(NamedTuple):
    """One row. what: its stable name. ends: seconds, None: only by what is waited for, or a cancel.

    tells: seconds until it is told. message, hint: for a person; `{partner}` is the other's name.
    error: what it ends with, where that is ended here.
    """

    what: str
    turn: Turn
    tells: float
    ends: float | None
    message: str
    hint: str
    error: type[FileSendError] | None = None


_DISK: Final = "It goes on once the disk answers; see whether it is connected."

ANSWER: Final = Wait(
    "answer",
    Turn.PARTNER,
    60,
    None,
    "{partner} has not answered yet.",
    "They are asked until they do; cancel to take it back.",
)
OWN_READING: Final = Wait(
    "ownReading",
    Turn.THIS_MACHINE,
    10,
    READING,
    "This machine's disk does not deliver the files to send.",
    _DISK,
    StorageFailed,
)
TRACKER: Final = Wait(
    "tracker",
    Turn.BETWEEN,
    5,
    PATIENT_TIMEOUT,
    "The relay's tracker has not answered yet.",
    "It is asked again by itself; see whether the relay still works.",
)
PREPARING: Final = Wait(
    "preparing",
    Turn.THEIR_MACHINE,
    10,
    READING,
    "{partner}'s machine does not go on preparing the files.",
    "Ask {partner} whether its disk works, or cancel.",
    PartnerSilent,
)
MEETING: Final = Wait(
    "meeting",
    Turn.BETWEEN,
    10,
    torrent.PATIENCE,
    "The two machines are not connected.",
    "They try by themselves; see whether both have a network.",
)
MEETING_THEM: Final = MEETING._replace(ends=None)
SENDING: Final = Wait(
    "sending",
    Turn.THEIR_MACHINE,
    15,
    torrent.STANDSTILL,
    "{partner}'s machine sends nothing.",
    "Ask {partner} whether it works, and its disk.",
)
TAKING: Final = Wait(
    "taking",
    Turn.THEIR_MACHINE,
    15,
    None,
    "{partner}'s machine takes nothing.",
    "Its disk may be full or slow: ask {partner}, or cancel.",
)
#: What is told instead where the receiver said what its disk is waited for; `{needed}` says how
#: much room is missing.
THEIR_DISK: Final[Mapping[str, tuple[str, str]]] = {
    "full": (
        "{partner}'s disk is full{needed}.",
        "It goes on by itself once {partner} has made room; or cancel.",
    ),
    "readOnly": (
        "{partner}'s disk has become read-only.",
        "It goes on by itself once it can be written to; ask {partner}, or cancel.",
    ),
    "away": (
        "{partner}'s disk is not there any more.",
        "It goes on by itself once it is back; ask {partner}, or cancel.",
    ),
    "hangs": (
        "{partner}'s disk does not answer.",
        "It goes on by itself once it does; ask {partner}, or cancel.",
    ),
}
SLOWED: Final = Wait(
    "relaySlows",
    Turn.BETWEEN,
    5,
    None,
    "The relay holds it back: its limit is used up.",
    "It goes on by itself, slowly; a direct way would not have this limit.",
)
OWN_SENDING: Final = Wait(
    "ownSending",
    Turn.THIS_MACHINE,
    10,
    None,
    "This machine's disk does not deliver what is to be sent.",
    _DISK,
)
OWN_FILES: Final = Wait(
    "ownFiles",
    Turn.THIS_MACHINE,
    15,
    None,
    "This machine's disk is busy with what arrives.",
    _DISK,
)


def _rows(
    direction: Direction, phases: Iterable[TransferPhase], waits: Mapping[Standing, Wait]
) -> dict[tuple[Direction, TransferPhase, Standing], Wait]:
    return {
        (direction, phase, standing): wait for phase in phases for standing, wait in waits.items()
    }


#: What is waited for, by the direction, the phase, and where the torrent stands. Where there is no
#: row nobody waits, or it is told elsewhere: a request that is to be answered here has a bar of its
#: own, a disk that is full its own event (torrent/disk_watch.py).
WAITS: Final[Mapping[tuple[Direction, TransferPhase, Standing], Wait]] = {
    **_rows(Direction.SEND, (P.ASKED,), dict.fromkeys(S, ANSWER)),
    **_rows(Direction.SEND, (P.APPROVED, P.HASHING), {S.ABSENT: OWN_READING, S.TRACKER: TRACKER}),
    **_rows(
        Direction.SEND,
        (P.READY, P.TRANSFERRING),
        {
            S.ABSENT: OWN_READING,  # an earlier process had begun it: it is looked through again
            S.TRACKER: TRACKER,
            S.ALONE: MEETING_THEM,
            S.CONNECTED: TAKING,
            S.SLOWED: SLOWED,
            S.READING: OWN_SENDING,
        },
    ),
    **_rows(Direction.RECEIVE, (P.APPROVED, P.HASHING), {S.ABSENT: PREPARING}),
    **_rows(
        Direction.RECEIVE,
        (P.READY, P.TRANSFERRING),
        {
            S.ABSENT: OWN_FILES,
            S.ALONE: MEETING,
            S.CONNECTED: SENDING,
            S.SLOWED: SLOWED,
            S.READING: SENDING,
            S.WORKING: OWN_FILES,
        },
    ),
}


class Patience:
    """How long one transfer stands still.

    Args:
        transfer, session: Its ids.
        direction, partner: Its direction and the other person's name.
    """

    def __init__(
        self,
        transfer: TransferId,
        session: SessionId,
        direction: Direction,
        partner: str,
    ) -> None:
        self._transfer = transfer
        self._session = session
        self._direction = direction
        self._partner = partner
        self._since = 0.0
        self._mark: object = None
        self._told: Wait | None = None
        self._told_at = 0.0
        self._message = ""

    def look(
        self,
        now: float,
        phase: TransferPhase,
        standing: Standing,
        mark: object,
        *,
        halted: bool = False,
        disk: DiskTrouble | None = None,
    ) -> tuple[events.Waiting | events.WaitOver, ...]:
        """Return what is to be told now; call about once a second.

        Args:
            now: The time.
            phase: The transfer's.
            standing: Where its torrent stands.
            mark: Anything that differs once it has moved.
            halted: Nobody's turn it is: it is paused, or the other person is away.
            disk: What the receiver's disk is waited for, as the receiver says.
        """
        wait = None if halted else WAITS.get((self._direction, phase, standing))
        if wait is None or (phase, mark) != self._mark:
            self._mark = (phase, mark)
            self._since = now
            return self._over()
        same = self._told is not None and wait.what == self._told.what
        if now - self._since < wait.tells:
            return () if same else self._over()
        message, hint = self._said(wait, disk)
        if same and message == self._message and now - self._told_at < REPEAT:
            return ()
        self._told, self._told_at, self._message = wait, now, message
        waiting = events.Waiting(
            session=self._session,
            transfer=self._transfer,
            what=wait.what,
            seconds=round(now - self._since, 1),
            message=message,
            hint=hint,
        )
        return (waiting,)

    def failure(self, now: float) -> FileSendError | None:
        """Return what ends it, where it has waited for longer than anybody should."""
        wait = self._told
        if wait is None or wait.error is None or wait.ends is None:
            return None
        if now - self._since < wait.ends:
            return None
        return wait.error(self._filled(wait.message))

    def _over(self) -> tuple[events.WaitOver, ...]:
        told, self._told = self._told, None
        if told is None:
            return ()
        return (events.WaitOver(session=self._session, transfer=self._transfer, what=told.what),)

    def _said(self, wait: Wait, disk: DiskTrouble | None) -> tuple[str, str]:
        """Return the message and the hint of a wait."""
        told, needed = (wait.message, wait.hint), ""
        if wait.what == TAKING.what and disk is not None:
            told = THEIR_DISK.get(disk.reason, told)
            if disk.missing_bytes:
                needed = f": {size_text(disk.missing_bytes)} more are needed"
        message, hint = (self._filled(text).replace("{needed}", needed) for text in told)
        return message, hint

    def _filled(self, text: str) -> str:
        return text.replace("{partner}", self._partner)
