"""Where each file of a download goes: paths by the numbers of the files, in little memory.

How the paths come about is paths.py's.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView

from filesend_tui.core.torrent.metainfo.names import Names


class Places(Mapping[int, tuple[str, ...]]):
    """A path for each of some numbers.

    Args:
        numbers: In rising order.
        paths: The path of each.
    """

    def __init__(self, numbers: Sequence[int] = (), paths: Iterable[Sequence[str]] = ()) -> None:
        self._numbers = array("i", numbers)
        self._paths = Names(paths)
        self._dense = not self._numbers or self._numbers[-1] == len(self._numbers) - 1

    def __getitem__(self, number: int) -> tuple[str, ...]:
        at = number if self._dense else bisect_left(self._numbers, number)
        if not 0 <= at < len(self._numbers) or self._numbers[at] != number:
            raise KeyError(number)
        return self._paths[at]

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def values(self) -> ValuesView[tuple[str, ...]]:
        """Return the paths, which are made one after the other."""
        return _Paths(self)

    def items(self) -> ItemsView[int, tuple[str, ...]]:
        """Return each number with its path; likewise."""
        return _Pairs(self)

    def in_a_row(self) -> Iterator[tuple[str, ...]]:
        """Yield the paths."""
        return iter(self._paths)


class _Paths(ValuesView[tuple[str, ...]]):
    # What is inherited looks each number up.
    _mapping: Places

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return self._mapping.in_a_row()


class _Pairs(ItemsView[int, tuple[str, ...]]):
    _mapping: Places

    def __iter__(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        return zip(self._mapping, self._mapping.in_a_row(), strict=True)
