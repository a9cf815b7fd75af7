"""Many paths in one piece of memory: of 200,000 files, objects for each name take 20 times as much.

A path is a tuple of names, as anybody spells them. What they mean, and whether they are safe, is
not known here.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, overload

# Between two names. A stranger's name may hold it too; such paths are kept as they are.
_BETWEEN: Final = "\0"
# What a stranger's text may hold that UTF-8 has no bytes for comes back as it was.
_ERRORS: Final = "surrogatepass"


class Names(Sequence[tuple[str, ...]]):
    """Paths by number; each is made anew whenever it is asked for.

    Args:
        paths: The first ones, in order.
    """

    __slots__ = ("_bytes", "_ends", "_odd")

    def __init__(self, paths: Iterable[Sequence[str]] = ()) -> None:
        self._bytes = bytearray()
        self._odd: dict[int, tuple[str, ...]] = {}
        self._ends = array("I", [0])  # of 4 bytes: all names together are bounded far below 4 GiB
        for path in paths:
            self.append(path)

    def append(self, path: Sequence[str]) -> None:
        """Add a path of at least one name."""
        joined = _BETWEEN.join(path)
        if joined.count(_BETWEEN) != len(path) - 1:
            self._odd[len(self)] = tuple(path)
        self._bytes += joined.encode("utf-8", _ERRORS)
        self._ends.append(len(self._bytes))

    @property
    def size(self) -> int:
        """Bytes of all names."""
        return len(self._bytes)

    @property
    def parts(self) -> int:
        """How many names there are, at least; exact but for those that hold a NUL."""
        return len(self) + self._bytes.count(_BETWEEN.encode())

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, number: int) -> tuple[str, ...]: ...
    @overload
    def __getitem__(self, number: slice) -> list[tuple[str, ...]]: ...
    def __getitem__(self, number: int | slice) -> tuple[str, ...] | list[tuple[str, ...]]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        if number < 0:
            number += len(self)
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._at(number)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        # In a row, at twice the speed of one by one. What is added meanwhile is not seen.
        data, begin = self._bytes, 0
        for number in range(len(self)):
            end = self._ends[number + 1]
            if self._odd and number in self._odd:
                yield self._odd[number]
            else:
                yield tuple(data[begin:end].decode("utf-8", _ERRORS).split(_BETWEEN))
            begin = end

    def joined(self, between: str) -> Iterator[str]:
        """Yield each path as one text."""
        for path in self:
            yield between.join(path)

    def _at(self, number: int) -> tuple[str, ...]:
        if self._odd and number in self._odd:
            return self._odd[number]
        ends = self._ends
        raw = self._bytes[ends[number] : ends[number + 1]]
        return tuple(raw.decode("utf-8", _ERRORS).split(_BETWEEN))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Names):
            mine, others = (self._bytes, self._ends, self._odd), other
            return mine == (others._bytes, others._ends, others._odd)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((len(self), len(self._bytes)))
