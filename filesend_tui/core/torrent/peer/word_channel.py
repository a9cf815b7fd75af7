"""The words of a session over one peer connection: cut into chunks, and put together again.

Chunks go between blocks, a few at a time. What is in a word, keys, and which of several channels
carries one are the receiver's.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from filesend_tui.core.wire.word_messages import MAX_WORD, WORD_CHUNK, WordChunk

#: Bytes of words that are queued on the wire at a time.
_AT_A_TIME: Final = 4 * WORD_CHUNK


class WordReceiver(Protocol):
    """What takes the words of a torrent's peers; every method returns at once."""

    def channel_opened(self, channel: WordChannel) -> None:
        """Use a channel from now on."""

    def channel_closed(self, channel: WordChannel) -> None:
        """Use a channel no more; what it carried may be lost."""

    def channel_heard(self, channel: WordChannel, sealed: bytes) -> bool:
        """Take what a channel delivered; return whether it may be the partner's."""


class WordHost(Protocol):
    """What a channel needs of its peer."""

    def send_chunk(self, chunk: WordChunk) -> int:
        """Queue a chunk on the wire; return how many bytes are queued there in all."""

    def flush(self) -> None:
        """Wake the writer, which calls `fill`."""


class WordChannel:
    """One peer connection as a channel for words.

    Args:
        host: The peer.
        receiver: The torrent's.
    """

    def __init__(self, host: WordHost, receiver: WordReceiver) -> None:
        self._host = host
        self._receiver = receiver
        self._waiting: deque[WordChunk] = deque()
        self._arriving = bytearray()
        self._open = False

    @property
    def idle(self) -> bool:
        """Whether all that was sent was queued on the wire."""
        return not self._waiting

    def open(self) -> None:
        """Offer the channel to the receiver, once. The peer takes words."""
        if not self._open:
            self._open = True
            self._receiver.channel_opened(self)

    def close(self) -> None:
        """Take it back; the connection ends. Idempotent."""
        if self._open:
            self._open = False
            self._receiver.channel_closed(self)

    def send(self, sealed: bytes) -> None:
        """Send a sealed word, after those before it."""
        ends = range(WORD_CHUNK, len(sealed) + WORD_CHUNK, WORD_CHUNK)
        self._waiting.extend(
            WordChunk(sealed[end - WORD_CHUNK : end], last=end >= len(sealed)) for end in ends
        )
        self._host.flush()

    def fill(self) -> bool:
        """Queue the next chunks on the wire; return whether there were any."""
        queued = 0
        filled = bool(self._waiting)
        while self._waiting and queued < _AT_A_TIME:
            queued = self._host.send_chunk(self._waiting.popleft())
        return filled

    def receive(self, chunk: WordChunk) -> bool:
        """Take a chunk; return whether it may be the partner's."""
        self._arriving += chunk.data
        if len(self._arriving) > MAX_WORD:
            return False
        if not chunk.last:
            return True
        sealed, self._arriving = bytes(self._arriving), bytearray()
        return self._receiver.channel_heard(self, sealed)
