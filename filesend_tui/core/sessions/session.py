"""A session: the time two people are paired, as sealed words to and from the partner.

The meaning of words and sending them over the relay never live here.
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
    """Sealed words to and from the partner of a pairing.

    Args:
        shared_key: The result of the pairing.
        side: Which of the two this is.
        send: Sends a letter to the relay, in the order of the calls; returns once the relay
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
        """Send a word to the partner; return once the relay has forwarded it.

        Words are sent in the order of the calls. Raises FileSendError when the relay refuses it.
        """
        # No await between the two, or letters are sent in another order than sealed.
        # The largest word takes 2 ms to seal: less than it takes to hand it to another thread.
        letter = self._sealing.seal(word)
        await self._send(letter)

    def receive(self, letter: SealedMessage) -> Word:
        """Return the partner's word from the letter that the relay delivered.

        Raises:
            RelayTampered: The relay altered it, or the order; the session is over.
            FileSendError: The partner uses another version; the session is over.
        """
        return self._sealing.open(letter)

    def introduce(self, hello: Hello) -> None:
        """Set the partner's name, and what they are there for, from their hello."""
        self.partner = partner_name(hello.name)
        known = hello.wants in list(Wants)
        self.wants = Wants(hello.wants) if known else Wants.BOTH


def partner_name(name: str) -> str:
    """Return a name from the network as it may be shown: cleaned, and never empty."""
    return clean(name, _MAX_NAME).strip() or _NAMELESS
