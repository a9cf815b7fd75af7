"""The processes that use the journal: each holds the lock of a file of its own while it runs.

A row names its holder, by its process id and a random number. A holder that ended, in whatever way,
holds no lock any more: what it had may be taken. Blocking; called by one process at a time (under
the journal's own locks), as whoever looks at a lock holds it for a moment.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from filesend_tui.core.journal.place import RUNNING
from filesend_tui.core.util.file_lock import FileLock

_NAME: Final = re.compile(r"[0-9a-f]{32}")
#: How many of these digits are the process id.
_PID: Final = 8


class Holders:
    """This process among them; `enter` makes one. name: this one's, and never used again."""

    def __init__(self, folder: Path, name: str, lock: FileLock | None) -> None:
        self._folder = folder
        self.name = name
        self._lock = lock

    @classmethod
    def enter(cls, folder: Path) -> Self:
        """Take a lock in the state folder, which place.py has prepared. Raises OSError."""
        below = folder / RUNNING
        while True:
            name = _new_name()
            if (lock := FileLock.take(below / f"{name}.lock")) is not None:
                return cls(below, name, lock)

    @classmethod
    def alone(cls) -> Self:
        """Return a process that shares its journal with nobody: one in memory."""
        return cls(Path(), _new_name(), None)

    def is_gone(self, holder: str | None) -> bool:
        """Return whether a holder has ended, or there is none."""
        if holder == self.name:
            return False
        if holder is None or not _NAME.fullmatch(holder):
            return True
        path = self._folder / f"{holder}.lock"
        try:
            if not path.exists():
                return True
            lock = FileLock.take(path)
        except OSError:
            return False
        if lock is None:
            return not path.exists()
        lock.release()
        return True

    def sweep(self) -> bool:
        """Delete the files of holders that are gone; return whether there were any.

        One that ends as it should deletes its own: the others were killed, or lost their power.
        """
        gone = [path for path in self._folder.glob("*.lock") if self.is_gone(path.stem)]
        for path in gone:
            with suppress(OSError):
                path.unlink()
        return bool(gone)

    def leave(self) -> None:
        """Release this process's lock, and delete its file. Idempotent."""
        if self._lock is not None:
            self._lock.remove()


def pid_of(holder: str) -> int | None:
    """Return the process id of a holder; None where that is no holder's name."""
    return int(holder[:_PID], 16) if _NAME.fullmatch(holder) else None


def _new_name() -> str:
    return f"{os.getpid():0{_PID}x}{secrets.token_hex(12)}"
