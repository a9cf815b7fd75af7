"""Part folders that ended processes left behind: found in a folder, and told of or removed.

Only those surely not in use are removed: made on this machine, their lock released, and nothing in
them to go on with, or nobody went on with it for a month. The rest, which another machine that
shares the folder may be using, are reported to a person.
"""

from __future__ import annotations

import os
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.extents import pieces_of
from filesend_tui.core.torrent.storage.part_folder import manifest, owner_record, part_folder
from filesend_tui.core.torrent.storage.part_folder.written import PIECES, Mark, Written
from filesend_tui.core.util import keeping

#: Seconds without a write after which a part folder that may be in use is reported.
QUIET: Final = 3600.0


class Leftover(NamedTuple):
    """A part folder that an earlier run left.

    path: its path. names: what was to arrive. size: bytes on the disk or, where it can be gone on
    with, of all that was to arrive. removed: whether it was; if not, it may be in use. host: the
    machine that made it, where that is another one and is known. resumable: it can be gone on
    with. progress: how much of it is there then, 0 to 1.
    """

    path: Path
    names: tuple[str, ...]
    size: int
    removed: bool
    host: str
    resumable: bool = False
    progress: float = 0.0


def sweep(folder: Path, *, but: Container[str] = ()) -> tuple[Leftover, ...]:
    """Remove the part folders in `folder` that nobody goes on with; return them and the rest.

    Blocking. A folder that does not exist or cannot be read holds none.

    Args:
        folder: Where to look.
        but: The names of part folders to leave alone and unmentioned.
    """
    found: list[Leftover] = []
    with suppress(OSError, RuntimeError), DirHandle.at(folder.expanduser()) as target:
        names = [entry.name for entry in target.entries() if part_folder.is_part_name(entry.name)]
        for name in (name for name in names if name not in but):
            with suppress(OSError):
                leftover = _look_at(target, name)
                if leftover is not None:
                    found.append(leftover)
    return tuple(found)


def remove_left(folder: Path, info_hash: bytes) -> Path | None:
    """Delete the part folder of a torrent in `folder`, unless it is in use; return which it was.

    Blocking. A folder that cannot be read holds none.
    """
    with (
        suppress(OSError, RuntimeError),
        DirHandle.at(folder.expanduser()) as target,
        target.below(part_folder.part_name(info_hash)) as ground,
    ):
        made = owner_record.read(ground)
        if made is None or not made.is_of_this_machine or not part_folder.is_own(ground):
            return None
        lock = part_folder.take_lock(ground)
        if lock is not None:
            part_folder.delete(target, ground, lock)
            return ground.path
    return None


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
            unfinished = _unfinished(ground)
            leftover = unfinished or _describe(ground, "")
        except BaseException:
            lock.release()
            raise
        if unfinished is not None:
            lock.release()
            return unfinished
        with suppress(OSError):
            part_folder.delete(target, ground, lock)
            return leftover._replace(removed=True)
        return leftover


def _unfinished(ground: DirHandle) -> Leftover | None:
    """Return what a part folder holds to go on with; None where there is nothing, or too old."""
    described = manifest.read(ground)
    if described is None:
        return None
    info, told = described
    if part_folder.part_name(info.info_hash) != ground.path.name or not ground.exists(PIECES):
        return None
    used = max(told.used, ground.look(PIECES).st_mtime)
    if time.time() - used > keeping.UNFINISHED:
        return None
    with suppress(OSError), ground.below(part_folder.TREE) as tree:
        if not any(tree.entries()):
            return None  # all of it was put in place
    wanted = [n for n, file in enumerate(info.files) if told.wants(n) and not file.pad]
    pieces = {index for number in wanted for index in pieces_of(info, number)}
    written = Written(ground, info.shape, len(info.files)).read()
    marks = written.marks if written is not None else bytes(info.shape.piece_count)
    there = sum(info.shape.piece_size(index) for index in pieces if marks[index] != Mark.MISSING)
    return Leftover(
        ground.path,
        _names(info, wanted),
        sum(info.files[number].length for number in wanted),
        removed=False,
        host="",
        resumable=True,
        progress=there / (sum(map(info.shape.piece_size, pieces)) or 1),
    )


def _names(info: TorrentInfo, wanted: Sequence[int]) -> tuple[str, ...]:
    """Return the name of a folder, or of the file that alone was to arrive of one."""
    if info.single or len(wanted) != 1:
        return (info.name,)
    return (info.files[wanted[0]].path[-1],)


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
