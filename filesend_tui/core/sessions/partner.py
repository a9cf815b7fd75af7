"""A partner: a paired person, their text messages, and the activity with them.

Text messages are sent and received here; every other word goes to the activity, which the caller
of the session manager chooses. Sending of words and pairing never live here.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import SessionId
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.sessions.session import Session
from filesend_tui.core.util.text import clean
from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol import words
from relay.protocol.words import Word

#: Characters of one message; relay/protocol/words.py's bound.
MAX_TEXT: Final = 4000
#: Rate limit of a partner's messages: at once, and a second. A person types one or two a second.
MESSAGES: Final = (500, 10)
_FLOODED: Final = "Whoever is at the other end means no good, or their program does not work."


class Activity(Protocol):
    """The activity with a partner, beside text messages."""

    def receive(self, word: Word) -> None:
        """Handle a word of the partner's; ignore one that does not apply."""

    async def close(self, lost: FileSendError | None = None) -> None:
        """End it and free everything. lost: why the partner is gone; None: this side leaves."""


class Partner:
    """Somebody this side is paired with.

    Args:
        id: The session's.
        session: The session from the pairing.
        activity: Receives their other words.
        events: Where events go.
    """

    def __init__(
        self, id: SessionId, session: Session, activity: Activity, events: EventStream
    ) -> None:
        self.id = id
        self.session = session
        self.activity = activity
        self._events = events
        self._clock = asyncio.get_running_loop().time
        self._messages = TokenBucket(*MESSAGES, self._clock())

    @property
    def name(self) -> str:
        """The name that they sent, cleaned."""
        return self.session.partner

    def receive(self, message: SealedMessage) -> None:
        """Handle a message of theirs.

        Raises:
            RelayTampered: It is not their next message; the session is over.
            FileSendError: It cannot be decoded, or exceeds the rate limit; the session is over.
        """
        word = self.session.receive(message)
        if not isinstance(word, words.Message):
            self.activity.receive(word)
        elif self._messages.spend(1, self._clock()):
            self._publish_message(word.text, outgoing=False)
        else:
            raise FileSendError("Messages came without end.", _FLOODED)

    async def say(self, text: str) -> None:
        """Send them a line of text.

        Raises:
            FileSendError: The text is empty or too long, or cannot be sent.
        """
        if not 0 < len(text) <= MAX_TEXT:
            raise FileSendError(
                "There is nothing to say." if not text else "That message is too long.",
                f"A message has 1 to {MAX_TEXT:,} characters.",
            )
        await self.session.send(words.Message(text=text))
        self._publish_message(text, outgoing=True)

    def _publish_message(self, text: str, *, outgoing: bool) -> None:
        self._events.publish(
            events.Message(
                session=self.id, partner=self.name, text=clean(text, MAX_TEXT), outgoing=outgoing
            )
        )
