"""The sessions of a client: any number of other people, met at any number of meeting places.

    lobby ──introduced──▶ present ──room lost──▶ away ──met again──▶ present
                             └──goodbye, tampering, away too long──▶ over ◀──┘

Each session has an id of this side's own, from its code on. While both are in a room of a place,
their words are routed by it; a room that is lost, with the place or the other's connection, ends no
session: at every place that they have, both go to where they derive from what they share, and meet
there again. The end of one session does not affect the others. How two people pair at a place is
places/lobby.py's; the connection to a relay is connection.py's; the caller chooses the activity
with a partner.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple, TypeAlias

from filesend_tui.core import errors, events
from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import (
    ExpiredCode,
    FileSendError,
    NotPaired,
    OutOfStep,
    PairingFailed,
    RelayTampered,
    RelayUnreachable,
    SeveralPartners,
)
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import SessionId, Wants
from filesend_tui.core.relay_client.address import RelayAddress, parse_relay_url
from filesend_tui.core.relay_client.connection import RelayConnection
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.relay_client.staying import Again, ConnectionState, always
from filesend_tui.core.sessions.code import parse_code
from filesend_tui.core.sessions.coming_back import Back, ComingBack
from filesend_tui.core.sessions.envelope import Envelope
from filesend_tui.core.sessions.partner import Activity, Partner
from filesend_tui.core.sessions.places.joining import Joining
from filesend_tui.core.sessions.places.links import link_to, new_secret
from filesend_tui.core.sessions.places.lobby import MIXED_UP, PARTING, Introduced
from filesend_tui.core.sessions.places.meeting_place import Connect, MeetingPlace
from filesend_tui.core.sessions.places.own_code import OwnCode
from filesend_tui.core.sessions.presence import Presence
from filesend_tui.core.sessions.session import Session, partner_name, state_of
from filesend_tui.core.sessions.shared_secret import Secret
from filesend_tui.core.sessions.state import Keeper, Ledger, SessionState
from filesend_tui.core.util.proxies import NO_PROXIES, Proxies
from filesend_tui.core.util.tasks import Tasks
from relay.protocol import words
from relay.protocol.words import PLACE_LIFETIME, PairingWord, Room, Word

_log = logging.getLogger(__name__)

_GONE: Final = "The other person is gone."
_GO_ON: Final = (
    "filesend resume goes on with it, once both of you are there; if you never meet, pair again."
)

#: Seconds in which whoever made a link is met by it, and between two tries of two who opened it.
LINK_PATIENCE: Final = 20.0
PARTED: Final = 1.0
_LINK_USED: Final = (
    "A link works for ten minutes, and for as many people as it was made for: ask for another one."
)

#: Seconds that a code which no open place knows may take to be found at others that are still
#: being connected to.
OPENING: Final = 4.0

#: Starts the activity with a partner. Its arguments: the session's id, the session, and the relay's
#: tracker as this side knows it (ws or wss URL).
Begin: TypeAlias = Callable[[SessionId, Session, str], Activity]


class _There(NamedTuple):
    """A room of a place: two places may use the same id."""

    place: MeetingPlace
    room: Room


class SessionManager:
    """One person's side: meeting places, a code, and all partners.

    All methods must be called on one event loop. Every failure is a FileSendError. A method's `to`
    is the id of a session; None means the only one.

    Args:
        events: Where events go.
        name: This side's name.
        begin: Starts the activity with a partner.
        away_limit: Seconds that a partner may be away before the session ends.
        keeper: Keeps sessions for a later process; None: they end with this one.
        proxies: What relays are reached by.

    remembers: whether this side can remember people. introduced: called with each further `hello`
    of a partner's. opened: called with each place that is connected to.
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
        self._proxies = proxies
        self._wants = Wants.BOTH
        self.remembers = False
        self.introduced: Callable[[Partner, words.Hello], None] = lambda _, __: None
        self.opened: Callable[[MeetingPlace], None] = lambda _: None
        self._places: dict[str, MeetingPlace] = {}
        self._partners: dict[SessionId, Partner] = {}
        self._rooms: dict[_There, Partner] = {}
        self._met_at: dict[SessionId, MeetingPlace] = {}
        self._recorded: dict[SessionId, Ledger] = {}  # of sessions that are about to begin
        self._own_code = OwnCode(events, self._places.values, self._introduced, self._publish_error)
        self._joinings: set[Joining] = set()
        self._away = False
        self._ended = False
        self._more_until = 0.0
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

    @property
    def everybody(self) -> tuple[Partner, ...]:
        """All partners."""
        return tuple(self._partners.values())

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
        """Be at a relay, too; reconnect when the connection is lost.

        Args:
            relay_url: The relay's address.
            again: Awaited before each reconnect; see Again.

        Raises:
            RelayUnreachable: There is no relay at this address.
        """
        url = parse_relay_url(relay_url).url
        await self._open(url, self._to_relay, again)

    async def connect_to(self, url: str, connect: Connect, *, again: Again = always) -> None:
        """Be at a meeting place of another kind, too; as `connect`.

        Args:
            url: The place's address.
            connect: Makes the connection.
            again: See Again.

        Raises:
            RelayUnreachable: There is none at this address.
        """
        await self._open(url, connect, again)

    async def disconnect(self, url: str) -> None:
        """Leave a meeting place; sessions go on at the others. An unknown one is no error."""
        place = self._places.pop(url, None)
        if place is not None:
            await place.connection.close()
            await place.lobby.close()

    def expect_places(self, seconds: float) -> None:
        """Take for granted, for so long, that more places are about to be connected to."""
        self._more_until = max(self._more_until, _now() + seconds)

    def expect_people(self, url: str, seconds: float) -> None:
        """Take for granted, for so long, that others are about to connect to a place.

        A code that it does not know yet is asked for there again. An unknown place is no error.
        """
        if (place := self._places.get(url)) is not None:
            place.expect_people(seconds)

    def expect_return(self, url: str, seconds: float) -> None:
        """Take for granted, for so long, that a place is about to go, and to be there again empty.

        A code that only it has is opened there again, instead of being lost with it.
        """
        if (place := self._places.get(url)) is not None:
            place.returns_until = _now() + seconds

    @property
    def places(self) -> tuple[MeetingPlace, ...]:
        """Those that this side is connected to."""
        return tuple(place for place in self._places.values() if place.is_open)

    async def roads(self, of: SessionId | None = None) -> tuple[RelayAddress, words.Roads]:
        """Return the address of a session's relay, and what it has for those who cannot connect.

        Args:
            of: The session; None: of the relay that was connected to first.

        Raises:
            RelayUnreachable: There is no connection to it, or they met at no relay.
            FileSendError: The relay refuses.
        """
        place = self._place_of(of)
        if place is None:
            raise self._loss
        roads = await place.connection.call(words.AskRoads(), words.Roads)
        if place.connection.address is None:
            raise self._loss
        return place.connection.address, roads

    def place_of(self, session: SessionId | None) -> str:
        """Return the URL of the place that `roads` asks; empty where there is none."""
        place = self._place_of(session)
        return place.url if place is not None else ""

    async def create_code(self) -> str:
        """Open a code at every place, instead of an earlier one, and return it; a secret.

        The `code` event has the id of the session to come.

        Raises:
            RelayUnreachable: There is no connection to any place.
            PairingFailed: It was used up before anybody could know it.
        """
        if not self.places:
            raise self._loss
        try:
            return await self._own_code.create(_new_id())
        except PairingFailed:
            if not self.places:
                raise self._loss from None
            raise

    async def join(self, typed: str) -> SessionId:
        """Pair with the maker of this code; return the session when paired.

        Raises:
            InvalidCode: It is not a code; nothing was sent.
            PairingFailed: By kind: the code is unknown, used, expired or wrong, or pairing failed.
            RelayUnreachable: There is no connection to a relay, or it was lost.
            RelayTampered: The relay altered what the other side sent.
        """
        code = parse_code(typed)
        joining = Joining(code, lambda: self._own_code.gone("joined"))
        self._joinings.add(joining)
        give_up = _now() + OPENING
        try:
            joined = await joining.run(self.places, lambda: self._patience(give_up))
        finally:
            self._joinings.discard(joining)
        return self._introduced(_new_id(), *joined)

    async def meet(self, secret: bytes, at: str | None = None) -> SessionId:
        """Pair with the other holder of the secret, who meets too; return the session when paired.

        The first of the two waits, ten minutes at most (PLACE_LIFETIME). The relay receives a
        place that is derived from the secret.

        Args:
            secret: 32 random bytes that two people share.
            at: The URL of the place where they meet; None: the first.

        Raises:
            ValueError: It has another length.
            ExpiredCode: Nobody came in time.
            PairingFailed: This side waits there already, or pairing failed.
            WrongSecret: The other side does not hold it.
            RelayUnreachable: There is no connection to a relay, or it was lost.
            RelayTampered: The relay altered what the other side sent.
        """
        # At the first place alone: nobody could choose between the rooms of several.
        shared, place = Secret(secret), self._place(at)
        room = await place.lobby.meet([shared])
        return self._introduced(_new_id(), place, await place.lobby.pair(room))

    async def open_link(self, secret: bytes, at: str) -> SessionId:
        """Pair with whoever made a link, as one who opened it; return the session when paired.

        This side's own unused code is withdrawn. Two who opened it part, and each looks for the
        maker again.

        Args:
            secret: The link's.
            at: The URL of its relay.

        Raises:
            ExpiredCode: Nobody waits by it, for LINK_PATIENCE seconds.
            PairingFailed, WrongSecret, RelayUnreachable, RelayTampered: As of `meet`.
        """
        shared, place = Secret(secret), self._place(at)
        try:
            async with asyncio.timeout(LINK_PATIENCE):
                while True:
                    room = await place.lobby.meet([shared], guest=True)
                    introduced = await place.lobby.pair(room)
                    if not introduced.agreed.hello.guest:
                        break
                    place.lobby.forget(room)
                    await asyncio.sleep(PARTED * (0.5 + random.random()))  # noqa: S311
        except TimeoutError:
            raise ExpiredCode("Nobody waits by this link.", _LINK_USED) from None
        self._own_code.gone("joined")
        return self._introduced(_new_id(), place, introduced)

    def create_link(self, page: str, at: str, people: int = 1) -> bytes:
        """Publish a link to a relay's page; return its secret, by which who opens it is met.

        Args:
            page: The page's URL, as the other person's browser reaches it.
            at: The relay's, as this side is connected to it.
            people: For how many it is; each of them is met by a `meet` of its own.

        Raises:
            RelayUnreachable: There is no connection to that relay.
        """
        self._place(at)
        secret = new_secret()
        url = link_to(page, secret)
        self._events.publish(events.Link(url=url, expires_seconds=PLACE_LIFETIME, people=people))
        return secret

    def _place(self, at: str | None) -> MeetingPlace:
        """Return the place of this URL, or the first; raise what says that it is not connected."""
        place = next((each for each in self.places if at in (None, each.url)), None)
        if place is None:
            raise self._loss
        return place

    def restore(self, id: SessionId, state: SessionState, ledger: Ledger) -> None:
        """Go on with a session of an earlier process, whose partner is away until both are back.

        A place at which both are must be connected.

        Raises:
            RelayUnreachable: There is no connection to a relay.
        """
        if not self._places:
            raise self._loss
        place = next(iter((*self.places, *self._places.values())))
        session = Session.restored(state, ledger)
        partner = self._add(id, session, place)
        self._events.publish(
            events.Paired(
                session=id, partner=session.partner, wants=state.wants, contact=state.contact
            )
        )
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
        self._ended = True
        places = tuple(self._places.values())
        await asyncio.gather(*(place.connection.close() for place in places))
        await self._own_code.close()
        await self._tasks.cancel()
        await self._ends.join()  # of those too who paired, or whose session ended, meanwhile
        await asyncio.gather(*(place.lobby.close() for place in places))

    # -- places

    def _to_relay(
        self,
        on_word: Callable[[Word | RoomMessage], None],
        on_state: Callable[[ConnectionState], None],
    ) -> RelayConnection:
        return RelayConnection(on_word, on_state, self._proxies)

    async def _open(self, url: str, connect: Connect, again: Again) -> None:
        if self._ended:
            raise RelayUnreachable("This client has ended.")
        place = self._places.get(url)
        if place is None:
            place = self._places[url] = MeetingPlace(connect, self)
        try:
            await place.connection.connect(url, again=again)
        except BaseException:
            if place.connection.state is ConnectionState.CLOSED and self._places.get(url) is place:
                del self._places[url]
            raise

    @property
    def _loss(self) -> RelayUnreachable:
        """The error where there is no connection to any place."""
        for place in self._places.values():
            if not place.is_open:
                return place.connection.loss
        return RelayUnreachable("There is no connection to the relay.")

    def _place_of(self, session: SessionId | None) -> MeetingPlace | None:
        """Return where the two of a session met last; of None: the first place."""
        if session is not None:
            return self._met_at.get(session)
        return next(iter(self._places.values()), None)

    def _patience(self, give_up: float) -> float:
        """Return for how many seconds more places may be connected to."""
        opening = any(place.is_opening for place in self._places.values())
        until = max(self._more_until, give_up if opening else 0.0)
        return max(0.0, until - _now())

    # -- PlaceOwner

    def hello(self) -> words.Hello:
        """See PlaceOwner."""
        return words.Hello(
            name=partner_name(self._name),
            wants=self._wants,
            files=words.MOST_FILES,
            remembers=self.remembers,
        )

    def holds(self, place: MeetingPlace, room: Room) -> bool:
        """See PlaceOwner."""
        return _There(place, room) in self._rooms

    def claimed(self, place: MeetingPlace, room: Room) -> None:
        """See PlaceOwner."""
        self._own_code.claimed(place, room)

    def code_expired(self) -> None:
        """See PlaceOwner."""
        self._own_code.gone("expired")

    # -- the beginning of a session

    def record(self, place: MeetingPlace, introduced: Introduced, contact: str) -> SessionId:
        """Record the session of two who are about to have met as contacts; return its id.

        `begin` or `unrecord` is to follow. Where this process ends before, the next one restores
        what the other side may take for begun.
        """
        id = _new_id()
        if self._keeper is not None:
            state = state_of(introduced.agreed, contact)
            self._recorded[id] = self._keeper.session_begun(id, state, place.url)
        return id

    def unrecord(self, id: SessionId) -> None:
        """Forget a session that was recorded, and that has not begun."""
        if self._recorded.pop(id, None) is not None and self._keeper is not None:
            self._keeper.session_over(id)

    def begin(
        self,
        place: MeetingPlace,
        introduced: Introduced,
        contact: str,
        recorded: SessionId | None = None,
    ) -> SessionId:
        """Begin the session of two who met as contacts; return its id.

        Args:
            place: Where they met.
            introduced: What they agreed on.
            contact: The id of the contact.
            recorded: What `record` returned for this session.

        Raises:
            RelayUnreachable: The place was lost just now.
        """
        return self._introduced(recorded or _new_id(), place, introduced, contact)

    def _introduced(
        self, id: SessionId, place: MeetingPlace, introduced: Introduced, contact: str = ""
    ) -> SessionId:
        """Begin the session of two people who are introduced; return its id."""
        # No await here or before the last queued word, or words lose their order.
        unheard = place.lobby.take_over(introduced)
        there = _There(place, introduced.room)
        ledger, agreed = self._recorded.pop(id, None), introduced.agreed
        if self._keeper is not None and ledger is None:
            ledger = self._keeper.session_begun(id, state_of(agreed, contact), place.url)
        session = Session.begun(agreed, self._sender(there), ledger, contact=contact)
        self._rooms[there] = self._add(id, session, place)
        self._events.publish(
            events.Paired(session=id, partner=session.partner, wants=session.wants, contact=contact)
        )
        self._hear_all(there, unheard)
        return id

    def _add(self, id: SessionId, session: Session, place: MeetingPlace) -> Partner:
        """Add the partner of a session, and begin the activity with them."""
        self._met_at[id] = place
        activity = self._begin(id, session, place.tracker)
        presence = Presence(self._away_limit, lambda: self._away_too_long(partner))
        coming_back = ComingBack(id, session, lambda back: self._came_back(partner, back))
        partner = Partner(
            id,
            session,
            activity,
            presence=presence,
            coming_back=coming_back,
            events=self._events,
        )
        session.changed = lambda: self._lines_changed(partner)
        session.failed = lambda error: self._break(partner, error)
        session.unheard = lambda: self._renew_room(partner)
        partner.introduced = lambda hello: self.introduced(partner, hello)
        partner.left = lambda: self._over(partner, errors.PartnerGone(_GONE), "left")
        self._partners[id] = partner
        return partner

    def _hear_all(self, there: _There, unheard: tuple[Word, ...]) -> None:
        for word in unheard:
            said = word if isinstance(word, words.PartnerGone) else _said(there.room, word)
            self.heard(there.place, said)

    # -- away, and back

    def _room_lost(self, there: _There) -> None:
        """Go and meet the partner of a room again."""
        partner = self._rooms.pop(there)
        partner.coming_back.room_lost()
        partner.session.room_lost()
        self._come_back(partner)

    def _renew_room(self, partner: Partner) -> None:
        """Leave a room that delivers nothing, so that both meet in another."""
        for there in self._rooms_of(partner):
            self._room_lost(there)
            self._tasks.spawn(there.place.lobby.leave(there.room))

    def _come_back(self, partner: Partner) -> None:
        if partner.id in self._partners:
            partner.coming_back.at(self.places)

    def _came_back(self, partner: Partner, back: Back) -> bool:
        """Take over a room in which both have met again; return whether the session is in it."""
        session, there = partner.session, _There(back.place, back.introduced.room)
        if session.in_room or partner.id not in self._partners:
            self._tasks.spawn(there.place.lobby.leave(there.room))
            return False
        self._rooms[there] = partner
        try:
            session.enter(back.introduced.agreed, back.epoch, self._sender(there), had=back.had)
        except OutOfStep as error:
            self._tasks.spawn(self._tell_forgotten(back))
            self._break(partner, error)
            return False
        if self._met_at.get(partner.id) is not there.place:
            self._met_at[partner.id] = there.place
            partner.activity.met_at(there.place.tracker)
        self._hear_all(there, back.unheard)
        return True

    async def _tell_forgotten(self, back: Back) -> None:
        """Say in a room that the session is over, to whom the next word would mean nothing."""
        goodbye = Envelope(words.Goodbye(forgotten=True))
        with suppress(FileSendError):
            sealed = back.introduced.agreed.cipher.seal(goodbye)
            await back.place.connection.send(back.introduced.room, sealed)

    def _lines_changed(self, partner: Partner) -> None:
        """Publish that a partner is away or back, and watch how long."""
        if partner.id not in self._partners:
            return
        away = partner.session.is_away
        if away:
            partner.presence.away()
            reason = "relay" if self._away else "lost"
            self._events.publish(
                events.PartnerAway(session=partner.id, partner=partner.name, reason=reason)
            )
        else:
            partner.presence.back()
            self._events.publish(events.PartnerBack(session=partner.id, partner=partner.name))
        partner.activity.partner_away(away)

    def _away_too_long(self, partner: Partner) -> None:
        """Wait no longer; what is unfinished is kept for later, where anything is kept."""
        reason = "relay" if self._away else "lost"
        error = self._loss if self._away else errors.PartnerGone(_GONE)
        if self._keeper is None or not partner.activity.is_unfinished:
            self._over(partner, error, reason)
            return
        error = type(error)(error.message, _GO_ON)
        self._ends.spawn(self._suspend(partner, error))
        self._publish_gone(partner, reason)

    # -- what comes from the places

    def heard(self, place: MeetingPlace, word: Word | RoomMessage) -> None:
        """See PlaceOwner; a fault of this program ends the room, so that nobody waits in vain."""
        there = _There(place, getattr(word, "room", ""))
        try:
            self._deal_with(there, word)
        except Exception:
            _log.exception("a word that was delivered brought a fault to light")
            fault = FileSendError("Something in this program broke, so it hung up.")
            if partner := self._rooms.get(there):
                self._break(partner, fault)
            else:
                place.lobby.fail(there.room, fault)

    def _deal_with(self, there: _There, word: Word | RoomMessage) -> None:
        partner = self._rooms.get(there)
        if partner is None:
            there.place.lobby.take(word)
        elif isinstance(word, words.PartnerGone):
            self._room_lost(there)
        elif isinstance(word, RoomMessage) and isinstance(word.word, SealedMessage):
            try:
                partner.session.receive(word.word)
            except FileSendError as error:
                self._break(partner, error)
        else:
            self._break(partner, RelayTampered(MIXED_UP))

    def place_changed(self, place: MeetingPlace, state: ConnectionState) -> None:
        """See PlaceOwner."""
        self._events.publish(events.Relay(state=state, url=place.url))
        match state:
            case ConnectionState.LOST:
                self._place_lost(place)
            case ConnectionState.CLOSED:
                self._place_closed(place)
            case ConnectionState.CONNECTED:
                self._place_open(place)

    def _place_open(self, place: MeetingPlace) -> None:
        """Do there what waits for a place."""
        if self._away:
            self._away = False
            self._events.publish(events.RelayBack(url=place.url))
        for partner in self._partners.values():
            partner.coming_back.at([place])
        for joining in self._joinings:
            joining.at(place)
        self._own_code.offer_at(place)
        self.opened(place)

    def _place_lost(self, place: MeetingPlace) -> None:
        """Go on without: a place drops a client's code and rooms with its connection."""
        lost = place.connection.loss
        if place.connection.hung_up and not self.places:
            self._publish_error(lost, None)  # else nobody misses it; the log tells
        if not self._away and not self.places:
            self._away = True
            self._events.publish(events.RelayAway(url=place.url, reason=lost.message))
        self._gone(place, lost)

    def _place_closed(self, place: MeetingPlace) -> None:
        """Go on at the others; end every session where there is none."""
        lost = place.connection.loss
        others = [other for other in self._places.values() if other is not place]
        if not any(other.is_open or other.is_lost for other in others):
            self._away = False
            for partner in tuple(self._partners.values()):
                self._over(partner, lost, "relay")
                partner.session.room_lost()  # so that no goodbye is waited for there
        self._gone(place, lost)

    def _gone(self, place: MeetingPlace, lost: FileSendError) -> None:
        """End what was at a place: rooms, and the code where no other has it."""
        place.lobby.lost(lost)
        self._own_code.place_lost(place)
        for there in [there for there in self._rooms if there.place is place]:
            if self._rooms[there].id in self._partners:
                self._room_lost(there)

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
            # Of what no later process goes on with, such as a stream, nobody else would tell them.
            await partner.session.settled(PARTING)
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
        partner.presence.back()
        await partner.coming_back.close()
        for there in self._rooms_of(partner):
            del self._rooms[there]
            await there.place.lobby.leave(there.room)
        await partner.session.close()
        self._met_at.pop(partner.id, None)

    # -- small things

    def _rooms_of(self, partner: Partner) -> list[_There]:
        return [there for there, whose in self._rooms.items() if whose is partner]

    def _publish_gone(self, partner: Partner, reason: str) -> None:
        self._events.publish(
            events.PartnerGone(session=partner.id, partner=partner.name, reason=reason)
        )

    def _sender(self, there: _There) -> Callable[[SealedMessage], Awaitable[object]]:
        async def send(message: SealedMessage) -> None:
            await self.send_into(*there, message)

        return send

    async def send_into(
        self, place: MeetingPlace, room: Room, word: SealedMessage | PairingWord
    ) -> None:
        """See PlaceOwner."""
        try:
            await place.connection.send(room, word)
        except RelayUnreachable:
            raise
        except FileSendError as error:
            # A refused message leaves a gap in what is sealed for this room: begin in another.
            if partner := self._rooms.get(_There(place, room)):
                _log.info("a place refused a word: %s", error)
                self._renew_room(partner)
            raise

    def _publish_error(self, error: FileSendError, session: SessionId | None) -> None:
        self._events.publish(error_event(error, session=session))


def _said(room: Room, word: Word) -> RoomMessage:
    assert isinstance(word, SealedMessage | PairingWord)
    return RoomMessage(room, word)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _new_id() -> SessionId:
    return SessionId(secrets.token_hex(8))
