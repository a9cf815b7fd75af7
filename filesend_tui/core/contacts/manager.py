"""The contacts of a client: whether two remember each other, and what is done with whom they know.

    strangers ──yes, from both──▶ contacts ──forgotten, by either──▶ strangers
                                     └──a copy was used──▶ doubted

Both say yes in a session, whose root secret gives the contact's first ones (keys.py).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.contacts.book import Book
from filesend_tui.core.contacts.keys import CONTACT, beginning
from filesend_tui.core.contacts.reaching import Reaching
from filesend_tui.core.contacts.renewal import Purpose
from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import Allowance, Contact, SessionId, Who
from filesend_tui.core.journal.journal import Journal
from filesend_tui.core.journal.records import Allowed, ContactRecord
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.manager import SessionManager
from filesend_tui.core.sessions.partner import Partner
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.text import path_text
from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol.words import Hello, Remember

#: Bytes of the nonce in a yes.
NONCE: Final = 32
#: How often a partner may change their mind, at once and a second.
MINDS: Final = (10, 0.1)
#: Seconds in which a contact is told that they are forgotten, if they are there.
TELLING: Final = 5.0

_OLD: Final = "Their filesend cannot remember anybody."


class _Answers:
    """The answers of both sides of a session. Each is the nonce of a yes; empty without one."""

    def __init__(self, now: float) -> None:
        self.ours = self.theirs = b""
        self.minds = TokenBucket(*MINDS, now)


class Contacts:
    """The contacts of one client.

    Args:
        sessions: Its sessions.
        journal: Keeps the contacts.
        events: Where events go.
    """

    def __init__(self, sessions: SessionManager, journal: Journal, events: EventStream) -> None:
        self._sessions = sessions
        self._events = events
        self._book = Book(journal)
        self._answers: dict[SessionId, _Answers] = {}
        self._tasks = Tasks()
        self.reaching = Reaching(sessions, self._book, events)
        sessions.remembers = True
        sessions.introduced = self._heard
        sessions.opened = self.reaching.place_opened

    # -- whom this side remembers

    async def all(self) -> tuple[Contact, ...]:
        """Return the contacts: those in a session here first, then the last seen first."""
        found = [self._shown(each) for each in await self._book.all()]
        return tuple(sorted(found, key=lambda each: each.session is None))

    async def rename(self, id: str, name: str) -> Contact:
        """Name a contact; see Client.rename_contact."""
        return self._shown(await self._book.rename(id, name))

    async def allow(self, id: str, allowed: Allowed | None) -> Contact:
        """Set what is taken of a contact without asking; see Client.allow_contact."""
        return self._shown(await self._book.allow(id, allowed))

    async def forget(self, id: str) -> bool:
        """Forget a contact here, and there if they are there; see Client.forget_contact."""
        known = await self._book.get(id)
        if known is None:
            return False
        with suppress(FileSendError, TimeoutError):
            async with asyncio.timeout(TELLING):
                await self._tell_forgotten(known)
        gone = await self._book.forget(id)
        for partner in self._with(id):
            partner.session.contact = ""
        self.reaching.changed()
        if gone:
            self._events.publish(events.ContactForgotten(contact=id, name=known.name, by=Who.YOU))
        return gone

    async def _tell_forgotten(self, known: ContactRecord) -> None:
        here = [each for each in self._with(known.id) if not each.session.is_away]
        for partner in here:
            await self._say(partner, Remember(answer="forget"))
        if not here and self._sessions.places and not known.doubted:
            await self.reaching.call(known.id, Purpose.FORGET)

    def _shown(self, record: ContactRecord) -> Contact:
        allowed, here = record.allowed, self._with(record.id)
        return Contact(
            contact=record.id,
            name=record.name,
            their_name=record.their_name,
            created=record.created,
            last_seen=record.last_seen,
            meetings=record.generation,
            session=here[-1].id if here else None,
            doubted=record.doubted,
            allowed=None
            if allowed is None
            else Allowance(
                folder=path_text(allowed.folder) if allowed.folder is not None else None,
                size=allowed.size,
                kinds=allowed.kinds,
            ),
        )

    def _with(self, id: str) -> list[Partner]:
        """Return those who are a contact: another program of theirs may have come, too."""
        return [each for each in self._sessions.everybody if each.session.contact == id]

    # -- meeting them

    def wait_for(self, contacts: Collection[str] | None) -> None:
        """Be there for contacts who call; see Client.wait_for_contacts."""
        if contacts is None:
            self.reaching.wait_for(lambda _: True)
        else:
            chosen = frozenset(contacts)
            self.reaching.wait_for((lambda each: each.id in chosen) if chosen else None)

    async def call(self, id: str) -> SessionId:
        """Wait until a contact is there; see Client.call."""
        session = await self.reaching.call(id, Purpose.SESSION)
        assert session is not None
        return session

    async def is_online(self, id: str, seconds: float) -> bool:
        """Return whether a contact is there; see Client.is_online."""
        if any(not each.session.is_away for each in self._with(id)):
            return True
        try:
            async with asyncio.timeout(seconds):
                await self.reaching.call(id, Purpose.LOOK)
        except TimeoutError:
            return False
        return True

    # -- becoming contacts

    async def remember(self, to: SessionId | None) -> None:
        """Say yes to a partner, which also asks; see Client.remember."""
        partner = self._sessions.partner(to)
        if partner.session.contact:
            raise FileSendError(f"You and {partner.name} remember each other already.", "Go on.")
        if not partner.session.remembers:
            raise FileSendError(_OLD, "Both of you need a later version.")
        if not self._book.lasts:
            raise FileSendError(
                "Nobody can be remembered: there is no journal.", "Check the state folder."
            )
        answers = self._answers_of(partner)
        if answers.ours:
            return
        answers.ours = secrets.token_bytes(NONCE)
        await self._say(partner, Remember(answer="yes", nonce=answers.ours))
        if not answers.theirs:
            self._events.publish(
                events.RememberAsked(session=partner.id, partner=partner.name, outgoing=True)
            )
        await self._decide(partner, answers)

    async def decline(self, to: SessionId | None) -> None:
        """Say no to a partner."""
        partner = self._sessions.partner(to)
        answers = self._answers_of(partner)
        answers.ours = answers.theirs = b""
        await self._say(partner, Remember(answer="no"))

    def _heard(self, partner: Partner, hello: Hello) -> None:
        if hello.remember is None:
            return
        answers = self._answers_of(partner)
        if not answers.minds.spend(1, asyncio.get_running_loop().time()):
            return
        match hello.remember:
            case Remember(answer="yes", nonce=nonce) if len(nonce) == NONCE:
                if answers.theirs or partner.session.contact:
                    return
                answers.theirs = nonce
                if answers.ours:
                    self._tasks.spawn(self._decide(partner, answers))
                else:
                    self._events.publish(
                        events.RememberAsked(session=partner.id, partner=partner.name)
                    )
            case Remember(answer="no"):
                asked, answers.ours, answers.theirs = answers.ours, b"", b""
                if asked:
                    self._events.publish(
                        events.RememberDeclined(session=partner.id, partner=partner.name)
                    )
            case Remember(answer="forget"):
                self._tasks.spawn(self._forgotten(partner))

    async def _decide(self, partner: Partner, answers: _Answers) -> None:
        """Remember a partner, where both said yes."""
        if not (answers.ours and answers.theirs):
            return
        session, ours, theirs = partner.session, answers.ours, answers.theirs
        answers.ours = answers.theirs = b""
        both = ours + theirs if session.side is Side.MAKER else theirs + ours
        first = beginning(session.derive(CONTACT, both))
        try:
            record = await self._book.add(partner.name, session.side, first)
        except FileSendError as error:
            self._events.publish(error_event(error, session=partner.id))
            return
        session.contact = record.id
        self.reaching.changed()
        self._events.publish(
            events.Remembered(
                session=partner.id, partner=partner.name, contact=record.id, name=record.name
            )
        )

    async def _forgotten(self, partner: Partner) -> None:
        id, partner.session.contact = partner.session.contact, ""
        known = await self._book.get(id) if id else None
        if known is not None:
            await self.reaching.forgotten_there(known)

    def _answers_of(self, partner: Partner) -> _Answers:
        gone = self._answers.keys() - self._sessions.ids
        for id in gone:
            del self._answers[id]
        now = asyncio.get_running_loop().time()
        return self._answers.setdefault(partner.id, _Answers(now))

    async def _say(self, partner: Partner, remember: Remember) -> None:
        name = self._sessions.hello().name
        await partner.session.send(Hello(name=name, remember=remember))

    async def close(self) -> None:
        """End all waiting."""
        await self.reaching.close()
        await self._tasks.join()


def allowed_of(allowance: Allowance | None) -> Allowed | None:
    """Return an allowance as it is kept."""
    if allowance is None:
        return None
    folder = Path(allowance.folder) if allowance.folder is not None else None
    return Allowed(folder, allowance.size, allowance.kinds)
