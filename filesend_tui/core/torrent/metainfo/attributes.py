"""What is kept of files and folders beside names and bytes: permissions, times, empty folders.

A torrent has no room for it; a request between two people has. It comes from a stranger as far as
this side is concerned: permissions never go beyond what the umask allows. Nothing is opened here.
"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

#: Whether this system has permissions in the sense of POSIX.
HAS_MODES = os.name != "nt"


class Attributes(NamedTuple):
    """How a file or folder was where it came from.

    mode: its permissions, 0 to 0o777; None where nobody can tell. modified_ns: its modification
    time, in nanoseconds since 1970; None where it is not to be kept.
    """

    mode: int | None = None
    modified_ns: int | None = None

    @classmethod
    def of(cls, status: os.stat_result) -> Attributes:
        """Return those of a file or folder here."""
        mode = stat.S_IMODE(status.st_mode) & 0o777 if HAS_MODES else None
        return cls(mode, status.st_mtime_ns)

    @property
    def is_private(self) -> bool:
        """Whether anybody may read less of it than they usually may."""
        return self.mode is not None and self.mode & 0o044 != 0o044


class Folder(NamedTuple):
    """A folder: its names as they were said, from the chosen folder on."""

    parts: tuple[str, ...]
    attributes: Attributes


class Extras(NamedTuple):
    """files: one entry for each of the torrent's files; none at all: they are as any new file.
    folders: those to be made where no file makes them, and those whose attributes are kept.
    """

    files: tuple[Attributes, ...] = ()
    folders: tuple[Folder, ...] = ()


NOTHING = Extras()


def file_mode(mode: int, allowed: int) -> int:
    """Return the permissions of a file that had `mode` where it came from.

    Args:
        mode: 0 to 0o777.
        allowed: What the umask leaves of 0o777.
    """
    # Whoever receives it may read and change it in any case.
    return (mode & allowed & 0o777) | 0o600


def folder_mode(mode: int, allowed: int) -> int:
    """Return the permissions of a folder; as file_mode."""
    return (mode & allowed & 0o777) | 0o700
