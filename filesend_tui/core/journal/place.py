"""The folder and the file on the disk: this user's own, and no links.

The files are readable by nobody else, and neither is a folder that holds nothing but them; another
one, which a person named, keeps its permissions. What is in the file is not known here. Blocking.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from filesend_tui.core.util.folder_sync import sync_folder

#: The file; SQLite has two more beside it while it is open.
FILE: Final = "journal.sqlite"
_BESIDE: Final = ("-wal", "-shm")
_DAMAGED: Final = "journal.damaged-"
#: The folder of the processes' locks.
RUNNING: Final = "running"
#: How the names of all that this program puts into the folder begin.
_OURS: Final = (
    "journal.",
    ".new-",
    RUNNING,
    "programs",
    "recent-folders",
    ".recent-folders",
)
#: A new file while it is made: it has its own name only once it is whole.
_NEW: Final = ".new-"
#: Windows' links.
_LINKS: Final = {
    getattr(stat, "IO_REPARSE_TAG_SYMLINK", None),
    getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None),
}


def prepare(folder: Path) -> None:
    """Make the folder where there is none, and see that it and the file in it are this user's own.

    Raises:
        OSError: They are not, or cannot be used; strerror says why, for people.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _own(folder, folder=True)
    running = folder / RUNNING
    running.mkdir(mode=0o700, exist_ok=True)
    _own(running, folder=True)
    for name in (FILE, *(FILE + each for each in _BESIDE)):
        with suppress(FileNotFoundError):
            _own(folder / name, folder=False)


def _own(path: Path, *, folder: bool) -> None:
    """See that this is this user's, and no link; take others' permissions away. Raises OSError."""
    if sys.platform == "win32":  # user folders are private there
        status = path.lstat()
        link = stat.S_ISLNK(status.st_mode) or status.st_reparse_tag in _LINKS
        if link or stat.S_ISDIR(status.st_mode) != folder:
            raise OSError(errno.ELOOP, "a link, or something else, is in its place", str(path))
        return
    # A file for writing too: SQLite would open a read-only one, and fail later.
    flags = os.O_RDONLY | os.O_DIRECTORY if folder else os.O_RDWR
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and path.is_symlink():
            raise OSError(errno.ELOOP, "a link is in its place", str(path)) from None
        raise
    try:
        status = os.fstat(descriptor)
        if not folder and not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "something else is in its place", str(path))
        if status.st_uid != os.geteuid():
            raise OSError(errno.EPERM, "it is another user's", str(path))
        if not folder and status.st_nlink > 1:
            raise OSError(errno.EPERM, "it has another name elsewhere", str(path))
        if not status.st_mode & 0o077:
            return
        if not folder:
            os.fchmod(descriptor, 0o600)
        elif _is_ours_alone(descriptor):
            os.fchmod(descriptor, 0o700)
        elif status.st_mode & 0o022:
            raise OSError(errno.EPERM, "others may write to it", str(path))
    finally:
        os.close(descriptor)


def _is_ours_alone(folder: int) -> bool:
    """Return whether an open folder holds nothing but what this program puts there."""
    with os.scandir(folder) as found:
        return all(each.name.startswith(_OURS) or each.name.endswith(".lock") for each in found)


def make_new(folder: Path) -> Path:
    """Make an empty file for a new database; `put_in_place` gives it its name. Raises OSError."""
    for left in folder.glob(f"{_NEW}*"):  # by a process that was killed here
        with suppress(OSError):
            left.unlink()
    path = folder / f"{_NEW}{os.urandom(8).hex()}"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    return path


def put_in_place(new: Path) -> None:
    """Give a new, closed database its name, durably. Raises OSError."""
    new.replace(new.with_name(FILE))
    if sys.platform != "win32":
        descriptor = os.open(new.parent, os.O_RDONLY)
        try:
            sync_folder(descriptor)
        finally:
            os.close(descriptor)


def set_aside(folder: Path) -> Path:
    """Rename a damaged file, and what is beside it; return its new path. Raises OSError."""
    name = f"{_DAMAGED}{time.strftime('%Y%m%d-%H%M%S')}-{os.urandom(4).hex()}"
    # The log first: with another file under its name SQLite would take it for that one's.
    for suffix in (*_BESIDE, ""):
        with suppress(FileNotFoundError):
            (folder / (FILE + suffix)).rename(folder / (name + suffix))
    return folder / name


def has_remains(folder: Path) -> bool:
    """Return whether the file is gone, and what SQLite had beside it is not."""
    return any((folder / (FILE + suffix)).exists() for suffix in _BESIDE)


def identity(folder: Path) -> tuple[int, int] | None:
    """Return what tells the file from one that replaces it; None where there is none."""
    try:
        status = (folder / FILE).lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
