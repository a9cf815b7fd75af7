"""`filesend send` to several people: contacts, who are waited for, and others by codes or a link.

    a contact ──waited for──┐
                            ├──▶ there ──asked──▶ done, declined, failed, gone
    a code, a link ────used─┘

Files are hashed once, and all who take them are in one private swarm; how they share it is the
core's. Each says yes or no alone, and one who fails ends nothing for the others. A code is shown
once the one before was used; a link is one for all. What two people say to each other is
paired.py's; what the run comes to is verdict.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import (
    BadSource,
    ExpiredCode,
    FileSendError,
    NotPaired,
    PairingFailed,
    RelayUnreachable,
)
from filesend_tui.core.event_stream import Subscription
from filesend_tui.core.events import Contact, Direction, SessionId, Wants
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.headless.asking import Asker
from filesend_tui.headless.contacts.calling import call
from filesend_tui.headless.contacts.names import all_by_name
from filesend_tui.headless.outcome import Outcome, Told
from filesend_tui.headless.paired import (
    LAST_WORD,
    ONLY_SENDS,
    Places,
    cancel,
    compare,
    know_page,
    new_link,
    not_taken,
    refuse,
    same_purpose,
)
from filesend_tui.headless.several.verdict import Verdict

#: Asks whoever a session is with.
_Ask: TypeAlias = Callable[[SessionId], Awaitable[None]]

#: Wrong guesses at codes after which no more are made, for each person who is waited for.
MOST_GUESSES: Final = 3


class Audience(NamedTuple):
    """Who is to get it, 2 to 64 people.

    names: of contacts; whom two names mean gets it once. codes: how many others come by a code.
    wait: seconds that a contact is waited for; None for as long as it takes. link: those others
    come by one link, instead of codes.
    """

    names: Sequence[str]
    codes: int
    wait: float | None
    link: bool = False


class _Known(NamedTuple):
    """An audience whose contacts were found."""

    contacts: Sequence[Contact]
    codes: int
    wait: float | None
    link: bool


async def send(
    client: Client,
    places: Places,
    paths: Collection[Path],
    audience: Audience,
    asker: Asker,
    *,
    verify: bool = False,
    skip_unreadable: bool = False,
) -> None:
    """Meet everybody, and send them all the same; return once each has it, or will not.

    Args:
        client: Not yet connected.
        places: Where it meets people.
        paths: Files and folders; of `Chosen` each must still be the same file.
        audience: Whom to send to.
        asker: Asks whether the verification words are the same.
        verify: Have them compared with each before the request.
        skip_unreadable: Leave out what cannot be sent.

    Raises:
        BadSource: Something cannot be sent.
        UnknownContact: Nobody has one of the names.
        FileSendError: Somebody did not get it; see verdict.py.
    """
    known = await _known(client, audience)
    found = await client.look_through(paths, skip_unreadable=skip_unreadable)
    size = len(known.contacts) + known.codes
    # A page meets one member of a swarm, who has everything: each of them has a swarm of their own.
    group = client.new_group(size) if size > 1 and not known.link else None

    async def ask(session: SessionId) -> None:
        await client.request(found, to=session, group=group)

    await _send(client, places, known, asker, ask, verify=verify)


async def send_text(
    client: Client,
    places: Places,
    text: str,
    audience: Audience,
    asker: Asker,
    *,
    verify: bool = False,
) -> None:
    """Meet everybody, and hand each of them a text; see `send`. text: at most 64 KiB."""
    known = await _known(client, audience)

    async def ask(session: SessionId) -> None:
        if not await client.send_text(text, to=session, wait=LAST_WORD):
            raise not_taken()

    await _send(client, places, known, asker, ask, verify=verify, asking_is_all=True)


async def _known(client: Client, audience: Audience) -> _Known:
    known: Sequence[Contact] = ()
    if audience.names:
        known = all_by_name(await client.contacts(), audience.names)
    once = tuple({each.contact: each for each in known}.values())
    return _Known(once, audience.codes, audience.wait, audience.link)


async def _send(
    client: Client,
    places: Places,
    audience: _Known,
    asker: Asker,
    ask: _Ask,
    *,
    verify: bool,
    asking_is_all: bool = False,
) -> None:
    known, codes, wait, link = audience
    stream = client.subscribe()
    client.intend(Wants.SEND)
    await places.open(client)
    by: _Link | None = None
    if link:
        by = _Link(await new_link(client, places, codes), places.main)
    elif codes:
        await know_page(client, places)
    one_question = asyncio.Lock()

    async def ask_one(session: SessionId) -> None:
        if verify:
            async with one_question:
                await compare(client, asker, session)
        await ask(session)

    sending = _Sending(client, codes, by, ask_one, asking_is_all=asking_is_all)
    try:
        await sending.follow(stream, known, wait)
    except asyncio.CancelledError:
        await cancel(client, sending.open_transfers)
        raise
    finally:
        stream.close()
        await sending.close()


class _Link(NamedTuple):
    """By what, and at which relay, those are met who open a link."""

    secret: bytes
    at: str

    def __repr__(self) -> str:
        return f"_Link(at={self.at!r})"  # never the secret


class _Person:
    """Somebody who is there. outcome: of their transfer."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.outcome = Outcome()


class _Sending:
    """Everybody who is to come, and those who are there.

    Args:
        client: The client, which is at its places.
        codes: How many people are to come by codes, or by the link.
        link: The link; None: there are codes.
        ask: Asks one of them; raises why they will not get it.
        asking_is_all: They have it once they were asked, as a text. Else a transfer follows.
    """

    def __init__(
        self, client: Client, codes: int, link: _Link | None, ask: _Ask, *, asking_is_all: bool
    ) -> None:
        self._client = client
        self._link = link
        self._asking_is_all = asking_is_all
        self._codes = codes
        self._ask = ask
        self._verdict = Verdict()
        self._people: dict[SessionId, _Person] = {}
        self._calls: set[str] = set()
        self._tasks = Tasks(self._fault)
        self._broken: BaseException | None = None
        self._moved = asyncio.Event()
        self._came = 0
        self._guesses = 0
        self._inviting = codes > 0

    @property
    def open_transfers(self) -> list[str]:
        """Those that have not ended."""
        return [each for one in self._people.values() for each in one.outcome.open_transfers]

    async def follow(
        self, stream: Subscription, known: Sequence[Contact], wait: float | None
    ) -> None:
        """Wait for contacts, make codes and ask whoever comes, until all is over.

        Raises:
            FileSendError: See Verdict.give.
        """
        for contact in known:
            self._calls.add(contact.contact)
            self._tasks.spawn(self._call(contact, wait))
        if self._inviting:
            await self._invite()
        upcoming = asyncio.ensure_future(anext(stream))
        try:
            while self._inviting or self._calls or self._people:
                moved = asyncio.ensure_future(self._moved.wait())
                await asyncio.wait({upcoming, moved}, return_when=asyncio.FIRST_COMPLETED)
                moved.cancel()
                self._moved.clear()
                if self._broken is not None:
                    raise self._broken
                if upcoming.done():
                    await self._hear(upcoming.result())
                    upcoming = asyncio.ensure_future(anext(stream))
        except StopAsyncIteration:
            return
        finally:
            upcoming.cancel()
        self._verdict.give()

    async def close(self) -> None:
        """End what is under way here."""
        await self._tasks.cancel()

    def _fault(self, error: BaseException) -> None:
        self._broken = error
        self._moved.set()

    async def _hear(self, event: events.Event) -> None:
        match event:
            case events.Paired(session=str(session)):
                await self._met(event, session)
            case events.CodeGone():
                await self._code_gone(event.reason)
            case events.FileRequest(direction=Direction.RECEIVE):
                await refuse(self._client, event, ONLY_SENDS)
            case events.Text():
                pass  # of somebody who writes meanwhile: it is printed, and ends nothing
            case events.Error(session=None) if event.code != RelayUnreachable.code:
                pass  # of somebody who did not come: no reason for what becomes of another
            case _ if not self._asking_is_all:
                self._see(event)

    def _see(self, event: events.Event) -> None:
        """Take an event of somebody's; one that names no session may be the reason of any end."""
        session = getattr(event, "session", None)
        for id, person in tuple(self._people.items()):
            if session not in (None, id):
                continue
            try:
                if person.outcome.see(event):
                    self._over(id)
            except FileSendError as failed:
                self._over(id, failed)

    def _over(self, session: SessionId, failed: FileSendError | None = None) -> None:
        """Record what became of somebody, once."""
        person = self._people.pop(session, None)
        if person is None:
            return
        if failed is None:
            self._verdict.done += 1
        else:
            self._verdict.missed(failed, person.name)
        self._moved.set()

    # -- contacts

    async def _call(self, contact: Contact, wait: float | None) -> None:
        """Wait for a contact; `paired` tells that they are there."""
        try:
            await call(self._client, contact, wait)
        except FileSendError as failed:
            self._missed(failed, contact.name)
            self._calls.discard(contact.contact)
            self._moved.set()

    # -- whoever is there

    async def _met(self, event: events.Paired, session: SessionId) -> None:
        """Ask whoever came, and make the next code where they came by one."""
        by_code = not event.contact
        if event.contact not in self._calls and not by_code:
            await self._client.leave(session)  # they came in the moment in which it was given up
            return
        self._people[session] = _Person(event.partner)
        self._calls.discard(event.contact)
        if event.wants is Wants.SEND:
            failed = same_purpose(Wants.SEND, event.partner)
            self._client.publish(error_event(failed, session=session))
            self._over(session, failed)
            await self._client.leave(session)
            if by_code:
                await self._invite()
        else:
            self._tasks.spawn(self._serve(session, by_code=by_code))

    async def _serve(self, session: SessionId, *, by_code: bool) -> None:
        try:
            await self._ask(session)
        except FileSendError as failed:
            if not isinstance(failed, Told | NotPaired):
                self._client.publish(error_event(failed, session=session))
            self._over(session, failed)  # unless the event that told of it came first
            if isinstance(failed, BadSource):
                self._came = self._codes  # nobody else could get it
        else:
            self._came += by_code
            if self._asking_is_all:
                self._over(session)
        if by_code:
            await self._invite()
            self._moved.set()

    def _missed(self, failed: FileSendError, name: str = "") -> None:
        """Tell at once that somebody will not get it; the others may take hours."""
        self._client.publish(error_event(failed))
        self._verdict.missed(failed, name)

    # -- codes

    async def _code_gone(self, reason: str) -> None:
        if reason == "burned" and self._may_guess():
            await self._invite()
        elif reason != "joined":
            self._nobody_comes(
                RelayUnreachable("The connection to the relay was lost.")
                if reason == "relay"
                else self._late("code")
            )

    def _may_guess(self) -> bool:
        """Count one who does not know what they should; return whether more may try."""
        self._guesses += 1
        return self._guesses <= MOST_GUESSES * self._codes

    def _late(self, what: str) -> ExpiredCode:
        missing = self._codes - self._came
        people = "one person" if missing == 1 else f"{missing} people"
        return ExpiredCode(f"Nobody used the {what} in time: {people} did not come.")

    def _nobody_comes(self, failed: FileSendError) -> None:
        self._missed(failed)
        self._inviting = False
        self._moved.set()

    async def _invite(self) -> None:
        """Make the next code, or wait by the link, where somebody is still to come."""
        self._inviting = self._came < self._codes
        if not self._inviting:
            return
        if self._link is not None:
            self._tasks.spawn(self._meet_by(self._link))
            return
        try:
            await self._client.create_code()
        except FileSendError as failed:
            self._nobody_comes(failed)

    async def _meet_by(self, link: _Link) -> None:
        """Meet the next one who opens the link; `paired` tells that they are there."""
        while True:
            try:
                await self._client.meet(link.secret, link.at)
            except ExpiredCode:
                self._nobody_comes(self._late("link"))
            except PairingFailed as failed:
                if self._may_guess():
                    continue
                self._nobody_comes(failed)
            except FileSendError as failed:
                self._nobody_comes(failed)
            return
