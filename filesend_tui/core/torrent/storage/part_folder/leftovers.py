"""Part folders that ended processes left behind: found in a folder and removed.

Only those surely not in use are removed: made on this machine, and their lock released. The rest,
which another machine that shares the folder may be using, are reported to a person. Whether a
folder is kept for resuming is not decided here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.part_folder import owner_record, part_folder

#: Seconds without a write after which a part folder that may be in use is reported.
QUIET: Final = 3600.0


class Leftover(NamedTuple):
    """A part folder that an earlier run left.

    path: its path. names: what was to arrive. size: bytes on the disk. removed: whether it was; if
    not, it may be in use. host: the machine that made it, where that is another one and is known.
    """

    path: Path
    names: tuple[str, ...]
    size: int
    removed: bool
    host: str


def sweep(folder: Path) -> tuple[Leftover, ...]:
    """Remove the part folders in `folder` that are not in use; return them and the rest.

    Blocking. A folder that does not exist or cannot be read holds none.
    """
    found: list[Leftover] = []
    with suppress(OSError, RuntimeError), DirHandle.at(folder.expanduser()) as target:
        names = [entry.name for entry in target.entries() if part_folder.is_part_name(entry.name)]
        for name in names:
            with suppress(OSError):
                leftover = _look_at(target, name)
                if leftover is not None:
                    found.append(leftover)
    return tuple(found)


def _look_at(target: DirHandle, name: str) -> Leftover | None:
    with target.below(name) as ground:
        if not part_folder.is_own(ground):
            return None
        made = owner_record.read(ground)
        if made is None or not made.is_of_this_machine:
            host = made.shown_host if made is not None else ""
            return _describe(ground, host) if _is_quiet(ground) else None
        lock = part_folder.take_lock(ground)
        if lock is None:
            return None  # it is in use
        try:
            leftover = _describe(ground, "")
        except BaseException:
            lock.release()
            raise
        with suppress(OSError):
            part_folder.delete(target, ground, lock)
            return leftover._replace(removed=True)
        return leftover


def _describe(ground: DirHandle, host: str) -> Leftover:
    size = sum(
        getattr(status, "st_blocks", 0) * 512 or status.st_size for status in _statuses(ground)
    )
    names: list[str] = []
    with suppress(OSError), ground.below(part_folder.TREE) as tree:
        names = sorted(entry.name for entry in tree.entries())
    return Leftover(ground.path, tuple(names), size, removed=False, host=host)


def _is_quiet(ground: DirHandle) -> bool:
    newest = max((status.st_mtime for status in _statuses(ground)), default=0.0)
    return time.time() - max(newest, ground.status().st_mtime) > QUIET


def _statuses(ground: DirHandle) -> Iterator[os.stat_result]:
    """Iterate over the status of everything below. Raises OSError."""
    for entry in list(ground.entries()):
        status = ground.look(entry.name)
        if entry.is_dir(follow_symlinks=False):
            with ground.below(entry.name) as below:
                yield from _statuses(below)
        else:
            yield status
