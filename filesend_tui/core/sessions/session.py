"""A session: the time two people are paired, as sealed words to and from the partner.

What the words mean never lives here, nor how they travel.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from filesend_tui.core.events import Wants
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.cipher import SessionCipher
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import SharedKey
from filesend_tui.core.util.text import clean
from relay.protocol.words import Hello, Word

_NAMELESS: Final = "somebody"
_MAX_NAME: Final = 64


class Session:
    """The partner of a pairing.

    Args:
        shared_key: What the pairing gave both sides.
        side: Which of the two this is.
        send: Hands a letter to the relay, at once when it is called; returns when the relay
            acknowledged it, raises FileSendError.
    """

    def __init__(
        self,
        shared_key: SharedKey,
        side: Side,
        send: Callable[[SealedMessage], Awaitable[object]],
    ) -> None:
        self.partner = _NAMELESS
        self.wants = Wants.BOTH
        self.verification = shared_key.verification
        self._sealing = SessionCipher(shared_key, side)
        self._send = send

    def __repr__(self) -> str:
        return f"Session(partner={self.partner!r})"

    async def send(self, word: Word) -> None:
        """Say a word to the partner; returns once the relay has passed it on.

        Words leave in the order of the calls. Raises FileSendError when the relay refuses it.
        """
        # Nothing may be awaited between the two, or letters leave in another order than sealed.
        # The largest word takes 2 ms to seal: less than it takes to hand it to another thread.
        letter = self._sealing.seal(word)
        await self._send(letter)

    def receive(self, letter: SealedMessage) -> Word:
        """Return what the partner said, from what the relay delivered.

        Raises:
            RelayTampered: The relay altered it, or the order; the session is over.
            FileSendError: The partner speaks another language; the session is over.
        """
        return self._sealing.open(letter)

    def introduce(self, hello: Hello) -> None:
        """Learn how the partner calls themselves, and what they are there for."""
        self.partner = partner_name(hello.name)
        known = hello.wants in list(Wants)
        self.wants = Wants(hello.wants) if known else Wants.BOTH


def partner_name(name: str) -> str:
    """Return a name from the network as it may be shown: cleaned, and never empty."""
    return clean(name, _MAX_NAME).strip() or _NAMELESS
