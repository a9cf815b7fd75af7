"""The hidden folder inside the target folder where an unfinished download lives.

It is on the target's file system, so that finished files can be renamed into place; only its owner
may look in; one download at a time has it. What the bytes in it mean is storage.py's.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from filesend_tui.core.errors import StorageFailed

if TYPE_CHECKING:
    from filelock import BaseFileLock

_LOCK = "lock"


class PartFolder:
    """A part folder that this process has for itself.

    tree: the files as they will stand in the target folder. spill: bytes of pieces that belong to
    files nobody wants.
    """

    def __init__(self, path: Path, lock: BaseFileLock) -> None:
        self.path = path
        self.tree = path / "tree"
        self.spill = path / "spill"
        self._lock = lock

    @classmethod
    def claim(cls, folder: Path, info_hash: bytes) -> Self:
        """Return the part folder for a torrent in `folder`, locked, with an empty tree.

        Args:
            folder: The target folder; made, with its parents, where it does not exist.
            info_hash: 20 bytes.

        Raises:
            StorageFailed: Another download has it, or somebody else made it.
            OSError: It cannot be made.
        """
        import filelock

        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f".filesend-{info_hash.hex()[:16]}.part"
        path.mkdir(0o700, exist_ok=True)
        _check_ours(path)
        lock = filelock.FileLock(path / _LOCK, timeout=0, thread_local=False, mode=0o600)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise StorageFailed(
                f"This torrent is already being downloaded into {folder}.",
                "Wait until that is done, or choose another folder.",
            ) from None
        part = cls(path, lock)
        try:
            _check_ours(path)  # whoever had it may have removed it just now, and the lock made it
            part._take_over()
        except BaseException:
            part.release()
            raise
        return part

    def _take_over(self) -> None:
        """Decide what a crash left behind is worth: nothing, so it goes. Resume decides here."""
        self._clear()
        self.tree.mkdir()

    def remove(self) -> None:
        """Delete the folder and all that is in it, and let go of it. May be called twice.

        Raises:
            OSError: Something could not be deleted.
        """
        if not self._lock.is_locked:
            return
        lock = self.path / _LOCK
        try:
            self._clear()
            if os.name != "nt":
                # While it is held: once let go, a file of this name is somebody else's lock.
                lock.unlink()
        finally:
            self.release()
        if os.name == "nt":
            with suppress(OSError):  # Windows deletes no open file: neither ours nor the next one's
                lock.unlink()
        with suppress(OSError):  # somebody else claimed the folder meanwhile
            self.path.rmdir()

    def release(self) -> None:
        """Let go of the folder and leave what is in it. May be called twice."""
        self._lock.release()

    def _clear(self) -> None:
        for entry in self.path.iterdir():
            if entry.name == _LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _check_ours(path: Path) -> None:
    """Refuse a symlink and another user's folder; keep others out of our own."""
    status = path.lstat()
    ours = os.name == "nt" or status.st_uid == os.geteuid()
    if not (stat.S_ISDIR(status.st_mode) and ours):
        raise StorageFailed(
            f"{path} is in the way: FileSend did not make it.",
            "Remove it, or choose another folder.",
        )
    path.chmod(0o700)
