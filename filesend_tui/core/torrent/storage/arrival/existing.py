"""Which of a request's files are in the target folder already, before anything is received.

Only their status is read, by steps that follow no link. What follows from it is the asker's: to
ask, to replace, to take nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from itertools import tee
from typing import NamedTuple

from filesend_tui.core.choices import Arriving, Overwrite, Stood
from filesend_tui.core.torrent.storage.dir_cache import DirCache
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.paths import Folding, laid_out
from filesend_tui.core.torrent.storage.target import Target

#: Nanoseconds by which the times of one file may differ on two file systems: FAT counts in twos.
SAME_TIME = 2 * 10**9


class Existing(NamedTuple):
    """A file that is there. number: in the request. size in bytes, modified_ns as of Attributes.

    same: it has the size and time of what arrives. older: its time is before that.
    """

    number: int
    size: int
    modified_ns: int
    same: bool
    older: bool

    @property
    def stood(self) -> Stood:
        """What may be replaced, where somebody says so now."""
        return Stood(self.number, self.size, self.modified_ns)


class Arrives(NamedTuple):
    """A file that may arrive: raw names, bytes, and its modification time, where it is known."""

    parts: tuple[str, ...]
    size: int
    modified_ns: int | None


def look(target: Target, files: Iterable[Arrives]) -> list[Existing]:
    """Return which files are there, where folders of the target are gone into. Blocking.

    A name that another system wrote in another way is not found; it then arrives beside.
    """
    files, again = tee(files)  # of 200,000, one after the other
    places = laid_out((file.parts for file in again), Folding(case=False, form=False))
    found: list[Existing] = []
    try:
        target.check()
        ground = DirHandle.at(target.path)
    except (OSError, ValueError):
        return found  # it is yet to be made
    with ground:
        cache, tops = DirCache(ground), dict[str, bool]()
        try:
            for number, (file, parts) in enumerate(zip(files, places, strict=True)):
                top = parts[0]
                if top not in tops:
                    tops[top] = ground.exists(top)
                if not tops[top]:
                    continue
                try:
                    status = cache.look(parts)
                except OSError:  # not there, or behind a link or a file
                    continue
                if stat.S_ISREG(status.st_mode):
                    there = status.st_mtime_ns
                    found.append(
                        Existing(
                            number,
                            status.st_size,
                            there,
                            status.st_size == file.size and _same(file.modified_ns, there),
                            is_older(there, file.modified_ns),
                        )
                    )
        finally:
            cache.close()
    return found


def is_older(there_ns: int, arrives_ns: int | None) -> bool:
    """Return whether a file is older than what arrives; not where that has no known time."""
    return arrives_ns is not None and there_ns < arrives_ns - SAME_TIME


def replacing(
    arriving: Arriving,
    time_of: Callable[[int], int | None],
    number_of: Callable[[tuple[str, ...]], int | None],
) -> Callable[[tuple[str, ...], os.stat_result], bool]:
    """Return what decides whether a file in the target may be replaced.

    Args:
        arriving: What the person chose.
        time_of: Returns the time of a file that arrives, by its number, where it is known.
        number_of: Returns the number of the file at a place in the tree.

    Returns:
        Takes the place in the tree, and the status of what is there.
    """
    agreed = {each.number: each for each in arriving.replace}

    def decide(parts: tuple[str, ...], there: os.stat_result) -> bool:
        number = number_of(parts)
        if number is None:
            return False
        yes = agreed.get(number)
        if yes is not None and (yes.size, yes.modified_ns) == (there.st_size, there.st_mtime_ns):
            return True
        older = arriving.overwrite is Overwrite.OLDER
        return older and is_older(there.st_mtime_ns, time_of(number))

    return decide


def _same(arrives_ns: int | None, there_ns: int) -> bool:
    return arrives_ns is not None and abs(there_ns - arrives_ns) <= SAME_TIME
