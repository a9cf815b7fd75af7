"""The part of a stream that is held in memory: a ring of fixed size. Pure; locks are the owner's.

Positions are in bytes from the beginning of the stream. Nothing is read, sent or hashed here.
"""

from __future__ import annotations

from typing import Final

#: Bytes of a stream that a side holds at most: what is in flight over a round trip of 100 ms at
#: 1.3 Gbit/s, and what is sent again after a connection broke.
WINDOW: Final = 16 * 1024 * 1024


class Window:
    """The bytes of a stream from `base` to `end`, at most `size` of them."""

    def __init__(self, size: int = WINDOW) -> None:
        self.size = size
        self.base = 0
        self.end = 0
        self._ring = memoryview(bytearray(size))

    @property
    def free(self) -> int:
        """How many bytes can be added."""
        return self.size - (self.end - self.base)

    def space(self, most: int) -> memoryview:
        """Return where the next bytes go, at most `most`; `added` follows. Empty where it is full.

        They lie in one piece, so that there may be fewer than are free.
        """
        start = self.end % self.size
        return self._ring[start : start + min(most, self.free, self.size - start)]

    def added(self, count: int) -> None:
        """Count bytes that were put into `space`."""
        self.end += count

    def at(self, position: int, most: int) -> memoryview:
        """Return the bytes from a position on, at most `most`, as many as lie in one piece."""
        start = position % self.size
        return self._ring[start : start + min(most, self.end - position, self.size - start)]

    def copy(self, position: int, view: memoryview) -> None:
        """Fill the view with the bytes from a position on, all of which are here."""
        done = 0
        while done < len(view):
            part = self.at(position + done, len(view) - done)
            view[done : done + len(part)] = part
            done += len(part)

    def drop(self, position: int) -> None:
        """Forget the bytes before a position."""
        self.base = position
