"""A session: the time two people are paired, as words to and from the partner.

Here lives the seam where payloads are encoded (plain now, sealed under the session key later).
What the words mean never lives here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from filesend_tui.core.people.pairing import SharedKey
from filesend_tui.core.text import clean
from relay.protocol import Hello, Word

_NAMELESS = "somebody"
_MAX_NAME = 64


class Codec(Protocol):
    """How a word is dressed for its way through the relay."""

    def encode(self, word: Word) -> Word:
        """Return the word as the relay may see it."""

    def decode(self, word: Word) -> Word:
        """Return the word as the partner said it."""


class PlainCodec:
    """Words travel as they are."""

    def encode(self, word: Word) -> Word:
        """Return the word."""
        return word

    def decode(self, word: Word) -> Word:
        """Return the word."""
        return word


class Session:
    """The partner of a pairing.

    Args:
        shared_key: What the pairing gave both sides.
        send: Hands a word to the relay; returns when it acknowledged, raises FileSendError.
        codec: Dresses and undresses words.
    """

    def __init__(
        self,
        shared_key: SharedKey,
        send: Callable[[Word], Awaitable[object]],
        codec: Codec,
    ) -> None:
        self.shared_key = shared_key
        self.partner = _NAMELESS
        self._send = send
        self._codec = codec

    def __repr__(self) -> str:
        return f"Session(partner={self.partner!r})"

    async def send(self, word: Word) -> None:
        """Say a word to the partner; returns once the relay has passed it on.

        Words leave in the order of the calls. Raises FileSendError when the relay refuses it.
        """
        await self._send(self._codec.encode(word))

    def receive(self, word: Word) -> Word:
        """Return what the partner said, from what the relay delivered."""
        return self._codec.decode(word)

    def introduce(self, hello: Hello) -> None:
        """Learn how the partner calls themselves."""
        self.partner = partner_name(hello.name)


def partner_name(name: str) -> str:
    """Return a name from the network as it may be shown: cleaned, and never empty."""
    return clean(name, _MAX_NAME).strip() or _NAMELESS
