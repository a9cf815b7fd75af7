"""The sessions of a client: any number of other people, met through one connection to a relay.

    lobby ──introduced──▶ present ──room lost──▶ away ──met again──▶ present
                             └──goodbye, tampering, away too long──▶ over ◀──┘

Each session has an id of this side's own, from its code on. While both are in a room of the relay,
their words are routed by it; a room that is lost, with the relay or the other's connection, ends no
session: both go to a place that they derive from what they share, and meet there again. The end of
one session does not affect the others. How two people pair is lobby.py's; the connection to a relay
is connection.py's; the caller chooses the activity with a partner.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias

from filesend_tui.core import errors, events
from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import (
    FileSendError,
    NotPaired,
    OutOfStep,
    RelayTampered,
    RelayUnreachable,
    SeveralPartners,
)
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import SessionId, Wants
from filesend_tui.core.relay_client.address import RelayAddress
from filesend_tui.core.relay_client.connection import (
    Again,
    ConnectionState,
    RelayConnection,
    always,
)
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.sessions.code import parse_code
from filesend_tui.core.sessions.envelope import Envelope
from filesend_tui.core.sessions.lobby import MIXED_UP, PARTING, Introduced, Lobby, Waiting
from filesend_tui.core.sessions.partner import Activity, Partner
from filesend_tui.core.sessions.presence import Presence
from filesend_tui.core.sessions.session import Session, partner_name, state_of
from filesend_tui.core.sessions.shared_secret import Secret
from filesend_tui.core.sessions.state import Keeper, Ledger, SessionState
from filesend_tui.core.util.proxies import NO_PROXIES, Proxies
from filesend_tui.core.util.tasks import Tasks
from relay.protocol import words
from relay.protocol.words import PairingWord, Room, Word

_log = logging.getLogger(__name__)

_GONE: Final = "The other person is gone."
_GO_ON: Final = (
    "filesend resume goes on with it, once both of you are there; if you never meet, pair again."
)

#: Starts the activity with a partner. Its arguments: the session's id, the session, and the relay's
#: tracker as this side knows it (ws or wss URL).
Begin: TypeAlias = Callable[[SessionId, Session, str], Activity]


class SessionManager:
    """One person's side: a connection to a relay, a code, and all partners.

    All methods must be called on one event loop. Every failure is a FileSendError. A method's `to`
    is the id of a session; None means the only one.

    Args:
        events: Where events go.
        name: This side's name.
        begin: Starts the activity with a partner.
        away_limit: Seconds that a partner may be away before the session ends.
        keeper: Keeps sessions for a later process; None: they end with this one.
        proxies: What relays are reached by.
    """

    def __init__(
        self,
        events: EventStream,
        name: str,
        begin: Begin,
        *,
        away_limit: float,
        keeper: Keeper | None = None,
        proxies: Proxies = NO_PROXIES,
    ) -> None:
        self._events = events
        self._name = name
        self._begin = begin
        self._away_limit = away_limit
        self._keeper = keeper
        self._relay = RelayConnection(self._take, self._relay_changed, proxies)
        self._lobby = Lobby(self._relay, self, self._say)
        self._wants = Wants.BOTH
        self._partners: dict[SessionId, Partner] = {}
        self._rooms: dict[Room, Partner] = {}
        self._lost = False
        self._tasks = Tasks()
        self._ends = Tasks()  # never cancelled: each frees what a partner held

    # -- what may be asked

    def partner(self, to: SessionId | None = None) -> Partner:
        """Return the partner of a session.

        Raises:
            NotPaired: There is no partner, or none in this session.
            SeveralPartners: `to` is None, and there are several.
        """
        if to is None and len(self._partners) > 1:
            raise SeveralPartners("You are paired with several people.")
        for partner in self._partners.values():
            if to in (None, partner.id):
                return partner
        raise NotPaired(
            "You are not paired with anybody." if to is None else "This person is gone."
        )

    @property
    def ids(self) -> frozenset[SessionId]:
        """The ids of all sessions."""
        return frozenset(self._partners)

    def has(self, id: SessionId) -> bool:
        """Return whether there is this session."""
        return id in self._partners

    def verification(self, to: SessionId | None = None) -> str | None:
        """Return the words that are the same on both sides when nobody is in between.

        For two people to read to each other; secret from everybody else. None while not paired.
        Raises SeveralPartners.
        """
        try:
            return self.partner(to).session.verification
        except NotPaired:
            return None

    def verify(self, to: SessionId | None = None) -> events.Verification:
        """Publish and return the verification words. Raises NotPaired, SeveralPartners."""
        partner = self.partner(to)
        event = events.Verification(
            session=partner.id, partner=partner.name, words=partner.session.verification
        )
        self._events.publish(event)
        return event

    # -- commands

    def rename(self, name: str) -> None:
        """Introduce this side by another name from now on."""
        self._name = name

    def intend(self, wants: Wants) -> None:
        """Set what this side is there for; sent to each partner that it pairs with afterwards."""
        self._wants = wants

    async def connect(self, relay_url: str, *, again: Again = always) -> None:
        """Connect to a relay, in place of the one before; reconnect when the connection is lost.

        Args:
            relay_url: The relay's address.
            again: Awaited before each reconnect; see Again.

        Raises:
            RelayUnreachable: There is no relay at this address.
        """
        await self._relay.connect(relay_url, again=again)

    async def roads(self) -> tuple[RelayAddress, words.Roads]:
        """Return the relay's address, and what it has for those who cannot reach each other.

        Raises:
            RelayUnreachable: There is no connection to a relay.
            FileSendError: The relay refuses.
        """
        roads = await self._relay.call(words.AskRoads(), words.Roads)
        if self._relay.address is None:
            raise self._relay.loss
        return self._relay.address, roads

    async def create_code(self) -> str:
        """Open a code, in place of an earlier one, and return it; a secret.

        The `code` event has the id of the session to come.

        Raises:
            RelayUnreachable: There is no connection to a relay.
        """
        session = _new_id()
        expires = (await self._lobby.create_code(session)).expires_seconds
        assert self._lobby.waiting is not None
        code = self._lobby.waiting.code.text
        self._events.publish(events.Code(session=session, code=code, expires_seconds=expires))
        return code

    async def join(self, typed: str) -> SessionId:
        """Pair with the maker of this code; return the session when paired.

        Raises:
            InvalidCode: It is not a code; nothing was sent.
            PairingFailed: By kind: the code is unknown, used, expired or wrong, or pairing failed.
            RelayUnreachable: There is no connection to a relay, or it was lost.
            RelayTampered: The relay altered what the other side sent.
        """
        code = parse_code(typed)
        room = await self._lobby.claim(code)
        self._code_gone("joined")  # the relay withdraws a claimer's own nameplate
        return self._introduced(_new_id(), await self._lobby.pair(room))

    async def meet(self, secret: bytes) -> SessionId:
        """Pair with the other holder of the secret, who meets too; return the session when paired.

        The first of the two waits, ten minutes at most (PLACE_LIFETIME). The relay receives a
        place that is derived from the secret.

        Args:
            secret: 32 random bytes that two people share.

        Raises:
            ValueError: It has another length.
            PairingFailed: Nobody came in time, this side waits there already, or pairing failed.
            WrongSecret: The other side does not hold it.
            RelayUnreachable: There is no connection to a relay, or it was lost.
            RelayTampered: The relay altered what the other side sent.
        """
        room = await self._lobby.meet([Secret(secret)])
        return self._introduced(_new_id(), await self._lobby.pair(room))

    def restore(self, id: SessionId, state: SessionState, ledger: Ledger) -> None:
        """Go on with a session of an earlier process, whose partner is away until both are back.

        The relay at which both were must be connected.

        Raises:
            RelayUnreachable: There is no connection to a relay.
        """
        if self._relay.address is None:
            raise self._relay.loss
        session = Session.restored(state, ledger)
        partner = self._add(id, session, self._relay.address.tracker)
        self._events.publish(events.Paired(session=id, partner=session.partner, wants=state.wants))
        self._lines_changed(partner)
        self._come_back(partner)

    async def settle(self, timeout: float) -> bool:
        """Wait until every partner has taken all that was said, also those who are away.

        Returns:
            Whether they have, within `timeout` seconds.
        """
        sessions = [partner.session for partner in self._partners.values()]
        took = await asyncio.gather(*(s.settled(timeout, even_away=True) for s in sessions))
        return all(took)

    async def leave(self, to: SessionId | None = None) -> None:
        """End a session; its transfers are cancelled first. Not being paired is no error.

        Raises:
            SeveralPartners: `to` is None, and there are several.
        """
        try:
            partner = self.partner(to)
        except NotPaired:
            return
        await self._leave(partner)

    async def destroy(self, *, keep: bool = False) -> None:
        """Leave everybody, disconnect and free everything.

        Args:
            keep: Leave those with whom something is unfinished without a goodbye: a later process
                goes on with it.
        """
        while partners := tuple(self._partners.values()):  # a code may be used meanwhile
            kept = {each.id for each in partners if keep and each.activity.is_unfinished}
            leaving = [(self._suspend if p.id in kept else self._leave)(p) for p in partners]
            await asyncio.gather(*leaving)
        await self._relay.close()
        await self._tasks.cancel()
        await self._ends.join()  # of those too who paired, or whose session ended, meanwhile
        await self._lobby.close()

    # -- LobbyHost

    def hello(self) -> words.Hello:
        """See LobbyHost."""
        return words.Hello(name=partner_name(self._name), wants=self._wants)

    def holds(self, room: Room) -> bool:
        """See LobbyHost."""
        return room in self._rooms

    def claimed(self, waiting: Waiting, room: Room) -> None:
        """See LobbyHost."""
        self._events.publish(events.CodeClaimed(session=waiting.session))
        self._tasks.spawn(self._be_joined(room, waiting.session))

    def code_expired(self) -> None:
        """See LobbyHost."""
        self._code_gone("expired")

    # -- the beginning of a session

    async def _be_joined(self, room: Room, session: SessionId) -> None:
        """Pair with the claimer of this side's code."""
        try:
            self._introduced(session, await self._lobby.pair(room))
        except RelayUnreachable:
            self._events.publish(events.CodeGone(session=session, reason="relay"))
        except FileSendError as error:
            self._events.publish(events.CodeGone(session=session, reason="burned"))
            self._publish_error(error, session)

    def _introduced(self, id: SessionId, introduced: Introduced) -> SessionId:
        """Begin the session of two people who are introduced; return its id."""
        # No await here or before the last queued word, or words lose their order.
        unheard = self._lobby.take_over(introduced)
        room, address = introduced.room, self._relay.address
        assert address is not None
        ledger = None
        if self._keeper is not None:
            ledger = self._keeper.session_begun(id, state_of(introduced.agreed), address.url)
        session = Session.begun(introduced.agreed, self._sender(room), ledger)
        self._rooms[room] = self._add(id, session, address.tracker)
        self._events.publish(
            events.Paired(session=id, partner=session.partner, wants=session.wants)
        )
        self._hear_all(room, unheard)
        return id

    def _add(self, id: SessionId, session: Session, tracker: str) -> Partner:
        """Add the partner of a session, and begin the activity with them."""
        activity = self._begin(id, session, tracker)
        presence = Presence(self._away_limit, lambda: self._away_too_long(partner))
        partner = Partner(id, session, activity, presence, self._events)
        session.changed = lambda: self._lines_changed(partner)
        session.failed = lambda error: self._break(partner, error)
        session.unheard = lambda: self._renew_room(partner)
        partner.left = lambda: self._over(partner, errors.PartnerGone(_GONE), "left")
        self._partners[id] = partner
        return partner

    def _hear_all(self, room: Room, unheard: tuple[Word, ...]) -> None:
        for word in unheard:
            self._take(word if isinstance(word, words.PartnerGone) else _said(room, word))

    # -- away, and back

    def _room_lost(self, room: Room) -> None:
        """Go and meet the partner of a room again."""
        partner = self._rooms.pop(room)
        partner.presence.room_lost()
        partner.session.room_lost()
        self._come_back(partner)

    def _renew_room(self, partner: Partner) -> None:
        """Leave a room that delivers nothing, so that both meet in another."""
        for room in self._rooms_of(partner):
            self._room_lost(room)
            self._tasks.spawn(self._lobby.leave(room))

    def _come_back(self, partner: Partner) -> None:
        wanted = partner.id in self._partners and not partner.session.in_room
        if wanted and partner.presence.returning is None and not self._lost:
            partner.presence.returning = self._tasks.spawn(self._meet_again(partner))

    async def _meet_again(self, partner: Partner) -> None:
        """Meet a partner again, as often as it takes; a lost relay ends it."""
        try:
            while True:
                await asyncio.sleep(partner.presence.next_delay())
                try:
                    ways = partner.session.ways_back()
                    had = partner.session.had
                    room = await self._lobby.meet(tuple(ways), lambda: partner.session.taken)
                    introduced = await self._lobby.pair(room)
                    unheard = self._lobby.take_over(introduced)
                except RelayUnreachable:
                    return  # once there is one again, this is
                except FileSendError as error:
                    # A relay that lets somebody else in only delays it.
                    _log.info("meeting %s again: %s", partner.id, error)
                    continue
                way = introduced.introduction
                assert isinstance(way, Secret)
                self._rooms[room] = partner
                try:
                    send = self._sender(room)
                    partner.session.enter(introduced.agreed, ways[way], send, had=had)
                except OutOfStep as error:
                    await self._tell_forgotten(introduced)
                    self._break(partner, error)
                    return
                partner.presence.entered()
                self._hear_all(room, unheard)
                return
        finally:
            partner.presence.returning = None
            self._come_back(partner)  # it may be lost already

    async def _tell_forgotten(self, introduced: Introduced) -> None:
        """Say in a room that the session is over, to whom the next word would mean nothing."""
        goodbye = Envelope(words.Goodbye(forgotten=True))
        with suppress(FileSendError):
            await self._relay.send(introduced.room, introduced.agreed.cipher.seal(goodbye))

    def _lines_changed(self, partner: Partner) -> None:
        """Publish that a partner is away or back, and watch how long."""
        if partner.id not in self._partners:
            return
        away = partner.session.is_away
        if away:
            partner.presence.away()
            reason = "relay" if self._lost else "lost"
            self._events.publish(
                events.PartnerAway(session=partner.id, partner=partner.name, reason=reason)
            )
        else:
            partner.presence.back()
            self._events.publish(events.PartnerBack(session=partner.id, partner=partner.name))
        partner.activity.partner_away(away)

    def _away_too_long(self, partner: Partner) -> None:
        """Wait no longer; what is unfinished is kept for later, where anything is kept."""
        reason = "relay" if self._lost else "lost"
        error = self._relay.loss if self._lost else errors.PartnerGone(_GONE)
        if self._keeper is None or not partner.activity.is_unfinished:
            self._over(partner, error, reason)
            return
        error = type(error)(error.message, _GO_ON)
        self._ends.spawn(self._suspend(partner, error))
        self._publish_gone(partner, reason)

    # -- what comes from the relay

    def _take(self, word: Word | RoomMessage) -> None:
        """Handle a word; a fault of this program ends its room, so that nobody is left waiting."""
        try:
            self._deal_with(word)
        except Exception:
            _log.exception("a word that the relay delivered brought a fault to light")
            fault = FileSendError("Something in this program broke, so it hung up.")
            room = getattr(word, "room", "")
            if partner := self._rooms.get(room):
                self._break(partner, fault)
            else:
                self._lobby.fail(room, fault)

    def _deal_with(self, word: Word | RoomMessage) -> None:
        partner = self._rooms.get(getattr(word, "room", ""))
        if partner is None:
            self._lobby.take(word)
        elif isinstance(word, words.PartnerGone):
            self._room_lost(word.room)
        elif isinstance(word, RoomMessage) and isinstance(word.word, SealedMessage):
            try:
                partner.session.receive(word.word)
            except FileSendError as error:
                self._break(partner, error)
        else:
            self._break(partner, RelayTampered(MIXED_UP))

    def _relay_changed(self, state: ConnectionState) -> None:
        url = self._relay.address.url if self._relay.address else ""
        self._events.publish(events.Relay(state=state, url=url))
        match state:
            case ConnectionState.LOST:
                self._relay_lost(url)
            case ConnectionState.CLOSED:
                self._relay_closed()
            case ConnectionState.CONNECTED if self._lost:
                self._lost = False
                self._events.publish(events.RelayBack(url=url))
                for partner in self._partners.values():
                    self._come_back(partner)

    def _relay_lost(self, url: str) -> None:
        """Go on without: a relay drops a client's code and rooms with its connection."""
        lost = self._relay.loss
        if self._relay.hung_up:
            self._publish_error(lost, None)
        if not self._lost:
            self._lost = True
            self._events.publish(events.RelayAway(url=url, reason=lost.message))
        self._code_gone("relay")
        self._lobby.lost(lost)
        for room in tuple(self._rooms):
            self._room_lost(room)

    def _relay_closed(self) -> None:
        """End every session: this side left the relay."""
        lost = self._relay.loss
        self._lost = False
        self._code_gone("relay")
        self._lobby.lost(lost)
        for partner in tuple(self._partners.values()):
            self._over(partner, lost, "relay")
            partner.session.room_lost()  # so that no goodbye is waited for there

    def _code_gone(self, reason: str) -> None:
        waiting, self._lobby.waiting = self._lobby.waiting, None
        if waiting is not None:
            self._events.publish(events.CodeGone(session=waiting.session, reason=reason))

    # -- the end of a session

    def _break(self, partner: Partner, error: FileSendError) -> None:
        """End a session that cannot be trusted any more, and publish why."""
        if partner.id in self._partners:
            self._publish_error(error, partner.id)
            self._over(partner, error, "broken")

    def _over(self, partner: Partner, error: FileSendError, reason: str) -> None:
        if self._partners.pop(partner.id, None) is None:
            return
        self._forget(partner)
        self._ends.spawn(self._end(partner, error))
        self._publish_gone(partner, reason)

    async def _leave(self, partner: Partner) -> None:
        """End a session at the command of the person here."""
        self._partners.pop(partner.id, None)
        self._forget(partner)
        await self._end(partner, None)

    async def _suspend(self, partner: Partner, lost: FileSendError | None = None) -> None:
        """Stop, and let a later process go on. lost: see Activity.suspend."""
        self._partners.pop(partner.id, None)
        try:
            await partner.activity.suspend(lost)
        finally:
            await self._free(partner)

    def _forget(self, partner: Partner) -> None:
        if self._keeper is not None:
            self._keeper.session_over(partner.id)

    async def _end(self, partner: Partner, error: FileSendError | None) -> None:
        """End the activity with a partner, say goodbye, leave their room and free everything.

        error: Why it is over; None where this side leaves. Else nobody is waited for: they are
        gone, or are not believed any more.
        """
        session = partner.session
        try:
            await partner.activity.close(error)
            with suppress(FileSendError):
                await session.send(words.Goodbye())
                if error is None:
                    await session.settled(PARTING)
        finally:
            await self._free(partner)

    async def _free(self, partner: Partner) -> None:
        await partner.presence.close()
        for room in self._rooms_of(partner):
            del self._rooms[room]
            await self._lobby.leave(room)
        await partner.session.close()

    # -- small things

    def _rooms_of(self, partner: Partner) -> list[Room]:
        return [room for room, there in self._rooms.items() if there is partner]

    def _publish_gone(self, partner: Partner, reason: str) -> None:
        self._events.publish(
            events.PartnerGone(session=partner.id, partner=partner.name, reason=reason)
        )

    def _sender(self, room: Room) -> Callable[[SealedMessage], Awaitable[object]]:
        async def send(message: SealedMessage) -> None:
            await self._say(room, message)

        return send

    async def _say(self, room: Room, word: SealedMessage | PairingWord) -> None:
        try:
            await self._relay.send(room, word)
        except RelayUnreachable:
            raise
        except FileSendError as error:
            # A refused message leaves a gap in what is sealed for this room: begin in another.
            if partner := self._rooms.get(room):
                _log.info("the relay refused a word: %s", error)
                self._renew_room(partner)
            raise

    def _publish_error(self, error: FileSendError, session: SessionId | None) -> None:
        self._events.publish(error_event(error, session=session))


def _said(room: Room, word: Word) -> RoomMessage:
    assert isinstance(word, SealedMessage | PairingWord)
    return RoomMessage(room, word)


def _new_id() -> SessionId:
    return SessionId(secrets.token_hex(8))
