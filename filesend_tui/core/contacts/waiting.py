"""Being at one contact's place of one server, hour after hour, until somebody comes or it is lost.

    at the places of the hours ──somebody came──▶ pairs, and meets (renewal.py)
            └──the hour changed, the wait expired──▶ at those of the hours that are now

Who waits for whom, and at which servers, is reaching.py's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from filesend_tui.core.contacts.keys import hours, place_secret
from filesend_tui.core.contacts.renewal import Meeting, Purpose, Visit
from filesend_tui.core.errors import FileSendError, PairingFailed, RelayTampered
from filesend_tui.core.journal.records import ContactRecord
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.envelope import Envelope
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.places.lobby import Introduced
from filesend_tui.core.sessions.places.meeting_place import MeetingPlace
from relay.protocol.words import ContactStep, Hello, Room

#: Seconds between two looks at the clock, which may be set, or stand still while a machine sleeps.
LOOK: Final = 20.0

#: Seconds since 1970; a test has its own.
Clock = Callable[[], float]


async def came(
    place: MeetingPlace, contact: ContactRecord, caller: Side, clock: Clock = time.time
) -> Room:
    """Be at a contact's places of one server until the other comes; return the room.

    Raises:
        RelayUnreachable: The server was lost.
        FileSendError: It refuses.
    """
    while True:
        there = hours(clock())
        secrets = await asyncio.to_thread(
            lambda: [place_secret(contact.meeting, caller, hour) for hour in there]  # noqa: B023
        )
        waiting = asyncio.ensure_future(place.lobby.meet(secrets))
        try:
            while not waiting.done() and hours(clock()) == there:
                await asyncio.wait({waiting}, timeout=LOOK)
            if waiting.done():
                return waiting.result()
        finally:
            if not waiting.done():
                waiting.cancel()
                with suppress(asyncio.CancelledError, FileSendError):
                    place.lobby.forget(await waiting)


async def meet(
    place: MeetingPlace,
    room: Room,
    visit: Visit,
    chosen: Callable[[], bool] = lambda: True,
    beginning: Callable[[ContactRecord, Introduced], None] = lambda _, __: None,
) -> tuple[ContactRecord, Purpose, Introduced]:
    """Pair and meet in a room; leave it where that fails.

    Args:
        place: The room's.
        room: That was entered.
        visit: Whom it is with, and what for.
        chosen: See PairingHandshake.run.
        beginning: See Meeting; also called with what was agreed on.

    Raises as Meeting.run, and as Lobby.pair.
    """
    introduced = await place.lobby.pair(room, chosen)

    async def say(step: ContactStep) -> None:
        hello = Hello(name="", contact=step)
        await place.connection.send(room, introduced.agreed.cipher.seal(Envelope(hello)))

    async def heard() -> ContactStep:
        word = await place.lobby.heard(introduced)
        if not isinstance(word, SealedMessage):
            raise RelayTampered("The relay mixed up what was said.")
        said = introduced.agreed.cipher.open(word).word
        if not isinstance(said, Hello) or said.contact is None:
            raise PairingFailed("Who came does not meet as a contact does.")
        return said.contact

    try:
        meeting = Meeting(
            visit, introduced.agreed, say, heard, lambda known: beginning(known, introduced)
        )
        known, comes_for = await meeting.run()
    except BaseException:
        place.lobby.forget(room)
        raise
    return known, comes_for, introduced
