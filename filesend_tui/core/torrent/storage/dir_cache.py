"""The folder of the file opened last, kept open: neighbouring files mostly share a folder.

Files are opened as in dir_handle.py, by steps that follow no link. Which files there are, and what
is read from or written to them, is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.util.file_id import FileId


class Replaced(Exception):
    """A folder is not the one that it was when it was found."""


class DirCache:
    """Opens files below a ground one after another; holds open the folder of the last one.

    It stays that folder even if it is renamed or replaced. One thread at a time may use a cache.

    Args:
        ground: The folder; the caller closes it.
    """

    def __init__(self, ground: DirHandle) -> None:
        self._ground = ground
        self._way: list[str] = []
        self._folder: DirHandle | None = None

    def open(self, parts: Sequence[str], flags: int) -> int:
        """Open a regular file and return its descriptor; see DirHandle.open. Raises OSError."""
        *way, name = parts
        if self._ground.descriptor is None or not way:
            # Without steps the path is checked each time, for links that appeared in it.
            return self._ground.open(parts, flags)
        return self._go(way).open((name,), flags)

    def look(self, parts: Sequence[str]) -> os.stat_result:
        """Return the status of a file or folder, or of a link itself. Raises OSError."""
        *way, name = parts
        return self._standing(way).look(name)

    def keep(self, parts: Sequence[str], mode: int | None, modified_ns: int | None) -> None:
        """Set a file's or folder's permissions and modification time; None: leave as it is.

        Errors are ignored: not every file system keeps them.
        """
        *way, name = parts
        with suppress(OSError):
            folder = self._standing(way)
            if mode is not None:
                with suppress(OSError):
                    folder.permit(name, mode)
            if modified_ns is not None:
                folder.date(name, modified_ns)

    def _standing(self, way: list[str]) -> DirHandle:
        """Return the folder at `way`, which the caller must not close. Raises OSError."""
        if not way:
            return self._ground
        # Without steps nothing is held open, and the path is checked each time.
        return self._ground.below(*way) if self._ground.descriptor is None else self._go(way)

    def _go(self, way: list[str]) -> DirHandle:
        if self._folder is None or way != self._way:
            folder = self._ground.below(*way)
            self.close()
            self._way, self._folder = way, folder
        return self._folder

    def close(self) -> None:
        """Close the folder. The cache may be used again."""
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.close()


class RootedDirCache:
    """A DirCache below folders that a person named, the last of which is held open too.

    One thread at a time may use it.
    """

    def __init__(self) -> None:
        self._at: tuple[Path, FileId] | None = None
        self._root: tuple[DirHandle, DirCache] | None = None

    def open(self, root: Path, root_id: FileId, parts: Sequence[str]) -> int:
        """Open a regular file below `root` for reading and return its descriptor.

        Args:
            root: The folder.
            root_id: That folder's identity when it was found.
            parts: Names from there to the file.

        Raises:
            Replaced: Another folder has this path now.
            OSError: As DirHandle.at and DirHandle.open.
        """
        # Without steps it is not held open, and so checked each time.
        if self._root is None or self._at != (root, root_id) or self._root[0].descriptor is None:
            ground = DirHandle.at(root)
            if not root_id.is_of(ground.status()):
                ground.close()
                raise Replaced
            self.close()
            self._at, self._root = (root, root_id), (ground, DirCache(ground))
        return self._root[1].open(parts, os.O_RDONLY)

    def close(self) -> None:
        """Close the folders. The cache may be used again."""
        if self._root is not None:
            for each in reversed(self._root):
                each.close()
        self._root = None
