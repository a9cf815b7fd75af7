"""The sessions of a client: any number of other people, met through one connection to a relay.

    create_code ──▶ waiting ──claimed──▶ pairing ──▶ paired ──▶ over
    join ───────────────────joined──────────▲ └──wrong code, left, lost──▶ over
    meet ───────────────────met─────────────┘

Each session has an id of this side's own, from its code on, and a room at the relay, by which its
words are routed. The end of one session does not affect the others; the loss of the relay ends all.
The connection to a relay is connection.py's; the caller chooses the activity with a partner.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias, TypeVar

from filesend_tui.core import errors, events
from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import (
    FileSendError,
    NotPaired,
    PairingFailed,
    RelayTampered,
    RelayUnreachable,
    SeveralPartners,
)
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import SessionId, Wants
from filesend_tui.core.relay_client.connection import ConnectionState, RelayConnection, always
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.sessions.code import Code, new_code, parse_code
from filesend_tui.core.sessions.key_agreement import Introduction, Side
from filesend_tui.core.sessions.pairing_handshake import PairingHandshake
from filesend_tui.core.sessions.partner import Activity, Partner
from filesend_tui.core.sessions.session import Session, partner_name
from filesend_tui.core.sessions.shared_secret import Secret, place_of
from filesend_tui.core.util.tasks import Tasks
from relay.protocol import words
from relay.protocol.words import Done, PairingWord, Room, Word

_log = logging.getLogger(__name__)

#: Timeout in seconds for leaving a room or place.
PARTING: Final = 2.0
#: Most words buffered for rooms that the relay has not named yet; an honest partner sends one.
_MAX_EARLY: Final = 32
_NOBODY_CAME: Final = "Nobody who holds the secret that you share came in time."
_COME_TOO: Final = "Try again when the other person does, too, at the same relay."
_MIXED_UP: Final = "The relay mixed up who is talking to whom."

#: Starts the activity with a partner. Its arguments: the session's id, the session, and the relay's
#: tracker as this side knows it (ws or wss URL).
Begin: TypeAlias = Callable[[SessionId, Session, str], Activity]


R = TypeVar("R", words.Joined, words.Met)


class _Waiting(NamedTuple):
    """A code that nobody has used yet."""

    session: SessionId
    code: Code


class _Meeting(NamedTuple):
    """A place where this side waits alone. came: the room once the other came, or the error."""

    session: SessionId
    secret: Secret
    came: asyncio.Queue[Room | FileSendError]


class _Pairing(NamedTuple):
    """Two people in a room who do not hold a key yet."""

    session: SessionId
    handshake: PairingHandshake


class SessionManager:
    """One person's side: a connection to a relay, a code, and all partners.

    All methods must be called on one event loop. Every failure is a FileSendError. A method's `to`
    is the id of a session; None means the only one.

    Args:
        events: Where events go.
        name: This side's name.
        begin: Starts the activity with a partner.
    """

    def __init__(self, events: EventStream, name: str, begin: Begin) -> None:
        self._events = events
        self._name = name
        self._begin = begin
        self._relay = RelayConnection(self._take, self._relay_changed)
        self._wants = Wants.BOTH
        self._waiting: _Waiting | None = None
        self._meetings: dict[bytes, _Meeting] = {}  # by place
        self._pairings: dict[Room, _Pairing] = {}
        self._partners: dict[Room, Partner] = {}
        self._asking = 0
        self._early: list[RoomMessage | words.PartnerGone] = []
        self._tasks = Tasks()

    # -- what may be asked

    def partner(self, to: SessionId | None = None) -> Partner:
        """Return the partner of a session.

        Raises:
            NotPaired: There is no partner, or none in this session.
            SeveralPartners: `to` is None, and there are several.
        """
        return self._partners[self._room(to)]

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

    async def connect(self, relay_url: str, *, again: Callable[[], bool] = always) -> None:
        """Connect to a relay, in place of the one before; reconnect when the connection is lost.

        Args:
            relay_url: The relay's address.
            again: Called before each reconnect; returns whether to connect to what is there now.

        Raises:
            RelayUnreachable: There is no relay at this address.
        """
        await self._relay.connect(relay_url, again=again)

    async def create_code(self) -> str:
        """Open a code, in place of an earlier one, and return it; a secret.

        The `code` event has the id of the session to come.

        Raises:
            RelayUnreachable: There is no connection to a relay.
        """
        allocated = await self._relay.call(words.Allocate(), words.Allocated)
        self._waiting = waiting = _Waiting(_new_id(), new_code(allocated.nameplate))
        self._events.publish(
            events.Code(
                session=waiting.session,
                code=waiting.code.text,
                expires_seconds=allocated.expires_seconds,
            )
        )
        return waiting.code.text

    async def join(self, typed: str) -> SessionId:
        """Pair with the maker of this code; return the session when paired.

        Raises:
            InvalidCode: It is not a code; nothing was sent.
            PairingFailed: By kind: the code is unknown, used, expired or wrong, or pairing failed.
            RelayUnreachable: There is no connection to a relay, or it was lost.
            RelayTampered: The relay altered what the other side sent.
        """
        code = parse_code(typed)
        session = _new_id()
        claim = words.Claim(nameplate=code.nameplate)
        room = (await self._ask_for_room(claim, words.Joined, session, code)).room
        self._code_gone("joined")  # the relay withdraws a claimer's own nameplate
        await self._pair_up(room)
        return session

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
        held = Secret(secret)
        # In a thread: the first call imports something large.
        place = await asyncio.to_thread(place_of, held)
        if place in self._meetings:
            raise PairingFailed("This side waits for them already.", "Wait until they come, too.")
        session = _new_id()
        await self._pair_up(await self._meet(place, _Meeting(session, held, asyncio.Queue())))
        return session

    async def leave(self, to: SessionId | None = None) -> None:
        """End a session; its transfers are cancelled first. Not being paired is no error.

        Raises:
            SeveralPartners: `to` is None, and there are several.
        """
        try:
            room = self._room(to)
        except NotPaired:
            return
        await self._leave(room, self._partners.pop(room))

    async def destroy(self) -> None:
        """Leave everybody, disconnect and free everything."""
        partners, self._partners = self._partners, {}
        await asyncio.gather(*(self._leave(*each) for each in partners.items()))
        await self._relay.close()
        await self._tasks.cancel()

    # -- pairing

    async def _meet(self, place: bytes, meeting: _Meeting) -> Room:
        """Go to a place; return the room with the other side, in which pairing has begun."""
        # Before the call: a notice of who comes next may arrive with the answer.
        self._meetings[place] = meeting
        session, secret, came = meeting
        try:
            meet = words.Meet(place=place)
            room = (await self._ask_for_room(meet, words.Met, session, secret)).room
            if room is None:
                met = await came.get()
                if isinstance(met, FileSendError):
                    raise met
                room = met
        except asyncio.CancelledError:
            self._tasks.spawn(self._tell(words.LeavePlace(place=place)))
            raise
        finally:
            del self._meetings[place]
            while not came.empty():  # nobody waited for them
                if not isinstance(left := came.get_nowait(), FileSendError):
                    self._pairings.pop(left, None)
                    self._tasks.spawn(self._part(left))
        return room

    async def _ask_for_room(
        self, word: Word, reply: type[R], session: SessionId, introduction: Introduction
    ) -> R:
        """Send a word that the relay answers with a room or none; begin to pair in that room."""
        # The first word of the room may arrive with the answer, or before it.
        self._asking += 1
        asking = asyncio.ensure_future(self._relay.call(word, reply))
        try:
            answer = await asyncio.shield(asking)
            if answer.room is not None:
                self._enter(answer.room, session, introduction, Side.JOINER)
        except asyncio.CancelledError:
            self._tasks.spawn(self._give_back(asking))
            raise
        finally:
            self._asking -= 1
            if not self._asking:
                self._early.clear()
        return answer

    async def _give_back(
        self, asking: asyncio.Future[words.Joined] | asyncio.Future[words.Met]
    ) -> None:
        """Leave the room of a cancelled call, if the relay gave one."""
        try:
            room = (await asking).room
        except FileSendError:
            return
        if room is not None:
            await self._part(room)

    def _enter(
        self, room: Room, session: SessionId, introduction: Introduction, side: Side
    ) -> None:
        """Begin to pair with the other side of a room. Raises RelayTampered."""
        if room in self._pairings or room in self._partners:
            raise RelayTampered(_MIXED_UP)

        async def send(word: Word) -> None:
            assert isinstance(word, SealedMessage | PairingWord)
            await self._say(room, word)

        hello = words.Hello(name=partner_name(self._name), wants=self._wants)
        handshake = PairingHandshake(introduction, side, hello, send)
        self._pairings[room] = _Pairing(session, handshake)
        for early in self._early:
            if early.room == room:
                self._take(early)

    async def _pair_up(self, room: Room) -> None:
        """Pair with the other side of a room; leave the room on failure."""
        pairing = self._pairings.get(room)
        if pairing is None:
            raise self._relay.loss  # lost before this task ran
        id, handshake = pairing
        try:
            session = await handshake.run()
        except BaseException:
            self._pairings.pop(room, None)
            await self._part(room)
            raise
        # No await from here to the last queued word, or words lose their order.
        if self._pairings.pop(room, None) is None:
            raise self._relay.loss  # lost just now
        assert self._relay.address is not None
        activity = self._begin(id, session, self._relay.address.tracker)
        self._partners[room] = Partner(id, session, activity, self._events)
        self._events.publish(
            events.Paired(session=id, partner=session.partner, wants=session.wants)
        )
        for word in handshake.unheard():
            self._take(word if isinstance(word, words.PartnerGone) else _said(room, word))

    async def _be_joined(self, room: Room, session: SessionId) -> None:
        """Pair with the claimer of this side's code."""
        try:
            await self._pair_up(room)
        except RelayUnreachable:
            self._events.publish(events.CodeGone(session=session, reason="relay"))
        except FileSendError as error:
            self._events.publish(events.CodeGone(session=session, reason="burned"))
            self._publish_error(error, session)

    # -- what comes from the relay

    def _take(self, word: Word | RoomMessage) -> None:
        """Handle a word; a fault of this program ends its room, so that nobody is left waiting."""
        try:
            self._deal_with(word)
        except Exception:
            _log.exception("a word that the relay delivered brought a fault to light")
            fault = FileSendError("Something in this program broke, so it hung up.")
            if (room := getattr(word, "room", None)) is not None:
                self._break(room, fault)

    def _deal_with(self, word: Word | RoomMessage) -> None:
        match word:
            case RoomMessage() | words.PartnerGone():
                self._heard(word)
            case words.Claimed():
                self._claimed(word)
            case words.NameplateExpired():
                if self._waiting and self._waiting.code.nameplate == word.nameplate:
                    self._code_gone("expired")
            case words.MetAtPlace():
                self._met(word)
            case words.PlaceExpired():
                if meeting := self._meetings.get(word.place):
                    meeting.came.put_nowait(PairingFailed(_NOBODY_CAME, _COME_TOO))
            case words.RelayClosing():
                pass  # the connection ends next, which is published

    def _heard(self, word: RoomMessage | words.PartnerGone) -> None:
        """Pass on a word by its room; drop it if the room was left a moment ago."""
        if pairing := self._pairings.get(word.room):
            pairing.handshake.receive(word.word if isinstance(word, RoomMessage) else word)
        elif partner := self._partners.get(word.room):
            self._hear_partner(partner, word)
        elif self._asking and len(self._early) < _MAX_EARLY and not _is_sealed(word):
            self._early.append(word)

    def _hear_partner(self, partner: Partner, word: RoomMessage | words.PartnerGone) -> None:
        if isinstance(word, words.PartnerGone):
            reason = "left" if word.reason == "left" else "lost"
            self._over(word.room, errors.PartnerGone("The other person is gone."), reason)
        elif isinstance(word.word, SealedMessage):
            try:
                partner.receive(word.word)
            except FileSendError as error:
                self._break(word.room, error)
        else:
            self._break(word.room, RelayTampered(_MIXED_UP))

    def _claimed(self, word: words.Claimed) -> None:
        waiting = self._waiting
        if word.room in self._pairings or word.room in self._partners:
            self._break(word.room, RelayTampered(_MIXED_UP))
        elif waiting is None or waiting.code.nameplate != word.nameplate:
            # A code that was never shown: only a guess can claim it.
            self._tasks.spawn(self._part(word.room))
        else:
            self._waiting = None
            self._events.publish(events.CodeClaimed(session=waiting.session))
            self._enter(word.room, waiting.session, waiting.code, Side.MAKER)
            self._tasks.spawn(self._be_joined(word.room, waiting.session))

    def _met(self, word: words.MetAtPlace) -> None:
        meeting = self._meetings.get(word.place)
        if word.room in self._pairings or word.room in self._partners:
            self._break(word.room, RelayTampered(_MIXED_UP))
        elif meeting is None or not meeting.came.empty():
            self._tasks.spawn(self._part(word.room))  # this side is not there any more
        else:
            self._enter(word.room, meeting.session, meeting.secret, Side.MAKER)
            meeting.came.put_nowait(word.room)

    def _relay_changed(self, state: ConnectionState) -> None:
        url = self._relay.address.url if self._relay.address else ""
        self._events.publish(events.Relay(state=state, url=url))
        if state in (ConnectionState.LOST, ConnectionState.CLOSED):
            # A relay drops a client's code and rooms with its connection.
            lost = self._relay.loss
            if self._relay.hung_up and state is ConnectionState.LOST:
                self._publish_error(lost, None)
            self._code_gone("relay")
            for meeting in self._meetings.values():
                meeting.came.put_nowait(lost)
            pairings, self._pairings = self._pairings, {}
            for pairing in pairings.values():
                pairing.handshake.fail(lost)
            for room in tuple(self._partners):
                self._over(room, lost, "relay")

    def _code_gone(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._events.publish(events.CodeGone(session=waiting.session, reason=reason))

    # -- the end of a session

    def _break(self, room: Room, error: FileSendError) -> None:
        """End the pairing or session of a room that cannot be trusted any more; publish why."""
        if pairing := self._pairings.get(room):
            pairing.handshake.fail(error)
        elif partner := self._partners.get(room):
            self._publish_error(error, partner.id)
            self._over(room, error, "broken")
            self._tasks.spawn(self._part(room))

    def _over(self, room: Room, error: FileSendError, reason: str) -> None:
        partner = self._partners.pop(room)
        self._tasks.spawn(partner.activity.close(error))
        self._events.publish(
            events.PartnerGone(session=partner.id, partner=partner.name, reason=reason)
        )

    async def _leave(self, room: Room, partner: Partner) -> None:
        """End a session at the command of the person here."""
        await partner.activity.close()
        await self._part(room)

    async def _part(self, room: Room) -> None:
        """Leave a room at the relay."""
        await self._tell(words.Leave(room=room))

    async def _tell(self, word: words.Leave | words.LeavePlace) -> None:
        """Send the relay a word of leaving; ignore a failure, as a lost connection leaves too."""
        try:
            async with asyncio.timeout(PARTING):
                await self._relay.call(word, Done)
        except (FileSendError, TimeoutError) as error:
            _log.debug("leaving: %s", error)

    # -- small things

    async def _say(self, room: Room, word: SealedMessage | PairingWord) -> None:
        try:
            await self._relay.send(room, word)
        except (RelayUnreachable, NotPaired):
            raise
        except FileSendError as error:
            # A refused message leaves a gap in the sealed sequence.
            if room in self._partners:
                self._break(room, error)
            raise

    def _publish_error(self, error: FileSendError, session: SessionId | None) -> None:
        self._events.publish(error_event(error, session=session))

    def _room(self, to: SessionId | None) -> Room:
        """Return the room of a session. Raises NotPaired, SeveralPartners."""
        if to is None and len(self._partners) > 1:
            raise SeveralPartners("You are paired with several people.")
        for room, partner in self._partners.items():
            if to in (None, partner.id):
                return room
        raise NotPaired(
            "You are not paired with anybody." if to is None else "This person is gone."
        )


def _said(room: Room, word: Word) -> RoomMessage:
    assert isinstance(word, SealedMessage | PairingWord)
    return RoomMessage(room, word)


def _is_sealed(word: RoomMessage | words.PartnerGone) -> bool:
    return isinstance(word, RoomMessage) and isinstance(word.word, SealedMessage)


def _new_id() -> SessionId:
    return SessionId(secrets.token_hex(8))
