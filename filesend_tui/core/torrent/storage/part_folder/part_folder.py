"""The hidden folder inside the target folder where an unfinished download lives.

It is on the target's file system, so that finished files can be renamed into place; only its owner
may read it; one download at a time holds it, named by its record (owner_record.py). What the bytes
in it mean is download_files.py's; those that ended processes left are leftovers.py's.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Self

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.storage import dir_handle as system
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.part_folder import owner_record
from filesend_tui.core.torrent.storage.part_folder.folder_lock import FolderLock
from filesend_tui.core.torrent.storage.part_folder.owner_record import RECORD, Record
from filesend_tui.core.torrent.storage.target import Target

_NAME: Final = re.compile(r"\.filesend-[0-9a-f]{16}\.part")
#: Names of the entries of a part folder; the tree is the files as laid out in the target.
TREE: Final = "tree"
_LOCK: Final = "lock"
_SPILL: Final = "spill"
_OWN: Final = {_LOCK, TREE, _SPILL, RECORD}


def part_name(info_hash: bytes) -> str:
    """Return the name of a torrent's part folder."""
    return f".filesend-{info_hash.hex()[:16]}.part"


def is_part_name(name: str) -> bool:
    """Return whether this is the name of a part folder."""
    return _NAME.fullmatch(name) is not None


class PartFolder:
    """A part folder that this process holds.

    target: the folder it is in. ground: itself. tree: the files as laid out in the target. spill:
    the path, below ground, of the bytes of pieces that belong to unwanted files.
    """

    spill: Final = (_SPILL,)

    def __init__(
        self, target: DirHandle, ground: DirHandle, lock: FolderLock, mine: Record
    ) -> None:
        self.target = target
        self.ground = ground
        self.path = ground.path
        self._lock = lock
        self._take_over(mine)
        self.tree = ground.below(TREE)

    @classmethod
    def claim(cls, folder: Path | Target, info_hash: bytes) -> Self:
        """Return the part folder for a torrent in `folder`, locked, with an empty tree.

        Args:
            folder: The target folder; made, with its parents, where it does not exist. A path is
                resolved now.
            info_hash: 20 bytes.

        Raises:
            StorageFailed: Another download holds it or, on another machine, may hold it; FileSend
                did not make it; or the target was replaced.
            OSError: It cannot be made.
        """
        chosen = Target.of(folder)
        mine = Record.of(info_hash)
        with ExitStack() as failed:
            target = failed.enter_context(chosen.open())
            ground = failed.enter_context(_ours(target, part_name(info_hash)))
            lock = take_lock(ground)
            if lock is None:
                raise StorageFailed(
                    f"This torrent is already being downloaded into {chosen.path}.",
                    "Wait until that is done, or choose another folder.",
                )
            failed.callback(lock.release)
            _check_nobody_elses(ground)
            part = cls(target, ground, lock, mine)
            failed.pop_all()
            return part

    def _take_over(self, mine: Record) -> None:
        """Delete what a crash left behind, and take over. Resuming would be decided here."""
        _clear(self.ground)
        owner_record.write(self.ground, mine)
        self.ground.make_folders((TREE,))

    def remove(self) -> None:
        """Delete the folder and all that is in it, and release it. Idempotent.

        Raises:
            OSError: Something could not be deleted.
        """
        if self._lock.is_held:
            try:
                delete(self.target, self.ground, self._lock)
            finally:
                self.release()

    def release(self) -> None:
        """Release the folder and keep what is in it. Idempotent.

        The target stays open until `close`.
        """
        self._lock.release()
        self.tree.close()
        self.ground.close()

    def close(self) -> None:
        """Release the folder and close the target too. Idempotent."""
        self.release()
        self.target.close()


def take_lock(ground: DirHandle) -> FolderLock | None:
    """Return the lock of a part folder; None where it is held already. Raises OSError."""
    return FolderLock.take(ground, _LOCK)


def delete(target: DirHandle, ground: DirHandle, lock: FolderLock) -> None:
    """Delete a part folder in `target` and all that is in it, and release its held lock.

    Raises:
        OSError: Something could not be deleted.
    """
    try:
        _clear(ground)
        if system.DELETES_OPEN:
            # While it is held: once released, a file of this name is another process's lock.
            ground.delete(_LOCK)
            with suppress(OSError):  # claimed by another process meanwhile, or moved
                target.delete_folder(ground.path.name)
    finally:
        lock.release()
    if not system.DELETES_OPEN:
        # A process that claimed it meanwhile has it open, so it stays. The lock may be gone:
        # filelock deletes its file where it can.
        with suppress(OSError):
            with suppress(FileNotFoundError):
                ground.delete(_LOCK)
            target.delete_folder(ground.path.name)


def _clear(ground: DirHandle) -> None:
    descriptor = ground.descriptor
    # The record is deleted last: where a part cannot be deleted, it identifies the rest.
    entries = [entry for entry in ground.entries() if entry.name != _LOCK]
    for entry in sorted(entries, key=lambda entry: entry.name == RECORD):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, dir_fd=descriptor)
        else:
            os.unlink(entry.path, dir_fd=descriptor)


def _check_nobody_elses(ground: DirHandle) -> None:
    """Refuse a folder made by another machine that shares it: its locks may be invisible here."""
    made = owner_record.read(ground)
    if made is not None and not made.is_of_this_machine:
        host = made.shown_host or "another machine"
        raise StorageFailed(
            f"{ground.path} is of a download that was begun on {host}.",
            "Choose another folder, or remove it where nothing of it goes on there.",
        )


def _ours(target: DirHandle, name: str) -> DirHandle:
    """Open or make a folder that only its owner may read; refuse links and others' folders."""
    path = target.path / name
    in_the_way = StorageFailed(
        f"{path} is in the way: FileSend did not make it.",
        "Remove it, or choose another folder.",
    )
    with suppress(FileExistsError):
        if target.descriptor is None:
            path.mkdir()
        else:
            os.mkdir(name, 0o700, dir_fd=target.descriptor)
    try:
        ground = target.below(name)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise in_the_way from None
        raise
    with ExitStack() as failed:
        failed.enter_context(ground)
        if not is_own(ground):
            raise in_the_way
        failed.pop_all()
    if sys.platform != "win32" and ground.descriptor is not None:
        with suppress(PermissionError):  # a file system without permissions, such as exFAT
            os.fchmod(ground.descriptor, 0o700)
    return ground


def is_own(ground: DirHandle) -> bool:
    """Return whether a folder is this user's, and holds only a part folder's entries.

    Another program that may write to the target may have given its name to another folder of this
    user's, and what is in a part folder is deleted. Raises OSError.
    """
    if sys.platform != "win32" and ground.status().st_uid != os.geteuid():
        return False
    try:
        return all(entry.name in _OWN for entry in ground.entries())
    except FileNotFoundError:
        return True  # the former holder is just removing it
