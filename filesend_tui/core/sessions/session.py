"""A session: two people, and one stream of words each way, whatever carries them.

A line carries words: the room of a relay that both are in, or a channel of a transfer that is under
way (word_channels.py). Words take the room where there is one. One that went nowhere, or may have
been lost on its way, is sent again over the next line, or over a channel where the room delivers
nothing; see word_stream.py.

    present ──last line lost──▶ away ──a line──▶ present

The meaning of words, the relay and the way back into a room never live here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple, Self

from filesend_tui.core.errors import FileSendError, OutOfStep
from filesend_tui.core.events import Wants
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.cipher import ChannelCipher, RoomCipher
from filesend_tui.core.sessions.envelope import Envelope
from filesend_tui.core.sessions.epochs import derived, root_of, secret_of, to_try
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing_handshake import Agreed
from filesend_tui.core.sessions.shared_secret import Secret
from filesend_tui.core.sessions.state import Ledger, SessionState
from filesend_tui.core.sessions.word_channels import WordChannels
from filesend_tui.core.sessions.word_stream import WordStream
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.text import clean
from relay.protocol.words import MOST_FILES, Acknowledge, Word

_log = logging.getLogger(__name__)

#: Seconds after which a word is acknowledged where no word of this side's does so sooner.
ACKNOWLEDGE_AFTER: Final = 0.1
#: Seconds after which words that nobody acknowledged are sent again over channels, also where there
#: is a room: the other side's connection to the relay may be dead, which nobody noticed yet.
REPEAT_AFTER: Final = 3.0
#: Seconds after which a room is given up in which nobody acknowledges anything.
UNHEARD_AFTER: Final = 20.0
#: Seconds that a word may wait to be recorded before it is sent all the same.
RECORD_TIMEOUT: Final = 5.0
_NAMELESS: Final = "somebody"
_MAX_NAME: Final = 64

#: Sends a message into a room; returns once the relay forwarded it, raises FileSendError.
Send = Callable[[SealedMessage], Awaitable[object]]


class _Room(NamedTuple):
    """The line through a relay, in one epoch."""

    cipher: RoomCipher
    send: Send


class Session:
    """Two people who were introduced.

    All methods must be called on one event loop.

    `begun` and `restored` make one.

    Args:
        state: What is known of it.
        room: The room that both are in, if they are.
        ledger: Records its changes; None: nothing of it outlives this process.

    deliver: called with each word of the partner's, once and in order; must not block. changed:
    called when the last line was lost, and when there is one again. failed: called with the reason
    where the partner's words cannot be trusted any more. unheard: called when a room seems to
    deliver nothing, so that both should meet in another.
    """

    def __init__(
        self, state: SessionState, room: _Room | None = None, ledger: Ledger | None = None
    ) -> None:
        self.partner = state.partner
        self.wants = state.wants
        self.verification = state.verification
        self.remembers = state.remembers
        self.contact = state.contact
        self.epoch = state.epoch
        self.deliver: Callable[[Word], None] = lambda _: None
        self.changed: Callable[[], None] = lambda: None
        self.failed: Callable[[FileSendError], None] = lambda _: None
        self.unheard: Callable[[], None] = lambda: None
        #: Whether the partner takes requests in parts, as it said when both last met.
        self.takes_parts = state.takes_parts
        self._root = state.root
        self._side = state.side
        self._ledger = ledger
        self._stream = WordStream(state.said, state.taken, state.kept, recorded=ledger is not None)
        self._room = room
        self.channels = WordChannels(
            ChannelCipher(state.root, state.side), self._heard_by_channel, self._channels_changed
        )
        self._tasks = Tasks()
        self._timer: asyncio.TimerHandle | None = None
        self._repeat: asyncio.TimerHandle | None = None
        self._recording = 0
        self._oldest: int | None = None
        self._oldest_since = 0.0
        self._heard_beside_room = False
        self._settled = asyncio.Event()
        self._waits_away = False
        self._hurry = False
        self._was_away = room is None
        self._closed = False

    @classmethod
    def begun(
        cls, agreed: Agreed, send: Send, ledger: Ledger | None = None, *, contact: str = ""
    ) -> Self:
        """Return the session of two who have just been introduced.

        send: into their room. contact: the partner's id, where they met as contacts.
        """
        return cls(state_of(agreed, contact), _Room(agreed.cipher, send), ledger)

    @classmethod
    def restored(cls, state: SessionState, ledger: Ledger | None = None) -> Self:
        """Return a session of an earlier process; the partner is away."""
        return cls(state, None, ledger)

    def __repr__(self) -> str:
        return f"Session(partner={self.partner!r})"

    # -- lines

    @property
    def is_away(self) -> bool:
        """Whether there is no line to the partner."""
        return self._room is None and not self.channels

    @property
    def in_room(self) -> bool:
        """Whether both are in a room of a relay."""
        return self._room is not None

    @property
    def side(self) -> Side:
        """Which of the two this was when they were introduced."""
        return self._side

    @property
    def said(self) -> int:
        """The number of the last word of this side's."""
        return self._stream.said

    @property
    def taken(self) -> int:
        """The number of the last word of the partner's that was taken."""
        return self._stream.taken

    @property
    def had(self) -> int:
        """The number of the last word of this side's that the partner has acknowledged."""
        return self._stream.had

    def derive(self, label: bytes, salt: bytes) -> bytes:
        """Return 32 secret bytes that both sides get, for these labels and for no others."""
        return derived(self._root, label, salt)

    def ways_back(self) -> dict[Secret, int]:
        """Return the secrets by which to meet again, in that order, and the epoch of each."""
        return {secret_of(self._root, epoch): epoch for epoch in to_try(self.epoch)}

    def enter(self, agreed: Agreed, epoch: int, send: Send, *, had: int = 0) -> None:
        """Begin an epoch in a room where both have met again.

        Args:
            agreed: What both agreed on there.
            epoch: Its number.
            send: Sends into that room.
            had: What the partner had acknowledged before the two began to meet.

        Raises:
            OutOfStep: The partner has taken what this side does not know to have said, or knows no
                more of what it had acknowledged: what either of them kept of the session is old.
        """
        if agreed.taken > self._stream.said:
            raise OutOfStep("This side has forgotten a part of the session: its journal is old.")
        if agreed.taken < had:
            raise forgotten_there(self.partner)
        self.takes_parts = takes_parts(agreed)
        self._acknowledged(agreed.taken)
        self.epoch = epoch
        if self._ledger is not None:
            self._ledger.entered(epoch)
        self._room = _Room(agreed.cipher, send)
        self._lines_changed()
        self._send_again()

    def room_lost(self) -> None:
        """Record that the room is gone; words take channels, or wait."""
        if self._room is not None:
            self._room = None
            self._lines_changed()
            self._send_again()

    def _channels_changed(self) -> None:
        if self._room is None:
            self._lines_changed()
            self._send_again()

    def _lines_changed(self) -> None:
        if self.is_away is not self._was_away:
            self._was_away = self.is_away
            self.changed()
        self._settle()

    # -- words

    async def send(self, word: Word) -> None:
        """Send a word to the partner; once they are back, if they are away.

        Words are sent in the order of the calls. It returns once the line has taken it.

        Raises:
            FileSendError: It is too long, or too much waits for the partner already.
        """
        await self.sent(self.say(word))

    def say(self, word: Word) -> asyncio.Task[None] | None:
        """Send a word as `send` does; return at once, with the task that sends it, if any.

        Where the session is recorded, the word is in the same step. Raises as `send`.
        """
        envelope = self._stream.say(word)
        if self._ledger is None:
            return self._hand_over(envelope)
        recording = self._ledger.keep(envelope.number, word)
        self._recording += 1
        return self._tasks.spawn(self._send_once_recorded(envelope, recording))

    def say_figures(self, word: Word) -> asyncio.Task[None] | None:
        """Send a word that the next one of its kind replaces, unless the partner is away.

        Returns at once, with the task that sends it, if any. Nor is it sent where it would overtake
        a word that is being recorded.
        """
        return None if self._recording else self._hand_over(Envelope(word))

    def receive(self, message: SealedMessage) -> None:
        """Take the partner's word from the message that the relay delivered.

        Raises:
            RelayTampered: The relay altered it, or the order; the session is over.
            FileSendError: The partner uses another version; the session is over.
        """
        if self._room is not None:
            self._heard_beside_room = False
            self._take(self._room.cipher.open(message))

    async def settled(
        self, timeout: float, *, even_away: bool = False, upto: int | None = None
    ) -> bool:
        """Wait until the partner has taken everything, and was told that all of theirs was taken.

        Returns whether they have taken what is asked about.

        Args:
            timeout: Seconds that it waits at most.
            even_away: Wait also while the partner is away.
            upto: The number of the last word that is asked about; None: of all so far. What is said
                later, such as a goodbye to somebody who has just left, may never be taken.
        """
        if upto is None:
            upto = self._stream.said
        if self._closed or (self.is_away and not even_away):
            return self._stream.had >= upto
        self._waits_away = even_away
        self._hurry = True
        self._settled.clear()
        self.acknowledge()
        self._settle()
        try:
            async with asyncio.timeout(timeout):
                await self._settled.wait()
        except TimeoutError:
            pass
        self._hurry = False
        return self._stream.had >= upto

    async def close(self) -> None:
        """Forget everything; nothing is sent any more."""
        self._closed = True
        self._room = None
        for timer in (self._timer, self._repeat):
            if timer is not None:
                timer.cancel()
        self._settled.set()
        await self._tasks.cancel()

    # -- internals

    async def _send_once_recorded(self, envelope: Envelope, recording: Awaitable[bool]) -> None:
        try:
            await _recorded(recording)
        finally:
            self._recording -= 1
        self._stream.may_send(envelope.number)
        await self.sent(self._hand_over(envelope))

    @staticmethod
    async def sent(sending: asyncio.Task[None] | None) -> None:
        """Wait until a line has taken what `say` returned the task of."""
        if sending is not None:
            # Shielded: what was sealed for a room must be sent, or nothing after it opens.
            await asyncio.shield(sending)

    def _hand_over(self, envelope: Envelope) -> asyncio.Task[None] | None:
        """Give an envelope to a line, if there is one; return the task that sends it, if any.

        Sealed at once, as messages must be sent in the order in which they are sealed. The largest
        takes 2 ms: less than it takes to hand it to another thread.
        """
        if envelope.number:
            self._watch()
        if (room := self._room) is not None:
            message = room.cipher.seal(self._stream.stamped(envelope))
            return self._tasks.spawn(self._say(room, message))
        if self.channels:
            self.channels.send(self._stream.stamped(envelope))
        return None

    async def _say(self, room: _Room, message: SealedMessage) -> None:
        try:
            await room.send(message)
        except FileSendError as error:  # the room is about to be lost, and then it is repeated
            _log.debug("%s was not delivered: %s", message.event, error)

    def _heard_by_channel(self, envelope: Envelope) -> None:
        if self._closed:
            return
        self._heard_beside_room = True
        try:
            self._take(envelope)
        except FileSendError as error:
            self.failed(error)

    def _take(self, envelope: Envelope) -> None:
        self._acknowledged(envelope.taken)
        word = self._stream.hear(envelope)
        self._settle()
        if word is not None and not isinstance(word, Acknowledge):
            self.deliver(word)
        if word is not None and envelope.number and self._ledger is not None:
            # In the step in which it was delivered: both are recorded, or neither is.
            took = self._ledger.took(envelope.number)
            self._tasks.spawn(self._acknowledge_once_recorded(envelope.number, took))
        else:
            self._acknowledge_soon()

    async def _acknowledge_once_recorded(self, number: int, took: Awaitable[bool]) -> None:
        await _recorded(took)
        self._stream.may_acknowledge(number)
        self._acknowledge_soon()

    def _acknowledge_soon(self) -> None:
        if self._hurry:
            self.acknowledge()
        elif self._stream.owes and self._timer is None and not self._closed:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(ACKNOWLEDGE_AFTER, self.acknowledge)

    def _acknowledged(self, taken: int) -> None:
        if self._stream.acknowledged(taken) and self._ledger is not None:
            self._ledger.drop(taken)

    def acknowledge(self) -> None:
        """Acknowledge now what was taken, where that is still to be done."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._stream.owes or self._closed:
            return
        if self._heard_beside_room and self.channels:
            # The partner repeats what the room does not deliver; nor may it deliver this.
            self.channels.send(self._stream.stamped(Envelope(Acknowledge())))
        else:
            self._hand_over(Envelope(Acknowledge()))
        self._settle()

    def _settle(self) -> None:
        said = self._stream.is_settled and (self.is_away or not self._stream.will_owe)
        if said or (self.is_away and not self._waits_away):
            self._settled.set()

    def _send_again(self) -> None:
        if not self.is_away:
            for envelope in self._stream.unacknowledged():
                self._hand_over(envelope)

    def _watch(self) -> None:
        """Look again in a while whether the partner has taken what was sent."""
        if self._repeat is None and not self._closed:
            self._note_oldest()
            loop = asyncio.get_running_loop()
            self._repeat = loop.call_later(REPEAT_AFTER, self._look_again)

    def _note_oldest(self) -> bool:
        """Note since when the oldest word waits; return whether it did so at the last look."""
        oldest, before = self._stream.oldest, self._oldest
        if oldest != before:
            self._oldest, self._oldest_since = oldest, asyncio.get_running_loop().time()
        return oldest == before

    def _look_again(self) -> None:
        self._repeat = None
        if self._stream.oldest is None or self.is_away:
            return
        waits, now = self._note_oldest(), asyncio.get_running_loop().time()
        if self._room is None:
            waits, self._oldest_since = True, now
        if now - self._oldest_since >= UNHEARD_AFTER:
            self._oldest = None
            self.unheard()
        elif waits and self.channels.idle:
            for envelope in self._stream.unacknowledged():
                self.channels.send(self._stream.stamped(envelope))
        self._watch()


async def _recorded(recording: Awaitable[bool]) -> None:
    """Wait until something is recorded; not for ever, as a disk may hang."""
    with suppress(TimeoutError):
        async with asyncio.timeout(RECORD_TIMEOUT):
            await recording


def forgotten_there(partner: str) -> OutOfStep:
    """Return the error for a partner who has forgotten a part of the session."""
    return OutOfStep(f"{partner}'s side has forgotten a part of the session: its journal is old.")


def state_of(agreed: Agreed, contact: str = "") -> SessionState:
    """Return what is known of a session that has just begun."""
    return SessionState(
        root=root_of(agreed.shared),
        side=agreed.side,
        partner=partner_name(agreed.hello.name),
        wants=_known(agreed.hello.wants),
        takes_parts=takes_parts(agreed),
        verification=agreed.shared.verification,
        remembers=agreed.hello.remembers,
        contact=contact,
    )


def takes_parts(agreed: Agreed) -> bool:
    """Return whether the other side takes requests in parts, by what it said of itself."""
    return agreed.hello.files >= MOST_FILES


def partner_name(name: str) -> str:
    """Return a name from the network as it may be shown: cleaned, and never empty."""
    return clean(name, _MAX_NAME).strip() or _NAMELESS


def _known(wants: str) -> Wants:
    return Wants(wants) if wants in list(Wants) else Wants.BOTH
