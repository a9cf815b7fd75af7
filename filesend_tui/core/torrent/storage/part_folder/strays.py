"""Removing from a part folder's tree whatever is not laid out there, before it is gone on with.

Folders are put in place whole, so nothing may be in them that was not verified: files of an earlier
choice, of another program, links. What is laid out is download_files.py's.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Collection

from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.part_folder.part_folder import remove_entry


def remove_strays(
    tree: DirHandle, files: Collection[tuple[str, ...]], *, key: Callable[[str], str]
) -> None:
    """Delete what is neither one of the files nor a folder on the way to one.

    A file with a second name, or of another user, is not one of them: another program put it there,
    and writing to it might change what is elsewhere.

    Args:
        tree: The tree.
        files: Paths below it.
        key: Returns a key that is equal for two names that the file system takes for one.

    Raises:
        OSError: Something could not be read or deleted.
    """
    spelled = {tuple(map(key, parts)) for parts in files}
    ways = {parts[:length] for parts in spelled for length in range(len(parts))}
    _walk(tree, (), spelled, ways, key)


def _walk(
    folder: DirHandle,
    way: tuple[str, ...],
    files: Collection[tuple[str, ...]],
    ways: Collection[tuple[str, ...]],
    key: Callable[[str], str],
) -> None:
    for entry in list(folder.entries()):
        here = (*way, key(entry.name))
        status = folder.look(entry.name)
        if here in ways and stat.S_ISDIR(status.st_mode):
            with folder.below(entry.name) as below:
                _walk(below, here, files, ways, key)
        elif here not in files or not is_part_file(status):
            remove_entry(folder, entry)


def is_part_file(status: os.stat_result) -> bool:
    """Return whether this is the status of a file of this user's that has one name."""
    alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
    return alone and (sys.platform == "win32" or status.st_uid == os.geteuid())
