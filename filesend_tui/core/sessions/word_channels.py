"""The channels of running transfers, as lines for the words of a session.

Each is a connection to a peer of the session's private swarm that takes words (fs_words, see
core/wire/word_messages.py). Words take the oldest ones. Which words are sent, and when, is
session.py's; peers never live here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.sessions.cipher import ChannelCipher
from filesend_tui.core.sessions.envelope import Envelope
from relay.protocol.words import Acknowledge

#: Channels that a word takes at once.
AT_ONCE: Final = 2


class Channel(Protocol):
    """A connection to the partner that carries sealed words."""

    @property
    def idle(self) -> bool:
        """Whether all that was sent is on its way."""

    def send(self, sealed: bytes) -> None:
        """Send one, in the order of the calls; never waits."""


class WordChannels:
    """The open channels of one session; a WordReceiver of torrent/peer/word_channel.py.

    Args:
        cipher: The session's.
        heard: Called with each envelope of the partner's.
        changed: Called when the first was opened, another was, or the oldest or last was closed.
    """

    def __init__(
        self,
        cipher: ChannelCipher,
        heard: Callable[[Envelope], None],
        changed: Callable[[], None],
    ) -> None:
        self._cipher = cipher
        self._heard = heard
        self._changed = changed
        self._open: list[Channel] = []

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    @property
    def idle(self) -> bool:
        """Whether all that was sent is on its way."""
        return all(channel.idle for channel in self._open)

    def send(self, envelope: Envelope) -> None:
        """Send an envelope over the oldest ones; drop it where there is none.

        Over several: in the swarm of a group, one may only pretend to lead to the partner.
        """
        if self._open:
            sealed = self._cipher.seal(envelope)
            for channel in self._open[:AT_ONCE]:
                channel.send(sealed)

    def channel_opened(self, channel: Channel) -> None:
        """Use a channel from now on."""
        self._open.append(channel)
        self._changed()

    def channel_closed(self, channel: Channel) -> None:
        """Use a channel no more; what it carried may be lost."""
        if channel in self._open:
            self._open.remove(channel)
            self._changed()

    def greeting(self) -> bytes:
        """Return a sealed word that says nothing, by which the partner knows a channel."""
        return self._cipher.seal(Envelope(Acknowledge()))

    def channel_heard(self, _channel: Channel, sealed: bytes) -> bool:
        """Take what a channel delivered; return whether the partner said it."""
        try:
            envelope = self._cipher.open(sealed)
        except FileSendError:
            return False
        self._heard(envelope)
        return True
