"""The two directions of a room: words to parts that are answered, and parts to words, in order.

Sans-IO: no frame, no key, no clock. Whoever loses, repeats or reorders parts delays words; a word
is taken once, and in its order, or not at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from filesend_tui.core.tracker_place.parts import MAX_NUMBER, Kind, Part, cut, joined
from relay.protocol.words import MAX_FRAME

#: Most parts that are on their way at once; so many ahead of the next one are kept, too.
WINDOW: Final = 8
#: Most words that wait to be sent, and their bytes.
MAX_WORDS: Final = 8192
MAX_WAITING: Final = 64 * 1024 * 1024

#: Called once every part of a word, and of all before it, was answered.
Done = Callable[[], None]


class TooMuch(ValueError):
    """A word that does not fit into what may wait, or into a room."""


@dataclass(slots=True, eq=False)
class _Word:
    """A word that is cut. parts: those not sent yet. last: the number of its last one; 0: later."""

    parts: Iterator[tuple[Kind, bytes]]
    size: int
    done: Done
    last: int = 0


@dataclass(slots=True, eq=False)
class Sending:
    """A part on its way. first, last: when it was sent; offers: under which ids."""

    part: Part
    first: float
    last: float
    offers: list[bytes] = field(default_factory=list)


class Outgoing:
    """The words that this side says."""

    def __init__(self) -> None:
        self.sending: dict[int, Sending] = {}
        self._words: deque[_Word] = deque()
        self._size = 0
        self._number = 0
        self._signs: deque[Kind] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way, and nothing waits."""
        return not (self.sending or self._words or self._signs)

    def say(self, event: str, body: bytes, done: Done) -> None:
        """Queue a word.

        Raises:
            TooMuch: Too many wait, or it is too long.
        """
        size = len(event) + 1 + len(body)
        too_long = size > MAX_FRAME or self._size + size > MAX_WAITING
        if too_long or len(self._words) >= MAX_WORDS:
            raise TooMuch("more words wait than can be sent")
        self._size += size
        self._words.append(_Word(cut(event, body), size, done))

    def sign(self, kind: Kind) -> None:
        """Queue a part that is no word's; it goes before what was not sent yet."""
        self._signs.append(kind)

    def drop(self) -> None:
        """Drop every word, for a goodbye: parts that were sent still have to be taken before it."""
        self._words.clear()
        self._size = 0

    def next(self, now: float) -> Sending | None:
        """Return the next part to send, if one may be."""
        if len(self.sending) >= WINDOW or self._number >= MAX_NUMBER:
            return None
        if self._signs:
            return self._sent(self._signs.popleft(), b"", now)
        word = next((each for each in self._words if not each.last), None)
        if word is None:
            return None
        kind, data = next(word.parts)
        sending = self._sent(kind, data, now)
        if kind is Kind.LAST:
            word.last = sending.part.number
        return sending

    def answered(self, number: int) -> None:
        """Note that a part was taken by the other side."""
        if self.sending.pop(number, None) is None:
            return
        # A part may be kept there ahead of one that is missing: a word was taken with all before.
        missing = min(self.sending, default=MAX_NUMBER + 1)
        while self._words and 0 < self._words[0].last < missing:
            word = self._words.popleft()
            self._size -= word.size
            word.done()

    def _sent(self, kind: Kind, data: bytes, now: float) -> Sending:
        self._number += 1
        sending = Sending(Part(self._number, kind, data), now, now)
        self.sending[self._number] = sending
        return sending


class Incoming:
    """The words that the other side says. Bounded: one incomplete word, and a window of parts."""

    def __init__(self) -> None:
        self._taken = 0
        self._ahead: dict[int, Part] = {}
        self._word = bytearray()

    def take(self, part: Part) -> bool:
        """Keep a part; return whether it is to be answered: it is new, or was taken before."""
        if part.number <= self._taken or part.number in self._ahead:
            return part.number > 0
        if part.number > self._taken + WINDOW:
            return False
        self._ahead[part.number] = part
        return True

    def words(self) -> Iterator[tuple[str, bytes] | Kind | None]:
        """Iterate over what is complete: a word, LEFT or LOST, or None for what makes no sense."""
        while (part := self._ahead.pop(self._taken + 1, None)) is not None:
            self._taken += 1
            if part.kind in (Kind.LEFT, Kind.LOST):
                yield part.kind
            if part.kind not in (Kind.MORE, Kind.LAST):
                continue
            self._word += part.data
            if len(self._word) > MAX_FRAME:
                self._word.clear()
                yield None
            elif part.kind is Kind.LAST:
                word = bytes(self._word)
                self._word.clear()
                yield joined(word)
