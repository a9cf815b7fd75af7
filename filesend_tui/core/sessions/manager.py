"""The desk: where this side meets one other person at a time. What core/client.py delegates to.

    away ──connect──▶ alone ──create_code──▶ waiting ──claimed──▶ pairing ──▶ paired
                        │ └────────────────join─────────────────────▲ │         │
                        ◀─────────wrong code, left, lost──────────────┴─────────┘

Codes, pairing and the session are put together here; what a session says about transfers is
transfers.py's, and how a relay is spoken to is connection.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from filesend_tui.core import errors, events
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.error_events import error_event, left_out
from filesend_tui.core.errors import FileSendError, NotPaired, PairingFailed, RelayUnreachable
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import TransferId, Wants
from filesend_tui.core.exchange import offer
from filesend_tui.core.exchange.transfers import Transfers
from filesend_tui.core.relay_client.connection import LinkState, RelayLink, always
from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from filesend_tui.core.sessions.code import Code, new_code, parse_code
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing_handshake import PairingHandshake
from filesend_tui.core.sessions.session import Session, partner_name
from filesend_tui.core.torrent.engine_protocol import Torrents
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.text import clean
from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol import words
from relay.protocol.words import Done, Word

_log = logging.getLogger(__name__)

#: Characters of one message; relay/protocol/words.py's bound.
MAX_TEXT: Final = 4000
#: Messages that a partner may say: at once, and a second. Somebody who types says one or two.
MESSAGES: Final = (500, 10)
#: Seconds that telling the relay goodbye may take.
PARTING: Final = 2.0
_FLOODED: Final = "Whoever is at the other end means no good, or their program does not work."
_MIXED_UP: Final = "The relay mixed up who is talking to whom."


class _Pair(NamedTuple):
    """A session, what goes on in it, and what the partner may still say."""

    session: Session
    transfers: Transfers
    messages: TokenBucket


class People:
    """One person's side: a link to a relay, a code, and at most one partner.

    All methods belong to one event loop. Every failure is a FileSendError.

    Args:
        events: Where events go.
        engine: The client's torrents.
        config: This side's name, and where received files go.
    """

    def __init__(self, events: EventStream, engine: Torrents, config: ClientConfig) -> None:
        self._events = events
        self._engine = engine
        self._config = config
        self._link = RelayLink(self._take, self._link_changed)
        self._wants = Wants.BOTH
        self._code: Code | None = None
        self._room: words.Room | None = None
        self._introduction: PairingHandshake | None = None
        self._pair: _Pair | None = None
        self._tasks = Tasks()

    # -- what faces may ask

    @property
    def partner(self) -> str | None:
        """How the partner calls themselves; None while not paired."""
        return self._pair.session.partner if self._pair else None

    @property
    def verification(self) -> str | None:
        """Words that are the same on both sides when nobody is in between; None while not paired.

        For two people to read to each other; a secret towards everybody else.
        """
        return self._pair.session.verification if self._pair else None

    def verify(self) -> events.Verification:
        """Publish and return the verification words. Raises NotPaired."""
        session = self._paired().session
        event = events.Verification(partner=session.partner, words=session.verification)
        self._events.publish(event)
        return event

    # -- commands

    def intend(self, wants: Wants) -> None:
        """Say what this side is there for; whom it pairs with from then on is told."""
        self._wants = wants

    async def connect(self, relay_url: str, *, again: Callable[[], bool] = always) -> None:
        """Connect to a relay, leaving the one before; it is connected to again when it is lost.

        Args:
            relay_url: Where it is.
            again: Says, before each new try, whether whoever is there now may be connected to.

        Raises:
            RelayUnreachable: There is no relay at this address.
        """
        await self._link.connect(relay_url, again=again)

    async def create_code(self) -> str:
        """Open a code, in place of an earlier one, and return it; a secret.

        Raises:
            RelayUnreachable: There is no connection to a relay.
            PairingFailed: This side is paired already.
        """
        self._check_alone()
        allocated = await self._link.call(words.Allocate(), words.Allocated)
        self._code = new_code(allocated.nameplate)
        self._events.publish(
            events.Code(code=self._code.text, expires_seconds=allocated.expires_seconds)
        )
        return self._code.text

    async def join(self, typed: str) -> None:
        """Pair with whoever made this code; returns when paired.

        Raises:
            InvalidCode: It is no code; nothing was sent.
            PairingFailed: By kind: the code is unknown, used, expired or wrong, or pairing broke.
            RelayUnreachable: There is no connection to a relay, or it was lost.
            RelayTampered: The relay altered what the other side said.
        """
        code = parse_code(typed)
        self._check_alone()
        introduction = self._introduce(code, Side.JOINER)
        # Before the claim is acknowledged: the other side's first word may come with it.
        self._introduction = introduction
        claiming = asyncio.ensure_future(
            self._link.call(words.Claim(nameplate=code.nameplate), words.Joined)
        )
        try:
            self._room = (await asyncio.shield(claiming)).room
        except BaseException as error:
            self._forget(introduction)
            if not isinstance(error, FileSendError):
                await self._give_up_claim(claiming)
            raise
        self._code_gone("joined")  # the relay gives up a claimer's own nameplate
        await self._pair_up(introduction)

    async def leave(self) -> None:
        """End the pairing; running transfers are cancelled first. Not being paired is no error."""
        pair, self._pair = self._pair, None
        if pair is not None:
            await pair.transfers.close()
            await self._part()

    async def look_through(
        self, paths: Collection[Path], *, skip_unreadable: bool = False
    ) -> Found:
        """Return what is to be sent, for `request`; needs nobody, and asks nobody.

        Raises:
            BadSource: Something cannot be read or was replaced, or it is too much for one request.
        """
        found = await asyncio.to_thread(offer.look_through, paths, skip=skip_unreadable)
        if found.left_out:
            self._events.publish(left_out(found.left_out))
        return found

    async def request(
        self, chosen: Collection[Path] | Found, *, skip_unreadable: bool = False
    ) -> TransferId:
        """Ask the partner to accept what was chosen; return the request's id.

        Raises:
            NotPaired: Nobody is there.
            BadSource: Something cannot be read or was replaced, or it is too much for one request.
        """
        transfers = self._paired().transfers
        return await transfers.request(chosen, skip_unreadable=skip_unreadable)

    async def answer(
        self,
        transfer: TransferId,
        accepted: Sequence[bool],
        *,
        output: Path | Target | None = None,
        reason: str = "",
    ) -> None:
        """Say yes or no for each file of the partner's request, in its order.

        Args:
            transfer: The request.
            accepted: A yes or no for each file.
            output: Folder its files will stand in; the configured one where None.
            reason: Why it is declined, for the partner to read; at most 200 characters.

        Raises:
            NotPaired: Nobody is there.
            NoSpace, StorageFailed: They cannot be kept there; the request stays open.
            RequestGone: There is no such request to answer.
            FileSendError: It is not one answer for each file.
        """
        await self._paired().transfers.answer(transfer, accepted, output, reason)

    async def cancel(self, transfer: TransferId) -> None:
        """Give a transfer up; returns when all it held here is freed. One that is over is fine."""
        if self._pair is not None:
            await self._pair.transfers.cancel(transfer)

    def rename(self, name: str) -> None:
        """Introduce this side by another name from now on."""
        self._config = replace(self._config, name=name)

    async def say(self, text: str) -> None:
        """Send the partner a line of text.

        Raises:
            NotPaired: Nobody is there.
            FileSendError: There is no text, or too much.
        """
        session = self._paired().session
        if not 0 < len(text) <= MAX_TEXT:
            raise FileSendError(
                "There is nothing to say." if not text else "That message is too long.",
                f"A message has 1 to {MAX_TEXT:,} characters.",
            )
        await session.send(words.Message(text=text))
        self._events.publish(
            events.Message(partner=session.partner, text=clean(text, MAX_TEXT), outgoing=True)
        )

    async def destroy(self) -> None:
        """Leave, disconnect and free everything."""
        await self.leave()
        await self._link.close()
        await self._tasks.cancel()

    # -- pairing

    def _introduce(self, code: Code, side: Side) -> PairingHandshake:
        hello = words.Hello(name=partner_name(self._config.name), wants=self._wants)
        return PairingHandshake(code, side, hello, self._send)

    async def _pair_up(self, introduction: PairingHandshake) -> None:
        """Pair with who is at the other end now; on failure part from them."""
        try:
            session = await introduction.run()
        except BaseException:
            self._forget(introduction)
            await self._part()
            raise
        # From here to the last word that waited nothing may be awaited, or words lose their order.
        self._forget(introduction)
        assert self._link.address is not None
        tracker = self._link.address.tracker
        transfers = Transfers(session, self._engine, self._events, self._config, tracker)
        messages = TokenBucket(*MESSAGES, asyncio.get_running_loop().time())
        self._pair = _Pair(session, transfers, messages)
        self._events.publish(events.Paired(partner=session.partner, wants=session.wants))
        for word in introduction.unheard():
            if isinstance(word, SealedMessage | words.PairingWord):
                self._take(RoomMessage(self._room or "", word))
            else:
                self._take(word)

    async def _be_joined(self, introduction: PairingHandshake) -> None:
        """Pair with whoever claimed this side's code."""
        try:
            await self._pair_up(introduction)
        except RelayUnreachable:
            self._events.publish(events.CodeGone(reason="relay"))
        except FileSendError as error:
            self._events.publish(events.CodeGone(reason="burned"))
            self._publish_error(error)

    def _forget(self, introduction: PairingHandshake) -> None:
        if self._introduction is introduction:
            self._introduction = None

    async def _part(self) -> None:
        """Tell the relay that this side leaves; if it cannot be told, it has noticed."""
        room, self._room = self._room, None
        if room is not None:
            await self._leave(room)

    async def _give_up_claim(self, claiming: asyncio.Future[words.Joined]) -> None:
        """Leave the room that a claim leads to, if it does; the relay may have taken it by now."""
        try:
            room = (await claiming).room
        except FileSendError:
            return
        await self._leave(room)

    async def _leave(self, room: words.Room) -> None:
        try:
            async with asyncio.timeout(PARTING):
                await self._link.call(words.Leave(room=room), Done)
        except (FileSendError, TimeoutError) as error:
            _log.debug("leaving: %s", error)

    # -- what comes from the relay

    def _take(self, word: Word | RoomMessage) -> None:
        """Take a word; where this program fails at it, nobody is left waiting."""
        try:
            self._deal_with(word)
        except Exception:
            _log.exception("a word that the relay delivered brought a fault to light")
            self._give_up(FileSendError("Something in this program broke, so it hung up."))

    def _deal_with(self, word: Word | RoomMessage) -> None:
        match word:
            case words.Claimed():
                self._claimed(word)
            case words.NameplateExpired():
                if self._code and self._code.nameplate == word.nameplate:
                    self._code_gone("expired")
            case words.RelayClosing():
                pass  # the connection ends next, and that is told
            case RoomMessage() | words.PartnerGone() if self._room not in (None, word.room):
                pass  # what was left a moment ago
            case RoomMessage() if self._introduction is not None:
                self._introduction.hear(word.word)
            case words.PartnerGone() if self._introduction is not None:
                self._introduction.hear(word)
            case words.PartnerGone():
                reason = "left" if word.reason == "left" else "lost"
                self._session_over(errors.PartnerGone("The other person is gone."), reason)
            case RoomMessage(word=SealedMessage() as message) if self._pair is not None:
                self._read(self._pair, message)
            case RoomMessage() if self._pair is not None:
                self._break(errors.RelayTampered(_MIXED_UP))

    def _claimed(self, word: words.Claimed) -> None:
        if word.room == self._room:
            self._break(errors.RelayTampered(_MIXED_UP))
            return
        code, self._code = self._code, None
        if (
            code is None
            or code.nameplate != word.nameplate
            or self._pair is not None
            or self._introduction is not None
        ):
            self._tasks.spawn(self._leave(word.room))  # never shown, or somebody came before
            return
        self._room = word.room
        self._events.publish(events.CodeClaimed())
        self._introduction = self._introduce(code, Side.MAKER)
        self._tasks.spawn(self._be_joined(self._introduction))

    def _read(self, pair: _Pair, letter: SealedMessage) -> None:
        try:
            word = pair.session.receive(letter)
        except FileSendError as error:
            self._break(error)
        else:
            self._said(pair, word)

    def _said(self, pair: _Pair, word: Word) -> None:
        if isinstance(word, words.Message):
            if not pair.messages.spend(1, asyncio.get_running_loop().time()):
                self._break(FileSendError("Messages came without end.", _FLOODED))
                return
            text = clean(word.text, MAX_TEXT)
            self._events.publish(events.Message(partner=pair.session.partner, text=text))
        else:
            pair.transfers.receive(word)

    def _link_changed(self, state: LinkState) -> None:
        url = self._link.address.url if self._link.address else ""
        self._events.publish(events.Relay(state=state, url=url))
        if state in (LinkState.LOST, LinkState.CLOSED):
            # A relay forgets who is gone: code and pairing went with the connection.
            lost = self._link.loss
            if self._link.hung_up and state is LinkState.LOST:
                self._publish_error(lost)
            self._code_gone("relay")
            if self._introduction is not None:
                self._introduction.fail(lost)
            self._session_over(lost, "relay")

    def _code_gone(self, reason: str) -> None:
        code, self._code = self._code, None
        if code is not None:
            self._events.publish(events.CodeGone(reason=reason))

    def _give_up(self, error: FileSendError) -> None:
        """End whatever goes on with somebody else."""
        if self._introduction is not None:
            self._introduction.fail(error)
        else:
            self._break(error)

    def _break(self, error: FileSendError) -> None:
        """End a session whose words no longer follow one another, and say so."""
        if self._pair is None:
            return
        self._publish_error(error)
        self._session_over(error, "broken")
        self._tasks.spawn(self._part())

    def _session_over(self, error: FileSendError, reason: str) -> None:
        pair, self._pair = self._pair, None
        if pair is not None:
            self._tasks.spawn(pair.transfers.close(error))
            if reason != "broken":
                self._room = None  # else it is left yet
            self._events.publish(events.PartnerGone(partner=pair.session.partner, reason=reason))

    # -- small things

    def _publish_error(self, error: FileSendError) -> None:
        self._events.publish(error_event(error))

    async def _send(self, word: Word) -> None:
        if self._room is None:
            raise NotPaired("Nobody is at the other end.")
        assert isinstance(word, SealedMessage | words.PairingWord)
        try:
            await self._link.say(self._room, word)
        except (RelayUnreachable, NotPaired):
            raise
        except FileSendError as error:
            # A letter that was refused is missing from those that follow it.
            self._break(error)
            raise

    def _check_alone(self) -> None:
        if self._pair is not None or self._introduction is not None:
            raise PairingFailed("You are paired with somebody already.", "Leave them first.")

    def _paired(self) -> _Pair:
        if self._pair is None:
            raise NotPaired("You are not paired with anybody.")
        return self._pair
