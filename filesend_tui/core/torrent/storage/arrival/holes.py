"""Pieces of nothing but zeros: known by their hash, so that neither network nor disk needs them.

A hole in a file reads as zeros. So such a piece is there as soon as its files have their length,
where the file system keeps holes. Which pieces are wanted is not decided here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Final

from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.extents import pieces_of

#: A part of a file: its offset, and its length in bytes.
Range = tuple[int, int]

_PROBE: Final = ".holes"
_PROBED: Final = 1024 * 1024


@lru_cache(maxsize=8)
def hash_of_zeros(size: int) -> bytes:
    """Return the SHA-1 (20 bytes) of so many zeros."""
    digest = hashlib.sha1(usedforsecurity=False)
    block = bytes(min(size, _PROBED))
    for start in range(0, size, _PROBED):
        digest.update(block[: size - start])
    return digest.digest()


def zero_pieces(info: TorrentInfo, wanted: Iterable[int]) -> frozenset[int]:
    """Return those of the pieces that are zeros and nothing else."""
    shape = info.shape
    if not shape.piece_count:
        return frozenset()
    whole, rest = hash_of_zeros(shape.piece_length), shape.piece_size(shape.piece_count - 1)
    if whole not in info.piece_hashes and hash_of_zeros(rest) not in info.piece_hashes[-20:]:
        return frozenset()
    return frozenset(
        index
        for index in wanted
        if info.piece_hash(index)
        == (whole if index < shape.piece_count - 1 else hash_of_zeros(rest))
    )


def keeps_holes(ground: DirHandle) -> bool:
    """Return whether a hole takes no room here; where that is not known, it does. Raises OSError.

    Probed, as for how names are compared: FAT and many network drives fill holes.
    """
    if os.name == "nt":
        return False  # NTFS wants to be told of each such file
    with suppress(FileNotFoundError):
        ground.delete(_PROBE)  # of a process that ended in between
    descriptor = ground.open((_PROBE,), os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        os.ftruncate(descriptor, _PROBED)
        return 512 * getattr(os.fstat(descriptor), "st_blocks", _PROBED) < _PROBED
    finally:
        os.close(descriptor)
        ground.delete(_PROBE)


def filled(info: TorrentInfo, number: int, zeros: Collection[int]) -> list[Range] | None:
    """Return the parts of a file that are no holes, in order; None for all of it.

    Args:
        info: The torrent.
        number: Of the file.
        zeros: The pieces that become holes.
    """
    if not zeros:
        return None
    pieces = pieces_of(info, number)
    if not any(index in zeros for index in pieces):
        return None
    offset, size = info.files.offsets[number], info.files.lengths[number]
    length = info.shape.piece_length
    parts: list[Range] = []
    for index in pieces:
        if index in zeros:
            continue
        start = max(0, index * length - offset)
        end = min(size, (index + 1) * length - offset)
        if parts and sum(parts[-1]) == start:
            parts[-1] = (parts[-1][0], end - parts[-1][0])
        else:
            parts.append((start, end - start))
    return parts
