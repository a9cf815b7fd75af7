"""A partner: a paired person, their text messages, and the activity with them.

Text messages are sent and received here; every other word goes to the activity, which the caller
of the session manager chooses. Sending of words and pairing never live here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError, OutOfStep
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import SessionId
from filesend_tui.core.sessions.coming_back import ComingBack
from filesend_tui.core.sessions.presence import Presence
from filesend_tui.core.sessions.session import Session
from filesend_tui.core.util.text import clean, clean_block
from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol import words
from relay.protocol.words import MAX_TEXT_BLOCK, Word

#: Characters of one message; relay/protocol/words.py's bound.
MAX_TEXT: Final = 4000
#: Bytes of one text, as UTF-8, and characters; likewise.
LONGEST_TEXT: Final = MAX_TEXT_BLOCK
#: Rate limit of a partner's messages: at once, and a second. A person types one or two a second.
MESSAGES: Final = (500, 10)
#: The same of texts, each of which may have 64 KiB.
TEXTS: Final = (20, 1)
_FLOODED: Final = "Whoever is at the other end means no good, or their program does not work."


class Activity(Protocol):
    """The activity with a partner, beside text messages."""

    @property
    def is_unfinished(self) -> bool:
        """Whether there is something in it for a later process to go on with."""

    def receive(self, word: Word) -> None:
        """Handle a word of the partner's; ignore one that does not apply."""

    def met_at(self, tracker: str) -> None:
        """Handle that both are at another meeting place now, with this tracker (ws or wss URL)."""

    def partner_away(self, away: bool) -> None:
        """Handle that the partner is away, or back: what goes on with them waits."""

    async def suspend(self, lost: FileSendError | None = None) -> None:
        """Stop it and free everything, so that a later process can go on with it.

        lost: why, where that is to be told.
        """

    async def close(self, lost: FileSendError | None = None) -> None:
        """End it and free everything. lost: why the partner is gone; None: this side leaves."""


class Partner:
    """Somebody this side is paired with.

    Args:
        id: The session's.
        session: The session from the pairing.
        activity: Receives their other words.
        presence: How long they are away.
        coming_back: The tries to meet them again.
        events: Where events go.

    left: called when they end the session. introduced: called with each further `hello` of theirs.
    """

    def __init__(
        self,
        id: SessionId,
        session: Session,
        activity: Activity,
        *,
        presence: Presence,
        coming_back: ComingBack,
        events: EventStream,
    ) -> None:
        self.id = id
        self.session = session
        self.activity = activity
        self.presence = presence
        self.coming_back = coming_back
        self.left: Callable[[], None] = lambda: None
        self.introduced: Callable[[words.Hello], None] = lambda _: None
        session.deliver = self.take
        self._events = events
        self._clock = asyncio.get_running_loop().time
        self._messages = TokenBucket(*MESSAGES, self._clock())
        self._texts = TokenBucket(*TEXTS, self._clock())

    @property
    def name(self) -> str:
        """The name that they sent, cleaned."""
        return self.session.partner

    def take(self, word: Word) -> None:
        """Handle a word of theirs.

        Raises:
            FileSendError: It exceeds the rate limit, or says that one side has forgotten words; the
                session is over.
        """
        match word:
            case words.Goodbye(forgotten=True):
                raise OutOfStep("What the two sides kept of this session does not fit together.")
            case words.Goodbye():
                self.session.acknowledge()
                self.left()
            case words.Hello():
                self.introduced(word)
            case words.Message(text=text):
                if not self._messages.spend(1, self._clock()):
                    raise FileSendError("Messages came without end.", _FLOODED)
                self._publish_message(text, outgoing=False)
            case words.Text(text=text):
                if not self._texts.spend(1, self._clock()):
                    raise FileSendError("Texts came without end.", _FLOODED)
                self._publish_text(text, outgoing=False)
            case _:
                self.activity.receive(word)

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
        sending = self.session.say(words.Message(text=text))
        self._publish_message(text, outgoing=True)  # before they can answer it
        await self.session.sent(sending)

    async def send_text(self, text: str, wait: float = 0.0) -> bool:
        """Hand them some lines of text; return whether they have taken it after so many seconds.

        Raises:
            FileSendError: It is empty or too long, or cannot be sent.
        """
        if not text or len(text.encode(errors="replace")) > LONGEST_TEXT:
            raise FileSendError(
                "There is no text." if not text else "That text is too long.",
                f"A text has at most {LONGEST_TEXT // 1024} KiB; send more as a file, or with -.",
            )
        sending = self.session.say(words.Text(text=text))
        number = self.session.said
        self._publish_text(text, outgoing=True)  # before they can answer it
        await self.session.sent(sending)
        # They may have taken it and gone before the relay has said that it handed it on.
        return wait > 0 and await self.session.settled(wait, even_away=True, upto=number)

    def _publish_text(self, text: str, *, outgoing: bool) -> None:
        shown = clean_block(text, LONGEST_TEXT)
        self._events.publish(
            events.Text(session=self.id, partner=self.name, text=shown, outgoing=outgoing)
        )

    def _publish_message(self, text: str, *, outgoing: bool) -> None:
        self._events.publish(
            events.Message(
                session=self.id, partner=self.name, text=clean(text, MAX_TEXT), outgoing=outgoing
            )
        )
