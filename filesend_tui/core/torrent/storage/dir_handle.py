"""A folder held open: what is opened through it lies below it, even if it is renamed or replaced.

Each step down is relative to the folder before it and follows no link (`openat`, `O_NOFOLLOW`), so
that a folder replaced by a link in mid-transfer leads nowhere else. Windows has no such steps:
there each path component is checked before it is used. What is kept below is not known here.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

# O_NONBLOCK: were a file replaced by a FIFO, opening it would wait for ever.
_ALWAYS: Final = getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
#: Whether this system has steps: opens paths relative to an open folder (`openat`).
HAS_STEPS: Final = os.name != "nt" and {os.open, os.mkdir, os.stat} <= os.supports_dir_fd
#: Whether this system can delete an open file, which then stays readable.
DELETES_OPEN: Final = os.name != "nt"
#: Bytes that macOS wants for a path (PATH_MAX).
_LONGEST_PATH: Final = 1024
# Windows' links: symlinks and junctions.
_LINK_TAGS: Final = {
    getattr(stat, name)
    for name in ("IO_REPARSE_TAG_SYMLINK", "IO_REPARSE_TAG_MOUNT_POINT")
    if hasattr(stat, name)
}


class DirHandle:
    """An open folder. `at` and `below` make one; it is closed by `close` or at a block's end.

    path: its path when it was opened; for people, and for systems without steps.
    descriptor: the open folder, or None on systems without steps.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self.descriptor = descriptor
        self._worn: list[int] = []

    @classmethod
    def at(cls, path: Path) -> Self:
        """Open a folder that a person named; links in its path are followed.

        Raises:
            OSError: It does not exist, or is no folder.
        """
        if HAS_STEPS:
            return cls(path, os.open(path, _FOLDER))
        if not stat.S_ISDIR(path.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return cls(path, None)

    def below(self, *parts: str) -> DirHandle:
        """Open a folder below this one. Raises OSError, also where a link is in the path."""
        path = self.path.joinpath(*parts)
        if self.descriptor is None:
            self._look(parts)
            return DirHandle.at(path)
        return DirHandle(path, self._step(parts))

    def open(self, parts: Sequence[str], flags: int) -> int:
        """Open a regular file below this folder and return its descriptor.

        Args:
            parts: Names of folders down to it, and of the file.
            flags: Of os.open, besides what this method adds.

        Raises:
            OSError: It cannot be opened, is no regular file, or a link is in the path.
        """
        *way, name = parts
        if self.descriptor is None:
            self._look(way if flags & os.O_EXCL else parts)
            return _regular(os.open(self.path.joinpath(*parts), flags | _ALWAYS, 0o666))
        folder = self._step(way) if way else self.descriptor
        try:
            descriptor = os.open(name, flags | _ALWAYS | _NO_FOLLOW, 0o666, dir_fd=folder)
            return descriptor if flags & os.O_EXCL else _regular(descriptor)
        finally:
            if way:
                os.close(folder)

    def make_folders(self, parts: Sequence[str]) -> None:
        """Make a folder below this one, with its parents; existing ones stay.

        Raises:
            OSError: They cannot be made, or something else is in the path.
        """
        if self.descriptor is None:
            self._look(parts)
            self.path.joinpath(*parts).mkdir(parents=True, exist_ok=True)
        else:
            os.close(self._step(parts, make=True))

    def permit(self, name: str, mode: int) -> None:
        """Set the permissions of a file or folder in this one; without steps, do nothing.

        Raises:
            OSError: It cannot be opened, or the file system has none.
        """
        if self.descriptor is not None and sys.platform != "win32":
            # Of the entry itself, never of the target of a link.
            flags = os.O_RDONLY | _ALWAYS | _NO_FOLLOW
            descriptor = os.open(name, flags, dir_fd=self.descriptor)
            try:
                os.fchmod(descriptor, mode)
            finally:
                os.close(descriptor)

    def date(self, name: str, modified_ns: int) -> None:
        """Set the modification time of a file or folder in this one. Raises OSError."""
        times = (time.time_ns(), modified_ns)
        if self.descriptor is not None:
            os.utime(name, ns=times, dir_fd=self.descriptor, follow_symlinks=False)
        else:
            self._look((name,))
            os.utime(self.path / name, ns=times)

    def make_folder(self, name: str) -> bool:
        """Make a folder in this one; return False where its name is taken. Raises OSError."""
        try:
            os.mkdir(self._spelled(name), dir_fd=self.descriptor)
        except FileExistsError:
            return False
        return True

    def status(self) -> os.stat_result:
        """Return the status of this folder itself. Raises OSError."""
        return self.path.stat() if self.descriptor is None else os.fstat(self.descriptor)

    def where(self) -> Path | None:
        """Return this folder's present path, if known; it may have been renamed."""
        for path in (self.path, self._named_by_system()):
            with suppress(OSError, ValueError):
                if path is not None and os.path.samestat(path.stat(), self.status()):
                    return path
        return None

    @property
    def is_gone(self) -> bool:
        """Whether this folder was surely deleted, though it is held open."""
        try:
            return self.status().st_nlink == 0 if self.descriptor is not None else False
        except OSError:  # its disk does not answer
            return False

    def _named_by_system(self) -> Path | None:
        if self.descriptor is None:
            return None
        if sys.platform == "darwin":
            import fcntl

            name = fcntl.fcntl(self.descriptor, fcntl.F_GETPATH, bytes(_LONGEST_PATH))
            return Path(os.fsdecode(name.rstrip(b"\0")))
        return Path(os.readlink(f"/proc/self/fd/{self.descriptor}"))  # noqa: PTH115

    def look(self, name: str) -> os.stat_result:
        """Return the status of an entry of this folder, or of a link itself. Raises OSError."""
        return os.stat(self._spelled(name), dir_fd=self.descriptor, follow_symlinks=False)

    def entries(self) -> Iterator[os.DirEntry[str]]:
        """Iterate over what is in this folder, while it is open. Raises OSError.

        An entry's path is the bare name where the folder is held open.
        """
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as found:
            yield from found

    def exists(self, name: str) -> bool:
        """Return whether this folder has such an entry, even a broken link. Raises OSError."""
        try:
            self.look(name)
        except FileNotFoundError:
            return False
        return True

    def read_link(self, name: str) -> str:
        """Return the text of a symbolic link in this folder. Raises OSError."""
        return os.readlink(self._spelled(name), dir_fd=self.descriptor)

    def make_link(self, name: str, text: str, *, folder: bool) -> None:
        """Make a symbolic link in this folder; it replaces nothing.

        Args:
            name: Its name.
            text: Where it leads.
            folder: Whether that is a folder, which Windows wants to know.

        Raises:
            OSError: It exists, or the system or file system makes none.
        """
        os.symlink(text, self._spelled(name), target_is_directory=folder, dir_fd=self.descriptor)

    def add_name(self, name: str, other: DirHandle, further: str) -> None:
        """Give a file in this folder a further name, in another one: a hard link.

        Raises:
            OSError: That name exists, or the file system has no such links.
        """
        os.link(
            self._spelled(name),
            other._spelled(further),
            src_dir_fd=self.descriptor,
            dst_dir_fd=other.descriptor,
            follow_symlinks=self.descriptor is None,
        )

    def delete(self, name: str) -> None:
        """Delete a file, or a link itself, in this folder. Raises OSError."""
        os.unlink(self._spelled(name), dir_fd=self.descriptor)

    def rename(self, name: str, to: str) -> None:
        """Rename a file in this folder; it replaces a file of the new name. Raises OSError."""
        here = self.descriptor
        os.replace(self._spelled(name), self._spelled(to), src_dir_fd=here, dst_dir_fd=here)

    def replace(self, name: str, other: DirHandle, to: str) -> None:
        """Move a file of this folder into another one; it replaces a file of that name at once.

        Raises:
            OSError: It cannot be moved; both are as they were.
        """
        os.replace(
            self._spelled(name),
            other._spelled(to),
            src_dir_fd=self.descriptor,
            dst_dir_fd=other.descriptor,
        )

    def delete_folder(self, name: str) -> None:
        """Delete an empty folder in this one. Raises OSError."""
        os.rmdir(self._spelled(name), dir_fd=self.descriptor)

    def renew(self, other: DirHandle) -> None:
        """Be another handle of this folder from now on, as its disk was taken away and is back.

        The earlier one, which another thread may be using, is closed with this.
        """
        if self.descriptor is not None and other.descriptor is not None:
            self._worn.append(self.descriptor)
            self.descriptor, other.descriptor = other.descriptor, -1

    def close(self) -> None:
        """Close the folder. Idempotent."""
        while self._worn:
            with suppress(OSError):
                os.close(self._worn.pop())
        if self.descriptor is not None:
            descriptor, self.descriptor = self.descriptor, -1
            if descriptor != -1:
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _spelled(self, name: str) -> str:
        return name if self.descriptor is not None else str(self.path / name)

    def _step(self, parts: Sequence[str], *, make: bool = False) -> int:
        """Return a new descriptor of the folder that these steps lead to."""
        assert self.descriptor is not None
        here = os.dup(self.descriptor)
        try:
            for name in parts:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=here)
                there = os.open(name, _FOLDER | _NO_FOLLOW, dir_fd=here)
                os.close(here)
                here = there
        except BaseException:
            os.close(here)
            raise
        return here

    def _look(self, parts: Sequence[str]) -> None:
        """Refuse links in a path, as far as it exists."""
        place = self.path
        for name in parts:
            place = place / name
            try:
                status = place.lstat()
            except FileNotFoundError:
                return
            if stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) in _LINK_TAGS:
                raise OSError(errno.ELOOP, "a link is in the way", str(place))


def _regular(descriptor: int) -> int:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is not a regular file")
    return descriptor
