"""Folders as the picker shows them: listing one and weighing what was chosen. Blocking.

Called from worker threads only. Nothing is opened or changed here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """One thing in a folder. size in bytes; None for a folder or where it cannot be told."""

    path: Path
    is_folder: bool
    size: int | None

    @property
    def name(self) -> str:
        """Its name in its folder."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class Weight:
    """How much was chosen: files, their bytes, and folders or files that cannot be read."""

    files: int = 0
    bytes: int = 0
    unreadable: int = 0


def list_folder(folder: Path, *, hidden: bool) -> tuple[FolderEntry, ...]:
    """Return what is in a folder, folders first, each group by name. Raises OSError."""
    entries = []
    with os.scandir(folder) as found:
        for item in found:
            if not hidden and item.name.startswith("."):
                continue
            try:
                is_folder = item.is_dir()
                size = None if is_folder else item.stat().st_size
            except OSError:  # a broken link or a file that just went: shown, size unknown
                is_folder, size = False, None
            entries.append(FolderEntry(Path(item.path), is_folder, size))
    entries.sort(key=lambda entry: (not entry.is_folder, entry.name.casefold(), entry.name))
    return tuple(entries)


def weigh(paths: Iterable[Path], cancelled: Callable[[], bool]) -> Weight:
    """Count the files below these paths and their bytes; ends early when cancelled."""
    files = total = unreadable = 0
    waiting = list(paths)
    while waiting and not cancelled():
        path = waiting.pop()
        try:
            if path.is_dir():
                with os.scandir(path) as found:
                    waiting.extend(
                        Path(item.path)
                        for item in found
                        if item.is_file() or item.is_dir(follow_symlinks=False)
                    )
            else:
                total += path.stat().st_size
                files += 1
        except OSError:
            unreadable += 1
    return Weight(files, total, unreadable)
