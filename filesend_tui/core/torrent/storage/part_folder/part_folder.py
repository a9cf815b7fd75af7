"""The hidden folder inside the target folder where an unfinished download lives.

It is on the target's file system, so that finished files can be renamed into place; only its owner
may read it; one download at a time holds it, named by its record (owner_record.py). One that is
kept outlives its process, and says what is in it (manifest.py, written.py). What the bytes in it
mean is download_files.py's; those that ended processes left are leftovers.py's.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Self

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.storage import dir_handle as system
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.part_folder import manifest, owner_record
from filesend_tui.core.torrent.storage.part_folder.manifest import INFO, MANIFEST, PLACED, Described
from filesend_tui.core.torrent.storage.part_folder.owner_record import RECORD, Record
from filesend_tui.core.torrent.storage.part_folder.whole_file import NEW
from filesend_tui.core.torrent.storage.part_folder.written import PIECES
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.util.file_lock import FileLock

_NAME: Final = re.compile(r"\.filesend-[0-9a-f]{16}\.part")
#: Names of the entries of a part folder; the tree is the files as laid out in the target.
TREE: Final = "tree"
_LOCK: Final = "lock"
_SPILL: Final = "spill"
_WHOLE: Final = (RECORD, INFO, MANIFEST, PIECES, PLACED)
_PROBE: Final = "probe"
#: Seconds to wait for a lock, and between two looks: whoever looks for what ended processes left
#: holds each for a moment (leftovers.py), as another download into this folder does at its start.
_PATIENCE: Final = 2.0
_PAUSE: Final = 0.02
_OWN: Final = {_LOCK, TREE, _SPILL, _PROBE, *_WHOLE, *(name + NEW for name in _WHOLE)}


def part_name(info_hash: bytes) -> str:
    """Return the name of a torrent's part folder."""
    return f".filesend-{info_hash.hex()[:16]}.part"


def is_part_name(name: str) -> bool:
    """Return whether this is the name of a part folder."""
    return _NAME.fullmatch(name) is not None


class PartFolder:
    """A part folder that this process holds.

    target: the folder it is in. ground: itself. tree: the files as laid out in the target. spill:
    the path, below ground, of the bytes of pieces that belong to unwanted files. found: what an
    earlier run left in it to go on with, if anything; then the tree is as it was left. same_boot:
    that run was since the machine was started.
    """

    spill: Final = (_SPILL,)

    def __init__(
        self,
        target: DirHandle,
        ground: DirHandle,
        lock: FileLock,
        mine: Record,
        found: Described | None,
    ) -> None:
        self.target = target
        self.ground = ground
        self.path = ground.path
        self.found = found
        self.same_boot = False
        self._lock = lock
        self._mine = mine
        tree = None
        if found is not None:
            made = owner_record.read(ground)
            self.same_boot = made is not None and made.is_of_this_boot
            tree = _tree_of(ground)
        self.tree = tree or self._begin()

    @classmethod
    def claim(cls, folder: Path | Target, info_hash: bytes, *, keep: bool = False) -> Self:
        """Return the part folder for a torrent in `folder`, locked. Blocking.

        Its tree is empty, unless it is to be kept and an earlier run left something to go on with.

        Args:
            folder: The target folder; made, with its parents, where it does not exist. A path is
                resolved now.
            info_hash: 20 bytes.
            keep: It is to outlive this process.

        Raises:
            StorageFailed: Another download holds it or, on another machine, may hold it; FileSend
                did not make it; or the target was replaced.
            OSError: It cannot be made.
        """
        chosen = Target.of(folder)
        mine = Record.of(info_hash, keep=keep)
        with ExitStack() as failed:
            target = failed.enter_context(chosen.open())
            held = _hold(target, part_name(info_hash))
            if held is None:
                raise StorageFailed(
                    f"This torrent is already being downloaded into {chosen.path}.",
                    "Wait until that is done, or choose another folder.",
                )
            ground, lock = held
            failed.push(ground)
            failed.callback(lock.release)
            _check_nobody_elses(ground)
            found = manifest.read(ground) if keep else None
            if found is not None and found.info.info_hash != info_hash:
                found = None
            if found is None:
                failed.callback(_leave_nothing, target, ground, lock)
            part = cls(target, ground, lock, mine, found)
            failed.pop_all()
            return part

    def begin_anew(self) -> None:
        """Delete what an earlier run left: there is nothing to go on with. Raises OSError."""
        self.tree.close()
        self.tree = self._begin()

    def take_over(self) -> None:
        """Record this process as the owner of what an earlier run left. Raises OSError."""
        owner_record.write(self.ground, self._mine)

    def _begin(self) -> DirHandle:
        """Delete what is there, take over, and return an empty tree."""
        self.found = None
        _clear(self.ground)
        owner_record.write(self.ground, self._mine)
        self.ground.make_folders((TREE,))
        return self.ground.below(TREE)

    def find_again(self) -> bool:
        """Hold the folder that is at its path now, if this process made it; return whether it is.

        For a disk that was taken away and put back: what was held open before leads nowhere. Where
        it does lead somewhere the folder is locked, by this process, and nothing changes.

        Raises:
            OSError: There is none, or its disk does not answer.
        """
        if self.ground.descriptor is None:
            return False  # it is found by its path each time
        with ExitStack() as opened:
            target = opened.enter_context(DirHandle.at(self.target.path))
            ground = opened.enter_context(target.below(self.path.name))
            if not is_own(ground) or owner_record.read(ground) != self._mine:
                return False
            tree = opened.enter_context(ground.below(TREE))
            lock = take_lock(ground)
            if lock is None:
                return False
            before, self._lock = self._lock, lock
            with suppress(OSError):
                before.release()
            for held, found in ((self.target, target), (self.ground, ground), (self.tree, tree)):
                held.renew(found)
        return True

    def probe(self, size: int) -> None:
        """Write so many bytes, sync and delete them: whether that works shows in no other way.

        Raises:
            OSError: It does not.
        """
        with suppress(FileNotFoundError):
            self.ground.delete(_PROBE)
        descriptor = self.ground.open((_PROBE,), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(bytes(size))
                file.flush()
                os.fsync(file.fileno())
        finally:
            self.ground.delete(_PROBE)

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


def take_lock(ground: DirHandle) -> FileLock | None:
    """Return the lock of a part folder; None where it is held already. Raises OSError."""
    try:
        return FileLock.take(ground.path / _LOCK, ground.descriptor)
    except FileNotFoundError:
        return None  # the former holder is just removing the folder


def delete(target: DirHandle, ground: DirHandle, lock: FileLock) -> None:
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


def _leave_nothing(target: DirHandle, ground: DirHandle, lock: FileLock) -> None:
    with suppress(OSError):  # the error that it failed for is the one to tell
        delete(target, ground, lock)


def peek(folder: Path | Target, info_hash: bytes) -> bytes | None:
    """Return the info dictionary in a torrent's part folder; None where its hash is not there.

    Blocking; another process may hold the folder. What cannot be read is not there.
    """
    path = folder.path if isinstance(folder, Target) else folder
    with (
        suppress(OSError, RuntimeError),
        DirHandle.at(path.expanduser()) as target,
        target.below(part_name(info_hash)) as ground,
    ):
        raw = manifest.read_info(ground) if is_own(ground) else None
        if raw is not None and hashlib.sha1(raw, usedforsecurity=False).digest() == info_hash:
            return raw
    return None


def _tree_of(ground: DirHandle) -> DirHandle | None:
    """Return the tree that an earlier run left; None where there is none, or something else."""
    try:
        return ground.below(TREE)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise


def remove_entry(ground: DirHandle, entry: os.DirEntry[str]) -> None:
    """Delete an entry of a held folder, a link itself and all of a folder. Raises OSError."""
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, dir_fd=ground.descriptor)
    else:
        os.unlink(entry.path, dir_fd=ground.descriptor)


def _clear(ground: DirHandle) -> None:
    # What describes the download goes first: what is half deleted must not be gone on with. The
    # record goes last: where a part cannot be deleted, it identifies the rest.
    entries = [entry for entry in ground.entries() if entry.name != _LOCK]
    for entry in sorted(entries, key=lambda entry: (entry.name == RECORD, entry.name != MANIFEST)):
        remove_entry(ground, entry)


def _check_nobody_elses(ground: DirHandle) -> None:
    """Refuse a folder made by another machine that shares it: its locks may be invisible here."""
    made = owner_record.read(ground)
    if made is not None and not made.is_of_this_machine:
        host = made.shown_host or "another machine"
        raise StorageFailed(
            f"{ground.path} is of a download that was begun on {host}.",
            "Choose another folder, or remove it where nothing of it goes on there.",
        )


def _hold(target: DirHandle, name: str) -> tuple[DirHandle, FileLock] | None:
    """Open or make a part folder and lock it; None where somebody holds it for long."""
    until = time.monotonic() + _PATIENCE
    while True:
        with ExitStack() as failed:
            # Each time: whoever held it may have deleted it.
            ground = failed.enter_context(_ours(target, name))
            lock = take_lock(ground)
            if lock is not None:
                failed.pop_all()
                return ground, lock
        if time.monotonic() >= until:
            return None
        time.sleep(_PAUSE)


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
