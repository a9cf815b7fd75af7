"""Attributes that files and folders keep: set before they appear in the target.

A small file of many gets its own as it is written, while it is open; the others once all is there.
What is kept of which file is part_files.py's; what of it is taken over is attributes.py's.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Mapping
from functools import cached_property

from filesend_tui.core.torrent.metainfo.attributes import (
    Attributes,
    file_mode,
    folder_mode,
    kept_time,
)
from filesend_tui.core.torrent.storage.arrival.placed import Parts, Placed
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.file_handles import Handle
from filesend_tui.core.torrent.storage.part_files import PartFiles
from filesend_tui.core.torrent.storage.part_folder.traces import Traces


class Keeping:
    """Sets the attributes of the part files of one download, and of their folders.

    Args:
        parts: They.
        tree: The folder that holds them.
        traces: Is told of each time that is set.
    """

    def __init__(self, parts: PartFiles, tree: DirHandle, traces: Traces) -> None:
        self._parts = parts
        self._tree = tree
        self._traces = traces
        self._set = bytearray()

    @cached_property
    def _allowed(self) -> int:
        """The mode of a new folder there, which is what the umask allows."""
        return stat.S_IMODE(self._tree.status().st_mode)

    def written(self, number: int, handle: Handle) -> None:
        """Set those of a file that is open and was written as a whole. Raises OSError."""
        attributes = self._parts.attributes
        if not attributes or (kept := attributes[number]) == Attributes():
            return
        if handle.keep(*self._of_file(kept, time.time_ns())):
            if not self._set:
                self._set = bytearray(len(attributes))
            self._set[number] = True

    def changed(self, number: int) -> None:
        """Note that a file was written to since."""
        if self._set and number >= 0:
            self._set[number] = False

    def set_all(self, files: Mapping[int, Parts]) -> None:
        """Set those of these files, by number, where they are not; nothing writes meanwhile.

        Raises:
            OSError: The disk failed. That a file system keeps no such attributes is no error.
        """
        attributes, now = self._parts.attributes, time.time_ns()
        dated: list[int] = []
        for number, parts in files.items() if attributes else ():
            if self._set and self._set[number]:
                continue
            kept = attributes[number]
            if kept != Attributes():
                mode, modified = self._of_file(kept, now)
                self._parts.tree.keep(parts, mode, modified)
                if modified is not None:
                    self._traces.dated(number, modified)
                    dated.append(number)
        if dated:
            self._traces.tell(dated)

    def set_folders(self, placed: Placed) -> None:
        """Set those of folders that are not in place, once nothing more is put into them.

        Raises as `set_all`.
        """
        now = time.time_ns()
        # Innermost first, as changes in a folder update its time.
        waiting = [(p, k) for p, k in self._parts.folders.items() if placed.of(p) is None]
        for parts, kept in sorted(waiting, key=lambda each: -len(each[0])):
            mode = None if kept.mode is None else folder_mode(kept.mode, self._allowed)
            modified = kept_time(kept.modified_ns, now)
            self._parts.tree.keep(parts, None if mode == self._allowed else mode, modified)

    def _of_file(self, kept: Attributes, now: int) -> tuple[int | None, int | None]:
        """Return the permissions and the time to set; None for those to leave as they are."""
        mode = None if kept.mode is None else file_mode(kept.mode, self._allowed)
        usual = mode == 0o666 & self._allowed
        return None if usual else mode, kept_time(kept.modified_ns, now)
