"""The identity of a file or folder, whatever its name: detects that it was replaced.

Nothing is opened or read here, and no policy ever lives here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

#: Nanoseconds after which the time of a change distinguishes two files; the coarsest file systems
#: count in steps of two seconds.
SETTLED: Final = 2_000_000_000

_WINDOWS: Final = os.name == "nt"


def place_of(status: os.stat_result) -> tuple[int, int]:
    """Return device and inode number, equal for a status of os.stat and of os.fstat."""
    if not _WINDOWS:
        return status.st_dev, status.st_ino
    # On Windows their length depends on the call, the file system and the version.
    return status.st_dev & 0xFFFF_FFFF, status.st_ino & 0xFFFF_FFFF_FFFF_FFFF


def changed_ns(status: os.stat_result) -> int | None:
    """Return a file's ctime, which no program can set back; None: unknown."""
    return None if _WINDOWS else status.st_ctime_ns


class FileId(NamedTuple):
    """The identity of a file or folder as it was found; `of` makes one.

    device, number: st_dev and st_ino. owner: st_uid; an inode number is reused once its file is
    deleted. changed_ns: st_ctime_ns, if nobody can set it and it was SETTLED when the file was
    found.

    FAT on Linux and many file systems in user space give a file a new inode number once they
    evicted it from memory. There the number differs, and the time of the last change does not:
    it cannot be set on another file, as a size and a modification time can. A change of a file's
    mode or link count leaves its number as it is.
    """

    device: int
    number: int
    owner: int
    changed_ns: int | None

    @classmethod
    def of(cls, status: os.stat_result) -> FileId:
        """Return the identity of a status of os.stat or os.fstat, not of a DirEntry."""
        changed: int | None = status.st_ctime_ns
        # On Windows it is the time of creation, which the owner of the file may set.
        if _WINDOWS or time.time_ns() - status.st_ctime_ns < SETTLED:
            changed = None
        return cls(*place_of(status), status.st_uid, changed)

    def is_of(self, status: os.stat_result) -> bool:
        """Return whether this is the status of the same file."""
        device, number = place_of(status)
        if device != self.device or status.st_uid != self.owner:
            return False
        return number == self.number or status.st_ctime_ns == self.changed_ns


class Seen(NamedTuple):
    """The target of a path; `at` makes one. real: its path with all symbolic links resolved."""

    real: str
    id: FileId

    @classmethod
    def at(cls, path: Path) -> Seen:
        """Return the target of a path now. Raises OSError. Blocking."""
        return cls(os.path.realpath(path), FileId.of(path.stat()))

    def leads(self, path: Path, status: os.stat_result) -> bool:
        """Return whether a path still leads there, to the file of this status. Blocking.

        The resolved path is compared too: another file may have a deleted file's number by now.
        """
        try:
            return self.id.is_of(status) and os.path.realpath(path) == self.real
        except OSError:  # a symbolic link was removed while it was resolved
            return False


#: The paths that a person chose, and their targets then; None where it was unknown.
Chosen: TypeAlias = Mapping[Path, Seen | None]


def look(path: Path) -> Seen | None:
    """Return the target of a path now; None if it cannot be determined. Blocking."""
    try:
        return Seen.at(path)
    except (OSError, ValueError):
        return None


def look_at_all(paths: Iterable[Path]) -> Chosen:
    """Return the paths and their targets now, in their order. Blocking."""
    return {path: look(path) for path in paths}
