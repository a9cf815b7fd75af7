"""Attributes of files and folders beside names and bytes: permissions, times, folders, links.

A torrent has few fields for them; a request between two people has. They are untrusted: permissions
never exceed what the umask allows, times are not of the future, and where a link leads is said by
a path of what is sent. Nothing is opened here.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import eq
from typing import TYPE_CHECKING, Final, NamedTuple, overload

if TYPE_CHECKING:
    from filesend_tui.core.torrent.metainfo.info import TorrentInfo

#: Whether this system has permissions in the sense of POSIX.
HAS_MODES = os.name != "nt"
#: Nanoseconds that a clock may be ahead of this machine's; a later time is not kept.
_AHEAD: Final = 24 * 3600 * 10**9


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


class ManyAttributes(Sequence[Attributes]):
    """The attributes of many files, in 10 bytes each; each is made when it is asked for.

    Args:
        modes, times: Of each; -1 where there is none. A time before 1970 is none.
    """

    def __init__(self, modes: Iterable[int], times: Iterable[int]) -> None:
        self._modes, self._times = array("h", modes), array("q", times)

    def __len__(self) -> int:
        return len(self._modes)

    def __iter__(self) -> Iterator[Attributes]:
        return map(_attributes, self._modes, self._times)

    @overload
    def __getitem__(self, number: int) -> Attributes: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[Attributes, ...]: ...
    def __getitem__(self, number: int | slice) -> Attributes | tuple[Attributes, ...]:
        if isinstance(number, slice):
            return tuple(map(_attributes, self._modes[number], self._times[number]))
        return _attributes(self._modes[number], self._times[number])

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ManyAttributes | tuple):
            return len(self) == len(other) and all(map(eq, self, other))
        return NotImplemented

    def __hash__(self) -> int:
        return hash(len(self))


def _attributes(mode: int, modified_ns: int) -> Attributes:
    return Attributes(None if mode < 0 else mode, None if modified_ns < 0 else modified_ns)


class Folder(NamedTuple):
    """A folder: its raw names, from the chosen folder on."""

    parts: tuple[str, ...]
    attributes: Attributes


class Link(NamedTuple):
    """A further name of something that is sent: its raw names, and those of what it leads to.

    hard: another name of the same file; else a symbolic link to a file or folder.
    """

    parts: tuple[str, ...]
    to: tuple[str, ...]
    hard: bool = False


class Extras(NamedTuple):
    """files: one entry for each of the torrent's files; none at all: default attributes.
    folders: those to be made where no file makes them, and those whose attributes are kept.
    links: those to be made, once all else is there.
    """

    files: Sequence[Attributes] = ()
    folders: tuple[Folder, ...] = ()
    links: tuple[Link, ...] = ()


NOTHING = Extras()


def of_torrent(info: TorrentInfo, *, times: bool) -> Extras:
    """Return what a torrent itself tells of its files: which can be run (BEP 47), and times."""
    files = info.files
    moments = files.times if times else {}
    if not moments and not any(files.programs):
        return NOTHING
    plain, program = Attributes(), Attributes(0o777)
    return Extras(
        tuple(
            kept if number not in moments else Attributes(kept.mode, moments[number] * 10**9)
            for number, kept in enumerate(program if each else plain for each in files.programs)
        )
    )


def kept_time(modified_ns: int | None, now_ns: int) -> int | None:
    """Return a modification time as it is kept: None for one before 1970, or of the future.

    Args:
        modified_ns: As it was told, in nanoseconds since 1970.
        now_ns: This machine's time; a day more is taken, as clocks differ.
    """
    if modified_ns is None or not 0 <= modified_ns <= now_ns + _AHEAD:
        return None
    return modified_ns


def file_mode(mode: int, allowed: int) -> int:
    """Return the permissions of a file that had `mode` where it came from.

    Args:
        mode: 0 to 0o777.
        allowed: What the umask leaves of 0o777.
    """
    kept = mode & allowed & 0o777
    # Who may not read it may not run it either; the receiver may read and change it in any case.
    return kept & (0o666 | (kept & 0o044) >> 2 | 0o100) | 0o600


def folder_mode(mode: int, allowed: int) -> int:
    """Return the permissions of a folder; as file_mode."""
    return (mode & allowed & 0o777) | 0o700
