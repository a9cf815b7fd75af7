"""Which file or folder something is, whatever it is called: what tells that it was replaced.

Nothing is opened or read here, and no policy lives here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

#: Nanoseconds after which the time of a change tells two files apart; the coarsest file systems
#: count in steps of two seconds.
SETTLED: Final = 2_000_000_000

_WINDOWS: Final = os.name == "nt"


def place_of(status: os.stat_result) -> tuple[int, int]:
    """Return device and number, the same whether os.stat or os.fstat told the status."""
    if not _WINDOWS:
        return status.st_dev, status.st_ino
    # There they are long or short, as the call, the file system and the version have it.
    return status.st_dev & 0xFFFF_FFFF, status.st_ino & 0xFFFF_FFFF_FFFF_FFFF


class FileId(NamedTuple):
    """A file or folder as it was found; `of` makes one.

    device, number: st_dev and st_ino. owner: st_uid; a number is used again once its file was
    deleted. changed_ns: st_ctime_ns, where nobody can choose it and it was SETTLED when the file
    was found.

    FAT on Linux and many file systems in user space number a file anew once they forgot it, which
    happens when memory is short. There the number differs, and the time of the last change does
    not: a file in another place cannot be given that, as it can be given a size and a modification
    time. Whoever changes a file's mode or its count of names leaves its number as it is.
    """

    device: int
    number: int
    owner: int
    changed_ns: int | None

    @classmethod
    def of(cls, status: os.stat_result) -> FileId:
        """Return which file this is the status of: of os.stat or os.fstat, not of a DirEntry."""
        changed: int | None = status.st_ctime_ns
        # On Windows it is when the file was made, and whoever owns the file may set it.
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
    """What a path led to; `at` makes one. real: where that was, without a link on the way."""

    real: str
    id: FileId

    @classmethod
    def at(cls, path: Path) -> Seen:
        """Return what a path leads to now. Raises OSError. Blocking."""
        return cls(os.path.realpath(path), FileId.of(path.stat()))

    def leads(self, path: Path, status: os.stat_result) -> bool:
        """Return whether a path still leads there, to what has this status. Blocking.

        The way is compared too: the number of what was deleted may be that of another by now.
        """
        try:
            return self.id.is_of(status) and os.path.realpath(path) == self.real
        except OSError:  # a link on the way goes while it is followed
            return False


#: What a person chose, and what each led to then; None where nobody could tell.
Chosen: TypeAlias = Mapping[Path, Seen | None]


def look(path: Path) -> Seen | None:
    """Return what a path leads to now; None where nobody can tell. Blocking."""
    try:
        return Seen.at(path)
    except (OSError, ValueError):
        return None


def look_at_all(paths: Iterable[Path]) -> Chosen:
    """Return the paths and what they lead to now, in their order. Blocking."""
    return {path: look(path) for path in paths}
