"""A stream that becomes a file: a part file in a hidden folder, which gets its name at the end.

Nothing that exists is overwritten, and nothing of a stream that did not come to its end is left.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.storage.disk_error import disk_error
from filesend_tui.core.torrent.storage.file_sync import sync_names
from filesend_tui.core.torrent.storage.part_folder.part_folder import PartFolder
from filesend_tui.core.torrent.storage.paths import folding, lay_out
from filesend_tui.core.torrent.storage.place import place
from filesend_tui.core.torrent.storage.target import Target

_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL


class FolderTarget:
    """A StreamTarget in a folder.

    Args:
        folder: As a person chose it.
        name: What the sender calls the stream; made safe here.
        id: 20 bytes, the stream's own, by which its part folder is named.
    """

    def __init__(self, folder: Target, name: str, id: bytes) -> None:
        self._folder = folder
        self._name = name
        self._id = id
        self._part: PartFolder | None = None
        self._descriptor = -1
        self._place: tuple[str, ...] = ()

    def open(self) -> None:
        """See StreamTarget."""
        try:
            self._part = part = PartFolder.claim(self._folder, self._id)
            try:
                (self._place,) = lay_out([[self._name]], folding(part.tree))
                self._descriptor = part.tree.open(self._place, _NEW)
            except BaseException:
                self.discard()
                raise
        except OSError as error:
            raise disk_error(error, f"preparing {self._folder.path}") from None

    def write(self, view: memoryview) -> None:
        """See StreamTarget."""
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise self._error(error) from None

    def finish(self) -> Path | None:
        """See StreamTarget."""
        assert self._part is not None
        part, (name,) = self._part, self._place
        try:
            written = os.fstat(self._descriptor)
            os.fsync(self._descriptor)
            if not os.path.samestat(written, part.tree.look(name)):
                raise StorageFailed(
                    f"Another program changed {self._folder.path / name} while it arrived.",
                    "Find out which one does, and have it sent again.",
                )
            self._close()
            placed = place(part.tree, name, part.target, name)
            sync_names(part.target)
        except OSError as error:
            raise self._error(error) from None
        return (part.target.where() or self._folder.path) / placed

    def discard(self) -> None:
        """See StreamTarget."""
        self._close()
        if self._part is not None:
            with suppress(OSError):
                self._part.remove()
            self._part.close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor != -1:
            with suppress(OSError):
                os.close(descriptor)

    def _error(self, error: OSError) -> Exception:
        return disk_error(error, f"writing into {self._folder.path}")
