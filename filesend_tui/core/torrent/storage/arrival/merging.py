"""Putting a finished tree into folders that exist, replacing only what may be replaced.

Each file appears at once, and a replaced one goes at once (`rename`): whoever is interrupted finds
the old one or the new one. What may not be replaced stays, and what arrives gets a number. No link
is followed, and no folder of another person's is entered. How a name is claimed is place.py's.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress

from filesend_tui.core.torrent.storage.arrival.placed import Parts, Placed
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.place import place

#: Returns whether the file at these parts of the tree may replace one of this status.
Replaces = Callable[[Parts, os.stat_result], bool]


def merge(
    tree: DirHandle, name: str, target: DirHandle, *, placed: Placed, replaces: Replaces
) -> None:
    """Move a file or folder of the tree into the target, or into the folder of its name there.

    Args:
        tree: What arrived.
        name: Of the file or folder in it.
        target: Where it goes.
        placed: Is told of all that is in place.
        replaces: Decides about each file that is there already.

    Raises:
        OSError: The disk failed; what is in place is told, and the rest is where it was.
        StorageFailed: As of `place`.
    """
    _merge(tree, (name,), target, (), placed=placed, replaces=replaces)


def _merge(
    source: DirHandle,
    parts: Parts,
    target: DirHandle,
    way: Parts,
    *,
    placed: Placed,
    replaces: Replaces,
) -> None:
    name = parts[-1]
    mine, there = source.look(name), None
    with suppress(FileNotFoundError):
        there = target.look(name)
    if there is not None and _alike(mine, there):
        if stat.S_ISDIR(mine.st_mode) and _is_ours(there, target.status()):
            with source.below(name) as from_here, target.below(name) as to_there:
                for entry in sorted(each.name for each in from_here.entries()):
                    below, inside = (*parts, entry), (*way, name)
                    if placed.of(below) is None:
                        _merge(from_here, below, to_there, inside, placed=placed, replaces=replaces)
            return
        if stat.S_ISLNK(mine.st_mode) and source.read_link(name) == target.read_link(name):
            source.delete(name)
            placed.add(parts, (*way, name))
            return
        if stat.S_ISREG(mine.st_mode) and replaces(parts, there):
            source.replace(name, target, name)
            placed.add(parts, (*way, name))
            return
    placed.add(parts, (*way, place(source, name, target, name)))


def _alike(mine: os.stat_result, there: os.stat_result) -> bool:
    return stat.S_IFMT(mine.st_mode) == stat.S_IFMT(there.st_mode)


def _is_ours(folder: os.stat_result, above: os.stat_result) -> bool:
    """Return whether a folder is this user's, or of the owner of the folder above."""
    return sys.platform == "win32" or folder.st_uid in {os.geteuid(), above.st_uid}
