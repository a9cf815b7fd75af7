"""Moving finished files and folders to their final place, never overwriting anything.

Between checking that a name is free and using it another program may take it, so the check is left
to an atomic system call, which claims the name or fails if it is taken. Both folders are held open:
a link that replaces one of them is not followed.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Final

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.paths import numbered

#: Errors of file systems without links, and of Linux where a policy forbids them.
NO_LINKS: Final = {
    getattr(errno, name)
    for name in ("EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "EINVAL", "EXDEV")
    if hasattr(errno, name)
}
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR}
#: Names that are tried: another program may take each as soon as it is.
MOST_NAMES: Final = 10_000


def place(source: DirHandle, name: str, target: DirHandle, wish: str) -> str:
    """Move file or folder `name` of `source` into `target` as `wish`, `wish (1)`, …

    All of it appears at once. Both must be on one file system.

    Returns:
        Its new name.

    Raises:
        OSError: It could not be moved; it is still where it was.
        StorageFailed: Another program takes every name, or has replaced it already.
    """
    for number in range(MOST_NAMES):
        taking = numbered(wish, number)
        if not target.exists(taking):
            try:
                _move(source, name, target, taking)
            except OSError as error:
                if error.errno not in _TAKEN or not target.exists(taking):
                    raise
            else:
                return taking
    raise StorageFailed(
        f"{target.path} has too many files called {wish}.", "Choose another folder."
    )


def _move(source: DirHandle, name: str, target: DirHandle, taking: str) -> None:
    if source.descriptor is None or target.descriptor is None:
        (source.path / name).rename(target.path / taking)  # Windows refuses a name that is taken
        return
    status = os.stat(name, dir_fd=source.descriptor, follow_symlinks=False)
    move = _move_folder if stat.S_ISDIR(status.st_mode) else _move_file
    move(source.descriptor, name, target.descriptor, taking)
    # Another program that may write to the target may have replaced it at once.
    if not _same(status, target.look(taking)):
        raise StorageFailed(
            f"Another program replaced {target.path / taking} as soon as it was put there.",
            "Choose a folder that only you may write to, and have it sent again.",
        )


def _same(before: os.stat_result, now: os.stat_result) -> bool:
    """Return whether it is the same file or folder; some file systems change its inode number."""
    return os.path.samestat(before, now) or (
        (before.st_mode, before.st_size, before.st_mtime_ns)
        == (now.st_mode, now.st_size, now.st_mtime_ns)
    )


def _move_file(source: int, name: str, target: int, taking: str) -> None:
    try:
        os.link(name, taking, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # Claim the name with a new empty file, then replace it.
        os.close(os.open(taking, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=target))
        try:
            os.replace(name, taking, src_dir_fd=source, dst_dir_fd=target)
        except OSError:
            os.unlink(taking, dir_fd=target)
            raise
    else:
        os.unlink(name, dir_fd=source)


def _move_folder(source: int, name: str, target: int, taking: str) -> None:
    # POSIX renames a folder over an empty one, and over nothing else: claim the name with one.
    os.mkdir(taking, 0o700, dir_fd=target)
    try:
        os.rename(name, taking, src_dir_fd=source, dst_dir_fd=target)
    except OSError:
        with suppress(OSError):
            os.rmdir(taking, dir_fd=target)
        raise
