"""The words of a session, each delivered once and in order, whatever carries them.

Each word has a number, is kept until the other person acknowledges it, is sent again over a line
that came up, and is taken once. Figures have no number: the next ones replace lost ones. Sans-IO:
no line, no key, no clock and no task ever lives here.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.sessions.envelope import Envelope, content_of
from relay.protocol.words import Word

#: Most words kept for a partner who does not take them, and most bytes of them.
MOST_KEPT: Final = 4096
MOST_KEPT_BYTES: Final = 32 * 1024 * 1024


class Kept(NamedTuple):
    """A word that the partner has not acknowledged. size: bytes of its JSON."""

    number: int
    word: Word
    size: int


class WordStream:
    """One side of the stream of a session.

    Args:
        said: How many words this side has said, in an earlier process.
        taken: How many of the partner's it has taken.
        kept: Those of its own that the partner had not acknowledged, in order.
        recorded: Whether what is said and taken is recorded first: then a word is sent after
            `may_send`, and acknowledged after `may_acknowledge`.
    """

    def __init__(
        self,
        said: int = 0,
        taken: int = 0,
        kept: tuple[Kept, ...] = (),
        *,
        recorded: bool = False,
    ) -> None:
        self.said = said
        self.taken = taken
        self._recorded = recorded
        self._sendable = said
        self._tellable = taken
        self._kept = deque(kept)
        #: The number of the last word that the partner has acknowledged.
        self.had = kept[0].number - 1 if kept else said
        self._kept_bytes = sum(each.size for each in kept)
        self._told = taken
        self._asked = False

    @property
    def is_settled(self) -> bool:
        """Whether the partner has taken everything."""
        return not self._kept

    @property
    def oldest(self) -> int | None:
        """The number of the oldest word that the partner has not acknowledged, if any."""
        return self._kept[0].number if self._kept else None

    @property
    def owes(self) -> bool:
        """Whether the partner waits for an acknowledgement."""
        return self._asked or self._told < self._tellable

    @property
    def will_owe(self) -> bool:
        """Whether the partner waits for an acknowledgement, or will once this is recorded."""
        return self._asked or self._told < self.taken

    def say(self, word: Word) -> Envelope:
        """Number a word, keep it and return it.

        Raises:
            FileSendError: It is too long, or too much waits for the partner already.
        """
        size = len(content_of(word))
        if len(self._kept) >= MOST_KEPT or self._kept_bytes + size > MOST_KEPT_BYTES:
            raise FileSendError(
                "Too much waits already for the other person, who is away.",
                "Wait until they are back, or end the session.",
            )
        self.said += 1
        if not self._recorded:
            self._sendable = self.said
        self._kept.append(Kept(self.said, word, size))
        self._kept_bytes += size
        return Envelope(word, self.said)

    def may_send(self, number: int) -> None:
        """Note that the words up to this number are recorded."""
        self._sendable = max(self._sendable, number)

    def may_acknowledge(self, number: int) -> None:
        """Note that what was taken up to this number is recorded."""
        self._tellable = max(self._tellable, number)

    def unacknowledged(self) -> tuple[Envelope, ...]:
        """Return all that must be sent over a line that came up, in order."""
        return tuple(
            Envelope(each.word, each.number) for each in self._kept if each.number <= self._sendable
        )

    def stamped(self, envelope: Envelope) -> Envelope:
        """Return an envelope that is sent now: it acknowledges all that may be."""
        self._told, self._asked = self._tellable, False
        return envelope._replace(taken=self._tellable)

    def hear(self, envelope: Envelope) -> Word | None:
        """Take the partner's word; return it, or None where there is nothing to do.

        A word that was taken before is not taken again, nor is one before which another is missing:
        the partner repeats what is not acknowledged.

        Raises:
            FileSendError: It acknowledges what was never said.
        """
        self.acknowledged(envelope.taken)
        if not envelope.number:
            return envelope.word
        if envelope.number != self.taken + 1:
            self._asked = True
            return None
        self.taken += 1
        if not self._recorded:
            self._tellable = self.taken
        return envelope.word

    def acknowledged(self, taken: int) -> bool:
        """Forget the words that the partner has taken; return whether there were any.

        Raises FileSendError as `hear`.
        """
        if taken > self.said:
            raise FileSendError(
                "The other side answers what was never said.",
                "Whoever is at the other end means no good, or their program does not work.",
            )
        self.had = max(self.had, taken)
        before = len(self._kept)
        while self._kept and self._kept[0].number <= taken:
            self._kept_bytes -= self._kept.popleft().size
        return len(self._kept) < before
