"""Which pieces of an earlier run count at once, and which only after their hash was compared.

A process that ends in any way leaves what it wrote to the system, which writes it to the disk: so
within one boot of the machine what was told of a piece is true, unless another program wrote to its
files since. After another boot the disk may lack the last of it. Pure: nothing is read here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from filesend_tui.core.torrent.storage.part_folder.written import Left, Mark, Told
from filesend_tui.core.util.file_id import place_of

_64_BITS = 0xFFFF_FFFF_FFFF_FFFF


class Kept(NamedTuple):
    """have: pieces that count. doubted: those whose hash is to be compared first."""

    have: frozenset[int] = frozenset()
    doubted: frozenset[int] = frozenset()

    def marks(self, count: int) -> bytes:
        """Return a Mark for each of so many pieces."""
        marks = bytearray(count)
        for piece in self.have:
            marks[piece] = Mark.WRITTEN
        for piece in self.doubted:
            marks[piece] = Mark.DOUBTED
        return bytes(marks)


def is_as_left(left: Left, status: os.stat_result) -> bool:
    """Return whether a file is, by its identity and time, as this program left it."""
    device, inode = place_of(status)
    return left == Left(device & _64_BITS, inode & _64_BITS, status.st_mtime_ns)


def sort_out(
    told: Told | None,
    wanted: Iterable[int],
    *,
    files_of: Callable[[int], Iterable[int]],
    vouched: Collection[int],
    lost: Collection[int],
) -> Kept:
    """Return which pieces count, and which are doubted.

    Args:
        told: What the earlier run told; None: nothing that makes sense, so all are doubted.
        wanted: The pieces that are wanted now.
        files_of: Returns the files that hold a piece; -1 is the spill.
        vouched: Files that no other program wrote to, in this boot.
        lost: Files that had to be made anew: what they held is gone.
    """
    have, doubted = set[int](), set[int]()
    for piece in wanted:
        mark = told.marks[piece] if told is not None else Mark.DOUBTED
        if mark == Mark.MISSING:
            continue
        files = tuple(files_of(piece))
        if mark == Mark.WRITTEN and all(number in vouched for number in files):
            have.add(piece)
        elif not any(number in lost for number in files):
            doubted.add(piece)
    return Kept(frozenset(have), frozenset(doubted))
