"""Attributes of files and folders beside names and bytes: permissions, times, empty folders.

A torrent has no field for them; a request between two people has. They are untrusted: permissions
never exceed what the umask allows. Nothing is opened here.
"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

#: Whether this system has permissions in the sense of POSIX.
HAS_MODES = os.name != "nt"


class Attributes(NamedTuple):
    """The attributes of a file or folder at its source.

    mode: its permissions, 0 to 0o777; None where unknown. modified_ns: its modification time, in
    nanoseconds since 1970; None where it is not to be kept.
    """

    mode: int | None = None
    modified_ns: int | None = None

    @classmethod
    def of(cls, status: os.stat_result) -> Attributes:
        """Return the attributes of a local file or folder."""
        mode = stat.S_IMODE(status.st_mode) & 0o777 if HAS_MODES else None
        return cls(mode, status.st_mtime_ns)

    @property
    def is_private(self) -> bool:
        """Whether group or others have no permission to read it."""
        return self.mode is not None and self.mode & 0o044 != 0o044


class Folder(NamedTuple):
    """A folder: its raw names, from the chosen folder on."""

    parts: tuple[str, ...]
    attributes: Attributes


class Extras(NamedTuple):
    """files: one entry for each of the torrent's files; none at all: default attributes.
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
    # The receiver may read and change it in any case.
    return (mode & allowed & 0o777) | 0o600


def folder_mode(mode: int, allowed: int) -> int:
    """Return the permissions of a folder; as file_mode."""
    return (mode & allowed & 0o777) | 0o700
