"""Folders as the picker shows them: listing, sorting, filtering, and weighing a choice.

All but `shown` block, and are called from threads only. No file is opened or changed here.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from filesend_tui.core.checks import FileId, Seen, is_part_name, look
from filesend_tui.state.natural_order import NaturalKey, natural
from filesend_tui.state.picked import Weight

_MARKS: Final = re.compile("[\u0300-\u036f]")
_UNFINISHED: Final = "an unfinished download"
_LOOPS: Final = {errno.ELOOP, getattr(errno, "WSAELOOP", errno.ELOOP)}


class FolderEntry(msgspec.Struct, frozen=True, gc=False):
    """One thing in a folder, as it was when the folder was listed.

    prefix: its folder, with a trailing separator. size: bytes; None for a folder or where unknown.
    modified: seconds since the epoch; None where unknown. refusal: why it cannot be sent; empty
    where it can. folded: its name as the filter compares it. natural: its sort key.
    """

    prefix: str
    name: str
    is_folder: bool
    size: int | None
    modified: float | None
    is_link: bool
    refusal: str
    folded: str
    natural: NaturalKey

    @property
    def path(self) -> str:
        """Its path."""
        return self.prefix + self.name

    @property
    def weight(self) -> Weight | None:
        """Its weight; None where it must be read first."""
        return None if self.is_folder or self.size is None else Weight(1, self.size)


class Listing(msgspec.Struct, frozen=True):
    """A folder: its absolute path, and its entries except FileSend's part folders."""

    folder: str
    entries: tuple[FolderEntry, ...] = ()


class Order(StrEnum):
    """How a folder is sorted. Folders come first in each."""

    NAME = "name"
    SIZE = "size"
    DATE = "date"

    @property
    def next(self) -> Order:
        """The order after this one; the first after the last."""
        orders = list(Order)
        return orders[(orders.index(self) + 1) % len(orders)]


def fold(text: str) -> str:
    """Return text as it is compared: ignoring case, Unicode normalization form and accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return _MARKS.sub("", decomposed)


def list_folder(folder: str) -> Listing:
    """Return a folder's entries, unsorted. Raises OSError."""
    prefix = os.path.join(folder, "")
    with os.scandir(folder) as found:
        entries = tuple(_entry(prefix, item) for item in found if not is_part_name(item.name))
    if _is_unfinished(folder):
        entries = tuple(msgspec.structs.replace(each, refusal=_UNFINISHED) for each in entries)
    return Listing(folder, entries)


def find(path: str) -> FolderEntry | None:
    """Return the entry of an absolute path, as its folder would list it; None where there is none.

    Unlike in a list, a FileSend part folder is returned, with a refusal.
    """
    folder, name = os.path.split(path)
    try:
        os.lstat(path)
    except (OSError, ValueError):
        return None
    entry = _entry(os.path.join(folder, ""), _Item(path, name))
    refusal = entry.refusal
    if not name:
        refusal = "a whole disk"
    elif _is_unfinished(path):
        refusal = _UNFINISHED
    return msgspec.structs.replace(entry, refusal=refusal)


def arrange(entries: Iterable[FolderEntry], order: Order) -> tuple[FolderEntry, ...]:
    """Return the entries sorted: folders by name or date, files by name, size or date."""
    found = sorted(entries, key=lambda entry: (entry.natural, entry.name))
    if order is Order.SIZE:
        found.sort(key=lambda entry: -1 if entry.size is None else entry.size, reverse=True)
    elif order is Order.DATE:
        found.sort(key=lambda entry: entry.modified or 0.0, reverse=True)
    found.sort(key=lambda entry: not entry.is_folder)
    return tuple(found)


def shown(entries: Sequence[FolderEntry], text: str, *, hidden: bool) -> Sequence[FolderEntry]:
    """Return the entries whose names contain each word of the text. Fast; no disk access."""
    found = entries
    for word in fold(text).split():
        found = [entry for entry in found if word in entry.folded]
    return found if hidden else [entry for entry in found if entry.name[:1] != "."]


def look_in(paths: Iterable[str]) -> dict[str, Seen | None]:
    """Return what each path names now; None where unknown. A faster `look_at_all`."""
    from pathlib import Path

    real: dict[str, str] = {}
    seen: dict[str, Seen | None] = {}
    for path in paths:
        folder, name = os.path.split(path)
        try:
            # A link, also one that replaced the path meanwhile, is resolved the slow way.
            if not name or stat.S_ISLNK((status := os.lstat(path)).st_mode) or os.name == "nt":
                seen[path] = look(Path(path))
                continue
            if folder not in real:
                real[folder] = os.path.realpath(folder)
        except (OSError, ValueError):
            seen[path] = None
        else:
            seen[path] = Seen(os.path.join(real[folder], name), FileId.of(status))
    return seen


def weigh(path: str, cancelled: Callable[[], bool]) -> Weight:
    """Count the files at or below a path and their bytes; stop early when cancelled.

    Counted as unreadable is what sending would refuse: what cannot be read, is neither a file nor a
    folder, or is a link to no file of the same folder.
    """
    try:
        status = os.stat(path)
    except OSError:
        return Weight(unreadable=1)
    if stat.S_ISREG(status.st_mode):
        return Weight(1, status.st_size)
    if not stat.S_ISDIR(status.st_mode):
        return Weight(unreadable=1)
    files = total = unreadable = 0
    inside = os.path.join(os.path.realpath(path), "")
    waiting = [path]
    while waiting and not cancelled():
        try:
            with os.scandir(waiting.pop()) as found:
                for item in found:
                    if is_part_name(item.name):
                        continue
                    if item.is_dir(follow_symlinks=False):
                        waiting.append(item.path)
                    elif (size := _size(item, inside)) is None:
                        unreadable += 1
                    else:
                        files, total = files + 1, total + size
        except OSError:
            unreadable += 1
    return Weight(files, total, unreadable)


def _size(item: os.DirEntry[str], inside: str) -> int | None:
    """Return the bytes sent for an entry of a chosen folder; None where it cannot be sent."""
    try:
        if not item.is_file():
            return None
        if item.is_symlink() and not os.path.realpath(item.path).startswith(inside):
            return None
        return item.stat().st_size
    except OSError:
        return None


def _is_unfinished(path: str) -> bool:
    return any(is_part_name(part) for part in path.split(os.sep))


class _Item:
    """A single path, with the interface of a DirEntry."""

    def __init__(self, path: str, name: str) -> None:
        self.path, self.name = path, name

    def is_symlink(self) -> bool:
        return os.path.islink(self.path)

    def is_dir(self) -> bool:
        return os.path.isdir(self.path)

    def stat(self) -> os.stat_result:
        return os.stat(self.path)


def _entry(prefix: str, item: os.DirEntry[str] | _Item) -> FolderEntry:
    name = item.name
    folded = fold(name)
    is_folder, size, modified, refusal = False, None, None, ""
    is_link = item.is_symlink()
    try:
        is_folder = item.is_dir()
        status = item.stat()
    except OSError as error:
        refusal = _why(error, is_link=is_link)
    else:
        modified = status.st_mtime
        if not is_folder:
            size = status.st_size
        refusal = _against(item.path, name, status.st_mode)
    order = natural(folded)
    return FolderEntry(prefix, name, is_folder, size, modified, is_link, refusal, folded, order)


def _why(error: OSError, *, is_link: bool) -> str:
    if is_link and error.errno in _LOOPS:
        return "a link in a circle"
    if is_link and isinstance(error, FileNotFoundError | NotADirectoryError):
        return "a broken link"
    return "cannot be read"


def _against(path: str, name: str, mode: int) -> str:
    """Return why this cannot be sent, judged by its name, type and access rights."""
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError:
            return "its name is no text"
    if stat.S_ISDIR(mode):
        allowed = os.access(path, os.R_OK | os.X_OK)
    elif stat.S_ISREG(mode):
        allowed = os.access(path, os.R_OK)
    elif stat.S_ISFIFO(mode):
        return "a pipe"
    elif stat.S_ISSOCK(mode):
        return "a socket"
    else:
        return "a device"
    return "" if allowed else "may not be read"
