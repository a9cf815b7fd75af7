"""The running programs of this user: who they are, their rate limits, and wishes to change those.

Each has files of its own in the folder `programs` of the state folder: a lock while it runs, what
it is, and wishes, which others put there and it removes once they are in force. Plain files, as
signals and sockets are not the same on every system. Blocking, but for `obey`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol, Self, TypeVar

import msgspec

from filesend_tui.core.util.file_lock import FileLock

#: The folder in the state folder.
FOLDER: Final = "programs"
#: Seconds between two looks for wishes.
PERIOD: Final = 1.0
_LOCK: Final = ".lock"
_CARD: Final = ".json"
_WISH: Final = ".wish"
#: Bytes read of a file; none of ours is longer.
_MOST: Final = 4096

T = TypeVar("T", bound=msgspec.Struct)

_log = logging.getLogger(__name__)


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What a program is. command: such as `send`. Limits in bytes a second; None for none."""

    pid: int
    command: str
    upload: int | None = None
    download: int | None = None


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that somebody wishes for, in bytes a second; None for none, UNSET to leave it."""

    upload: int | msgspec.UnsetType | None = msgspec.UNSET
    download: int | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def is_possible(self) -> bool:
        """Whether these can be limits."""
        wanted = (self.upload, self.download)
        return all(not isinstance(each, int) or each > 0 for each in wanted)


class Limited(Protocol):
    """What has rate limits: a Client."""

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """Those of upload and download, in bytes a second; None for none."""

    def limit(self, *, upload: int | None, download: int | None) -> None:
        """Set them."""


class Program:
    """This process among them; `enter` makes one."""

    def __init__(self, folder: Path, name: str, command: str, lock: FileLock) -> None:
        self._folder = folder
        self._name = name
        self._command = command
        self._lock = lock

    @classmethod
    def enter(cls, state: Path, command: str) -> Self:
        """Enter the programs of a state folder, as running this command. Raises OSError."""
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = _prepare(state / FOLDER)
        for left in {path.name.lstrip(".").partition(".")[0] for path in folder.iterdir()}:
            _sweep(folder, left)
        while True:
            name = f"{os.getpid()}-{secrets.token_hex(8)}"
            if (lock := FileLock.take(folder / f"{name}{_LOCK}")) is not None:
                return cls(folder, name, command, lock)

    def show(self, limits: tuple[int | None, int | None]) -> None:
        """Say what this is, and its limits of upload and download. Raises OSError."""
        card = Card(pid=os.getpid(), command=self._command, upload=limits[0], download=limits[1])
        _put(self._folder / f"{self._name}{_CARD}", card)

    def wishes(self) -> list[tuple[Path, Wish | None]]:
        """Return the wishes that are there, the oldest first, each with its file; None for none."""
        found = sorted(_wishes(self._folder, self._name), key=_age)
        return [(path, _read(path, Wish)) for path in found]

    def leave(self) -> None:
        """Leave them, and remove this one's files."""
        self._lock.remove()
        _remove(self._folder, self._name)


class Other(NamedTuple):
    """A program that runs. `wish` asks for other limits."""

    folder: Path
    name: str
    card: Card

    def wish(self, wish: Wish) -> Path:
        """Wish for limits; return the file, which is gone once they are in force. OSError."""
        path = self.folder / f"{self.name}.{secrets.token_hex(8)}{_WISH}"
        _put(path, wish)
        return path

    def now(self) -> Other | None:
        """Return it as it is now; None where it has ended."""
        if not _is_held(self.folder, self.name):
            return None
        card = _read(self.folder / f"{self.name}{_CARD}", Card)
        return self if card is None else self._replace(card=card)


def running(state: Path) -> list[Other]:
    """Return the programs of a state folder that run, by process id."""
    folder = state / FOLDER
    try:
        names = list(_names(folder))
    except OSError:  # there was none yet
        return []
    found = []
    for name in names:
        card = _read(folder / f"{name}{_CARD}", Card)
        if card is not None and _is_held(folder, name):
            found.append(Other(folder, name, card))
    return sorted(found, key=lambda each: each.card.pid)


async def obey(state: Path, command: str, client: Limited) -> None:
    """Be one of the running programs, and set the limits that are wished for; until cancelled.

    Args:
        state: The state folder.
        command: What this program is.
        client: What has the limits.
    """
    try:
        program = await asyncio.to_thread(Program.enter, state, command)
    except OSError as error:
        _log.warning("filesend limit will not find this process: %s", error)
        return
    try:
        shown: tuple[int | None, int | None] | None = None
        while True:
            wishes = await asyncio.to_thread(program.wishes)
            for _, wish in wishes:
                if wish is not None and wish.is_possible:
                    _grant(client, wish)
            if shown != client.limits:
                await asyncio.to_thread(program.show, shown := client.limits)
            if wishes:
                await asyncio.to_thread(_unlink, [path for path, _ in wishes])
            await asyncio.sleep(PERIOD)
    except OSError as error:
        _log.warning("filesend limit will not find this process any more: %s", error)
    finally:
        program.leave()


def _grant(client: Limited, wish: Wish) -> None:
    upload, download = client.limits
    client.limit(
        upload=upload if wish.upload is msgspec.UNSET else wish.upload,
        download=download if wish.download is msgspec.UNSET else wish.download,
    )


def _prepare(folder: Path) -> Path:
    """Make the folder; see that nobody else can put wishes there. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(f"{folder} is no folder")
    if sys.platform != "win32" and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise PermissionError(f"others may write to {folder}")
    return folder


def _names(folder: Path) -> Iterator[str]:
    return (path.name.removesuffix(_LOCK) for path in folder.iterdir() if path.suffix == _LOCK)


def _wishes(folder: Path, name: str) -> Iterator[Path]:
    with os.scandir(folder) as found:
        for each in found:
            if each.name.startswith(f"{name}.") and each.name.endswith(_WISH):
                yield folder / each.name


def _is_held(folder: Path, name: str) -> bool:
    try:
        lock = FileLock.take(folder / f"{name}{_LOCK}")
    except OSError:
        return False
    if lock is None:
        return True
    lock.remove()
    return False


def _sweep(folder: Path, name: str) -> None:
    """Remove what a program left that was killed."""
    if not _is_held(folder, name):
        _remove(folder, name)


def _remove(folder: Path, name: str) -> None:
    with suppress(OSError):
        _unlink([path for path in folder.iterdir() if path.name.lstrip(".").startswith(f"{name}.")])


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()


def _age(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


def _put(path: Path, what: msgspec.Struct) -> None:
    """Write a file that is there whole or not at all. Raises OSError."""
    made = path.with_name(f".{path.name}")
    made.write_bytes(msgspec.json.encode(what))
    made.replace(path)


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MOST), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
