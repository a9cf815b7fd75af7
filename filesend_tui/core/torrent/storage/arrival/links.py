"""Making the links of a download in its tree, once all its files are there and verified.

The text of a symbolic link is made here, from the places of both its ends: whatever a partner says,
it is relative, stays in its folder, and leads by way of no other link. Folders on the way are
opened step by step, as for files. What is linked is not decided here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.place import NO_LINKS

Parts = tuple[str, ...]
_COPIED: Final = 1024 * 1024
#: Windows: this user may make no symbolic links.
_NO_PRIVILEGE: Final = 1314


class Laid(NamedTuple):
    """A link as it is laid out: its place in the tree, and that of what it leads to."""

    place: Parts
    to: Parts
    hard: bool


def text_of(place: Parts, to: Parts) -> str:
    """Return the text of a symbolic link: the way from its folder to what it leads to."""
    folder = place[:-1]
    shared = 0
    while shared < min(len(folder), len(to)) and folder[shared] == to[shared]:
        shared += 1
    return "/".join(("..",) * (len(folder) - shared) + to[shared:]) or "."


def make(tree: DirHandle, links: Iterable[Laid]) -> list[Parts]:
    """Make links; return the places of those that this system or file system cannot make.

    A further name that it cannot give becomes a copy, and is no such place. Links that are there
    already stay.

    Args:
        tree: The folder that holds them all.
        links: Those to make. None is on the way to another.

    Raises:
        OSError: The disk failed, or something else is on the way.
    """
    unmade: list[Parts] = []
    folders: set[Parts] = set()
    for link in links:
        *way, name = link.place
        with tree.below(*way) as folder:
            if folder.exists(name):
                continue
            if link.hard:
                *there, other = link.to
                with tree.below(*there) as source:
                    _further_name(source, other, folder, name)
                continue
            is_folder = link.to in folders or _is_folder(tree, link.to)
            if is_folder:
                folders.add(link.to)
            try:
                folder.make_link(name, text_of(link.place, link.to), folder=is_folder)
            except (OSError, NotImplementedError) as error:
                if not _cannot(error):
                    raise
                unmade.append(link.place)
    return unmade


def unmake(tree: DirHandle, places: Collection[Parts]) -> None:
    """Delete the links that an earlier run made, so that files have one name again."""
    for *way, name in places:
        with suppress(OSError), tree.below(*way) as folder:
            if not stat.S_ISDIR(folder.look(name).st_mode):
                folder.delete(name)


def _further_name(source: DirHandle, name: str, folder: DirHandle, further: str) -> None:
    try:
        source.add_name(name, folder, further)
    except (OSError, NotImplementedError) as error:
        if not _cannot(error):
            raise
        _copy(source, name, folder, further)


def _copy(source: DirHandle, name: str, folder: DirHandle, further: str) -> None:
    """Copy a file, with its mode and time; zeros become a hole, as they may have been."""
    there = folder.open((further,), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        here = source.open((name,), os.O_RDONLY)
        try:
            status = os.fstat(here)
            os.ftruncate(there, status.st_size)
            with open(here, "rb", closefd=False) as read, open(there, "wb", closefd=False) as write:
                while block := read.read(_COPIED):
                    if block.count(0) == len(block):
                        write.seek(len(block), os.SEEK_CUR)
                    else:
                        write.write(block)
        finally:
            os.close(here)
        os.fsync(there)
    finally:
        os.close(there)
    with suppress(OSError):
        folder.permit(further, stat.S_IMODE(status.st_mode) & 0o777)
    with suppress(OSError):
        folder.date(further, status.st_mtime_ns)


def _is_folder(tree: DirHandle, parts: Parts) -> bool:
    try:
        tree.below(*parts).close()
    except OSError:
        return False
    return True


def _cannot(error: OSError | NotImplementedError) -> bool:
    """Return whether this says that no such links can be made, rather than that the disk failed."""
    if isinstance(error, NotImplementedError):
        return True
    return error.errno in NO_LINKS or getattr(error, "winerror", None) == _NO_PRIVILEGE
