"""Whom this side waits for, and whom it calls, at every meeting place that it has.

Waiting goes on beside any number of sessions with the same contact: another program of theirs may
call. Each contact has a place of its own at each server in each hour, so what is waited for is
bounded. One meeting is waiting.py's; what a session is for is the caller's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Protocol

from msgspec.structs import replace

from filesend_tui.core import errors, events
from filesend_tui.core.contacts.book import Book
from filesend_tui.core.contacts.renewal import OwnSide, Purpose, Visit
from filesend_tui.core.contacts.waiting import Clock, came, meet
from filesend_tui.core.errors import ContactDoubted, FileSendError, RelayUnreachable
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import SessionId, Who
from filesend_tui.core.journal.records import ContactRecord
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.partner import Partner
from filesend_tui.core.sessions.places.lobby import Introduced
from filesend_tui.core.sessions.places.meeting_place import MeetingPlace
from filesend_tui.core.sessions.places.tries import Backoff, Tries
from filesend_tui.core.sessions.session import partner_name
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol.words import Room

_log = logging.getLogger(__name__)

#: Most contacts that are waited for at once at a relay, the last seen first. Each takes two of its
#: 32 places for a connection around the beginning of an hour, and sessions that are lost need some.
AT_RELAY: Final = 12
#: And at a tracker, to which each place is a swarm.
AT_TRACKER: Final = 4
#: Seconds between two looks at the book, which other programs change.
REFRESH: Final = 15.0
#: How often a contact may come, at once and a second; and how many sessions it may have, without
#: those and with those that it has lost: a program that was killed leaves one behind for an hour.
COMINGS: Final = (6, 0.1)
MAX_SESSIONS: Final = 4
MAX_WITH_AWAY: Final = 12

#: Whether a contact is to be waited for.
Wanted = Callable[[ContactRecord], bool]


class Sessions(Protocol):
    """Of sessions/manager.py."""

    @property
    def places(self) -> tuple[MeetingPlace, ...]:
        """Those that this side is connected to."""

    @property
    def everybody(self) -> tuple[Partner, ...]:
        """All partners."""

    def record(self, place: MeetingPlace, introduced: Introduced, contact: str) -> SessionId:
        """Record the session of two who are about to have met as contacts."""

    def unrecord(self, id: SessionId) -> None:
        """Forget what was recorded: they have not met."""

    def begin(
        self,
        place: MeetingPlace,
        introduced: Introduced,
        contact: str,
        recorded: SessionId | None = None,
    ) -> SessionId:
        """Begin the session of two who met as contacts."""


class _At(NamedTuple):
    contact: str
    place: MeetingPlace


class Reaching:
    """What is waited for, and called."""

    def __init__(
        self, sessions: Sessions, book: Book, events: EventStream, clock: Clock = time.time
    ) -> None:
        self.clock = clock
        self._sessions = sessions
        self._book = book
        self._events = events
        self._wanted: Wanted | None = None
        self._held: dict[str, ContactRecord] = {}  # by id, the last seen first
        self._waiting: dict[_At, asyncio.Task[None]] = {}
        self._comings: dict[str, TokenBucket] = {}
        self._calls: set[_Call] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self._look = asyncio.Event()
        self._tasks = Tasks()

    # -- what may be asked

    def wait_for(self, wanted: Wanted | None) -> None:
        """Wait for these contacts from now on, also for those to come; for nobody if None."""
        self._wanted = wanted
        self._look.set()
        if self._refreshing is None and wanted is not None:
            self._refreshing = asyncio.create_task(self._refresh())

    def changed(self) -> None:
        """Look at the book at once."""
        self._look.set()

    @property
    def waited_for(self) -> frozenset[str]:
        """The ids of the contacts that this process waits for."""
        return frozenset(self._held)

    async def call(self, id: str, purpose: Purpose) -> SessionId | None:
        """Meet a contact, once they are there; return the session, where it is for one.

        Raises:
            UnknownContact: There is none.
            ContactDoubted: Somebody has used a copy of it.
            RelayUnreachable: There is no place to meet at.
        """
        contact = await self._book.require(id)
        if contact.doubted:
            raise doubted_already(contact)
        call = _Call(self, contact, Visit(self._book, id, purpose))
        self._calls.add(call)
        if purpose is Purpose.SESSION:
            self._events.publish(events.Calling(contact=contact.id, name=contact.name))
        try:
            call.tries.at(self._sessions.places)
            return await call.answer
        except ContactDoubted as error:
            self._tell_doubted(contact, error)
            raise
        finally:
            self._calls.discard(call)
            await call.tries.close()

    def place_opened(self, place: MeetingPlace) -> None:
        """Be there, too."""
        for call in self._calls:
            call.tries.at([place])
        self._arrange()

    async def close(self) -> None:
        """End all waiting; a call that is under way is cancelled with its caller."""
        self._wanted = None
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait({self._refreshing})
        for task in self._waiting.values():
            task.cancel()
        await asyncio.gather(*self._waiting.values(), return_exceptions=True)
        await self._tasks.cancel()
        for id in self._held:
            await self._book.release(id)
        self._held.clear()

    # -- waiting

    async def _refresh(self) -> None:
        """Keep up with the book."""
        while True:
            self._look.clear()
            try:
                due = await self._due()
                for gone in self._held.keys() - due.keys():
                    del self._held[gone]
                    await self._book.release(gone)
                for id, contact in due.items():
                    if id not in self._held and await self._book.claim(id):
                        self._held[id] = contact
                self._held = {id: self._held[id] for id in due if id in self._held}
                self._arrange()
            except Exception:
                _log.exception("looking at the contacts failed")
            try:
                async with asyncio.timeout(REFRESH):
                    await self._look.wait()
            except TimeoutError:
                pass

    async def _due(self) -> dict[str, ContactRecord]:
        """Return whom to wait for, by id, the last seen first; no more than fit."""
        if (wanted := self._wanted) is None:
            return {}
        found = [each for each in await self._book.all() if wanted(each)]
        return {each.id: each for each in found[:AT_RELAY]}

    def _arrange(self) -> None:
        """Be at the places of those who are waited for, and at no others."""
        due = {
            _At(id, place)
            for place in self._sessions.places
            for id in list(self._held)[: None if _is_relay(place) else AT_TRACKER]
        }
        for at in self._waiting.keys() - due:
            self._waiting[at].cancel()
        for at in due - self._waiting.keys():
            self._waiting[at] = asyncio.create_task(self._wait(at, self._held[at.contact]))

    async def _wait(self, at: _At, contact: ContactRecord) -> None:
        place, backoff = at.place, Backoff()
        try:
            while True:
                await backoff.wait()
                try:
                    room = await came(place, contact, Side(contact.side).other, self.clock)
                except RelayUnreachable:
                    return  # once it is there again, this is
                except FileSendError as error:
                    _log.debug("waiting at %s: %s", place.url, error)
                    continue
                if self._may_come(contact.id):
                    backoff = Backoff()
                    self._tasks.spawn(self._receive(contact, place, room))
                else:
                    _log.info("a contact comes too often")
                    place.lobby.forget(room)
        finally:
            del self._waiting[at]

    def _may_come(self, id: str) -> bool:
        now = asyncio.get_running_loop().time()
        bucket = self._comings.setdefault(id, TokenBucket(*COMINGS, now))
        theirs = [p.session for p in self._sessions.everybody if p.session.contact == id]
        here = sum(not session.is_away for session in theirs)
        few = here < MAX_SESSIONS and len(theirs) < MAX_WITH_AWAY
        return few and bucket.spend(1, now)

    async def _receive(self, contact: ContactRecord, place: MeetingPlace, room: Room) -> None:
        """Meet whoever came to a place of a contact's.

        The session is recorded before they can take it for begun: who asks a process that is killed
        in that moment is answered by the next one.
        """
        recorded: SessionId | None = None

        def beginning(known: ContactRecord, introduced: Introduced) -> None:
            nonlocal recorded
            recorded = self._sessions.record(place, _named(known, introduced), known.id)

        try:
            met = await meet(place, room, Visit(self._book, contact.id), beginning=beginning)
            await self._deal_with(place, *met, recorded)
            recorded = None
        except ContactDoubted as error:
            self._tell_doubted(contact, error)
        except (FileSendError, OwnSide) as error:
            _log.info("whoever came to a contact's place: %r", error)
        finally:
            if recorded is not None:
                self._sessions.unrecord(recorded)

    async def _deal_with(
        self,
        place: MeetingPlace,
        known: ContactRecord,
        purpose: Purpose,
        introduced: Introduced,
        recorded: SessionId | None,
    ) -> None:
        match purpose:
            case Purpose.SESSION:
                self._begin(place, known, introduced, recorded)
            case Purpose.LOOK:
                place.lobby.forget(introduced.room)
                await self._seen(known, introduced)
                self._events.publish(events.ContactSeen(contact=known.id, name=known.name))
            case Purpose.FORGET:
                place.lobby.forget(introduced.room)
                await self.forgotten_there(known)

    async def forgotten_there(self, known: ContactRecord) -> None:
        """Forget a contact who has forgotten this side."""
        if await self._book.forget(known.id):
            self._events.publish(
                events.ContactForgotten(contact=known.id, name=known.name, by=Who.PARTNER)
            )
        self.changed()

    def _begin(
        self,
        place: MeetingPlace,
        known: ContactRecord,
        introduced: Introduced,
        recorded: SessionId | None = None,
    ) -> SessionId:
        session = self._sessions.begin(place, _named(known, introduced), known.id, recorded)
        self._tasks.spawn(self._seen(known, introduced))
        return session

    async def _seen(self, known: ContactRecord, introduced: Introduced) -> None:
        await self._book.seen(known.id, partner_name(introduced.agreed.hello.name))

    def met(
        self,
        place: MeetingPlace,
        known: ContactRecord,
        introduced: Introduced,
        purpose: Purpose | None,
    ) -> SessionId | None:
        """Do what a call was for, in the room to which it led."""
        if purpose is Purpose.SESSION:
            return self._begin(place, known, introduced)
        place.lobby.forget(introduced.room)
        if purpose is Purpose.LOOK:
            self._tasks.spawn(self._seen(known, introduced))
        return None

    def _tell_doubted(self, contact: ContactRecord, error: ContactDoubted) -> None:
        self._events.publish(
            events.ContactDoubted(
                contact=contact.id, name=contact.name, message=error.message, hint=error.hint
            )
        )


class _Call:
    """One call: at all places at once, until one of them leads to the contact.

    The caller chooses among rooms, as who comes back to a session does: where the other has spoken
    first.
    """

    def __init__(self, owner: Reaching, contact: ContactRecord, visit: Visit) -> None:
        self.answer: asyncio.Future[SessionId | None] = asyncio.get_running_loop().create_future()
        self.tries = Tries("calling a contact", self._meet, self.answer.done)
        self._owner = owner
        self._contact = contact
        self._visit = visit

    async def _meet(self, place: MeetingPlace) -> None:
        side = Side(self._contact.side)
        try:
            room = await came(place, self._contact, side, self._owner.clock)
            chosen = partial(self.tries.choose, place)
            known, _, introduced = await meet(place, room, self._visit, chosen)
        except (ContactDoubted, errors.UnknownContact) as error:
            if not self.answer.done():
                self.answer.set_exception(error)
        except OwnSide:
            _log.info("another program of this person calls the same contact")
        else:
            if self.answer.done():
                place.lobby.forget(introduced.room)
            else:
                met = self._owner.met(place, known, introduced, self._visit.purpose)
                self.answer.set_result(met)


def doubted_already(contact: ContactRecord) -> ContactDoubted:
    """Return the error for a contact of which somebody has used a copy."""
    return ContactDoubted(
        f"Somebody else has used a copy of what you and {contact.name} remember of each other."
    )


def _named(known: ContactRecord, introduced: Introduced) -> Introduced:
    """Return what was agreed on with a contact, by the name that this side has for them."""
    agreed = introduced.agreed
    return introduced._replace(agreed=agreed._replace(hello=replace(agreed.hello, name=known.name)))


def _is_relay(place: MeetingPlace) -> bool:
    return place.connection.address is not None
