"""The pairing handshake: one pairing over the relay, from a claimed code or a place to an epoch.

The rules of pairing are pairing.py's; here its computations run in worker threads, its words are
sent and received, and a timeout bounds it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from filesend_tui.core.errors import FileSendError, NotPaired, PairingFailed
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.cipher import RoomCipher
from filesend_tui.core.sessions.envelope import Envelope
from filesend_tui.core.sessions.key_agreement import Introduction, Side
from filesend_tui.core.sessions.pairing import Pairing, PairingState, SharedKey
from relay.protocol.words import Goodbye, Hello, PartnerGone, Word

_log = logging.getLogger(__name__)

#: Timeout in seconds for pairing, from when the relay put both sides in a room.
TIMEOUT: Final = 30.0
#: Most words queued; an honest partner sends three, and then perhaps a first request.
_MAX_UNHEARD: Final = 32


class Agreed(NamedTuple):
    """What two people hold once they are paired.

    side: which of the two this is in it. cipher: has sealed and opened one word already. hello: the
    other side's. taken: the number of the last word of this side's that the other side has.
    """

    shared: SharedKey
    side: Side
    cipher: RoomCipher
    hello: Hello
    taken: int


class PairingHandshake:
    """One attempt to pair with the other side of a room.

    Args:
        introduction: What this side believes the code is, or the secret that both hold.
        side: Whether this side was there first (it made the code) or came second.
        hello: This side's name, and what it is there for.
        taken: Returns the number of the last word that this side took, of a session that goes on,
            when it introduces itself; None: it
            is a new one.
        send: Sends a word through the relay; raises FileSendError.
    """

    def __init__(
        self,
        introduction: Introduction,
        side: Side,
        hello: Hello,
        taken: Callable[[], int] | None,
        send: Callable[[Word], Awaitable[object]],
    ) -> None:
        self._pairing = Pairing(introduction, side)
        self._side = side
        self._hello = hello
        self._taken = taken
        self._send = send
        self._heard: asyncio.Queue[Word | FileSendError] = asyncio.Queue()
        self._exposed = False

    def receive(self, word: Word) -> None:
        """Queue a word of the other side."""
        if self._heard.qsize() < _MAX_UNHEARD:
            self._heard.put_nowait(word)
        else:
            self.fail(self._pairing.failed("The other side said too much while pairing."))

    def fail(self, error: FileSendError) -> None:
        """End the handshake; `run` raises the error."""
        self._heard.put_nowait(error)

    async def run(self, chosen: Callable[[], bool] = lambda: True) -> Agreed:
        """Pair; return what both agreed on.

        Args:
            chosen: Called once, when the other side has said its first word; returns whether to go
                on. Until then nothing was said by which a guess can be tested, so that of several
                rooms one can be chosen here.

        Raises:
            WrongCode: The other side does not know the words, or left when it may have tested a
                guess at them.
            WrongSecret: It does not hold the secret.
            PairingFailed: It left, timed out or sent something malformed.
            RelayUnreachable: The relay was lost.
            RelayTampered: The relay altered the first words of the session.
        """
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._run(chosen)
        except TimeoutError:
            error: FileSendError = self._pairing.failed(
                "The other side did not finish pairing in time."
            )
        except NotPaired:
            error = self._gone()
        except FileSendError as failed:
            error = failed
        except Exception:
            _log.exception("pairing brought a fault to light")
            raise self._pairing.failed("Something in this program broke while pairing.") from None
        # With this side's proof the other side can test its guess, and need not answer.
        raise self._pairing.unproven() if self._exposed else error

    def unheard(self) -> tuple[Word, ...]:
        """Return the words that arrived after the pairing was done, in order."""
        words = []
        while not self._heard.empty():
            word = self._heard.get_nowait()
            if isinstance(word, Word):
                words.append(word)
        return tuple(words)

    async def _run(self, chosen: Callable[[], bool]) -> Agreed:
        # In threads: importing and computing take too long for the event loop.
        pairing = self._pairing
        opening = await asyncio.to_thread(pairing.start)
        if pairing.listens_first:
            heard = await self._chosen_by_hearing(chosen)
            await self._say(opening)
        else:
            await self._say(opening)
            heard = await self._chosen_by_hearing(chosen)
        while True:
            replies = await asyncio.to_thread(pairing.receive, heard)
            self._exposed = pairing.is_exposed
            await self._say(replies)
            if pairing.state is PairingState.PAIRED:
                break
            heard = await self.heard()
        shared = pairing.shared_key
        cipher = RoomCipher(shared, self._side)
        await self._send(
            cipher.seal(Envelope(self._hello, taken=self._taken() if self._taken else 0))
        )
        try:
            message = await self.heard()
            last = cipher.open(message) if isinstance(message, SealedMessage) else None
            if last is None or not isinstance(last.word, Hello):
                raise pairing.failed("The other side did not introduce itself.")
        except FileSendError:
            if self._taken is None:  # the other side may be content, and wait
                with suppress(FileSendError):
                    await self._send(cipher.seal(Envelope(Goodbye())))
            raise
        return Agreed(shared, self._side, cipher, last.word, last.taken)

    async def _chosen_by_hearing(self, chosen: Callable[[], bool]) -> Word:
        heard = await self.heard()
        if not chosen():
            raise self._pairing.failed("The two of you pair in another room.")
        return heard

    async def _say(self, words: Iterable[Word]) -> None:
        for word in words:
            await self._send(word)

    async def heard(self) -> Word:
        """Return the next word of the other side.

        Raises:
            PairingFailed: It went away.
            FileSendError: See `fail`.
        """
        heard = await self._heard.get()
        if isinstance(heard, FileSendError):
            raise heard
        if isinstance(heard, PartnerGone):
            raise self._gone()
        return heard

    def _gone(self) -> PairingFailed:
        return self._pairing.failed("The other side went away before you were paired.")
