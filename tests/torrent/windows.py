"""What Windows does differently with files, on any system: enough to take the ways made for it.

No steps from an open folder, no reads and writes at a position, and a file that somebody has open
is neither deleted nor moved, nor the folder that it is in.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import psutil
import pytest

from filesend_tui.core.torrent.storage import dir_handle, file_handles
from filesend_tui.core.util import file_lock


def as_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files treated like this from now on."""
    monkeypatch.setattr(dir_handle, "HAS_STEPS", False)
    monkeypatch.setattr(dir_handle, "DELETES_OPEN", False)
    monkeypatch.setattr(file_handles, "_POSITIONED", False)
    monkeypatch.setattr(file_handles, "_VECTORED", False)
    monkeypatch.setattr(file_lock, "_FLOCKS", False)
    monkeypatch.setattr(filelock, "FileLock", _VanishingLock)
    for name in ("unlink", "rename", "rmdir"):
        monkeypatch.setattr(os, name, _unless_open(getattr(os, name)))


class _VanishingLock(filelock.FileLock):
    """Deletes its file when it is released, as filelock's does there."""

    def release(self, force: bool = False) -> None:
        super().release(force)
        Path(self.lock_file).unlink(missing_ok=True)


def _unless_open(act: Callable[..., None]) -> Callable[..., None]:
    def checked(path: Any, *args: Any, **options: Any) -> None:
        if isinstance(path, str | Path) and Path(path).is_absolute():
            opened = [Path(file.path) for file in psutil.Process().open_files()]
            if any(file.is_relative_to(path) for file in opened):
                raise PermissionError(errno.EACCES, "in use", str(path))
        act(path, *args, **options)

    return checked
