"""A partner: somebody who is paired, what they say, and what goes on with them.

Texts are heard and said here; every other word is the activity's, which whoever puts the client
together chooses. How words travel never lives here, nor how two people come to be paired.
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
#: Messages that a partner may say: at once, and a second. Somebody who types says one or two.
MESSAGES: Final = (500, 10)
_FLOODED: Final = "Whoever is at the other end means no good, or their program does not work."


class Activity(Protocol):
    """What goes on with a partner beside talk."""

    def receive(self, word: Word) -> None:
        """Take a word of the partner's; one that means nothing here changes nothing."""

    async def close(self, lost: FileSendError | None = None) -> None:
        """End it and free everything. lost: why the partner is gone; None: this side leaves."""


class Partner:
    """Somebody this side is paired with.

    Args:
        id: The session's.
        session: What was made of the pairing.
        activity: What goes on with them.
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
        """How they call themselves, cleaned."""
        return self.session.partner

    def receive(self, message: SealedMessage) -> None:
        """Take what they said.

        Raises:
            RelayTampered: It is not what they said next; the session is over.
            FileSendError: They cannot be understood, or flood this side; the session is over.
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
            FileSendError: There is no text, or too much, or it cannot be sent.
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
