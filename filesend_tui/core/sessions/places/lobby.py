"""How two people come into a room of one server and pair there: by a code, or at a place.

    open ────▶ waiting ──claimed──▶ pairing ──▶ introduced
    claim ──────────────joined──────────▲ └──wrong code, left, lost──▶ over
    meet ───────────────met─────────────┘

The handshake is pairing_handshake.py's. What is asked of several servers at once is open_code.py's
and joining.py's. What two people do once they are introduced, and for how long, is manager.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from filesend_tui.core.errors import (
    ExpiredCode,
    FileSendError,
    PairingFailed,
    RelayTampered,
    RelayUnreachable,
)
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.sessions.code import Code
from filesend_tui.core.sessions.key_agreement import Introduction, Side
from filesend_tui.core.sessions.pairing_handshake import Agreed, PairingHandshake
from filesend_tui.core.sessions.shared_secret import Secret, place_of
from filesend_tui.core.util.tasks import Tasks
from relay.protocol import words
from relay.protocol.words import Done, Hello, PairingWord, Room, Word

_log = logging.getLogger(__name__)

#: Timeout in seconds for leaving a room or place.
PARTING: Final = 2.0
#: Most words buffered for rooms that the relay has not named yet; an honest partner sends one.
_MAX_EARLY: Final = 32
_NOBODY_CAME: Final = "Nobody who holds the secret that you share came in time."
_COME_TOO: Final = "Try again when the other person does, too, at the same relay."
MIXED_UP: Final = "The relay mixed up who is talking to whom."

R = TypeVar("R", words.Joined, words.Met)
A = TypeVar("A", bound=Word)


class Server(Protocol):
    """What a lobby needs of the connection to its server; see relay_client/connection.py."""

    @property
    def loss(self) -> RelayUnreachable:
        """The error for the lost connection."""

    async def call(self, word: Word, reply: type[A]) -> A:
        """Send a word to the server and return its acknowledgement."""


class Opened(NamedTuple):
    """A code that waits to be used. expires_seconds: from when it was opened."""

    code: Code
    expires_seconds: int


class Introduced(NamedTuple):
    """Two people who paired in a room, by an introduction."""

    room: Room
    introduction: Introduction
    agreed: Agreed


class _Arrival(NamedTuple):
    """A place where this side waits alone.

    came: takes the place and the room once the other came, or an error. Several places may have one
    queue: whoever waits at all of them takes the first who comes.
    """

    secret: Secret
    taken: Callable[[], int] | None
    guest: bool
    came: asyncio.Queue[tuple[bytes, Room | FileSendError]]


class _Pairing(NamedTuple):
    """Two people in a room who do not hold a key yet, or whom nobody has taken over."""

    introduction: Introduction
    handshake: PairingHandshake


class LobbyHost(Protocol):
    """What a lobby asks of its owner; every method returns at once."""

    def hello(self) -> Hello:
        """Return how this side introduces itself."""

    def holds(self, room: Room) -> bool:
        """Return whether a room is one of two people who were introduced."""

    def claimed(self, room: Room) -> None:
        """Take over a room in which pairing with the claimer of this side's code has begun."""

    def code_expired(self) -> None:
        """Handle that nobody claimed this side's code in time."""


class Lobby:
    """Everybody whom this side waits for, or pairs with.

    Args:
        relay: The connection to the server.
        host: The meeting place.
        send: Sends a word into a room; raises FileSendError.
    """

    def __init__(
        self,
        relay: Server,
        host: LobbyHost,
        send: Callable[[Room, SealedMessage | PairingWord], Awaitable[None]],
    ) -> None:
        self._code: Code | None = None
        self._relay = relay
        self._host = host
        self._send = send
        self._arrivals: dict[bytes, _Arrival] = {}  # by place
        self._pairings: dict[Room, _Pairing] = {}
        self._asking = 0
        self._early: list[RoomMessage | words.PartnerGone] = []
        self._tasks = Tasks()

    # -- ways into a room

    @property
    def has_code(self) -> bool:
        """Whether this side waits here for whoever has a code, or is about to."""
        return self._code is not None

    async def open(self, code: Code) -> Opened:
        """Wait for whoever claims this code, in place of an earlier one.

        A server that gives numbers of its own choice alone may open it under another number.

        Raises:
            NameplateTaken: The number is not free.
            PairingFailed: It was withdrawn meanwhile.
            RelayUnreachable: There is no connection to the server.
        """
        self._code = code
        try:
            wanted = words.Allocate(nameplate=code.nameplate)
            allocated = await self._relay.call(wanted, words.Allocated)
        except BaseException as failed:
            if self._code is code:
                self._code = None
            if not isinstance(failed, FileSendError):
                self._tasks.spawn(self._release())  # it may be open by now
            raise
        if self._code is not code:
            self._tasks.spawn(self._release())
            raise PairingFailed("The code was withdrawn.")
        if allocated.nameplate != code.nameplate:
            self._code = Code(allocated.nameplate, code.words)
        return Opened(self._code, allocated.expires_seconds)

    def withdraw(self) -> None:
        """Wait no longer for whoever has the code."""
        if self._code is not None:
            self._code = None
            self._tasks.spawn(self._release())

    async def claim(self, code: Code) -> Room:
        """Enter the room of whoever made a code, in which pairing has begun.

        Raises:
            PairingFailed: By kind: the code is unknown, used or expired.
            RelayUnreachable: There is no connection to a relay, or it was lost.
        """
        claim = words.Claim(nameplate=code.nameplate)
        return (await self._ask_for_room(claim, words.Joined, code, None)).room

    async def meet(
        self,
        secrets: Sequence[Secret],
        taken: Callable[[], int] | None = None,
        *,
        guest: bool = False,
    ) -> Room:
        """Enter the room with the holder of one of these secrets, in which pairing has begun.

        They are tried in their order; the first of the two people waits for the other, ten minutes
        at most (PLACE_LIFETIME). The relay receives places that are derived from the secrets.

        Args:
            secrets: What two people share; at least one.
            taken: Returns the number of the last word that this side took, of a session that goes
                on; None: of a new one.
            guest: This side opened a link, and says so.

        Raises:
            ExpiredCode: Nobody came in time.
            PairingFailed: This side waits there already.
            RelayUnreachable: There is no connection to a relay, or it was lost.
        """
        # In a thread: the first call imports something large.
        places = await asyncio.to_thread(lambda: [place_of(secret) for secret in secrets])
        if not self._arrivals.keys().isdisjoint(places):
            raise PairingFailed("This side waits for them already.", "Wait until they come, too.")
        came: asyncio.Queue[tuple[bytes, Room | FileSendError]] = asyncio.Queue()
        there: set[bytes] = set()
        try:
            for place, secret in zip(places, secrets, strict=True):
                # Before the call: a notice of who comes next may arrive with the answer.
                self._arrivals[place] = _Arrival(secret, taken, guest, came)
                there.add(place)
                meet = words.Meet(place=place)
                asking = self._ask_for_room(meet, words.Met, secret, taken, guest=guest)
                room = (await asking).room
                if room is not None:
                    there.remove(place)
                    return room
                if not came.empty():
                    break
            place, met = await came.get()
            there.remove(place)
            if isinstance(met, FileSendError):
                raise met
            return met
        finally:
            for place in places:
                self._arrivals.pop(place, None)
            for place in there:
                self._tasks.spawn(self._tell(words.LeavePlace(place=place)))
            while not came.empty():  # nobody waited for them
                _, left = came.get_nowait()
                if not isinstance(left, FileSendError):
                    self.forget(left)

    async def pair(self, room: Room, chosen: Callable[[], bool] = lambda: True) -> Introduced:
        """Pair with the other side of a room; leave the room on failure.

        Until `take_over` the words of the other side are queued.

        Args:
            room: That was entered.
            chosen: See PairingHandshake.run.
        """
        pairing = self._pairings.get(room)
        if pairing is None:
            raise self._relay.loss  # lost before this task ran
        try:
            return Introduced(room, pairing.introduction, await pairing.handshake.run(chosen))
        except BaseException:
            self.forget(room)
            raise

    async def heard(self, introduced: Introduced) -> Word:
        """Return the next word that the other side said since they were introduced.

        Until `take_over`; raises as PairingHandshake.heard, and RelayUnreachable.
        """
        pairing = self._pairings.get(introduced.room)
        if pairing is None:
            raise self._relay.loss
        return await pairing.handshake.heard()

    def take_over(self, introduced: Introduced) -> tuple[Word, ...]:
        """Return the words that the other side said since; those to come go to the caller.

        Raises:
            RelayUnreachable: The relay was lost just now.
        """
        pairing = self._pairings.pop(introduced.room, None)
        if pairing is None:
            raise self._relay.loss
        return pairing.handshake.unheard()

    def forget(self, room: Room) -> None:
        """Leave a room, and the pairing in it, if there is one."""
        self._pairings.pop(room, None)
        self._tasks.spawn(self.leave(room))

    async def leave(self, room: Room) -> None:
        """Leave a room at the relay; return within PARTING seconds."""
        await self._tell(words.Leave(room=room))

    async def close(self) -> None:
        """Free everything; the connection is closed already."""
        await self._tasks.cancel()

    # -- what comes from the relay

    def take(self, word: Word | RoomMessage) -> None:
        """Handle a word of the relay's own, or of a room that belongs to no session."""
        match word:
            case RoomMessage() | words.PartnerGone():
                self._heard(word)
            case words.Claimed():
                self._claimed(word)
            case words.NameplateExpired():
                if self._code is not None and self._code.nameplate == word.nameplate:
                    self._code = None
                    self._host.code_expired()
            case words.MetAtPlace():
                self._met(word)
            case words.PlaceExpired():
                if arrival := self._arrivals.get(word.place):
                    nobody = ExpiredCode(_NOBODY_CAME, _COME_TOO)
                    arrival.came.put_nowait((word.place, nobody))

    def fail(self, room: Room, error: FileSendError) -> bool:
        """End the pairing in a room; return whether there is one."""
        pairing = self._pairings.get(room)
        if pairing is not None:
            pairing.handshake.fail(error)
        return pairing is not None

    def lost(self, error: FileSendError) -> None:
        """End all waiting and pairing: a server drops a client's code, places and rooms."""
        self._code = None
        for place, arrival in self._arrivals.items():
            arrival.came.put_nowait((place, error))
        pairings, self._pairings = self._pairings, {}
        for pairing in pairings.values():
            pairing.handshake.fail(error)

    def _heard(self, word: RoomMessage | words.PartnerGone) -> None:
        """Pass on a word by its room; drop it if the room was left a moment ago."""
        if pairing := self._pairings.get(word.room):
            pairing.handshake.receive(word.word if isinstance(word, RoomMessage) else word)
        elif self._asking and len(self._early) < _MAX_EARLY and not _is_sealed(word):
            self._early.append(word)

    def _claimed(self, word: words.Claimed) -> None:
        code = self._code
        if self.fail(word.room, RelayTampered(MIXED_UP)):
            return
        if code is None or code.nameplate != word.nameplate:
            # A code that was never shown, or is used up elsewhere: only a guess can claim it.
            self._tasks.spawn(self.leave(word.room))
        else:
            self._code = None
            self._enter(word.room, code, Side.MAKER, None)
            self._host.claimed(word.room)

    def _met(self, word: words.MetAtPlace) -> None:
        arrival = self._arrivals.get(word.place)
        if self.fail(word.room, RelayTampered(MIXED_UP)):
            return
        if arrival is None or not arrival.came.empty():
            self._tasks.spawn(self.leave(word.room))  # this side is not there any more
        else:
            self._enter(word.room, arrival.secret, Side.MAKER, arrival.taken, guest=arrival.guest)
            arrival.came.put_nowait((word.place, word.room))

    # -- internals

    async def _ask_for_room(
        self,
        word: Word,
        reply: type[R],
        introduction: Introduction,
        taken: Callable[[], int] | None,
        *,
        guest: bool = False,
    ) -> R:
        """Send a word that the relay answers with a room or none; begin to pair in that room."""
        # The first word of the room may arrive with the answer, or before it.
        self._asking += 1
        asking = asyncio.ensure_future(self._relay.call(word, reply))
        try:
            answer = await asyncio.shield(asking)
            if answer.room is not None:
                self._enter(answer.room, introduction, Side.JOINER, taken, guest=guest)
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
            await self.leave(room)

    def _enter(
        self,
        room: Room,
        introduction: Introduction,
        side: Side,
        taken: Callable[[], int] | None,
        *,
        guest: bool = False,
    ) -> None:
        """Begin to pair with the other side of a room. Raises RelayTampered."""
        if room in self._pairings or self._host.holds(room):
            raise RelayTampered(MIXED_UP)

        async def send(word: Word) -> None:
            assert isinstance(word, SealedMessage | PairingWord)
            await self._send(room, word)

        hello = self._host.hello()
        if guest:
            hello = replace(hello, guest=True)
        handshake = PairingHandshake(introduction, side, hello, taken, send)
        self._pairings[room] = _Pairing(introduction, handshake)
        for early in self._early:
            if early.room == room:
                self._heard(early)

    async def _release(self) -> None:
        if self._code is None:  # else another has taken its place already
            await self._tell(words.Release())

    async def _tell(self, word: words.Leave | words.LeavePlace | words.Release) -> None:
        """Send the relay a word of leaving; ignore a failure, as a lost connection leaves too."""
        try:
            async with asyncio.timeout(PARTING):
                await self._relay.call(word, Done)
        except (FileSendError, TimeoutError) as error:
            _log.debug("leaving: %s", error)


def _is_sealed(word: RoomMessage | words.PartnerGone) -> bool:
    return isinstance(word, RoomMessage) and isinstance(word.word, SealedMessage)
