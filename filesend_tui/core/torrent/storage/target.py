"""The target folder of a download, as it was when a person chose it; it may not exist yet.

Between the choice and its use another program may replace it by another folder, or a link. What is
written into the folder, and whether there is room, is not known here.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.util.file_id import Seen


@dataclass(frozen=True, slots=True)
class Target:
    """A folder that was chosen; `of` makes one.

    path: its path. base: the part of that which existed. seen: the identity of base. steps: names
    from there to it, of folders that are to be made.
    """

    path: Path
    base: Path
    seen: Seen
    steps: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path | Target) -> Target:
        """Return a folder as it is now, or as it was when it was chosen. Blocking; makes nothing.

        Raises:
            OSError: It is unknown: a part of the path is no folder, or an unknown home.
        """
        if isinstance(folder, Target):
            return folder
        try:
            path = folder.expanduser().absolute()
        except RuntimeError as error:
            raise OSError(errno.ENOENT, str(error)) from error
        base, steps = path, list[str]()
        while True:
            try:
                seen = Seen.at(base)
                break
            except FileNotFoundError:
                if base == base.parent:
                    raise
                steps.insert(0, base.name)
                base = base.parent
        return cls(path, base, seen, tuple(steps))

    def open(self) -> DirHandle:
        """Open the folder; make it where it did not exist. Blocking.

        A replacement is refused: any other folder where one existed; a link, or another user's
        folder, where none did.

        Raises:
            StorageFailed: It was replaced.
            OSError: It cannot be made or opened.
        """
        with ExitStack() as failed:
            ground = failed.enter_context(DirHandle.at(self.base))
            if not self.seen.leads(self.base, ground.status()):
                raise self._replaced(self.base)
            for name in self.steps:
                made = ground.make_folder(name)
                if not made and stat.S_ISLNK(ground.look(name).st_mode):
                    raise self._replaced(ground.path / name)
                below = failed.enter_context(ground.below(name))
                if not made and not _ours(below.status(), ground.status()):
                    raise self._replaced(below.path)
                ground.close()
                ground = below
            failed.pop_all()
            return ground

    def check(self) -> None:
        """Refuse a folder that was replaced since it was chosen, as far as it existed.

        Raises:
            StorageFailed: It was replaced.
            OSError: Its status cannot be read.
        """
        if not self.seen.leads(self.base, self.base.stat()):
            raise self._replaced(self.base)

    @staticmethod
    def _replaced(path: Path) -> StorageFailed:
        return StorageFailed(
            f"{path} was replaced after it was chosen.", "Look at it, or choose another folder."
        )


def _ours(folder: os.stat_result, above: os.stat_result) -> bool:
    """Return whether a folder is this user's, or of the owner of the folder above."""
    return sys.platform == "win32" or folder.st_uid in {os.geteuid(), above.st_uid}
